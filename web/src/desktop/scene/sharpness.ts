/** Pixels a CSS pixel: fewer when frames take too long, for a laptop whose GPU cannot keep up with the robot. */
export class Sharpness {
  pixels: number;
  private slow = 0;

  constructor(most: number) {
    this.pixels = most;
  }

  /** Takes a frame's duration [ms]; says whether `pixels` has changed. */
  heard(ms: number): boolean {
    this.slow = ms > SLOW_MS ? this.slow + 1 : Math.max(0, this.slow - 1);
    if (this.slow < PATIENCE || this.pixels <= LEAST) return false;
    this.slow = 0;
    this.pixels = Math.max(LEAST, this.pixels * 0.75);
    return true;
  }
}

const SLOW_MS = 40;
const PATIENCE = 4;
const LEAST = 0.6;
