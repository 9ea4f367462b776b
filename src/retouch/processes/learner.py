"""Learning while people correct: a process that trains a residual on what has been collected, version after version.

python -m retouch.processes.learner RUN      ends when its standard input does, or when all versions are there

A version's folder is named by what it has learnt from: how many completed attempts, the first ones of the round, and
which. A learner that was killed goes on with the version that is due by then. A version is there when its policy.json
is; who collects takes the newest one for the next attempt (`policies.newest`).
"""

import hashlib
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from retouch.episodes.reader import Dataset
from retouch.errors import RetouchError
from retouch.progress import Progress
from retouch.run_folder import RunFolder
from retouch.tracking import Tracking

POLL_S = 0.2
MOST_DEATHS = 20
FAILED = 1


def versions_of(run: RunFolder) -> Path:
    """Where the versions of a run are."""
    return run.folder / "policies" / "versions"


def version_of(run: RunFolder, attempts: int) -> Path:
    """The version that has learnt from so many completed attempts: another one, once they have been edited."""
    episodes = [e for e in Dataset(run.data(1)).episodes if e.outcome == "success"][:attempts]
    what = hashlib.sha256(repr([(e.id, e.first_step, e.steps) for e in episodes]).encode()).hexdigest()[:8]
    return versions_of(run) / f"{attempts:06d}-{what}"


def newest(run: RunFolder) -> Path:
    """The newest version that is there, of what the round holds; the base before the first."""
    there = [path.parent for path in versions_of(run).glob("*/policy.json")]
    for version in sorted(there, reverse=True):
        if version == version_of(run, int(version.name.partition("-")[0])):
            return version
    return run.policy(0, run.config.training_seeds[0])


def due(run: RunFolder, collected: int) -> int | None:
    """How many attempts the version to be trained now learns from; None where the newest has all that it should."""
    c = run.config
    if collected < c.first_version:
        return None
    wanted = collected - (collected - c.first_version) % c.version_every
    return None if (version_of(run, wanted) / "policy.json").exists() else wanted


def learn(run: RunFolder, attempts: int) -> Path:
    """Train the version on the first so many completed attempts, or go on with that."""
    from retouch.learning.correct import correct
    from retouch.learning.corrections import Corrections

    c, out = run.config, version_of(run, attempts)
    data = Corrections.from_datasets([Dataset(run.data(1))], most=attempts, eyes=c.training.eyes)
    config = replace(c.training, seed=c.training_seeds[0], checkpoints=1)
    with Tracking().follow(out) as figures:
        correct(data, run.policy(0, c.training_seeds[0]), c.learning, config, out, progress=figures.training)
    return out


class Learner:
    """The learner's process, started again when it was killed; `with` it, and it is there.

    Raises RetouchError where it has failed: what it said is above.
    """

    def __init__(self, run: RunFolder, progress: Progress):
        self._run, self._progress, self._deaths = run, progress, 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Learner":
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def newest(self) -> Path:
        """The folder of the newest version; sees to it that the learner is at work."""
        assert self._process is not None
        code = self._process.poll()
        if code == FAILED:
            raise RetouchError("the learner has failed (its message is above); what was collected is kept")
        if code is not None and self._run.tally(1).successes < self._run.config.corrected:
            self._deaths += 1
            if self._deaths > MOST_DEATHS:
                raise RetouchError(f"the learner was killed {self._deaths} times: is there enough memory?")
            self._progress.say("warning: the learner was killed; it is started again")
            self._end()
            self._start()
        return newest(self._run)

    def _start(self) -> None:
        one_thread = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "retouch.processes.learner", str(self._run.folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, env=os.environ | one_thread)

    def _end(self) -> None:
        assert self._process is not None
        self._process.terminate()
        with self._process:  # waits, and closes the pipe
            pass


def main() -> int:
    """Train version after version."""
    from retouch.policies.torch_setup import single_thread
    from retouch.studies.local import end_with_parent

    end_with_parent()
    single_thread()
    try:
        run = RunFolder.open(Path(sys.argv[1]))
        while (collected := run.tally(1).successes) < run.config.corrected:
            wanted = due(run, collected)
            if wanted is None:
                time.sleep(POLL_S)
            else:
                learn(run, wanted)
    except RetouchError as error:
        print(f"retouch: {error}", file=sys.stderr)
        return FAILED
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
