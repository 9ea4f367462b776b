import { useState } from "preact/hooks";
import { errorLine } from "../../shared/api";
import { Dialog } from "../../shared/Dialog";
import { Notice } from "../../shared/Notice";

interface KeyHelpProps {
  bindings: readonly { keys: string; action: string }[];
  onSpaceMouse: () => Promise<void>;
  onClose: () => void;
}

const OF_PAGE = [
  { keys: "P", action: "a hold pushes, or takes over (robots with a handle)" },
  { keys: "N", action: "reset: discard and start anew" },
  { keys: "H or ?", action: "this help" },
];

/** Every key, and the devices that need a click before a browser hands them out. */
export function KeyHelp({ bindings, onSpaceMouse, onClose }: KeyHelpProps) {
  const [error, setError] = useState<string | null>(null);
  const connect = () => {
    setError(null);
    onSpaceMouse().then(onClose, (failure: unknown) => setError(errorLine(failure)));
  };
  return (
    <Dialog title="Keys and devices" className="wide" onClose={onClose}>
      <p class="soft">
        You steer while you hold; let go and the robot goes on as before. Forward is into the screen, as your view looks.
      </p>
      <Notice text={error} />
      <dl class="keys">
        {[...bindings, ...OF_PAGE].map(({ keys, action }) => (
          <div key={`${keys} ${action}`}><dt>{keys}</dt><dd>{action}</dd></div>
        ))}
      </dl>
      <footer class="dialog-foot"><button type="button" onClick={connect}>Connect a SpaceMouse …</button></footer>
    </Dialog>
  );
}
