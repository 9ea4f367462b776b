import { useEffect, useState } from "preact/hooks";
import { Session } from "./session";
import { NOTHING_YET, type Snapshot } from "./snapshot";

/** A session as long as the page shows it; null in the first render. */
export function useSession(run: string): { session: Session | null; snapshot: Snapshot } {
  const [session, setSession] = useState<Session | null>(null);
  const [snapshot, setSnapshot] = useState<Snapshot>(NOTHING_YET);
  useEffect(() => {
    const opened = new Session(run);
    const stop = opened.changes.on(setSnapshot);
    setSnapshot(opened.snapshot);
    setSession(opened);
    return () => {
      stop();
      opened.close();
    };
  }, [run]);
  return { session, snapshot };
}
