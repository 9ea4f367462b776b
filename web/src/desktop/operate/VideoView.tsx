import type { SceneMessage } from "../../shared/protocol";
import { ViewButtons } from "../scene/ViewButtons";
import { CameraPicture } from "./CameraPicture";
import type { Session } from "./session";

interface VideoViewProps {
  session: Session;
  message: SceneMessage;
  camera: string;
  roundTrip: number;
  surface: (element: HTMLDivElement | null) => void;
  onCamera: (name: string) => void;
}

/** The video of one camera, for a browser that cannot draw 3D or a person who prefers it. */
export function VideoView({ session, message, camera, roundTrip, surface, onCamera }: VideoViewProps) {
  const index = message.cameras.indexOf(camera);
  return (
    <>
      <div class="surface video" ref={surface}>
        <CameraPicture key={camera} session={session} index={index} name={camera} roundTrip={roundTrip} />
      </div>
      <ViewButtons names={message.cameras} current={camera} onChoose={onCamera} />
    </>
  );
}
