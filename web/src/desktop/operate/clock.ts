/** How old a message is without a common clock: the fastest of the last minute tells how far the clocks lie apart. */

const WINDOW_MS = 30_000;

export class ServerClock {
  private least = Infinity;
  private leastBefore = Infinity;
  private since = 0;

  /** Starts anew, as for another server. */
  reset(): void {
    this.least = this.leastBefore = Infinity;
  }

  /** @param sent of the server's clock [ms]; `received` of this page's. */
  heard(sent: number, received: number): void {
    if (received - this.since > WINDOW_MS) {
      this.leastBefore = this.least;
      this.least = Infinity;
      this.since = received;
    }
    this.least = Math.min(this.least, received - sent);
  }

  /** Age [ms] at `now`, given the round trip [ms] of the connection. */
  age(sent: number, now: number, roundTrip: number): number {
    return Math.max(0, now - sent - Math.min(this.least, this.leastBefore) + roundTrip / 2);
  }
}
