import { useState } from "preact/hooks";
import { dateTime } from "../../shared/format";
import type { Episode, EpisodeEdit } from "../../shared/protocol";
import { Composition } from "../Composition";
import { href } from "../router";
import { EditDialog } from "./EditDialog";
import { TrimDialog } from "./TrimDialog";

interface EpisodeRowProps {
  run: string;
  episode: Episode;
  onEdit: (edit: EpisodeEdit) => void;
}

export function EpisodeRow({ run, episode, onEdit }: EpisodeRowProps) {
  const [editing, setEditing] = useState<"exclude" | "relabel" | "trim" | null>(null);
  const { round, id, number, kind, outcome, reason, steps, seconds, operator, excluded, frozen } = episode;
  const name = `episode ${number} of round ${round}`;
  const dialog = {
    episode,
    onClose: () => setEditing(null),
    onEdit: (edit: EpisodeEdit) => { setEditing(null); onEdit(edit); },
  };
  return (
    <tr data-excluded={excluded}>
      <th scope="row">
        <a href={href({ page: "episode", run, round, id })}>{number}</a>
        {excluded && <small class="tag">excluded</small>}
      </th>
      <td>{round}</td>
      <td>{kind}</td>
      <td><span class="outcome" data-outcome={outcome}>{outcome}</span> {reason && <small class="why" title={reason}>{reason}</small>}</td>
      <td>{seconds.toFixed(1)} s <small class="length">{steps} steps</small></td>
      <td><Composition steps={episode.control_steps} /></td>
      <td>{operator ?? "–"}</td>
      <td class="when">{dateTime(episode.started_at)}</td>
      <td class="row-actions">
        {frozen ? <small class="soft">trained on</small> : (
          <>
            {excluded
              ? <Edit label="Include" of={name} onClick={() => onEdit({ action: "include" })} />
              : <Edit label="Exclude" of={name} onClick={() => setEditing("exclude")} />}
            <Edit label="Relabel" of={name} onClick={() => setEditing("relabel")} />
            <Edit label="Trim" of={name} onClick={() => setEditing("trim")} />
            <Edit label="Undo" of={`the last edit of ${name}`} onClick={() => onEdit({ action: "undo" })} />
          </>
        )}
        {editing === "trim" && <TrimDialog {...dialog} />}
        {editing && editing !== "trim" && <EditDialog action={editing} {...dialog} />}
      </td>
    </tr>
  );
}

function Edit({ label, of, onClick }: { label: string; of: string; onClick: () => void }) {
  return <button type="button" aria-label={`${label} ${of}`} onClick={onClick}>{label}</button>;
}
