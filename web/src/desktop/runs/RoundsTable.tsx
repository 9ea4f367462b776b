import { grouped, percent } from "../../shared/format";
import type { Round, Run, SuccessRate } from "../../shared/protocol";
import { Progress } from "../../shared/Progress";
import { Composition } from "../Composition";
import { roundName } from "./rounds";

/** A run's rounds: how much was collected, by whom, and what the policy trained on it can do. */
export function RoundsTable({ run }: { run: Run }) {
  return (
    <div class="scroll">
      <table class="rounds">
        <thead>
          <tr>
            <th scope="col">Round</th><th scope="col">Collected</th><th scope="col">Success after it</th>
            <th scope="col">Attempts</th><th scope="col">Who acted</th><th scope="col" class="spare">Operators</th>
          </tr>
        </thead>
        <tbody>
          {run.rounds.map((round) => <Row key={round.round} round={round} current={round.round === run.round} />)}
        </tbody>
      </table>
    </div>
  );
}

function Row({ round, current }: { round: Round; current: boolean }) {
  const { done, target, unit, corrected } = round.progress;
  return (
    <tr data-current={current}>
      <th scope="row">{roundName(round.round)}{current && <small class="tag">now</small>}</th>
      <td class="collected">
        <span>{grouped(done)} / {grouped(target)} <small>{unit}{unit === "attempts" && `, ${grouped(corrected)} corrected`}</small></span>
        <Progress label={`${roundName(round.round)}, ${unit}`} done={done} target={target} />
      </td>
      <td>
        {round.result ? <Rate result={round.result} /> : <span class="soft">{round.policy ? "not evaluated" : "–"}</span>}
      </td>
      <td>{round.attempts} <small class="spare">{round.successes} succeeded</small></td>
      <td><Composition steps={round.control_steps} /></td>
      <td class="spare">{round.operators.join(", ") || "–"}</td>
    </tr>
  );
}

function Rate({ result }: { result: SuccessRate }) {
  return (
    <span class="rate">
      <b>{percent(result.rate)}</b> <small>{percent(result.low)} to {percent(result.high)}, n = {result.trials}</small>
    </span>
  );
}
