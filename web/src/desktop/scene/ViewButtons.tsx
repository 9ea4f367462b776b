interface ViewButtonsProps {
  names: readonly string[];
  current: string | null;
  onChoose: (name: string) => void;
}

/** The views to choose from; none is pressed after the person has turned the scene. */
export function ViewButtons({ names, current, onChoose }: ViewButtonsProps) {
  return (
    <div class="segments view-buttons" role="group" aria-label="View">
      {names.map((name) => (
        <button type="button" key={name} aria-pressed={name === current} onClick={() => onChoose(name)}>{name}</button>
      ))}
    </div>
  );
}
