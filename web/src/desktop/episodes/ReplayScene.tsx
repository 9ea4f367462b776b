import { useEffect, useMemo, useState } from "preact/hooks";
import { float32 } from "../../shared/base64";
import type { Replay } from "../../shared/protocol";
import { POSE } from "../../shared/streams";
import { FREE } from "../scene/names";
import { useStage } from "../scene/useStage";
import { ViewButtons } from "../scene/ViewButtons";

/** The robot as it was in a step of a recorded episode. */
export function ReplayScene({ replay, step }: { replay: Replay; step: number }) {
  const [failed, setFailed] = useState(false);
  const { canvas, stage } = useStage(replay.scene, () => setFailed(true));
  const [view, setView] = useState<string | null>(FREE);
  const poses = useMemo(() => float32(replay.poses), [replay]);
  useEffect(() => {
    if (stage) stage.onTurned = () => setView(null);
  }, [stage]);
  useEffect(() => {
    const size = replay.scene.bodies.length * POSE;
    stage?.setPoses(poses.subarray(step * size, (step + 1) * size));
  }, [stage, poses, step]);
  const choose = (name: string) => {
    stage?.setView(name);
    setView(name);
  };
  return (
    <div class="stage replay-stage">
      <div class="surface">
        <canvas ref={canvas} class="stage-canvas" aria-label="The robot in 3D. Drag to turn, scroll to zoom." />
      </div>
      {failed && <p class="stage-wait">This browser cannot draw 3D; the timeline and the actions are below.</p>}
      {stage && <ViewButtons names={stage.viewNames} current={view} onChoose={choose} />}
    </div>
  );
}
