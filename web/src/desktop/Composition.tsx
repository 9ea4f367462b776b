import { percent } from "../shared/format";
import type { ControlSteps } from "../shared/protocol";

const PARTS: readonly { key: keyof ControlSteps; label: string }[] = [
  { key: "policy", label: "policy" },
  { key: "both", label: "both" },
  { key: "operator", label: "operator" },
  { key: "none", label: "nobody" },
];

/** Who acted, as parts of a bar. */
export function Composition({ steps }: { steps: ControlSteps }) {
  const total = PARTS.reduce((sum, { key }) => sum + steps[key], 0);
  if (total === 0) return <span class="soft">–</span>;
  const parts = PARTS.filter(({ key }) => steps[key] > 0);
  const told = parts.map(({ key, label }) => `${label} ${percent(steps[key] / total)}`).join(", ");
  return (
    <span class="composition" role="img" aria-label={told} title={told}>
      {parts.map(({ key }) => <i key={key} class={`by-${key}`} style={{ flexGrow: steps[key] }} />)}
    </span>
  );
}
