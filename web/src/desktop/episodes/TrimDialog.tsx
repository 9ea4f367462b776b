import { useState } from "preact/hooks";
import { Dialog } from "../../shared/Dialog";
import type { Episode, EpisodeEdit } from "../../shared/protocol";

interface TrimDialogProps {
  episode: Episode;
  onEdit: (edit: EpisodeEdit) => void;
  onClose: () => void;
}

/** Asks which steps of an episode are kept. */
export function TrimDialog({ episode, onEdit, onClose }: TrimDialogProps) {
  const [first, setFirst] = useState(episode.first_step);
  const [last, setLast] = useState(episode.first_step + episode.steps - 1);
  const submit = (event: Event) => {
    event.preventDefault();
    onEdit({ action: "trim", first_step: first, last_step: last });
  };
  return (
    <Dialog title={`Trim episode ${episode.number}`} onClose={onClose}>
      <form class="edit" onSubmit={submit}>
        <Step label="First step kept" value={first} onChange={setFirst} />
        <Step label="Last step kept" value={last} onChange={setLast} />
        <p class="soft">Steps are numbered as recorded, from 0. The recording itself is not changed.</p>
        <footer class="dialog-foot">
          <button type="button" onClick={onClose}>Cancel</button>
          <button class="primary">Trim</button>
        </footer>
      </form>
    </Dialog>
  );
}

function Step({ label, value, onChange }: { label: string; value: number; onChange: (step: number) => void }) {
  return (
    <label class="field">
      <span class="field-label">{label}</span>
      <input type="number" min={0} step={1} required value={value}
        onInput={(event) => onChange(event.currentTarget.valueAsNumber)} />
    </label>
  );
}
