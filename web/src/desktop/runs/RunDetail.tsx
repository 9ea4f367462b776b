import { useState } from "preact/hooks";
import { api, errorLine } from "../../shared/api";
import { Notice } from "../../shared/Notice";
import type { Run } from "../../shared/protocol";
import { href } from "../router";
import { METHOD_LINES } from "./methods";
import { currentRound } from "./rounds";
import { RoundsTable } from "./RoundsTable";
import { SuccessCurve } from "./SuccessCurve";
import { TrainingBar } from "./TrainingBar";

const CORRECTED = { web: "corrected by people", scripted: "corrected by a scripted operator" } as const;

/** One run: what to do next, how its rounds went, and what they brought. */
export function RunDetail({ run, onChange }: { run: Run; onChange: () => Promise<void> }) {
  const [error, setError] = useState<string | null>(null);
  const act = async (action: (name: string) => Promise<unknown>) => {
    setError(null);
    try {
      await action(run.name);
    } catch (failure) {
      setError(errorLine(failure));
    }
    await onChange();
  };
  const why = run.can_train ? run.why_not_collect : run.why_not;
  return (
    <article class="run">
      <header class="run-head">
        <div>
          <h2>{run.name}</h2>
          <p class="soft">{run.task} · {run.method} · {CORRECTED[run.operator]}</p>
        </div>
        <Actions run={run} onTrain={() => void act(api.train)} />
      </header>
      {run.operator === "web" && METHOD_LINES[run.method] && <p class="soft">{METHOD_LINES[run.method]}</p>}
      {why && run.training?.state !== "running" && <p class="soft why-not" id="why-not">{why}</p>}
      <Notice text={error} onClose={() => setError(null)} />
      {run.training && <TrainingBar training={run.training} onStop={() => void act(api.stop)} />}
      <section class="card"><h3>Rounds</h3><RoundsTable run={run} /><Legend /></section>
      <section class="card"><h3>Success by round</h3><SuccessCurve rounds={run.rounds} /></section>
    </article>
  );
}

function Actions({ run, onTrain }: { run: Run; onTrain: () => void }) {
  const collect = currentRound(run)?.correct === "demonstrate" ? "Demonstrate" : "Operate";
  const first = run.can_train ? "" : "primary";
  return (
    <div class="actions">
      {run.report && <a class="button" href={api.reportUrl(run.name)} target="_blank" rel="noopener">Report</a>}
      <a class="button" href={href({ page: "episodes", run: run.name })}>Episodes</a>
      <button type="button" class={run.can_train ? "primary" : ""} disabled={!run.can_train}
        aria-describedby={run.can_train ? undefined : "why-not"} title={run.why_not ?? undefined} onClick={onTrain}>Train</button>
      {run.can_collect
        ? <a class={`button ${first}`} href={href({ page: "operate", run: run.name })}>{collect}</a>
        : <button type="button" disabled aria-describedby="why-not" title={run.why_not_collect ?? undefined}>{collect}</button>}
    </div>
  );
}

function Legend() {
  return (
    <p class="legend soft">
      {(["policy", "operator", "both", "none"] as const).map((source) => (
        <span key={source}><span class={`composition-key by-${source}`} />{source === "none" ? "nobody" : source}</span>
      ))}
    </p>
  );
}
