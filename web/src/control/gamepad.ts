import type { Binding } from "./keyboard";
import type { Twist } from "./virtual_hand";

const LINEAR_SPEED = 0.25;
const ANGULAR_SPEED = 1.2;
const DEAD_ZONE = 0.12;

const BUTTON = { a: 0, rb: 5, lt: 6, rt: 7, start: 9, left: 14, right: 15 } as const;

/** What the standard mapping of the Gamepad API says now. */
export interface GamepadReading {
  axes: readonly number[];
  buttons: readonly { pressed: boolean; value: number }[];
}

export interface GamepadState {
  held: boolean;
  gripper: boolean;
  toggle: boolean;
  twist: Twist;
}

/** No motion inside the dead zone, then gentle at first: fine work is done near the centre. */
export function stickResponse(value: number): number {
  const size = Math.abs(value);
  if (size < DEAD_ZONE) return 0;
  const beyond = Math.min(1, (size - DEAD_ZONE) / (1 - DEAD_ZONE));
  return Math.sign(value) * beyond * (0.4 + 0.6 * beyond);
}

export function readGamepad(pad: GamepadReading): GamepadState {
  const axis = (i: number) => stickResponse(pad.axes[i] ?? 0);
  const value = (i: number) => pad.buttons[i]?.value ?? 0;
  const pressed = (i: number) => pad.buttons[i]?.pressed ?? false;
  const vertical = stickResponse(value(BUTTON.rt)) - stickResponse(value(BUTTON.lt));
  return {
    held: pressed(BUTTON.rb),
    gripper: pressed(BUTTON.a),
    toggle: pressed(BUTTON.start),
    twist: {
      linear: [axis(0) * LINEAR_SPEED, vertical * LINEAR_SPEED, axis(1) * LINEAR_SPEED],
      angular: [
        axis(3) * ANGULAR_SPEED,
        -axis(2) * ANGULAR_SPEED,
        (Number(pressed(BUTTON.left)) - Number(pressed(BUTTON.right))) * ANGULAR_SPEED * 0.6,
      ],
    },
  };
}

export const GAMEPAD_BINDINGS: readonly Binding[] = [
  { keys: "RB / R1", action: "hold: in control while it is down" },
  { keys: "Left stick", action: "move left, right, forward, back" },
  { keys: "RT LT", action: "move up, down" },
  { keys: "Right stick", action: "turn and tip" },
  { keys: "D-pad left, right", action: "roll" },
  { keys: "A / cross", action: "open or close the gripper while in control" },
  { keys: "Start", action: "pause, resume or start" },
];
