import { useEffect, useState } from "preact/hooks";
import type { SceneMessage } from "../../shared/protocol";
import type { ShownState } from "../../shared/states";
import { STATE_LOOKS } from "../../shared/states";
import { drawing } from "../scene/webgl";
import { cameraAzimuth } from "./azimuth";
import type { HoldWay } from "../../shared/way";
import { firstCamera, type Middle } from "./cameras";
import { Legend } from "./Legend";
import { SceneView } from "./SceneView";
import type { Session } from "./session";
import { VideoView } from "./VideoView";
import { WayToggle } from "./WayToggle";

interface StagePaneProps {
  session: Session;
  message: SceneMessage;
  state: ShownState;
  middle: Middle;
  roundTrip: number;
  mouseSteers: boolean;
  /** Whether to say how to steer from this desk. */
  hint: boolean;
  /** What a hold does, where the robot can be pushed; else null. */
  way: HoldWay | null;
  hasPolicy: boolean;
  onWay: (way: HoldWay) => void;
  surface: (element: HTMLDivElement | null) => void;
  onMiddle: (middle: Middle) => void;
  onMouseSteers: (steers: boolean) => void;
}

/** The middle of the page: the robot in 3D or as video, framed in the state's colour. */
export function StagePane(props: StagePaneProps) {
  const { session, message, state, middle, roundTrip, surface, onMiddle } = props;
  const [drawable, setDrawable] = useState(() => drawing() !== "none");
  const video = (): Middle => ({ kind: "video", camera: firstCamera(message) });
  useEffect(() => {
    if (!drawable && middle.kind === "scene") onMiddle(video());
  }, [drawable, middle, message]);
  useEffect(() => {
    const camera = middle.kind === "video" && message.scene.cameras.find(({ name }) => name === middle.camera);
    if (camera) session.setAzimuth(cameraAzimuth(camera));
  }, [session, middle, message]);
  return (
    <section class={`stage ${STATE_LOOKS[state].className}`} aria-label="The robot">
      {middle.kind === "scene" && drawable && (
        <SceneView session={session} message={message} roundTrip={roundTrip} surface={surface}
          onFailed={() => setDrawable(false)} />
      )}
      {middle.kind === "video" && (
        <VideoView session={session} message={message} camera={middle.camera} roundTrip={roundTrip} surface={surface}
          onCamera={(camera) => onMiddle({ kind: "video", camera })} />
      )}
      {middle.kind === "scene" && drawable && <Legend canPush={props.way !== null} hasPolicy={props.hasPolicy} />}
      {props.hint && <SteeringHint mouseSteers={props.mouseSteers} way={props.way} />}
      <div class="stage-tools">
        {props.way !== null && <WayToggle way={props.way} onWay={props.onWay} />}
        <div class="segments" role="group" aria-label="How the robot is shown">
          <button type="button" aria-pressed={middle.kind === "scene"} disabled={!drawable}
            title={drawable ? "Draw the robot here" : "This browser has no WebGL"}
            onClick={() => onMiddle({ kind: "scene" })}>3D</button>
          <button type="button" aria-pressed={middle.kind === "video"} disabled={message.cameras.length === 0}
            onClick={() => onMiddle(video())}>Video</button>
        </div>
        <button type="button" class="chip" aria-pressed={props.mouseSteers} title="Else Alt and a drag steer"
          onClick={() => props.onMouseSteers(!props.mouseSteers)}>Mouse steers</button>
      </div>
    </section>
  );
}

function SteeringHint({ mouseSteers, way }: { mouseSteers: boolean; way: HoldWay | null }) {
  return (
    <p class="stage-hint">
      Hold {[..."WASDRF"].map((key) => <kbd key={key}>{key}</kbd>)} or{" "}
      {mouseSteers ? "drag" : <><kbd>Alt</kbd> and drag</>} to{" "}
      {way === "push" ? "push" : "steer"}
      <span class="more">{way === null ? <>, <kbd>G</kbd> for the gripper</> : <>, <kbd>P</kbd> to push or take over</>}</span>
    </p>
  );
}
