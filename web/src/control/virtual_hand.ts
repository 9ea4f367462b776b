import { add, exponential, IDENTITY, multiply, normalize, type Quat, scaled, type Vec3 } from "./quaternion";

/** A velocity in the person's frame: x right, y up, z towards the person; [m/s] and [rad/s]. */
export interface Twist {
  linear: Vec3;
  angular: Vec3;
}

export const STILL: Twist = { linear: [0, 0, 0], angular: [0, 0, 0] };

export interface VirtualHand {
  position: Vec3;
  quat: Quat;
}

export const AT_REST: VirtualHand = { position: [0, 0, 0], quat: IDENTITY };

const LONGEST_STEP_S = 0.1;

export function addTwists(a: Twist, b: Twist): Twist {
  return { linear: add(a.linear, b.linear), angular: add(a.angular, b.angular) };
}

/** Moves by a displacement [m] and a rotation vector [rad], both in the person's frame. */
export function moved(hand: VirtualHand, translation: Vec3, rotation: Vec3): VirtualHand {
  return {
    position: add(hand.position, translation),
    quat: normalize(multiply(exponential(rotation), hand.quat)),
  };
}

/** A late timer must not become a leap, so a step is at most 0.1 s. */
export function integrated(hand: VirtualHand, twist: Twist, seconds: number): VirtualHand {
  const step = Math.min(Math.max(seconds, 0), LONGEST_STEP_S);
  return moved(hand, scaled(twist.linear, step), scaled(twist.angular, step));
}

/** Limits a vector's length. */
export function limited(v: Vec3, longest: number): Vec3 {
  const length = Math.hypot(...v);
  return length <= longest ? v : scaled(v, longest / length);
}
