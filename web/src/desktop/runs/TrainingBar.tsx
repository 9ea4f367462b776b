import { percent } from "../../shared/format";
import { Progress } from "../../shared/Progress";
import type { Training } from "../../shared/protocol";

/** How far a training is; it can be stopped, and what was done is kept. */
export function TrainingBar({ training, onStop }: { training: Training; onStop: () => void }) {
  if (training.state === "failed") {
    return <p class="notice" role="alert">The training failed: {training.error ?? training.note}</p>;
  }
  if (training.state === "stopped") return <p class="soft">The training was stopped; what was done is kept.</p>;
  return (
    <div class="training" role="group" aria-label="Training">
      <div class="fact-line">
        <span><b>{training.stage}</b> <span class="soft">{training.note}</span></span>
        <span class="number">{percent(training.done)}</span>
      </div>
      <div class="training-line">
        <Progress label={training.stage} done={100 * training.done} target={100} />
        <button type="button" onClick={onStop}>Stop</button>
      </div>
    </div>
  );
}
