/** Times of the last frames for tests: `sent` of the server's clock, the others of this page's, `wall` since the epoch [ms]. */

import type { ShownState } from "../../shared/states";

interface FrameTimes {
  sent: number;
  received: number;
  /** When the commands that draw it had been given. */
  submitted: number;
  drawn: number;
  wall: number;
}

declare global {
  interface Window {
    __retouch?: { frames: FrameTimes[]; pictures: FrameTimes[]; state: ShownState; azimuth: number };
  }
}

const KEPT = 200;

function probe(): NonNullable<Window["__retouch"]> {
  window.__retouch ??= { frames: [], pictures: [], state: "OFFLINE", azimuth: 0 };
  return window.__retouch;
}

export function recordState(state: ShownState): void {
  probe().state = state;
}

/** Where the view looks, from world x [rad]. */
export function recordAzimuth(azimuth: number): void {
  probe().azimuth = azimuth;
}

export function recordFrame(of: "frames" | "pictures", sent: number, received: number, submitted?: number): void {
  const drawn = performance.now();
  const kept = probe()[of];
  kept.push({ sent, received, submitted: submitted ?? drawn, drawn, wall: performance.timeOrigin + drawn });
  if (kept.length > KEPT) kept.shift();
}
