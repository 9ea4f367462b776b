/**
 * Draws at once when asked, or as soon as the GPU is done with the frame before: a slow GPU skips frames and never
 * queues them, and the page goes on answering meanwhile.
 */
export class Painter {
  private sync: WebGLSync | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private again = false;
  private done: (() => void) | undefined;

  /**
   * @param paint Gives the GPU its commands.
   * @param took Told how long a frame took [ms].
   */
  constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly paint: () => void,
    private readonly took: (ms: number) => void,
  ) {}

  /** `done` is called when what is asked for now has been drawn; not if something newer was drawn in its place. */
  ask(done?: () => void): void {
    if (done) this.done = done;
    if (this.sync === null) this.begin();
    else this.again = true;
  }

  stop(): void {
    clearTimeout(this.timer);
    this.again = false;
  }

  private begin(): void {
    const { done } = this;
    const began = performance.now();
    this.done = undefined;
    this.again = false;
    this.paint();
    this.sync = this.gl.fenceSync(this.gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    this.gl.flush();
    this.timer = setTimeout(() => this.check(began, done), 0);
  }

  private check(began: number, done: (() => void) | undefined): void {
    if (this.sync !== null && this.gl.clientWaitSync(this.sync, 0, 0) === this.gl.TIMEOUT_EXPIRED) {
      this.timer = setTimeout(() => this.check(began, done), 1);
      return;
    }
    this.gl.deleteSync(this.sync);
    this.sync = null;
    this.took(performance.now() - began);
    done?.();
    if (this.again) this.begin();
  }
}
