import { aboutAxis, multiply, type Quat } from "../control/quaternion";

const RADIANS = Math.PI / 180;
const Y_UP_FROM_Z_UP = aboutAxis([1, 0, 0], -Math.PI / 2);

/**
 * The screen's orientation in a frame with y up, from the angles of a deviceorientation event and the screen's
 * rotation, all in degrees. The event's angles turn about z, then x, then y of a frame with z up.
 */
export function orientationQuat(alpha: number, beta: number, gamma: number, screenAngle: number): Quat {
  const device = multiply(
    multiply(aboutAxis([0, 0, 1], alpha * RADIANS), aboutAxis([1, 0, 0], beta * RADIANS)),
    aboutAxis([0, 1, 0], gamma * RADIANS),
  );
  const screen = aboutAxis([0, 0, 1], -screenAngle * RADIANS);
  return multiply(multiply(Y_UP_FROM_Z_UP, device), screen);
}
