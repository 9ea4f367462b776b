export interface HandFrame {
  held: boolean;
  tracking: boolean;
  gripper: boolean;
  clutch: boolean;
  source: number;
  epoch: number;
  position: [number, number, number];
  quat: [number, number, number, number];
  scale: number;
  /** Whether this hold pushes while the policy goes on; its first frame says. */
  push: boolean;
}

export const SOURCE = { phoneXr: 0, phoneTouch: 1, keyboard: 2, mouse: 3, gamepad: 4, spacemouse: 5 } as const;

export const FRAME_BYTES = 56;
const VERSION = 1;
const HELD = 1;
const TRACKING = 2;
const GRIPPER = 4;
const CLUTCH = 8;
const PUSH = 16;

/** The control frame of docs/protocol.md: 56 bytes, little-endian. */
export function encodeFrame(frame: HandFrame, sequence: number, hold: number, clientMs: number): ArrayBuffer {
  const bytes = new ArrayBuffer(FRAME_BYTES);
  const view = new DataView(bytes);
  view.setUint8(0, VERSION);
  view.setUint8(
    1,
    (frame.held ? HELD : 0) | (frame.tracking ? TRACKING : 0) | (frame.gripper ? GRIPPER : 0) |
      (frame.clutch ? CLUTCH : 0) | (frame.push ? PUSH : 0),
  );
  view.setUint16(2, frame.source, true);
  view.setUint32(4, sequence >>> 0, true);
  view.setUint32(8, hold >>> 0, true);
  view.setUint32(12, frame.epoch >>> 0, true);
  view.setFloat64(16, clientMs, true);
  frame.position.forEach((value, i) => view.setFloat32(24 + 4 * i, value, true));
  frame.quat.forEach((value, i) => view.setFloat32(36 + 4 * i, value, true));
  view.setFloat32(52, frame.scale, true);
  return bytes;
}

/** Whether an encoded frame still holds; releases must never be dropped. */
export function isHeld(bytes: ArrayBuffer): boolean {
  return (new DataView(bytes).getUint8(1) & HELD) !== 0;
}
