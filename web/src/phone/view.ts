import type { Status } from "../shared/protocol";
import type { ShownState } from "../shared/states";
import type { HoldWay } from "../shared/way";
import type { Path } from "./link";
import type { Mode } from "./steering";

/** What the page shows; the page is a function of it. */
export interface View {
  phase: "login" | "welcome" | "steer" | "over";
  /** Whose phone this is; empty after a reload. */
  name: string;
  /** Whether a failed login can be tried again with the same code. */
  canRetry: boolean;
  hasAr: boolean;
  mode: Mode;
  isOnline: boolean;
  path: Path;
  status: Status | null;
  /** Another phone steers. */
  wait: string | null;
  error: string | null;
  held: boolean;
  heldSinceMs: number;
  clutched: boolean;
  scale: number;
  turns: boolean;
  /** What was chosen that a hold does where the robot can be pushed; null as remembered. */
  way: HoldWay | null;
  /** Counts contacts: each one flashes. */
  contacts: number;
}

export const FIRST_VIEW: View = {
  phase: "login",
  name: "",
  canRetry: false,
  hasAr: false,
  mode: "touch",
  isOnline: false,
  path: null,
  status: null,
  wait: null,
  error: null,
  held: false,
  heldSinceMs: 0,
  clutched: false,
  scale: 1,
  turns: true,
  way: null,
  contacts: 0,
};

const REFUSED_HOLD_MS = 700;

export function shownState(view: View): ShownState {
  return view.isOnline && view.wait === null && view.status ? view.status.state : "OFFLINE";
}

/** The word that fills the screen. */
export function shownWord(view: View): string {
  if (!view.isOnline) return "OFFLINE";
  if (view.wait !== null || !view.status) return "WAIT";
  return view.status.state;
}

/** The line under the word. */
export function shownLine(view: View): string {
  if (!view.isOnline) return "Connecting again. If it lasts, scan a new code.";
  if (view.wait !== null) return view.wait || "Another phone steers. Allow this one on the operator page.";
  if (!view.status) return "Open a run on the operator page.";
  if (view.status.why) return view.status.why;
  if (view.status.state === "PUSH") return `Policy goes on, you push: ${view.status.push_n.toFixed(0)} N`;
  const { attempt, state } = view.status;
  if (!attempt || state === "ENDED") return endedLine(view.status);
  return `Attempt ${attempt.number}, ${Math.floor(attempt.seconds)} s`;
}

function endedLine({ last, complete, needs, correct }: Status): string {
  const saved = last ? `${last.undone ? "Undone" : "Saved"}: ${last.outcome}. ` : "";
  if (complete) return `${saved}The round is complete.`;
  const next = correct === "demonstrate" ? "Hold to demonstrate." : "Tap START for the next.";
  return `${saved}${needs === "start" ? next : ""}`.trim();
}

/** The server has ended a hold that the thumb still keeps. */
export function isHoldRefused(view: View, nowMs: number): boolean {
  return view.held && view.status?.state !== "YOU" && view.status?.state !== "PUSH" && nowMs - view.heldSinceMs > REFUSED_HOLD_MS;
}
