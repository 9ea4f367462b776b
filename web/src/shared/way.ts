/** What a hold does: it pushes while the policy goes on, or it takes over. Remembered in this browser. */

export type HoldWay = "push" | "take-over";

export const WAY_LABELS: Record<HoldWay, string> = { push: "Push", "take-over": "Take over" };

const KEY = "retouch.hold";

/** Where there was no choice yet, a robot that can be pushed is pushed: its policy goes on. */
export function rememberedWay(): HoldWay {
  try {
    return localStorage.getItem(KEY) === "take-over" ? "take-over" : "push";
  } catch {
    return "push";
  }
}

export function rememberWay(way: HoldWay): void {
  try {
    localStorage.setItem(KEY, way);
  } catch {
    // a browser that keeps nothing asks again next time
  }
}

/** What a hold does on a robot of which the session says whether it can be pushed. */
export function wayOf(chosen: HoldWay, status: { can_push: boolean } | null): HoldWay {
  return status?.can_push ? chosen : "take-over";
}
