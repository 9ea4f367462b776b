import { StateIcon } from "../shared/StateIcon";
import { Talk } from "./Talk";
import { Main, Outcomes, Setup, Ways } from "./Controls";
import { Feel } from "./Feel";
import { HoldArea, TouchArea } from "./HoldArea";
import type { Phone } from "./phone";
import { shownLine, shownState, shownWord, type View } from "./view";

export interface Props {
  view: View;
  phone: Phone;
  /** What AR lays over the camera's picture. */
  overlay: HTMLElement;
}

const PATHS = { webrtc: "direct", websocket: "relayed" } as const;

export function App(props: Props) {
  const { view } = props;
  const isSteering = view.phase === "steer";
  return (
    <div class={`screen ${isSteering ? "steer" : "talk"} ${isSteering ? `is-${shownState(view).toLowerCase()}` : ""}`}>
      {isSteering ? <Steer {...props} /> : <Talk {...props} />}
      {view.contacts > 0 && <div class="flash" key={view.contacts} aria-hidden="true" />}
    </div>
  );
}

function Steer({ view, phone }: Props) {
  const Area = view.mode === "ar" ? HoldArea : TouchArea;
  return (
    <>
      <header class="state" aria-live="polite">
        <Facts view={view} />
        <h1>
          <StateIcon state={shownState(view)} />
          {shownWord(view)}
        </h1>
        {view.error === null ? <p>{shownLine(view)}</p> : <p class="error" role="alert">{view.error}</p>}
      </header>
      <div class="row sense">
        <Feel view={view} />
        {view.status?.can_push && <Ways view={view} phone={phone} />}
      </div>
      <Setup view={view} phone={phone} />
      <Outcomes view={view} phone={phone} />
      <Main view={view} phone={phone} />
      <Area view={view} phone={phone} />
    </>
  );
}

function Facts({ view }: { view: View }) {
  const { path, status } = view;
  const rtt = status?.control.rtt_ms;
  return (
    <div class="facts">
      <span>{path ? PATHS[path] : "no path"}{typeof rtt === "number" ? ` · ${Math.round(rtt)} ms` : ""}</span>
      {status && (
        <span>
          {status.progress.done} / {status.progress.target} {status.progress.unit}
        </span>
      )}
    </div>
  );
}
