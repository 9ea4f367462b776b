/** What a hold does: it pushes while the policy goes on, or it takes over. Remembered in this browser, for each way in
 * which rounds are corrected. */

import type { Status } from "./protocol";

export type HoldWay = "push" | "take-over";

export const WAY_LABELS: Record<HoldWay, string> = { push: "Push", "take-over": "Take over" };

type Told = Pick<Status, "can_push" | "correct"> | null;

const key = (status: Told) => `retouch.hold.${status?.correct ?? ""}`;

/** Where there was no choice yet, a robot that can be pushed is pushed: its policy goes on. */
function rememberedWay(status: Told): HoldWay {
  try {
    return localStorage.getItem(key(status)) === "take-over" ? "take-over" : "push";
  } catch {
    return "push";
  }
}

export function rememberWay(way: HoldWay, status: Told): void {
  try {
    localStorage.setItem(key(status), way);
  } catch {
    // a browser that keeps nothing asks again next time
  }
}

/** What a hold does on a robot of which the session says whether it can be pushed; `chosen` on this page, if it was. */
export function wayOf(chosen: HoldWay | null, status: Told): HoldWay {
  return status?.can_push ? (chosen ?? rememberedWay(status)) : "take-over";
}
