/** The binary messages of a session: body poses and camera pictures, little-endian. */

import type { SessionState, Vector3 } from "./protocol";

const STATES: readonly SessionState[] = ["POLICY", "PAUSED", "YOU", "ENDED", "PUSH"];
const SCENE = 1;
const PICTURE = 2;
const SCENE_HEADER = 24;
const PICTURE_HEADER = 16;
const FELT = 12;

/** Numbers in a body's pose: position [m] and quaternion wxyz. */
export const POSE = 7;

/** What is told beside the poses, in world; null where unknown. */
export interface Felt {
  /** Where the tool is [m]. */
  tool: Vector3 | null;
  /** Force on the robot [N]. */
  contact: Vector3 | null;
  /** Force of a hand on its handle [N]. */
  push: Vector3 | null;
  /** From the tool to where the policy wants it [m]. */
  heading: Vector3 | null;
}

export interface PoseFrame {
  kind: "poses";
  state: SessionState;
  step: number;
  /** [ms] of the server's clock. */
  sent: number;
  contactN: number;
  /** Age of the newest control frame [ms]. */
  ageMs: number;
  poses: Float32Array;
  felt: Felt;
}

export interface Picture {
  kind: "picture";
  camera: number;
  width: number;
  step: number;
  sent: number;
  jpeg: Blob;
}

/** Reads a binary message; null if it is of no known kind or cut short. */
export function readBinary(buffer: ArrayBuffer): PoseFrame | Picture | null {
  const view = new DataView(buffer);
  if (buffer.byteLength < PICTURE_HEADER) return null;
  if (view.getUint8(0) === SCENE) return readPoses(view);
  if (view.getUint8(0) === PICTURE) return readPicture(view);
  return null;
}

function readPoses(view: DataView): PoseFrame | null {
  const numbers = view.getUint16(2, true) * POSE;
  const state = STATES[view.getUint8(1)];
  if (state === undefined || view.byteLength < SCENE_HEADER + 4 * (numbers + FELT)) return null;
  return {
    kind: "poses",
    state,
    step: view.getUint32(4, true),
    sent: view.getFloat64(8, true),
    contactN: view.getFloat32(16, true),
    ageMs: view.getFloat32(20, true),
    poses: new Float32Array(view.buffer as ArrayBuffer, SCENE_HEADER, numbers),
    felt: readFelt(new Float32Array(view.buffer as ArrayBuffer, SCENE_HEADER + 4 * numbers, FELT)),
  };
}

function readFelt(numbers: Float32Array): Felt {
  const vector = (at: number): Vector3 | null => {
    const [x = NaN, y = NaN, z = NaN] = numbers.subarray(at, at + 3);
    return Number.isFinite(x + y + z) ? [x, y, z] : null;
  };
  return { tool: vector(0), contact: vector(3), push: vector(6), heading: vector(9) };
}

function readPicture(view: DataView): Picture {
  return {
    kind: "picture",
    camera: view.getUint8(1),
    width: view.getUint16(2, true),
    step: view.getUint32(4, true),
    sent: view.getFloat64(8, true),
    jpeg: new Blob([new Uint8Array(view.buffer as ArrayBuffer, PICTURE_HEADER)], { type: "image/jpeg" }),
  };
}
