import type { Pose } from "./alignment";
import type { OrientationSource } from "./orientation_source";
import type { ReleaseCause, Steering } from "./steering";
import { DoubleTap, TouchPad } from "./touchpad";

const GRIP_MS = 150;

/** A finger on the pad is the hold: it moves the hand while the phone's tilt turns it. */
export class TouchHold {
  turns = true;
  private readonly pad = new TouchPad();
  private readonly doubleTap = new DoubleTap();
  private grip: ReturnType<typeof setTimeout> | undefined;
  private frozen: Pose["quat"] | null = null;

  constructor(
    private readonly steering: () => Steering,
    private readonly orientation: OrientationSource,
  ) {}

  pose(): Pose {
    return { position: this.pad.position, quat: this.frozen ?? this.orientation.quat };
  }

  /** Whether the tilt turns the hand; when not, it stays as it is. */
  setTurns(turns: boolean): void {
    this.turns = turns;
    this.frozen = turns ? null : this.orientation.quat;
  }

  down(id: number, x: number, y: number, isDepth: boolean): void {
    const isFirst = !this.pad.isTouched;
    this.pad.down(id, x, y, isDepth);
    if (!isFirst) return;
    this.steering().press();
    if (!isDepth && this.doubleTap.down(x, y, performance.now())) this.gripSoon();
  }

  move(id: number, x: number, y: number): void {
    this.pad.move(id, x, y);
  }

  up(id: number, x: number, y: number): void {
    this.pad.up(id);
    if (this.pad.isTouched) return;
    this.doubleTap.up(x, y, performance.now());
    if (this.grip === undefined) this.steering().release("lifted");
  }

  cancel(cause: ReleaseCause = "interrupted"): void {
    this.pad.clear();
    clearTimeout(this.grip);
    this.grip = undefined;
    this.steering().release(cause);
  }

  /** The robot's side takes the gripper as it is at a press, so the tap comes a little after, and is held as long. */
  private gripSoon(): void {
    clearTimeout(this.grip);
    this.grip = setTimeout(() => {
      this.steering().toggleGripper();
      this.grip = setTimeout(() => {
        this.grip = undefined;
        if (!this.pad.isTouched) this.steering().release("lifted");
      }, GRIP_MS);
    }, GRIP_MS);
  }
}
