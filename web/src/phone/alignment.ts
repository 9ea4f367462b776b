import { aboutAxis, multiply, type Quat, rotate, type Vec3 } from "../control/quaternion";

export interface Pose {
  position: Vec3;
  quat: Quat;
}

const SHORTEST_HEADING = 0.2;

/**
 * The angle about the vertical by which the phone points away from -z, or null when it points up or down. The sum of
 * "out of its back" and "out of its top edge" is the same heading for a phone held upright, flat, or between.
 */
export function headingYaw(quat: Quat): number | null {
  const [x, , z] = rotate(quat, [0, 1, -1]);
  return Math.hypot(x, z) < SHORTEST_HEADING ? null : Math.atan2(-x, -z);
}

/** Turns a pose of the tracker's frame about the vertical, so that the heading `yaw` becomes forward. */
export function aligned(pose: Pose, yaw: number): Pose {
  const turn = aboutAxis([0, 1, 0], -yaw);
  return { position: rotate(turn, pose.position), quat: multiply(turn, pose.quat) };
}
