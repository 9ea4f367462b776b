import { WAY_LABELS, type HoldWay } from "../../shared/way";

const MEANING: Record<HoldWay, string> = {
  push: "Hold to push the robot while the policy goes on",
  "take-over": "Hold to move the robot in the policy’s place",
};

/** What a hold does, on this desk. */
export function WayToggle({ way, onWay }: { way: HoldWay; onWay: (way: HoldWay) => void }) {
  return (
    <div class="segments" role="group" aria-label="What a hold does (P)">
      {(["push", "take-over"] as const).map((name) => (
        <button type="button" key={name} aria-pressed={way === name} title={`${MEANING[name]} (P)`}
          onClick={() => onWay(name)}>{WAY_LABELS[name]}</button>
      ))}
    </div>
  );
}
