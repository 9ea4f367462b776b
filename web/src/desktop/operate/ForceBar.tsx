import { useEffect, useRef } from "preact/hooks";
import type { Session } from "./session";

const FULL_N = 40;
const HIGH_N = 20;

/** The force on the robot, followed at the rate of the poses without rendering the page again. */
export function ForceBar({ session, force }: { session: Session; force: number }) {
  const bar = useRef<HTMLDivElement>(null);
  const text = useRef<HTMLSpanElement>(null);
  const show = (newtons: number) => {
    if (bar.current === null || text.current === null) return;
    bar.current.style.setProperty("--part", String(Math.min(1, newtons / FULL_N)));
    bar.current.dataset["high"] = String(newtons > HIGH_N);
    bar.current.setAttribute("aria-valuenow", newtons.toFixed(0));
    text.current.textContent = `${newtons.toFixed(1)} N`;
  };
  useEffect(() => session.poses.on(({ frame }) => show(frame.contactN)), [session]);
  useEffect(() => show(force), [force]);
  return (
    <div class="fact-wide">
      <div class="fact-line"><span>Contact force</span><span ref={text} class="number">0.0 N</span></div>
      <div ref={bar} class="force" role="meter" aria-label="Contact force in newtons" aria-valuemin={0} aria-valuemax={FULL_N}>
        <span />
      </div>
    </div>
  );
}
