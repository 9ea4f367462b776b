import { useEffect, useState } from "preact/hooks";
import { api, errorLine } from "../../shared/api";
import { count } from "../../shared/format";
import { Notice } from "../../shared/Notice";
import type { Episode, EpisodeEdit } from "../../shared/protocol";
import { href } from "../router";
import { TopBar } from "../TopBar";
import { EpisodeRow } from "./EpisodeRow";
import { FilterBar } from "./FilterBar";
import { filtered, NO_FILTERS } from "./filters";

/** A run's episodes; what is excluded stays on disk and is only left out of training. */
export function EpisodesPage({ run }: { run: string }) {
  const [episodes, setEpisodes] = useState<Episode[] | null>(null);
  const [filters, setFilters] = useState(NO_FILTERS);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    api.episodes(run).then(setEpisodes, (failure: unknown) => setError(errorLine(failure)));
  }, [run]);
  const edit = async (episode: Episode, change: EpisodeEdit) => {
    setError(null);
    try {
      const edited = await api.edit(run, episode.round, episode.id, change);
      setEpisodes((before) => before?.map((other) => (isSame(other, edited) ? edited : other)) ?? null);
    } catch (failure) {
      setError(errorLine(failure));
    }
  };
  const shown = filtered(episodes ?? [], filters);
  return (
    <>
      <TopBar trail={[{ label: run, href: href({ page: "run", run }) }]} title="Episodes" />
      <main class="episodes">
        <FilterBar episodes={episodes ?? []} filters={filters} onChange={setFilters} />
        <Notice text={error} onClose={() => setError(null)} />
        <p class="soft" role="status">{episodes === null ? !error && "Loading …" : summary(shown, episodes.length)}</p>
        {shown.length > 0 && (
          <div class="card scroll">
            <table>
              <thead>
                <tr>
                  {["Episode", "Round", "Kind", "Outcome", "Length", "Who acted", "Operator", "When"].map((name) => (
                    <th scope="col" key={name} class={name.toLowerCase()}>{name}</th>
                  ))}
                  <th scope="col"><span class="for-readers">Actions</span></th>
                </tr>
              </thead>
              <tbody>
                {shown.map((episode) => (
                  <EpisodeRow key={`${episode.round} ${episode.id}`} run={run} episode={episode}
                    onEdit={(change) => void edit(episode, change)} />
                ))}
              </tbody>
            </table>
          </div>
        )}
      </main>
    </>
  );
}

function isSame(a: Episode, b: Episode): boolean {
  return a.id === b.id && a.round === b.round;
}

function summary(shown: readonly Episode[], all: number): string {
  if (all === 0) return "There are no episodes yet.";
  const excluded = shown.filter((episode) => episode.excluded).length;
  const of = shown.length === all ? "" : ` of ${all}`;
  return `${count(shown.length, "episode")}${of}${excluded > 0 ? `, ${excluded} excluded` : ""}`;
}
