/** Where to look from: the task's cameras, and front, side, top and free where the task has none of that name. */

import { Matrix4, Quaternion, Vector3 } from "three";
import type { Scene, SceneCamera } from "../../shared/protocol";
import { FREE } from "./names";

export interface View {
  name: string;
  position: Vector3;
  quaternion: Quaternion;
  /** What an orbit from here turns about. */
  target: Vector3;
  /** Vertical [degrees]. */
  fovy: number;
}

const FOVY = 42;
const DISTANCE = 1.5; // [m], where no camera tells
const PRESETS: readonly [name: string, direction: [number, number, number], up: [number, number, number]][] = [
  [FREE, [1, -0.62, 0.5], [0, 0, 1]],
  ["front", [1, 0, 0.25], [0, 0, 1]],
  ["side", [0, -1, 0.25], [0, 0, 1]],
  ["top", [0, 0, 1], [-1, 0, 0]],
];

export function viewsOf(scene: Scene): View[] {
  const { centre, distance } = workspace(scene.cameras);
  const ofTask = scene.cameras.map((camera) => ofCamera(camera, centre));
  const taken = new Set(ofTask.map((view) => view.name));
  const presets = PRESETS.filter(([name]) => !taken.has(name));
  return [...ofTask, ...presets.map(([name, direction, up]) => preset(name, direction, up, centre, distance))];
}

function preset(
  name: string, direction: [number, number, number], up: [number, number, number], centre: Vector3, distance: number,
): View {
  const position = new Vector3(...direction).normalize().multiplyScalar(distance).add(centre);
  const turn = new Matrix4().lookAt(position, centre, new Vector3(...up));
  return { name, position, quaternion: new Quaternion().setFromRotationMatrix(turn), target: centre.clone(), fovy: FOVY };
}

function ofCamera(camera: SceneCamera, centre: Vector3): View {
  const position = new Vector3(...camera.position);
  const forward = axisOf(camera);
  const along = Math.max(0.2, centre.clone().sub(position).dot(forward));
  const [w, x, y, z] = camera.quat;
  return {
    name: camera.name,
    position,
    quaternion: new Quaternion(x, y, z, w),
    target: position.clone().addScaledVector(forward, along),
    fovy: camera.fovy,
  };
}

function axisOf(camera: SceneCamera): Vector3 {
  const [w, x, y, z] = camera.quat;
  return new Vector3(0, 0, -1).applyQuaternion(new Quaternion(x, y, z, w));
}

/** The point nearest to the axes of all cameras, and how far they stand from it on average. */
function workspace(cameras: readonly SceneCamera[]): { centre: Vector3; distance: number } {
  const fallback = { centre: new Vector3(0, 0, 0.9), distance: DISTANCE };
  const first = cameras[0];
  if (first === undefined) return fallback;
  const centre = nearestToAxes(cameras) ?? new Vector3(...first.position).addScaledVector(axisOf(first), 1);
  const total = cameras.reduce((sum, camera) => sum + centre.distanceTo(new Vector3(...camera.position)), 0);
  return { centre, distance: Math.max(0.4, (1.25 * total) / cameras.length) };
}

/** Least squares over the axes; null where they are nearly parallel. */
function nearestToAxes(cameras: readonly SceneCamera[]): Vector3 | null {
  const sum = new Array<number>(9).fill(0);
  const right = new Vector3();
  for (const camera of cameras) {
    const d = axisOf(camera).toArray();
    const p = camera.position;
    for (let row = 0; row < 3; row += 1) {
      for (let column = 0; column < 3; column += 1) {
        const entry = (row === column ? 1 : 0) - (d[row] ?? 0) * (d[column] ?? 0);
        sum[3 * row + column] = (sum[3 * row + column] ?? 0) + entry;
        right.setComponent(row, right.getComponent(row) + entry * (p[column] ?? 0));
      }
    }
  }
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0] = sum;
  const matrix = new Matrix4().set(a, b, c, 0, d, e, f, 0, g, h, i, 0, 0, 0, 0, 1);
  if (Math.abs(matrix.determinant()) < 0.05) return null;
  return right.applyMatrix4(matrix.invert());
}
