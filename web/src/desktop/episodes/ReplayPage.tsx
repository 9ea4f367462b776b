import { useEffect, useMemo, useState } from "preact/hooks";
import { api, errorLine } from "../../shared/api";
import { Icon } from "../../shared/Icon";
import { Notice } from "../../shared/Notice";
import type { Replay } from "../../shared/protocol";
import { href } from "../router";
import { TopBar } from "../TopBar";
import { ActionPlot } from "./ActionPlot";
import { ReplayScene } from "./ReplayScene";
import { SOURCE_LABELS, SOURCES, stretches } from "./sources";
import { Timeline } from "./Timeline";
import { useReplayKeys } from "./useReplayKeys";
import { usePlayback } from "./usePlayback";

const SPEEDS = [0.25, 0.5, 1, 2, 4];

/** One recorded episode, to be watched again. */
export function ReplayPage({ run, round, id }: { run: string; round: number; id: string }) {
  const [replay, setReplay] = useState<Replay | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    api.replay(run, round, id).then(setReplay, (failure: unknown) => setError(errorLine(failure)));
  }, [run, round, id]);
  const trail = [
    { label: run, href: href({ page: "run", run }) },
    { label: "Episodes", href: href({ page: "episodes", run }) },
  ];
  return (
    <>
      <TopBar trail={trail} title={`Round ${round}, ${id}`} />
      <main class="replay">
        <Notice text={error} />
        {replay ? <Player replay={replay} /> : !error && <p class="soft" role="status">Loading …</p>}
      </main>
    </>
  );
}

function Player({ replay }: { replay: Replay }) {
  const playback = usePlayback(replay.steps, replay.period_s);
  const parts = useMemo(() => stretches(replay.control_source), [replay]);
  const acting = SOURCES[replay.control_source[playback.step] ?? 3] ?? "none";
  useReplayKeys(playback);
  return (
    <>
      <section class="player" aria-label="Replay">
        <ReplayScene replay={replay} step={playback.step} />
        <Timeline steps={replay.steps} step={playback.step} periodS={replay.period_s} stretches={parts} onSeek={playback.seek} />
        <div class="player-bar">
          <button type="button" class="primary" onClick={playback.toggle}>
            <Icon name={playback.playing ? "pause" : "play"} />{playback.playing ? "Pause" : "Play"}
          </button>
          <div class="segments" role="group" aria-label="Speed">
            {SPEEDS.map((speed) => (
              <button type="button" key={speed} aria-pressed={speed === playback.speed}
                onClick={() => playback.setSpeed(speed)}>{speed}×</button>
            ))}
          </div>
          <span class="acting"><span class={`composition-key by-${acting}`} />{SOURCE_LABELS[acting]}</span>
          <span class="number">
            {(playback.step * replay.period_s).toFixed(2)} s <small>step {playback.step} of {replay.steps}</small>
          </span>
        </div>
      </section>
      <ActionPlot replay={replay} stretches={parts} step={playback.step} onSeek={playback.seek} />
    </>
  );
}
