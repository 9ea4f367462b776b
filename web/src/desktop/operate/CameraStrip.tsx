import type { SceneMessage } from "../../shared/protocol";
import { CameraPicture } from "./CameraPicture";
import type { Session } from "./session";

interface CameraStripProps {
  session: Session;
  message: SceneMessage;
  shown: readonly string[];
  chosen: readonly string[];
  roundTrip: number;
  onChoose: (names: string[]) => void;
}

/** Small live pictures beside the robot, of what the policy sees and what else the person asks for. */
export function CameraStrip({ session, message, shown, chosen, roundTrip, onChoose }: CameraStripProps) {
  if (message.cameras.length === 0) return null;
  const toggle = (name: string) =>
    onChoose(chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name]);
  return (
    <section class="panel cameras" aria-label="Cameras">
      <header class="panel-head">
        <h2>Cameras</h2>
        <div class="segments" role="group" aria-label="Show cameras">
          {message.cameras.map((name) => (
            <button type="button" key={name} aria-pressed={chosen.includes(name)} onClick={() => toggle(name)}>{name}</button>
          ))}
        </div>
      </header>
      <div class="camera-strip">
        {shown.map((name) => (
          <figure key={name}>
            <CameraPicture session={session} index={message.cameras.indexOf(name)} name={name} roundTrip={roundTrip} />
            <figcaption>{name}{message.observation_cameras.includes(name) && <small>policy’s</small>}</figcaption>
          </figure>
        ))}
      </div>
    </section>
  );
}
