/** Marks on their way to the server: each with an id of its own, sent again until it is acknowledged. */

import type { Ack, Mark } from "./protocol";

const AGAIN_MS = 800;
const PATIENCE_MS = 5000; // a mark that arrives later would be about another moment

interface Waiting {
  id: string;
  mark: Mark;
  sinceMs: number;
}

export class MarkQueue {
  private waiting: Waiting[] = [];
  private timer: ReturnType<typeof setInterval> | null = null;

  /**
   * @param send Sends a mark if there is a connection, else does nothing.
   * @param onGiveUp Told when a mark has not been acknowledged in time.
   * @param onChange Told how many marks wait.
   */
  constructor(
    private readonly send: (id: string, mark: Mark) => void,
    private readonly onGiveUp: () => void,
    private readonly onChange: (waiting: number) => void = () => undefined,
  ) {}

  add(mark: Mark): void {
    const entry = { id: uniqueId(), mark, sinceMs: performance.now() };
    this.waiting.push(entry);
    this.send(entry.id, entry.mark);
    this.timer ??= setInterval(() => this.sendAll(), AGAIN_MS);
    this.onChange(this.waiting.length);
  }

  /** Sends what waits, in order; also to be called when a connection is back. */
  sendAll(): void {
    const young = this.waiting.filter(({ sinceMs }) => performance.now() - sinceMs < PATIENCE_MS);
    const given = this.waiting.length - young.length;
    if (given > 0) this.keep(young);
    for (const { id, mark } of young) this.send(id, mark);
    if (given > 0) this.onGiveUp();
  }

  /** Takes an acknowledged mark off; returns it, or null for one that was acknowledged before. */
  acknowledge(ack: Ack): Mark | null {
    const found = this.waiting.find((entry) => entry.id === ack.id);
    if (found === undefined) return null;
    this.keep(this.waiting.filter((entry) => entry !== found));
    return found.mark;
  }

  /** Forgets what waits, as it was meant for a session that is over; returns how many. */
  clear(): number {
    const dropped = this.waiting.length;
    this.keep([]);
    return dropped;
  }

  private keep(waiting: Waiting[]): void {
    this.waiting = waiting;
    if (waiting.length === 0 && this.timer !== null) {
      clearInterval(this.timer);
      this.timer = null;
    }
    this.onChange(waiting.length);
  }
}

/** 128 random bits; `crypto.randomUUID` is missing on plain http. */
function uniqueId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
