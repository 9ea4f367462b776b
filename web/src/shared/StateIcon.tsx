import type { ShownState } from "./states";

const SHAPES: Record<ShownState, string> = {
  // A robot's head, two bars, an open hand, an arrow against a wall, a square, a broken line.
  POLICY:
    "M12 2v3M6 7h12a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V9a2 2 0 0 1 2-2z" + "M9 11.5v2M15 11.5v2M2 12v3M22 12v3",
  PAUSED: "M8 5v14M16 5v14",
  YOU:
    "M8 12V5.5a1.5 1.5 0 0 1 3 0V11M11 10V3.8a1.5 1.5 0 0 1 3 0V11M14 10.5V5.3a1.5 1.5 0 0 1 3 0V14" +
    "a7 7 0 0 1-7 7c-2.6 0-4-1.2-5.2-3.4L3 14.2c-.8-1.5 1-2.6 2.1-1.4L8 15.6",
  PUSH: "M2 12h12M9 6.5l5.5 5.5L9 17.5M19.5 3.5v17",
  ENDED: "M6 6h12v12H6z",
  OFFLINE: "M3 12h4M17 12h4M9.5 8.5l5 7M14.5 8.5l-5 7",
};

const WIDTHS: Partial<Record<ShownState, number>> = { PAUSED: 4 };

export function StateIcon({ state }: { state: ShownState }) {
  return (
    <svg class="state-icon" viewBox="0 0 24 24" aria-hidden="true" fill="none" stroke="currentColor"
      stroke-width={WIDTHS[state] ?? 2} stroke-linecap="round" stroke-linejoin="round">
      <path d={SHAPES[state]} />
    </svg>
  );
}
