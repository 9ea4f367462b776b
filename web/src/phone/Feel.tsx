import type { Vector3 } from "../shared/protocol";
import type { View } from "./view";

const FULL_N = 20;
const HALFWAY = { heading: 0.006, contact: 5, push: 3 } as const; // half of the dial: [m], [N]
const LEAST = { heading: 0.0005, contact: 0.5, push: 0.3 } as const;
const RADIUS = 25;
const CENTRE = 32;
const GAUGE_X = 74;

type Kind = keyof typeof HALFWAY;

/** What is felt at the tool, and where the policy is heading: as seen from above, and how far up or down. */
export function Feel({ view }: { view: View }) {
  const { status } = view;
  const newtons = status?.contact_n ?? 0;
  return (
    <div class="feel">
      <svg viewBox="0 0 84 64" role="img" aria-label={`The policy is heading ${headingWords(status?.heading ?? null)}`}>
        <circle cx={CENTRE} cy={CENTRE} r={RADIUS + 4} />
        <path class="gauge" d={`M${GAUGE_X} 4v56M${GAUGE_X - 4} ${CENTRE}h8`} />
        {(["heading", "contact", "push"] as const).map((kind) => (
          <Needle key={kind} kind={kind} vector={status?.[kind] ?? null} />
        ))}
      </svg>
      <div class="felt">
        <span class="felt-line"><b>{newtons.toFixed(0)} N</b><span class="felt-word"> contact</span></span>
        <div class="felt-bar"><span style={{ width: `${Math.min(100, (100 * newtons) / FULL_N)}%` }} /></div>
        <small class="felt-key"><i class="of-heading">policy</i> <i class="of-contact">contact</i>{status?.can_push && <> <i class="of-push">you</i></>}</small>
      </div>
    </div>
  );
}

function Needle({ kind, vector }: { kind: Kind; vector: Vector3 | null }) {
  if (vector === null) return null;
  const [right, up, towards] = vector;
  const size = Math.hypot(right, up, towards);
  if (size < LEAST[kind]) return null;
  const pixels = RADIUS / (size + HALFWAY[kind]);
  const [x, y, rise] = [right * pixels, towards * pixels, -up * pixels];
  return (
    <g class={`needle of-${kind}`}>
      <path d={arrow(CENTRE, CENTRE, x, y)} />
      <path d={arrow(GAUGE_X, CENTRE, 0, rise)} />
    </g>
  );
}

/** A line with a head, or nothing where it would be a dot. */
function arrow(x: number, y: number, dx: number, dy: number): string {
  const length = Math.hypot(dx, dy);
  if (length < 3) return "";
  const [ux, uy] = [dx / length, dy / length];
  const [tx, ty] = [x + dx, y + dy];
  const barb = (side: number) => `L${(tx - 6 * ux - side * 4 * uy).toFixed(1)} ${(ty - 6 * uy + side * 4 * ux).toFixed(1)}`;
  return `M${x} ${y}L${tx.toFixed(1)} ${ty.toFixed(1)}${barb(1)}M${tx.toFixed(1)} ${ty.toFixed(1)}${barb(-1)}`;
}

/** For those who cannot see the dial. */
export function headingWords(heading: Vector3 | null): string {
  if (heading === null) return "nowhere that is known";
  const [right, up, towards] = heading;
  const parts: [number, string][] = [
    [right, "right"], [-right, "left"], [up, "up"], [-up, "down"], [towards, "towards you"], [-towards, "away"],
  ];
  const most = Math.max(...parts.map(([size]) => size));
  if (most < LEAST.heading) return "nowhere";
  return parts.filter(([size]) => size > most / 2).map(([, word]) => word).join(" and ");
}
