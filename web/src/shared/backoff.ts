/** Waiting times between attempts to connect again: doubling, with jitter, up to a ceiling [ms]. */
export class Backoff {
  private failures = 0;

  constructor(
    private readonly first = 250,
    private readonly most = 5000,
  ) {}

  next(): number {
    const wait = Math.min(this.most, this.first * 2 ** this.failures);
    this.failures += 1;
    return wait * (0.8 + 0.4 * Math.random());
  }

  reset(): void {
    this.failures = 0;
  }
}
