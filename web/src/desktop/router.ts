/** The address after `#` as a route. Invitations are not routes: their token is taken out before anything is shown. */

import { useEffect, useState } from "preact/hooks";

export type Route =
  | { page: "runs" }
  | { page: "new" }
  | { page: "run"; run: string }
  | { page: "operate"; run: string }
  | { page: "episodes"; run: string }
  | { page: "episode"; run: string; round: number; id: string };

export function href(route: Route): string {
  switch (route.page) {
    case "runs":
      return "#/";
    case "new":
      return "#/new";
    case "episode":
      return `#/episode/${part(route.run)}/${route.round}/${part(route.id)}`;
    default:
      return `#/${route.page}/${part(route.run)}`;
  }
}

function parseRoute(hash: string): Route {
  const [page, run, third, fourth] = hash.replace(/^#\/?/, "").split("/").map(decoded);
  if (page === "new") return { page };
  if (!run) return { page: "runs" };
  if (page === "run" || page === "episodes" || page === "operate") return { page, run };
  if (page === "episode" && third && fourth) return { page, run, round: Number(third), id: fourth };
  return { page: "runs" };
}

/** The token of an invitation in the address, which is removed from it. */
export function takeInvitation(): string | null {
  const token = /^#invite=(.+)$/.exec(location.hash)?.[1];
  if (token === undefined) return null;
  history.replaceState(null, "", `${location.pathname}${location.search}#/`);
  return decoded(token);
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const changed = () => setRoute(parseRoute(location.hash));
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  return route;
}

const part = encodeURIComponent;

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
