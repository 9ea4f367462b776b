"""Forks a child for each line it is given, which records episodes until it is killed.

    python writes_forever.py DATASET PROGRESS

A line is the child's seed. What it prints: `pid N` once, `done ID STEPS` after each commit that has returned, and
`dead` when the child is gone. In the file PROGRESS, which outlives a killed process as mapped memory does, it notes
`[episodes begun, rows appended to the last, commits begun]`: after each call has returned, never before.
"""

import os
import sys

import numpy as np
import pyarrow.parquet  # noqa: F401  (imported once, for all children)

from retouch.episodes import ControlSource, DatasetInfo, DatasetWriter, standard_features


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


def write_forever(path: str, progress: np.ndarray, seed: int) -> None:
    say(f"pid {os.getpid()}")
    rng = np.random.default_rng(seed)
    with DatasetWriter.open(path, DatasetInfo("threading", 0.05, standard_features(30, 7, 40))) as writer:
        while True:
            episode = writer.begin(kind="rollout", seed=seed, policy="bc-rnn@1")
            progress[1] = 0
            progress[0] += 1
            for _ in range(int(rng.integers(1, 120))):
                action = rng.normal(size=7)
                episode.append(
                    {
                        "observation": rng.normal(size=30),
                        "action": action,
                        "policy_action": action,
                        "control_source": ControlSource.POLICY,
                        "sim_state": np.full(40, episode.steps),
                        "success": False,
                    }
                )
                progress[1] += 1
            progress[2] += 1
            info = episode.commit("success", "recorded")
            say(f"done {info.id} {info.steps}")


def main(path: str, progress: str) -> None:
    noted = np.memmap(progress, np.int64, "r+", shape=(3,))
    for line in sys.stdin:
        noted[:] = 0
        child = os.fork()
        if child == 0:
            write_forever(path, noted, int(line))
        os.waitpid(child, 0)
        say("dead")


if __name__ == "__main__":
    main(*sys.argv[1:])
