/** Told when the commands of a frame that has been drawn had been given to the GPU [ms of this page's clock]. */
export type Drawn = (submitted: number) => void;

/**
 * Draws at once when asked, or as soon as the GPU is done with the frame before: a slow GPU skips frames and never
 * queues them, and the page goes on answering meanwhile.
 */
export class Painter {
  private sync: WebGLSync | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private again = false;
  private done: Drawn | undefined;

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
  ask(done?: Drawn): void {
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
    const submitted = performance.now();
    this.timer = setTimeout(() => this.check(began, submitted, done), 0);
  }

  private check(began: number, submitted: number, done: Drawn | undefined): void {
    if (this.sync !== null && this.gl.clientWaitSync(this.sync, 0, 0) === this.gl.TIMEOUT_EXPIRED) {
      this.timer = setTimeout(() => this.check(began, submitted, done), 1);
      return;
    }
    this.gl.deleteSync(this.sync);
    this.sync = null;
    this.took(performance.now() - began);
    done?.(submitted);
    if (this.again) this.begin();
  }
}
