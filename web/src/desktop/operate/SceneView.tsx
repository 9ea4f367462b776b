import { useEffect, useState } from "preact/hooks";
import type { SceneMessage } from "../../shared/protocol";
import { FREE } from "../scene/names";
import { useStage } from "../scene/useStage";
import { ViewButtons } from "../scene/ViewButtons";
import { FrameAge } from "./FrameAge";
import { recordFrame } from "./probe";
import type { Session } from "./session";

interface SceneViewProps {
  session: Session;
  message: SceneMessage;
  roundTrip: number;
  /** What a hand steers on. */
  surface: (element: HTMLDivElement | null) => void;
  onFailed: () => void;
}

/** The robot in 3D, drawn when poses arrive and not at the browser's leisure. */
export function SceneView({ session, message, roundTrip, surface, onFailed }: SceneViewProps) {
  const { canvas, stage } = useStage(message.scene, onFailed);
  const [view, setView] = useState<string | null>(FREE);
  const [sent, setSent] = useState<{ newest: number | null }>({ newest: null });
  useEffect(() => {
    if (stage === null) return undefined;
    const drawnFrames = { newest: null as number | null };
    setSent(drawnFrames);
    stage.onView = (azimuth) => session.setAzimuth(azimuth);
    stage.onTurned = () => setView(null);
    session.setAzimuth(stage.azimuth());
    return session.poses.on(({ frame, received }) =>
      stage.setPoses(frame.poses, frame.felt, (submitted) => {
        recordFrame("frames", frame.sent, received, submitted);
        drawnFrames.newest = frame.sent;
      }),
    );
  }, [stage, session]);
  const choose = (name: string) => {
    stage?.setView(name);
    setView(name);
  };
  return (
    <>
      <div class="surface" ref={surface}>
        <canvas ref={canvas} class="stage-canvas" aria-label="The robot in 3D. Drag to turn, scroll to zoom." />
      </div>
      {stage === null && <p class="stage-wait">Loading the 3D view …</p>}
      {stage && <ViewButtons names={stage.viewNames} current={view} onChoose={choose} />}
      <FrameAge session={session} roundTrip={roundTrip} sent={() => sent.newest} />
    </>
  );
}
