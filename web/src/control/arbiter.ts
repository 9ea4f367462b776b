/** One device's wish for control at this instant. */
export interface Wish {
  source: number;
  held: boolean;
  graceMs: number;
}

export interface Hold {
  source: number;
  untilMs: number;
}

/**
 * Who holds the hand now. The device that began a hold keeps it while it wishes to, and for its grace after; another
 * device that is held then takes over without a release.
 */
export function arbitrate(hold: Hold | null, wishes: readonly Wish[], nowMs: number): Hold | null {
  const owner = hold && wishes.find((wish) => wish.source === hold.source);
  if (owner?.held) return { source: owner.source, untilMs: nowMs + owner.graceMs };
  const other = wishes.find((wish) => wish.held);
  if (other) return { source: other.source, untilMs: nowMs + other.graceMs };
  return hold && nowMs < hold.untilMs ? hold : null;
}
