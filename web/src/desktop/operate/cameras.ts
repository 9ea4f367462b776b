/** Which streams to ask the server for. */

import type { CameraWant, SceneMessage } from "../../shared/protocol";
import type { Want } from "./snapshot";

/** In the middle: the 3D view, or the video of one camera. */
export type Middle = { kind: "scene" } | { kind: "video"; camera: string };

const SMALL = { width: 320, height: 240, hz: 10 };
const LARGE = { width: 640, height: 480, hz: 20 };

/** Small pictures of the `beside` cameras, and the large one of a video. */
export function wanted(middle: Middle, beside: readonly string[]): Want {
  const small: CameraWant[] = besideOnly(middle, beside).map((name) => ({ name, ...SMALL }));
  if (middle.kind === "scene") return { scene: true, cameras: small };
  return { scene: false, cameras: [{ name: middle.camera, ...LARGE }, ...small] };
}

/** The cameras shown beside: one that fills the middle is not shown twice. */
export function besideOnly(middle: Middle, beside: readonly string[]): string[] {
  return beside.filter((name) => middle.kind === "scene" || name !== middle.camera);
}

/** The camera that a video begins with: one that the policy sees, else the task's first. */
export function firstCamera(message: SceneMessage): string {
  return message.observation_cameras[0] ?? message.cameras[0] ?? "";
}
