import { Icon } from "../../shared/Icon";
import type { Mark, Status } from "../../shared/protocol";
import { markActions } from "./actions";

interface MarkBarProps {
  status: Status | null;
  waiting: number;
  onMark: (mark: Mark) => void;
}

/** The marks as big buttons, each with its key. */
export function MarkBar({ status, waiting, onMark }: MarkBarProps) {
  return (
    <div class="marks" role="toolbar" aria-label="Marks">
      {markActions(status).map(({ mark, label, key, icon, enabled }) => (
        <button type="button" key={key} class={`mark mark-${mark}`} disabled={!enabled} aria-keyshortcuts={key}
          onClick={() => onMark(mark)}>
          <Icon name={icon} />
          <span>{label}</span>
          <kbd>{key}</kbd>
        </button>
      ))}
      <span class="marks-waiting" role="status">{waiting > 0 && `${waiting} not yet taken by the server …`}</span>
    </div>
  );
}
