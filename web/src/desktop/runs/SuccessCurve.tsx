import { percent } from "../../shared/format";
import type { Round } from "../../shared/protocol";

const WIDTH = 460;
const HEIGHT = 180;
const BOX = { left: 46, right: 14, top: 12, bottom: 26 };

/** Success by round, each with its interval. */
export function SuccessCurve({ rounds }: { rounds: readonly Round[] }) {
  const points = rounds.flatMap(({ round, result }) => (result === null ? [] : [{ round, ...result }]));
  if (points.length === 0) return <p class="soft">No policy is evaluated yet.</p>;
  const last = Math.max(1, ...rounds.map(({ round }) => round));
  const x = (round: number) => BOX.left + 12 + ((WIDTH - BOX.left - BOX.right - 24) * round) / last;
  const y = (rate: number) => BOX.top + (HEIGHT - BOX.top - BOX.bottom) * (1 - rate);
  const told = points.map((p) => `round ${p.round}: ${percent(p.rate)} (${percent(p.low)} to ${percent(p.high)})`).join("; ");
  return (
    <svg class="curve" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`Success by round. ${told}`}>
      {[0, 0.5, 1].map((rate) => (
        <g key={rate}>
          <line class="curve-grid" x1={BOX.left} x2={WIDTH - BOX.right} y1={y(rate)} y2={y(rate)} />
          <text x={BOX.left - 6} y={y(rate) + 4} text-anchor="end">{percent(rate)}</text>
        </g>
      ))}
      {rounds.map(({ round }) => (
        <text key={round} x={x(round)} y={HEIGHT - 8} text-anchor="middle">{round === 0 ? "base" : round}</text>
      ))}
      <polyline class="curve-line" points={points.map((p) => `${x(p.round)},${y(p.rate)}`).join(" ")} />
      {points.map((p) => (
        <g key={p.round} class="curve-point">
          <title>{`Round ${p.round}: ${percent(p.rate)}, ${percent(p.low)} to ${percent(p.high)}, n = ${p.trials}`}</title>
          <path d={`M${x(p.round)} ${y(p.high)}V${y(p.low)}M${x(p.round) - 4} ${y(p.high)}h8M${x(p.round) - 4} ${y(p.low)}h8`} />
          <circle cx={x(p.round)} cy={y(p.rate)} r="4" />
        </g>
      ))}
    </svg>
  );
}
