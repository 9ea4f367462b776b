import { SOURCE_LABELS, SOURCES, type Stretch } from "./sources";

interface TimelineProps {
  steps: number;
  step: number;
  periodS: number;
  stretches: readonly Stretch[];
  onSeek: (step: number) => void;
}

/** The episode's time, coloured by who acted, with a slider over it. */
export function Timeline({ steps, step, periodS, stretches, onSeek }: TimelineProps) {
  const seconds = (at: number) => `${(at * periodS).toFixed(2)} s`;
  return (
    <div class="timeline">
      <div class="timeline-bar" aria-hidden="true">
        {stretches.map(({ source, from, to }) => (
          <i key={from} class={`by-${source}`} style={{ flexGrow: to - from }}
            title={`${SOURCE_LABELS[source]}, ${seconds(from)} to ${seconds(to)}`} />
        ))}
      </div>
      <input type="range" min={0} max={Math.max(0, steps - 1)} step={1} value={step} aria-label="Step"
        aria-valuetext={`step ${step}, ${seconds(step)}`} onInput={(event) => onSeek(event.currentTarget.valueAsNumber)} />
      <p class="legend soft">
        {SOURCES.filter((name) => stretches.some(({ source }) => source === name)).map((name) => (
          <span key={name}><span class={`composition-key by-${name}`} />{SOURCE_LABELS[name]}</span>
        ))}
      </p>
    </div>
  );
}
