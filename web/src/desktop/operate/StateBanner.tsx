import { duration } from "../../shared/format";
import type { Status } from "../../shared/protocol";
import { StateIcon } from "../../shared/StateIcon";
import { STATE_LOOKS } from "../../shared/states";
import { waitsForHold } from "./actions";
import type { HoldWay } from "../../shared/way";
import { connectionLine, shownState, type Snapshot } from "./snapshot";

/** Who has the robot, in a way nobody can misread: text, colour, icon and pattern. */
export function StateBanner({ snapshot, way, onRetry }: { snapshot: Snapshot; way: HoldWay; onRetry: () => void }) {
  const state = shownState(snapshot);
  const look = STATE_LOOKS[state];
  const { status } = snapshot;
  const live = state !== "OFFLINE" && status !== null;
  return (
    <section class={`banner ${look.className}`} aria-label="Who has the robot">
      <StateIcon state={state} />
      <div class="banner-text" role="status" aria-live="assertive">
        <strong class="banner-state" data-testid="state">{live ? look.label : offlineLabel(snapshot)}</strong>
        <span class="banner-why">{live ? sentence(status, way) : connectionLine(snapshot)}</span>
      </div>
      {snapshot.connection === "closed" && <button type="button" onClick={onRetry}>Connect again</button>}
      {live && status.attempt && (
        <dl class="banner-attempt">
          <div><dt>Attempt</dt><dd>{status.attempt.number}</dd></div>
          <div><dt>Time</dt><dd>{duration(status.attempt.seconds)}</dd></div>
          <div><dt>Your steps</dt><dd>{status.attempt.human_steps} <small>of {status.attempt.steps}</small></dd></div>
        </dl>
      )}
    </section>
  );
}

function offlineLabel({ connection }: Snapshot): string {
  if (connection === "queue") return "IN THE QUEUE";
  if (connection === "starting" || connection === "connecting") return "STARTING";
  return connection === "closed" ? "SESSION OVER" : STATE_LOOKS.OFFLINE.label;
}

function sentence(status: Status, way: HoldWay): string {
  const next = nextStep(status, way);
  if (status.why === "") return next;
  const why = status.why.charAt(0).toUpperCase() + status.why.slice(1);
  return `${/[.!?]$/.test(why) ? why : `${why}.`} ${next}`;
}

function nextStep(status: Status, way: HoldWay): string {
  if (waitsForHold(status)) return status.needs === "start" ? "Press and hold to begin." : "Press and hold to go on.";
  if (status.needs === "start") return "Start when you are ready.";
  const hold = way === "push" ? "push" : "take over";
  if (status.needs === "resume") return `Resume, or press and hold to ${hold}.`;
  if (status.state === "POLICY" && status.correct === "demonstrate") return "Hold to steer the robot.";
  if (status.state === "POLICY") return `The policy moves the robot. Hold to ${hold}.`;
  if (status.state === "YOU" && status.correct !== "demonstrate") return "You move the robot. Let go to hand back.";
  return STATE_LOOKS[status.state].meaning;
}
