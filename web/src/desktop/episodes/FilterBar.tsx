import type { Episode } from "../../shared/protocol";
import { choices, type Choice, type Filters } from "./filters";

interface FilterBarProps {
  episodes: readonly Episode[];
  filters: Filters;
  onChange: (filters: Filters) => void;
}

const CHOICES: readonly [choice: Choice, all: string][] = [
  ["round", "All rounds"],
  ["kind", "All kinds"],
  ["outcome", "All outcomes"],
  ["operator", "All operators"],
];

export function FilterBar({ episodes, filters, onChange }: FilterBarProps) {
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      {CHOICES.map(([choice, all]) => (
        <select key={choice} aria-label={`Filter by ${choice}`} value={filters[choice]}
          onChange={(event) => onChange({ ...filters, [choice]: event.currentTarget.value })}>
          <option value="">{all}</option>
          {choices(episodes, choice).map((value) => (
            <option key={value} value={value}>{choice === "round" ? `Round ${value}` : value}</option>
          ))}
        </select>
      ))}
      <input type="search" placeholder="Reason, number …" aria-label="Filter by text" value={filters.text}
        onInput={(event) => onChange({ ...filters, text: event.currentTarget.value })} />
    </form>
  );
}
