import { encodeFrame, type HandFrame } from "./frame";

const RELEASE_DELAYS_MS = [20, 40];

/** Numbers and encodes frames. A release goes out at once and again in the next 50 ms; nothing else is sent while not held. */
export class FrameSender {
  private sequence = 0;
  private hold = 0;
  private last: HandFrame | null = null;
  private owed = 0;
  private timers: ReturnType<typeof setTimeout>[] = [];

  constructor(
    private readonly send: (bytes: ArrayBuffer) => void,
    private readonly now: () => number = () => performance.now(),
  ) {}

  update(frame: HandFrame): void {
    const wasHeld = this.last?.held ?? false;
    if (!frame.held && !wasHeld) return;
    if (frame.held && !wasHeld) {
      this.flush();
      this.hold += 1;
    }
    this.last = { ...frame, position: [...frame.position], quat: [...frame.quat] };
    this.emit();
    if (!frame.held) this.repeatRelease();
  }

  /** Sends what is still owed of a release now: timers may not run in a page that is being hidden. */
  flush(): void {
    this.timers.forEach((timer) => clearTimeout(timer));
    this.timers = [];
    while (this.owed > 0) this.emitOwed();
  }

  private repeatRelease(): void {
    this.owed = RELEASE_DELAYS_MS.length;
    this.timers = RELEASE_DELAYS_MS.map((delay) => setTimeout(() => this.emitOwed(), delay));
  }

  private emitOwed(): void {
    if (this.owed === 0) return;
    this.owed -= 1;
    this.emit();
  }

  private emit(): void {
    if (!this.last) return;
    this.sequence += 1;
    this.send(encodeFrame(this.last, this.sequence, this.hold, this.now()));
  }
}
