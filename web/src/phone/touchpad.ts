import { add, type Vec3 } from "../control/quaternion";

const METRES_PER_PIXEL = 0.001;
const TAP_MS = 220;
const TAP_PIXELS = 12;
const DOUBLE_TAP_MS = 320;

interface Finger {
  id: number;
  x: number;
  y: number;
  isDepth: boolean;
}

/** Fingers on the pad as a displacement of the hand: one moves it in the plane of the screen, two or the strip in depth. */
export class TouchPad {
  position: Vec3 = [0, 0, 0];
  private fingers: Finger[] = [];

  get isTouched(): boolean {
    return this.fingers.length > 0;
  }

  down(id: number, x: number, y: number, isDepth: boolean): void {
    this.fingers = [...this.fingers.filter((finger) => finger.id !== id), { id, x, y, isDepth }];
  }

  move(id: number, x: number, y: number): void {
    const finger = this.fingers.find((candidate) => candidate.id === id);
    if (!finger) return;
    const onPad = this.fingers.filter(({ isDepth }) => !isDepth).length;
    const dx = (x - finger.x) * METRES_PER_PIXEL;
    const dy = (y - finger.y) * METRES_PER_PIXEL;
    const isDepth = finger.isDepth || onPad > 1;
    const share = finger.isDepth ? 1 : 1 / Math.max(1, onPad);
    this.position = add(this.position, isDepth ? [0, 0, dy * share] : [dx, -dy, 0]);
    finger.x = x;
    finger.y = y;
  }

  up(id: number): void {
    this.fingers = this.fingers.filter((finger) => finger.id !== id);
  }

  clear(): void {
    this.fingers = [];
  }
}

/** Says when a press is the second half of a double tap. */
export class DoubleTap {
  private downMs = -Infinity;
  private tapMs = -Infinity;
  private start = { x: 0, y: 0 };

  down(x: number, y: number, nowMs: number): boolean {
    const isSecond = nowMs - this.tapMs < DOUBLE_TAP_MS;
    this.downMs = nowMs;
    this.tapMs = -Infinity;
    this.start = { x, y };
    return isSecond;
  }

  up(x: number, y: number, nowMs: number): void {
    const isTap = nowMs - this.downMs < TAP_MS && Math.hypot(x - this.start.x, y - this.start.y) < TAP_PIXELS;
    this.tapMs = isTap ? nowMs : -Infinity;
  }
}
