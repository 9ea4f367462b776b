export type Vec3 = [number, number, number];
export type Quat = [number, number, number, number];

export const IDENTITY: Quat = [1, 0, 0, 0];

export function multiply(a: Quat, b: Quat): Quat {
  const [aw, ax, ay, az] = a;
  const [bw, bx, by, bz] = b;
  return [
    aw * bw - ax * bx - ay * by - az * bz,
    aw * bx + ax * bw + ay * bz - az * by,
    aw * by - ax * bz + ay * bw + az * bx,
    aw * bz + ax * by - ay * bx + az * bw,
  ];
}

export function conjugate([w, x, y, z]: Quat): Quat {
  return [w, -x, -y, -z];
}

export function normalize(q: Quat): Quat {
  const norm = Math.hypot(...q);
  return norm < 1e-9 ? [...IDENTITY] : [q[0] / norm, q[1] / norm, q[2] / norm, q[3] / norm];
}

export function rotate(q: Quat, v: Vec3): Vec3 {
  const [, x, y, z] = multiply(multiply(q, [0, ...v]), conjugate(q));
  return [x, y, z];
}

export function aboutAxis(axis: Vec3, angle: number): Quat {
  const s = Math.sin(angle / 2);
  return [Math.cos(angle / 2), axis[0] * s, axis[1] * s, axis[2] * s];
}

/** The rotation by the vector's length [rad] about its direction. */
export function exponential(rotation: Vec3): Quat {
  const angle = Math.hypot(...rotation);
  if (angle < 1e-9) return [...IDENTITY];
  return aboutAxis([rotation[0] / angle, rotation[1] / angle, rotation[2] / angle], angle);
}

/** The angle between two orientations [rad], 0 to pi. */
export function angleBetween(a: Quat, b: Quat): number {
  const dot = Math.abs(a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3]);
  return 2 * Math.acos(Math.min(1, dot));
}

export function add(a: Vec3, b: Vec3): Vec3 {
  return [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
}

export function scaled(a: Vec3, factor: number): Vec3 {
  return [a[0] * factor, a[1] * factor, a[2] * factor];
}

export function distance(a: Vec3, b: Vec3): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}
