import { useState } from "preact/hooks";
import { Dialog } from "../../shared/Dialog";
import type { Episode, EpisodeEdit, Outcome } from "../../shared/protocol";

const OUTCOMES: readonly Outcome[] = ["success", "failure", "aborted"];

interface EditDialogProps {
  action: "exclude" | "relabel";
  episode: Episode;
  onEdit: (edit: EpisodeEdit) => void;
  onClose: () => void;
}

/** Asks for the reason of an edit, and for the outcome when it is changed. */
export function EditDialog({ action, episode, onEdit, onClose }: EditDialogProps) {
  const [outcome, setOutcome] = useState<Outcome>(episode.outcome === "success" ? "failure" : "success");
  const [reason, setReason] = useState("");
  const submit = (event: Event) => {
    event.preventDefault();
    onEdit(action === "relabel" ? { action, outcome, reason } : { action, ...(reason && { reason }) });
  };
  const title = action === "relabel" ? `Relabel episode ${episode.number}` : `Exclude episode ${episode.number}`;
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="edit" onSubmit={submit}>
        {action === "relabel" && (
          <div class="segments" role="group" aria-label="Outcome">
            {OUTCOMES.map((name) => (
              <button type="button" key={name} aria-pressed={name === outcome} onClick={() => setOutcome(name)}>{name}</button>
            ))}
          </div>
        )}
        <label class="field">
          <span class="field-label">Reason</span>
          <input autoFocus required={action === "relabel" && outcome !== "success"} value={reason}
            placeholder="the rod had slipped" onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
        <p class="soft">
          {action === "exclude" ? "It stays on disk and is left out of training." : "The recording itself is not changed."}
        </p>
        <footer class="dialog-foot">
          <button type="button" onClick={onClose}>Cancel</button>
          <button class="primary">{action === "exclude" ? "Exclude" : "Relabel"}</button>
        </footer>
      </form>
    </Dialog>
  );
}
