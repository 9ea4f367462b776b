/** Lines of a plot, as SVG paths in a box of one unit a step and `HEIGHT` units. */

import type { Replay } from "../../shared/protocol";

export const HEIGHT = 40;
const MARGIN = 3;

type Values = readonly (number | null)[];

export interface Series {
  name: string;
  executed: string;
  proposed: string;
}

/** A path for each action dimension; both lines of one share their scale. */
export function seriesOf(names: readonly string[], action: readonly number[][], policy: Replay["policy_action"]): Series[] {
  return names.map((name, dimension) => {
    const executed = action.map((row) => finite(row[dimension]));
    const proposed = policy.map((row) => finite(row?.[dimension]));
    const scale = scaleOf([...executed, ...proposed]);
    return { name, executed: path(executed, scale), proposed: path(proposed, scale) };
  });
}

function finite(value: number | null | undefined): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function scaleOf(values: Values): (value: number) => number {
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) {
    if (value === null) continue;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  const span = most - least || 1;
  return (value) => HEIGHT - MARGIN - ((value - least) / span) * (HEIGHT - 2 * MARGIN);
}

/** Broken where there is no value. */
function path(values: Values, scale: (value: number) => number): string {
  let pen = "M";
  let drawn = "";
  values.forEach((value, step) => {
    if (value === null) {
      pen = "M";
      return;
    }
    drawn += `${pen}${step} ${scale(value).toFixed(2)}`;
    pen = "L";
  });
  return drawn;
}
