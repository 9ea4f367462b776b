import { angleBetween, distance, IDENTITY } from "../control/quaternion";
import { aligned, headingYaw, type Pose } from "./alignment";

const LOST_MS = 100;
const JUMP_METRES = 0.15;
const JUMP_RADIANS = Math.PI / 6;

export interface TrackedPose extends Pose {
  tracking: boolean;
  /** No pose for longer than 100 ms: a hold has to end. */
  isLost: boolean;
  seenMs: number;
  epoch: number;
}

export function isJump(before: Pose, after: Pose): boolean {
  return (
    distance(before.position, after.position) > JUMP_METRES || angleBetween(before.quat, after.quat) > JUMP_RADIANS
  );
}

/** Follows the tracker's poses: whether it still tracks, when its origin moved, and the person's frame. */
export class PoseTracker {
  private last: Pose | null = null;
  private seenMs = -Infinity;
  private isTracking = false;
  private epoch = 0;
  private yaw: number | null = null;

  saw(pose: Pose | null, nowMs: number): void {
    this.isTracking = pose !== null;
    if (!pose) return;
    if (this.last && isJump(this.last, pose)) this.epoch += 1;
    this.last = pose;
    this.seenMs = nowMs;
    if (this.yaw === null) this.align();
  }

  /** The tracker said that its origin has moved. */
  originMoved(): void {
    this.epoch += 1;
    this.last = null;
  }

  /** Makes the phone's heading "forward"; false when it points up or down. */
  align(): boolean {
    const yaw = this.last && headingYaw(this.last.quat);
    if (yaw === null) return false;
    if (this.yaw !== null) this.epoch += 1;
    this.yaw = yaw;
    return true;
  }

  /** A new tracker: its frame has nothing to do with the last one's. */
  restart(): void {
    this.originMoved();
    this.yaw = null;
    this.isTracking = false;
    this.seenMs = -Infinity;
  }

  read(nowMs: number): TrackedPose {
    const isLost = nowMs - this.seenMs > LOST_MS;
    const pose = aligned(this.last ?? { position: [0, 0, 0], quat: IDENTITY }, this.yaw ?? 0);
    return { ...pose, tracking: this.isTracking && !isLost, isLost, seenMs: this.seenMs, epoch: this.epoch };
  }
}
