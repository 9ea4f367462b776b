import { useMemo } from "preact/hooks";
import type { Replay } from "../../shared/protocol";
import { HEIGHT, seriesOf, type Series } from "./series";
import type { Stretch } from "./sources";

interface ActionPlotProps {
  replay: Replay;
  stretches: readonly Stretch[];
  step: number;
  onSeek: (step: number) => void;
}

/** What the policy proposed against what was executed, a row for each action dimension, with the cursor of the player. */
export function ActionPlot({ replay, stretches, step, onSeek }: ActionPlotProps) {
  const rows = useMemo(() => seriesOf(replay.action_names, replay.action, replay.policy_action), [replay]);
  const last = Math.max(1, replay.steps - 1);
  const background = useMemo(() => stretches.filter(({ source }) => source !== "policy"), [stretches]);
  const seek = (event: PointerEvent) => {
    if (event.type === "pointermove" && event.buttons !== 1) return;
    const box = (event.currentTarget as Element).getBoundingClientRect();
    onSeek(((event.clientX - box.left) / box.width) * last);
  };
  return (
    <section class="card plot" aria-label="Actions">
      <h2>Actions</h2>
      <p class="legend soft">
        <svg viewBox="0 0 24 8" aria-hidden="true"><path class="executed" d="M1 4h22" /></svg>executed
        <svg viewBox="0 0 24 8" aria-hidden="true"><path class="proposed" d="M1 4h22" /></svg>proposed by the policy
      </p>
      <div class="plot-rows">
        <div class="plot-names">{rows.map(({ name }) => <span key={name}>{name}</span>)}</div>
        <div class="plot-lines" onPointerDown={seek} onPointerMove={seek}>
          {rows.map((row) => <Row key={row.name} row={row} last={last} background={background} />)}
          <span class="plot-cursor" style={{ left: `${(100 * step) / last}%` }} />
        </div>
      </div>
    </section>
  );
}

function Row({ row, last, background }: { row: Series; last: number; background: readonly Stretch[] }) {
  return (
    <svg viewBox={`0 0 ${last} ${HEIGHT}`} preserveAspectRatio="none" role="img"
      aria-label={`${row.name}: executed and proposed by the policy`}>
      {background.map(({ source, from, to }) => (
        <rect key={from} class={`shade-${source}`} x={from} y={0} width={to - from} height={HEIGHT} />
      ))}
      <path class="proposed" d={row.proposed} />
      <path class="executed" d={row.executed} />
    </svg>
  );
}
