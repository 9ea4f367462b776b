import { Aim } from "./Aim";
import type { Props } from "./Screens";
import type { View } from "./view";

/** What is said before and after steering. */
export function Talk(props: Props) {
  return (
    <section class="card">
      <header>
        <span class="brand">retouch</span>
        <span>{linkWord(props.view)}</span>
      </header>
      {props.view.phase === "over" ? <Over {...props} /> : <Welcome {...props} />}
    </section>
  );
}

function Over({ view, phone }: Props) {
  return (
    <>
      <h1>Not paired</h1>
      <p role="alert">{view.error}</p>
      {view.canRetry && (
        <button type="button" class="button go" onClick={() => void phone.login()}>
          TRY AGAIN
        </button>
      )}
    </>
  );
}

function Welcome({ view, phone, overlay }: Props) {
  if (view.phase === "login") return <h1>Connecting</h1>;
  return (
    <>
      <Aim />
      <h1>Point the phone at the screen</h1>
      <p>{view.hasAr ? "Then tap START: that way is forward." : noAr()}</p>
      {view.error !== null && <p role="alert">{view.error}</p>}
      <button
        type="button"
        class="button go"
        onClick={() => void (view.hasAr ? phone.startAr(overlay) : phone.startTouch())}
      >
        START
      </button>
      {view.hasAr && (
        <button type="button" class="button" onClick={() => void phone.startTouch()}>
          Use the touch pad instead
        </button>
      )}
    </>
  );
}

function linkWord({ phase, isOnline, name }: View): string {
  if (phase === "over") return "";
  if (!isOnline) return "connecting";
  return name === "" ? "paired" : `paired with ${name}`;
}

function noAr(): string {
  return window.isSecureContext
    ? "No AR in this browser: your thumb moves the hand, and the phone's tilt turns it."
    : "No HTTPS, so no motion sensors: your thumb moves the hand. Open the https address for more.";
}
