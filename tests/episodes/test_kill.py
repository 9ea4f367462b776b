"""A killed process loses no finished episode, and of the running one no row that `append` has taken."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from retouch.episodes import Dataset, DatasetInfo, DatasetWriter, check, repair, standard_features

SCRIPT = Path(__file__).with_name("writes_forever.py")
KILLS = 50


class Writers:
    """Starts recording processes, one after the other, and kills them."""

    def __init__(self, path: Path, progress: Path):
        progress.write_bytes(bytes(24))
        self.path = path
        self.progress = np.memmap(progress, np.int64, "r", shape=(3,))
        self.server = subprocess.Popen(
            [sys.executable, SCRIPT, path, progress],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )

    def record_and_kill(self, seed: int, after_s: float) -> list[tuple[str, int]]:
        """The commits that one process reported, as id and steps, until it was killed."""
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(f"{seed}\n")
        self.server.stdin.flush()
        pid = int(self.server.stdout.readline().split()[1])
        killer = threading.Timer(after_s, os.kill, (pid, signal.SIGKILL))
        killer.start()
        done = []
        for line in self.server.stdout:
            if line == "dead\n":
                break
            _, id, steps = line.split()
            done.append((id, int(steps)))
        killer.join()
        return done

    def close(self) -> None:
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.close()
        self.server.wait(10)
        self.server.stdout.close()


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[Writers]:
    path = tmp_path / "dataset"
    DatasetWriter.open(path, DatasetInfo("threading", 0.05, standard_features(30, 7, 40)))
    started = Writers(path, tmp_path / "progress")
    yield started
    started.close()


def test_fifty_kills_lose_nothing(writers: Writers) -> None:
    random_ = random.Random(0)
    path = writers.path
    reported: dict[str, int] = {}
    recovered = 0
    for kill in range(KILLS):
        done = writers.record_and_kill(seed=kill, after_s=random_.uniform(0.0, 0.3))
        begun, rows, commits = writers.progress.tolist()
        reported |= dict(done)
        there = {episode.id: episode for episode in Dataset(path).episodes}
        for id, steps in reported.items():
            assert there[id].steps == steps, f"kill {kill}: a finished episode is lost"
        before = set(there)

        summary = repair(path)
        assert summary.unreadable == []
        assert summary.running == []
        assert len(summary.recovered) <= 1
        recovered += len(summary.recovered)
        after = {episode.id: episode for episode in Dataset(path).all_episodes}
        new = [after[id] for id in after if id not in reported]
        # Those that were not reported: killed while running, or between the commit and its report.
        unreported = [episode for episode in new if id_is_of(episode.seed, kill)]
        if begun > len(done) and rows:
            assert len(unreported) == 1, f"kill {kill}: the running episode is lost"
            assert unreported[0].steps in (rows, rows + 1), f"kill {kill}: rows are lost"
        for episode in summary.recovered:
            assert episode.id not in before
            assert episode.outcome == "aborted"
            assert episode.reason.startswith("the writer died (process ")
            # Row by row as appended: the state of step n is n throughout.
            state = Dataset(path).frames(episode, ["sim_state"])["sim_state"]
            assert np.array_equal(state, np.repeat(np.arange(episode.steps), 40).reshape(-1, 40))
        assert commits >= len(done)
        assert list((path / "journal").iterdir()) == []
    assert check(path) == []
    assert sorted(episode.number for episode in Dataset(path).episodes) == list(range(len(Dataset(path).episodes)))
    # The kills came at instants that matter: in the middle of episodes, with episodes finished before.
    assert recovered > KILLS / 3
    assert len(reported) > KILLS


def id_is_of(seed: int | None, kill: int) -> bool:
    return seed == kill


def test_killed_in_the_middle_of_a_commit(tmp_path: Path, info: DatasetInfo, row) -> None:
    """At every system call of a commit that changes a file."""
    names = ("open", "write", "fsync", "mkdir", "rename", "unlink")
    DatasetWriter.open(tmp_path, info)
    outcomes = []
    for fatal_call in range(30):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                episode = DatasetWriter.open(tmp_path).begin(kind="rollout", seed=fatal_call)
                for step in range(3):
                    episode.append(row(step))
                die_at_call(fatal_call, names)
                episode.commit("success", "recorded")
                status = 0
            finally:
                os._exit(status)
        status = os.waitpid(child, 0)[1]
        repair(tmp_path)
        (episode,) = [e for e in Dataset(tmp_path).episodes if e.seed == fatal_call]
        assert episode.steps == 3
        assert check(tmp_path) == [], f"killed at call {fatal_call}"
        outcomes.append(episode.outcome)
        if status == 0:
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
    assert status == 0, "the commit never got through"
    assert outcomes[0] == "aborted"
    assert outcomes[-2:] == ["success", "success"]  # moved into place before the journal was removed


def die_at_call(fatal: int, names: tuple[str, ...]) -> None:
    calls = iter(range(10**6))

    def deadly(name: str):
        real = getattr(os, name)

        def call(*args: object, **values: object) -> object:
            if next(calls) == fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **values)

        return call

    for name in names:
        setattr(os, name, deadly(name))


def test_two_processes_write_at_once(writers: Writers, tmp_path: Path) -> None:
    other = Writers(writers.path, tmp_path / "other")
    done: list[tuple[str, int]] = []
    threads = [
        threading.Thread(target=lambda w=w, seed=seed: done.extend(w.record_and_kill(seed, 0.7)))
        for seed, w in enumerate((writers, other))
    ]
    for thread in threads:
        thread.start()
    running: set[str] = set()
    while any(thread.is_alive() for thread in threads):  # a repair meanwhile leaves both alone
        running |= set(repair(writers.path).running)
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    other.close()
    repair(writers.path)
    assert check(writers.path) == []
    there = {episode.id: episode for episode in Dataset(writers.path).episodes}
    assert {id: there[id].steps for id, _ in done} == dict(done)
    assert sorted(episode.number for episode in there.values()) == list(range(len(there)))
    assert {episode.seed for episode in there.values()} == {0, 1}
    assert sum(episode.outcome == "aborted" for episode in there.values()) <= 2
    assert running
