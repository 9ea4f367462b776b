import { useCallback, useEffect, useState } from "preact/hooks";
import { api, errorLine } from "../../shared/api";
import type { Run } from "../../shared/protocol";

const WHILE_TRAINING_MS = 1500;
const ELSE_MS = 8000;

/** All runs, asked for again every so often, more often while one is trained. */
export function useRuns(): { runs: Run[] | null; error: string | null; refresh: () => Promise<void> } {
  const [runs, setRuns] = useState<Run[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const refresh = useCallback(async () => {
    try {
      setRuns(await api.runs());
      setError(null);
    } catch (failure) {
      setError(errorLine(failure));
    }
  }, []);
  const training = runs?.some((run) => run.training?.state === "running") ?? false;
  useEffect(() => void refresh(), [refresh]);
  useEffect(() => {
    const timer = setInterval(() => !document.hidden && void refresh(), training ? WHILE_TRAINING_MS : ELSE_MS);
    return () => clearInterval(timer);
  }, [refresh, training]);
  return { runs, error, refresh };
}
