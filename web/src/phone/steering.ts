import { type HandFrame, SOURCE } from "../control/frame";
import type { FrameSender } from "../control/sender";
import type { Pose } from "./alignment";
import { PoseTracker } from "./tracker";

export type Mode = "ar" | "touch";
export type ReleaseCause = "lifted" | "interrupted" | "tracking" | "hidden" | "connection";

const PERIOD_MS = 16;
const TIMER_GAP_MS = 12;
const POSE_GAP_MS = 4;
const SCALE = { least: 0.25, most: 4 };

interface Callbacks {
  /** The pose of the touch pad and the tilt, where no tracker calls `saw`. */
  touchPose(): Pose;
  /** Who holds, the gripper or the scale has changed. */
  changed(): void;
  released(cause: ReleaseCause): void;
}

/** One hold after the other: turns presses and poses into frames. */
export class Steering {
  mode: Mode = "touch";
  isHeld = false;
  isClutched = false;
  gripper = false;
  scale = 1;
  /** Whether a hold that begins now pushes, and does not take over. */
  pushes = false;
  private readonly tracker = new PoseTracker();
  private timer: ReturnType<typeof setInterval> | undefined;
  private sentMs = -Infinity;

  constructor(
    private readonly sender: FrameSender,
    private readonly callbacks: Callbacks,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get isTracked(): boolean {
    return this.mode === "touch" || !this.tracker.read(this.now()).isLost;
  }

  /** When the pose was seen that a frame carries; a frame without one, and a release, is of now. */
  get frameMs(): number {
    const { tracking, seenMs } = this.tracker.read(this.now());
    return this.isHeld && tracking ? seenMs : this.now();
  }

  begin(mode: Mode): void {
    this.release("hidden");
    this.mode = mode;
    this.tracker.restart();
  }

  saw(pose: Pose | null): void {
    this.tracker.saw(pose, this.now());
    this.tickAfter(POSE_GAP_MS);
  }

  originMoved(): void {
    this.tracker.originMoved();
  }

  align(): boolean {
    if (this.mode === "touch") this.tracker.saw(this.callbacks.touchPose(), this.now());
    return this.tracker.align();
  }

  /** False when there is no pose to begin a hold with. */
  press(): boolean {
    if (this.isHeld || !this.isTracked) return this.isHeld;
    this.isHeld = true;
    this.isClutched = false;
    this.timer = setInterval(() => this.tickAfter(TIMER_GAP_MS), PERIOD_MS);
    this.tick();
    this.callbacks.changed();
    return true;
  }

  /** Ends the hold; only a new press begins another. */
  release(cause: ReleaseCause): void {
    if (!this.isHeld) return;
    this.isHeld = false;
    this.isClutched = false;
    clearInterval(this.timer);
    const frame = this.frame();
    // Only a lift is the person's own: whatever else ends a hold must not let the policy go on.
    this.sender.update({ ...frame, tracking: frame.tracking && cause === "lifted" });
    if (cause === "hidden") this.sender.flush();
    this.callbacks.changed();
    this.callbacks.released(cause);
  }

  /** Held, but the hand may be put elsewhere. */
  clutch(isClutched: boolean): void {
    if (this.isClutched === isClutched || (isClutched && !this.isHeld)) return;
    this.isClutched = isClutched;
    this.tick();
    this.callbacks.changed();
  }

  /** Outside a hold nothing is sent, so nothing flips. */
  toggleGripper(): boolean {
    if (!this.isHeld) return false;
    this.gripper = !this.gripper;
    this.tick();
    this.callbacks.changed();
    return true;
  }

  setScale(scale: number): void {
    this.scale = Math.min(SCALE.most, Math.max(SCALE.least, scale));
    this.callbacks.changed();
  }

  /** A tracker at 30 Hz is too slow for the frames, so a timer sends the newest pose again between its poses. */
  private tickAfter(gapMs: number): void {
    if (this.now() - this.sentMs >= gapMs) this.tick();
  }

  private tick(): void {
    if (!this.isHeld) return;
    if (!this.isTracked) {
      this.release("tracking");
      return;
    }
    this.sentMs = this.now();
    this.sender.update(this.frame());
  }

  private frame(): HandFrame {
    if (this.mode === "touch") this.tracker.saw(this.callbacks.touchPose(), this.now());
    const { position, quat, tracking, epoch } = this.tracker.read(this.now());
    return {
      held: this.isHeld,
      tracking,
      gripper: this.gripper,
      clutch: this.isClutched,
      source: this.mode === "ar" ? SOURCE.phoneXr : SOURCE.phoneTouch,
      epoch,
      position,
      quat,
      scale: this.scale,
      push: this.pushes,
    };
  }
}
