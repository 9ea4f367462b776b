import { Notice } from "../../shared/Notice";
import type { Run } from "../../shared/protocol";
import { href } from "../router";
import { TopBar } from "../TopBar";
import { RunDetail } from "./RunDetail";
import { RunForm } from "./RunForm";
import { RunList } from "./RunList";
import { useRuns } from "./useRuns";

/** All runs beside the one that is looked at, or the form for a new one. */
export function RunsPage({ chosen, creating }: { chosen: string | null; creating: boolean }) {
  const { runs, error, refresh } = useRuns();
  const run = creating ? undefined : shownRun(runs ?? [], chosen);
  const created = async (fresh: Run) => {
    await refresh();
    location.hash = href({ page: "run", run: fresh.name });
  };
  return (
    <>
      <TopBar title="Runs" />
      <main class="runs">
        <RunList runs={runs ?? []} chosen={run?.name ?? null} />
        <div class="runs-detail">
          <Notice text={error} />
          {runs === null && error === null && <p class="soft" role="status">Loading …</p>}
          {run && <RunDetail key={run.name} run={run} onChange={refresh} />}
          {runs && !run && chosen !== null && <p class="soft">There is no run called {chosen}.</p>}
          {runs && !run && chosen === null && <RunForm onCreated={(fresh) => void created(fresh)} />}
        </div>
      </main>
    </>
  );
}

function shownRun(runs: readonly Run[], chosen: string | null): Run | undefined {
  return chosen === null ? runs[0] : runs.find((run) => run.name === chosen);
}
