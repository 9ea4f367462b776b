import type { Binding } from "./keyboard";
import type { Twist } from "./virtual_hand";
import type { Vec3 } from "./quaternion";

const FULL_DEFLECTION = 350;
const DEAD_ZONE = 0.08;
const LINEAR_SPEED = 0.25;
const ANGULAR_SPEED = 1.0;

export interface SpaceMouseState {
  /** Deflections, -1 to 1, in the device's axes: right, towards the person, down. */
  translation: Vec3;
  rotation: Vec3;
  buttons: number;
}

export const CENTRED: SpaceMouseState = { translation: [0, 0, 0], rotation: [0, 0, 0], buttons: 0 };

function axes(data: DataView, offset: number): Vec3 {
  const axis = (i: number) => {
    const value = data.getInt16(offset + 2 * i, true) / FULL_DEFLECTION;
    return Math.max(-1, Math.min(1, value));
  };
  return [axis(0), axis(1), axis(2)];
}

/** Report 1 is translation (with rotation on newer devices), 2 rotation, 3 the buttons. */
export function readReport(state: SpaceMouseState, id: number, data: DataView): SpaceMouseState {
  if (id === 1 && data.byteLength >= 12) return { ...state, translation: axes(data, 0), rotation: axes(data, 6) };
  if (id === 1 && data.byteLength >= 6) return { ...state, translation: axes(data, 0) };
  if (id === 2 && data.byteLength >= 6) return { ...state, rotation: axes(data, 0) };
  if (id === 3 && data.byteLength >= 1) return { ...state, buttons: data.getUint8(0) };
  return state;
}

function response(value: number): number {
  const size = Math.abs(value);
  return size < DEAD_ZONE ? 0 : Math.sign(value) * ((size - DEAD_ZONE) / (1 - DEAD_ZONE));
}

export function spaceMouseTwist(state: SpaceMouseState): Twist {
  const [right, back, down] = state.translation;
  const [aboutRight, aboutBack, aboutDown] = state.rotation;
  return {
    linear: [response(right) * LINEAR_SPEED, -response(down) * LINEAR_SPEED, response(back) * LINEAR_SPEED],
    angular: [
      response(aboutRight) * ANGULAR_SPEED,
      -response(aboutDown) * ANGULAR_SPEED,
      response(aboutBack) * ANGULAR_SPEED,
    ],
  };
}

/** Moving the cap takes over; the right button keeps control while the cap rests. */
export function spaceMouseHolds(state: SpaceMouseState): boolean {
  const twist = spaceMouseTwist(state);
  return (state.buttons & 2) !== 0 || [...twist.linear, ...twist.angular].some((value) => value !== 0);
}

export const SPACEMOUSE_BINDINGS: readonly Binding[] = [
  { keys: "SpaceMouse cap", action: "move and turn" },
  { keys: "SpaceMouse right button", action: "hold: keep control while the cap rests" },
  { keys: "SpaceMouse left button", action: "open or close the gripper while in control" },
];
