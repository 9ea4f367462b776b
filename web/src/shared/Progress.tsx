interface ProgressProps {
  label: string;
  done: number;
  target: number;
}

/** A bar towards a target. */
export function Progress({ label, done, target }: ProgressProps) {
  const part = target > 0 ? Math.min(1, done / target) : 0;
  return (
    <div class="progress" role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={target}
      aria-valuenow={Math.min(done, target)} data-full={part >= 1}>
      <span style={{ width: `${100 * part}%` }} />
    </div>
  );
}
