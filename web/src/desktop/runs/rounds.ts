/** Figures of a run's rounds. */

import type { Correct, Round, Run, SuccessRate } from "../../shared/protocol";

export interface RoundProgress {
  done: number;
  target: number;
  unit: "samples" | "episodes";
}

export function progressOf(round: Round): RoundProgress {
  if ("episodes" in round.target) return { done: round.successes, target: round.target.episodes, unit: "episodes" };
  return { done: round.human_steps, target: round.target.samples, unit: "samples" };
}

export function currentRound(run: Run): Round | null {
  return run.rounds.find((round) => round.round === run.round) ?? null;
}

/** The newest round that was evaluated. */
export function newestResult(run: Run): { round: number; result: SuccessRate } | null {
  const last = run.rounds.filter((round) => round.result !== null).at(-1);
  return last?.result ? { round: last.round, result: last.result } : null;
}

/** Whether a person demonstrates whole episodes in this round or takes over from a policy. */
export function correctOf(run: Run): Correct {
  const round = currentRound(run);
  const whole = run.method === "full-demos" || (round !== null && "episodes" in round.target);
  return whole ? "demonstrate" : "take-over";
}

export function roundName(round: number): string {
  return round === 0 ? "Demonstrations" : `Round ${round}`;
}
