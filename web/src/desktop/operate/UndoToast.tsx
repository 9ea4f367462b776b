import { useEffect, useRef, useState } from "preact/hooks";
import type { LastEpisode } from "../../shared/protocol";

const SHOWN_MS = 12_000;

/** Says how an attempt was stored, with undo at hand for a while. */
export function UndoToast({ last, onUndo }: { last: LastEpisode | null; onUndo: () => void }) {
  const key = last === null ? "" : `${last.id} ${last.outcome} ${last.undone}`;
  const before = useRef<string | null>(null);
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const first = before.current === null; // what ended before this page was opened is no news
    before.current = key;
    if (first || key === "") return undefined;
    setShown(true);
    const timer = setTimeout(() => setShown(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [key]);
  return (
    <div class="toast-area" role="status" aria-live="polite">
      {shown && last && (
        <div class="toast" data-outcome={last.undone ? "undone" : last.outcome}>
          <span>{toastLine(last)}</span>
          {!last.undone && <button type="button" onClick={onUndo}>Undo <kbd>Z</kbd></button>}
          <button type="button" class="quiet" aria-label="Dismiss" onClick={() => setShown(false)}>×</button>
        </div>
      )}
    </div>
  );
}

function toastLine({ outcome, reason, undone }: LastEpisode): string {
  if (undone) return "The last mark is undone.";
  return `The attempt is stored as ${outcome}${reason ? `: ${reason}` : ""}.`;
}
