import type { Binding } from "./keyboard";
import type { Vec3 } from "./quaternion";
import { limited } from "./virtual_hand";

const METRES_PER_PIXEL = 0.0006;
const RADIANS_PER_PIXEL = 0.005;
const METRES_PER_WHEEL_PIXEL = 0.0002;
const PIXELS_PER_LINE = 33;
const PIXELS_PER_PAGE = 400;
const DEPTH_SPEED = 0.3;

/** A drag in the screen plane [px] as a displacement [m]. */
export function dragTranslation(dx: number, dy: number): Vec3 {
  return [dx * METRES_PER_PIXEL, -dy * METRES_PER_PIXEL, 0];
}

/** A drag [px] as a rotation vector [rad]: what is under the pointer follows it. */
export function dragRotation(dx: number, dy: number): Vec3 {
  return [dy * RADIANS_PER_PIXEL, dx * RADIANS_PER_PIXEL, 0];
}

/** A wheel's turn as a displacement [m]: away from the person is forward. */
export function wheelTranslation(deltaY: number, deltaMode: number): Vec3 {
  const pixels = deltaY * (deltaMode === 1 ? PIXELS_PER_LINE : deltaMode === 2 ? PIXELS_PER_PAGE : 1);
  return [0, 0, pixels * METRES_PER_WHEEL_PIXEL];
}

/** How much of a pending displacement to move in this step, so that a wheel's notch is a short motion and not a leap. */
export function drained(pending: Vec3, seconds: number): { step: Vec3; rest: Vec3 } {
  const step = limited(pending, DEPTH_SPEED * seconds);
  const rest: Vec3 = [pending[0] - step[0], pending[1] - step[1], pending[2] - step[2]];
  return { step, rest: Math.hypot(...rest) < 1e-6 ? [0, 0, 0] : rest };
}

export const MOUSE_BINDINGS: readonly Binding[] = [
  { keys: "Alt + left drag", action: "move in the plane of the screen" },
  { keys: "Alt + right drag", action: "turn" },
  { keys: "Wheel while dragging", action: "move forward, back" },
];
