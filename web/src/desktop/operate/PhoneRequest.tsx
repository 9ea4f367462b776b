import { Dialog } from "../../shared/Dialog";

/** A second phone wants to steer: the person at the desktop decides. */
export function PhoneRequest({ onAnswer }: { onAnswer: (allow: boolean) => void }) {
  return (
    <Dialog title="A second phone wants to steer" onClose={() => onAnswer(false)}>
      <p>If you allow it, the phone that steers now is cut off. If you do not know this phone, refuse.</p>
      <footer class="dialog-foot">
        <button type="button" autoFocus onClick={() => onAnswer(false)}>Refuse</button>
        <button type="button" class="primary" onClick={() => onAnswer(true)}>Let it steer</button>
      </footer>
    </Dialog>
  );
}
