import { percent } from "../../shared/format";
import { Icon } from "../../shared/Icon";
import { Progress } from "../../shared/Progress";
import type { Run } from "../../shared/protocol";
import { href } from "../router";
import { currentRound, newestResult, roundName } from "./rounds";

interface RunListProps {
  runs: readonly Run[];
  chosen: string | null;
}

/** All runs, each with how far it is. */
export function RunList({ runs, chosen }: RunListProps) {
  return (
    <nav class="run-list" aria-label="Runs">
      <a class="button run-new" href={href({ page: "new" })}><Icon name="plus" />New run</a>
      <ul>
        {runs.map((run) => (
          <li key={run.name}>
            <a href={href({ page: "run", run: run.name })} aria-current={run.name === chosen ? "page" : undefined}>
              <Item run={run} />
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Item({ run }: { run: Run }) {
  const round = currentRound(run);
  const best = newestResult(run);
  return (
    <>
      <span class="fact-line"><b>{run.name}</b>{best && <b class="number">{percent(best.result.rate)}</b>}</span>
      <span class="fact-line soft">
        <span>{run.task} · {run.method}</span>
        <span class="run-stage">{run.training?.state === "running" ? "training" : round ? roundName(run.round) : "done"}</span>
      </span>
      {round && <Progress label={`${run.name}, this round`} done={round.progress.done} target={round.progress.target} />}
    </>
  );
}
