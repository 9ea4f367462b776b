import { add, scaled, type Vec3 } from "./quaternion";
import { limited, type Twist } from "./virtual_hand";

export interface Binding {
  keys: string;
  action: string;
}

const LINEAR_SPEED = 0.15;
const ANGULAR_SPEED = 0.9;

const LINEAR: Record<string, Vec3> = {
  KeyW: [0, 0, -1],
  KeyS: [0, 0, 1],
  KeyA: [-1, 0, 0],
  KeyD: [1, 0, 0],
  KeyR: [0, 1, 0],
  KeyF: [0, -1, 0],
  KeyE: [0, 1, 0],
  KeyQ: [0, -1, 0],
};

const ANGULAR: Record<string, Vec3> = {
  KeyI: [-1, 0, 0],
  KeyK: [1, 0, 0],
  KeyJ: [0, 1, 0],
  KeyL: [0, -1, 0],
  KeyU: [0, 0, 1],
  KeyO: [0, 0, -1],
};

const MARKS: Record<string, string> = {
  Space: "toggle",
  Enter: "success",
  NumpadEnter: "success",
  Backspace: "failure",
  KeyX: "discard",
  KeyZ: "undo",
};

export function isMovementKey(code: string): boolean {
  return code in LINEAR || code in ANGULAR;
}

export function isHoldKey(code: string): boolean {
  return isMovementKey(code) || code === "ShiftLeft" || code === "ShiftRight";
}

/** "toggle" is pause, resume or start, whichever the state asks for. */
export function markOfKey(code: string): string | null {
  return MARKS[code] ?? null;
}

export function scaleStepOfKey(code: string): number {
  return code === "BracketRight" ? 1 : code === "BracketLeft" ? -1 : 0;
}

export function keyboardTwist(pressed: ReadonlySet<string>): Twist {
  let linear: Vec3 = [0, 0, 0];
  let angular: Vec3 = [0, 0, 0];
  for (const code of pressed) {
    linear = add(linear, LINEAR[code] ?? [0, 0, 0]);
    angular = add(angular, ANGULAR[code] ?? [0, 0, 0]);
  }
  return {
    linear: scaled(limited(linear, 1), LINEAR_SPEED),
    angular: scaled(limited(angular, 1), ANGULAR_SPEED),
  };
}

export const KEYBOARD_BINDINGS: readonly Binding[] = [
  { keys: "W A S D", action: "move forward, left, back, right" },
  { keys: "R F or E Q", action: "move up, down" },
  { keys: "I K", action: "tip forward, back" },
  { keys: "J L", action: "turn left, right" },
  { keys: "U O", action: "roll left, right" },
  { keys: "Shift", action: "hold: keep control while no key moves the hand" },
  { keys: "G", action: "open or close the gripper while in control" },
  { keys: "[ ]", action: "smaller, larger motions" },
  { keys: "Space", action: "pause, resume or start" },
  { keys: "Enter", action: "success" },
  { keys: "Backspace", action: "failure" },
  { keys: "X", action: "discard the attempt" },
  { keys: "Z", action: "undo the last mark" },
];
