import type { Vec3 } from "./quaternion";
import type { Twist } from "./virtual_hand";

/** What a device asks of the hand since it was last polled. */
export interface Reading {
  held: boolean;
  twist: Twist;
  translation?: Vec3;
  rotation?: Vec3;
}

/** What a device may ask for besides motion. */
export interface InputHost {
  wake(): void;
  gripper(): void;
  mark(mark: string): void;
  scaleStep(step: number): void;
  release(): void;
}

export interface HandInput {
  readonly source: number;
  readonly graceMs: number;
  /** Whether it must be polled even when it does not hold. */
  readonly needsPolling: boolean;
  attach(host: InputHost): void;
  detach(): void;
  poll(seconds: number): Reading;
  /** Forgets what is pressed: only a new press holds again. */
  letGo(): void;
}
