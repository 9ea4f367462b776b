import type { Quaternion, Vector3 } from "./protocol";

/** `vector` rotated by `quat` (wxyz). */
export function rotated([w, x, y, z]: Quaternion, [a, b, c]: Vector3): Vector3 {
  const [tx, ty, tz] = [2 * (y * c - z * b), 2 * (z * a - x * c), 2 * (x * b - y * a)];
  return [a + w * tx + y * tz - z * ty, b + w * ty + z * tx - x * tz, c + w * tz + x * ty - y * tx];
}
