import { rotated } from "../../shared/quaternion";
import type { SceneCamera } from "../../shared/protocol";

/** The angle from world x [rad] of a camera's horizontal viewing direction, also where it looks straight down. */
export function cameraAzimuth(camera: SceneCamera): number {
  const [x, y] = rotated(camera.quat, [1, 0, 0]);
  return Math.atan2(x, -y);
}
