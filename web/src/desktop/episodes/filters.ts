/** Which episodes are listed. An empty choice takes all. */

import type { Episode } from "../../shared/protocol";

export interface Filters {
  round: string;
  kind: string;
  outcome: string;
  operator: string;
  text: string;
}

export type Choice = Exclude<keyof Filters, "text">;

export const NO_FILTERS: Filters = { round: "", kind: "", outcome: "", operator: "", text: "" };

const VALUES: Record<Choice, (episode: Episode) => string> = {
  round: (episode) => String(episode.round),
  kind: (episode) => episode.kind,
  outcome: (episode) => episode.outcome,
  operator: (episode) => episode.operator ?? "nobody",
};

/** What there is to choose from. */
export function choices(episodes: readonly Episode[], choice: Choice): string[] {
  return [...new Set(episodes.map(VALUES[choice]))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}

export function filtered(episodes: readonly Episode[], filters: Filters): Episode[] {
  const words = filters.text.toLowerCase().split(/\s+/).filter(Boolean);
  const names = Object.keys(VALUES) as Choice[];
  return episodes.filter((episode) => {
    const chosen = names.every((name) => filters[name] === "" || VALUES[name](episode) === filters[name]);
    const text = `${episode.number} ${episode.id} ${episode.kind} ${episode.outcome} ${episode.reason} ${episode.operator ?? ""}`;
    return chosen && words.every((word) => text.toLowerCase().includes(word));
  });
}
