import { Icon } from "../shared/Icon";
import { PressButton, TapButton } from "./Button";
import { toggleMark } from "./messages";
import { wayOf } from "../shared/way";
import type { Phone } from "./phone";
import type { View } from "./view";

interface Props {
  view: View;
  phone: Phone;
}

const TOGGLE = {
  start: { icon: "play", word: "START" },
  resume: { icon: "play", word: "RESUME" },
  pause: { icon: "pause", word: "PAUSE" },
} as const;

const OUTCOMES = [
  { mark: "success", icon: "check", word: "SUCCESS" },
  { mark: "failure", icon: "cross", word: "FAILURE" },
  { mark: "discard", icon: "discard", word: "DISCARD" },
  { mark: "undo", icon: "undo", word: "UNDO" },
] as const;

export function Setup({ view, phone }: Props) {
  return (
    <div class="row setup">
      <TapButton onTap={() => phone.align()}>ALIGN</TapButton>
      {view.mode === "touch" && (
        <TapButton pressed={view.turns} onTap={() => phone.setTurns(!view.turns)}>
          TILT {view.turns ? "ON" : "OFF"}
        </TapButton>
      )}
      <label class="scale">
        <span>
          SCALE <b>{view.scale.toFixed(2).replace(/0$/, "")}×</b>
        </span>
        <input
          type="range"
          aria-label="Scale of the motion"
          min="-2"
          max="2"
          step="0.25"
          value={Math.log2(view.scale)}
          onInput={(event) => phone.setScale(2 ** Number(event.currentTarget.value))}
        />
      </label>
      <TapButton onTap={() => phone.mark("reset")}>RESET</TapButton>
    </div>
  );
}

/** What a hold does; what is chosen while holding counts at the next press. */
export function Ways({ view, phone }: Props) {
  const way = wayOf(view.way, view.status);
  return (
    <>
      <TapButton class="way" pressed={way === "push"} disabled={view.held} onTap={() => phone.setWay("push")}>
        PUSH
      </TapButton>
      <TapButton class="way" pressed={way === "take-over"} disabled={view.held} onTap={() => phone.setWay("take-over")}>
        TAKE OVER
      </TapButton>
    </>
  );
}

export function Outcomes({ view, phone }: Props) {
  return (
    <div class="row outcomes">
      {OUTCOMES.map(({ mark, icon, word }) => (
        <TapButton key={mark} disabled={!view.status} onTap={() => phone.mark(mark)}>
          <Icon name={icon} />
          {word}
        </TapButton>
      ))}
    </div>
  );
}

export function Main({ view, phone }: Props) {
  const { icon, word } = TOGGLE[toggleMark(view.status)];
  return (
    <div class="row main">
      {view.status?.gripper_closed !== null && (
        <PressButton slide="grip" pressed={view.status?.gripper_closed ?? false} onPress={() => phone.toggleGripper()}>
          <span class="word">GRIP</span>
          <small>{view.status?.gripper_closed ? "is closed" : "is open"}</small>
        </PressButton>
      )}
      <TapButton class="toggle" disabled={!view.status} onTap={() => phone.mark("toggle")}>
        <Icon name={icon} />
        <span class="word">{word}</span>
      </TapButton>
      <PressButton
        slide="clutch"
        pressed={view.clutched}
        onPress={() => phone.clutch(true)}
        onRelease={() => phone.clutch(false)}
      >
        <span class="word">CLUTCH</span>
        <small>reposition</small>
      </PressButton>
    </div>
  );
}
