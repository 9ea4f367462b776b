import { count, grouped, milliseconds } from "../../shared/format";
import type { Status } from "../../shared/protocol";
import { Progress } from "../../shared/Progress";
import { ForceBar } from "./ForceBar";
import type { Session } from "./session";

const PHONE: Record<Status["phone"], string> = {
  none: "not paired",
  paired: "paired",
  asking: "a second phone asks",
};

const COUNTED: Record<Status["progress"]["unit"], string> = {
  samples: "Your samples in successes",
  episodes: "Your episodes in successes",
  attempts: "Solved attempts",
};

const FREEZE_MS = 150;
const PATH = { webrtc: "WebRTC", websocket: "WebSocket" } as const;

/** The facts beside the robot: force, connection, and how far the round is. */
export function StatusPanel({ session, status }: { session: Session; status: Status }) {
  const { control, progress } = status;
  return (
    <section class="panel" aria-label="Status">
      <ForceBar session={session} force={status.contact_n} />
      {status.can_push && (
        <div class="fact-line"><span>Your push</span><span class="number">{status.push_n.toFixed(1)} N</span></div>
      )}
      <div class="fact-wide">
        <div class="fact-line">
          <span title="Only what was marked a success, or solved, counts.">{COUNTED[progress.unit]}{status.complete && <b class="done"> ✓ complete</b>}</span>
          <span class="number">{grouped(progress.done)} / {grouped(progress.target)}</span>
        </div>
        <Progress label={`${COUNTED[progress.unit]} in this round`} done={progress.done} target={progress.target} />
        {progress.unit === "attempts" && <small class="soft">{grouped(progress.corrected)} of them corrected</small>}
      </div>
      <p class="safe"><b>{count(status.safe, "episode")}</b> safe on disk</p>
      <dl class="facts">
        <dt>Steered by</dt><dd>{control.source ?? "nobody"}</dd>
        <dt>Over</dt><dd>{control.path === null ? "–" : PATH[control.path]}</dd>
        <dt>Round trip</dt><dd>{milliseconds(control.rtt_ms)}</dd>
        <dt>Newest pose</dt><dd data-warn={freezes(status)}>{milliseconds(control.age_ms)}</dd>
        <dt title="How late the last control steps began: median, and all but one in a hundred">Steps late</dt>
        <dd>{status.late_ms === null ? "–" : `${status.late_ms[0].toFixed(1)} / ${status.late_ms[1].toFixed(1)} ms`}</dd>
        <dt>Phone</dt><dd>{PHONE[status.phone]}</dd>
        {status.gripper_closed !== null && <><dt>Gripper</dt><dd>{status.gripper_closed ? "closed" : "open"}</dd></>}
      </dl>
    </section>
  );
}

/** The robot stands still although the person holds: their poses come too late. */
function freezes({ state, control }: Status): boolean {
  return (state === "YOU" || state === "PUSH") && (control.age_ms ?? 0) > FREEZE_MS;
}
