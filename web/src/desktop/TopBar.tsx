import type { ComponentChildren } from "preact";
import { useContext } from "preact/hooks";
import { Person } from "./person";
import { href } from "./router";

interface TopBarProps {
  trail?: { label: string; href: string }[];
  title: string;
  children?: ComponentChildren;
}

/** The way back, where one is, and the page's own actions. */
export function TopBar({ trail = [], title, children }: TopBarProps) {
  const { name, logout } = useContext(Person);
  return (
    <header class="topbar">
      <nav aria-label="Where you are">
        <a class="brand" href={href({ page: "runs" })}>retouch</a>
        {trail.map((step) => <a key={step.href} class="crumb" href={step.href}>{step.label}</a>)}
        <h1 class="crumb">{title}</h1>
      </nav>
      <div class="topbar-actions">
        {children}
        <span class="person" title="Logged in as">{name}</span>
        <button type="button" class="quiet" onClick={logout}>Log out</button>
      </div>
    </header>
  );
}
