/** Who acted in the steps of an episode, as stretches of steps. */

export const SOURCES = ["policy", "operator", "both", "none"] as const;
export type Source = (typeof SOURCES)[number];

export interface Stretch {
  source: Source;
  from: number;
  /** The step after the last. */
  to: number;
}

export function stretches(controlSource: readonly number[]): Stretch[] {
  const found: Stretch[] = [];
  controlSource.forEach((code, step) => {
    const source = SOURCES[code] ?? "none";
    const last = found.at(-1);
    if (last?.source === source) last.to = step + 1;
    else found.push({ source, from: step, to: step + 1 });
  });
  return found;
}

export const SOURCE_LABELS: Record<Source, string> = {
  policy: "policy",
  operator: "operator",
  both: "both",
  none: "paused",
};
