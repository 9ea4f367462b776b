/** Figures of a run's rounds. */

import type { Round, Run, SuccessRate } from "../../shared/protocol";

export function currentRound(run: Run): Round | null {
  return run.rounds.find((round) => round.round === run.round) ?? null;
}

/** The newest round that was evaluated. */
export function newestResult(run: Run): { round: number; result: SuccessRate } | null {
  const last = run.rounds.filter((round) => round.result !== null).at(-1);
  return last?.result ? { round: last.round, result: last.result } : null;
}

export function roundName(round: number): string {
  return round === 0 ? "Demonstrations" : `Round ${round}`;
}
