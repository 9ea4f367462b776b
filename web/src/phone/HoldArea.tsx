import { useRef } from "preact/hooks";
import type { Phone } from "./phone";
import { wayOf } from "../shared/way";
import { isHoldRefused, type View } from "./view";

interface Props {
  view: View;
  phone: Phone;
}

function holdWords(view: View): [string, string] {
  if (isHoldRefused(view, performance.now())) return ["LET GO", "then press again"];
  if (view.clutched) return ["CLUTCH", "put the phone where you like"];
  const pushes = wayOf(view.way, view.status) === "push";
  if (view.held) return pushes ? ["PUSHING", "lift to let go"] : ["STEERING", "lift to give back"];
  if (view.status?.needs === "start" && view.status.correct !== "demonstrate") return ["HOLD", "tap START first"];
  if (pushes) return ["HOLD", view.mode === "ar" ? "and push: the further, the harder" : "and drag: the further, the harder"];
  return ["HOLD", view.mode === "ar" ? "and move the phone" : "and drag; tilt to turn"];
}

function Words({ view }: { view: View }) {
  const [word, line] = holdWords(view);
  return (
    <>
      <strong>{word}</strong>
      <span>{line}</span>
    </>
  );
}

function zoneAt(x: number, y: number): string | undefined {
  return document.elementFromPoint(x, y)?.closest<HTMLElement>("[data-slide]")?.dataset["slide"];
}

/** The thumb stays down to steer; it may slide onto the gripper or the clutch without letting go. */
export function HoldArea({ view, phone }: Props) {
  const pointer = useRef<number | null>(null);
  const zone = useRef<string | undefined>(undefined);
  const slideTo = (next: string | undefined) => {
    if (next === zone.current) return;
    if (zone.current === "clutch") phone.clutch(false);
    if (next === "clutch") phone.clutch(true);
    if (next === "grip") phone.toggleGripper();
    zone.current = next;
  };
  const end = (cause: "lifted" | "interrupted") => (event: PointerEvent) => {
    if (event.pointerId !== pointer.current) return;
    pointer.current = null;
    zone.current = undefined;
    phone.release(cause);
  };
  return (
    <div
      class={`hold ${view.held ? "held" : ""}`}
      role="button"
      aria-label="Hold to steer"
      aria-pressed={view.held}
      data-hold
      onPointerDown={(event) => {
        if (pointer.current !== null) return;
        pointer.current = event.pointerId;
        event.currentTarget.setPointerCapture(event.pointerId);
        phone.press();
      }}
      onPointerMove={(event) => event.pointerId === pointer.current && slideTo(zoneAt(event.clientX, event.clientY))}
      onPointerUp={end("lifted")}
      onPointerCancel={end("interrupted")}
      onLostPointerCapture={end("interrupted")}
    >
      <Words view={view} />
    </div>
  );
}

/** The same for a phone without AR: the thumb's drag moves the hand, and the strip moves it in depth. */
export function TouchArea({ view, phone }: Props) {
  const handlers = (isDepth: boolean) => ({
    onPointerDown: (event: PointerEvent) => {
      (event.currentTarget as Element).setPointerCapture(event.pointerId);
      phone.hold.down(event.pointerId, event.clientX, event.clientY, isDepth);
    },
    onPointerMove: (event: PointerEvent) => phone.hold.move(event.pointerId, event.clientX, event.clientY),
    onPointerUp: (event: PointerEvent) => phone.hold.up(event.pointerId, event.clientX, event.clientY),
    onPointerCancel: () => phone.hold.cancel(),
  });
  return (
    <div class="touch">
      <div class={`hold pad ${view.held ? "held" : ""}`} data-hold aria-label="Hold and drag to steer" role="button" {...handlers(false)}>
        <Words view={view} />
        {!view.held && <span class="hint">double tap: gripper</span>}
      </div>
      <div class={`hold strip ${view.held ? "held" : ""}`} data-depth aria-label="Drag for depth" role="button" {...handlers(true)}>
        <span>AWAY</span>
        <span class="arrow" aria-hidden="true">↕</span>
        <span>NEAR</span>
      </div>
    </div>
  );
}
