"""How much has been collected: targets, tallies, and who may collect into a folder."""

import contextlib
import fcntl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from retouch.episodes.reader import Dataset
from retouch.episodes.schema import EpisodeInfo
from retouch.errors import InputError, InUse


@dataclass(frozen=True)
class Target:
    """When a collection is complete; only completed attempts (successes) count.

    Attributes:
        episodes: so many successes, or
        samples: so many steps in which the person acted, in successes.
        max_attempts: give up after so many attempts, with a warning: some policies leave too little to correct.
    """

    episodes: int | None = None
    samples: int | None = None
    max_attempts: int = 1000


@dataclass
class Tally:
    """What a data set holds so far.

    Attributes:
        attempts: episodes that ran to their end.
        successes: of them.
        steps: in successes.
        human_steps: in successes, in which the person acted.
        discarded_human_steps: the person's steps in attempts that failed: effort that trains nothing.
        corrected: attempts in which the person acted.
        largest_force: that the tool felt of what it touched, where the robot feels anything [N].
    """

    attempts: int = 0
    successes: int = 0
    steps: int = 0
    human_steps: int = 0
    discarded_human_steps: int = 0
    corrected: int = 0
    largest_force: float = 0.0

    def add(self, success: bool, steps: int, human_steps: int, force: float = 0.0) -> None:
        """Count one more episode."""
        self.attempts += 1
        self.corrected += human_steps > 0
        self.largest_force = max(self.largest_force, force)
        if success:
            self.successes += 1
            self.steps += steps
            self.human_steps += human_steps
        else:
            self.discarded_human_steps += human_steps

    def reached(self, target: Target) -> bool:
        """Whether the collection is complete."""
        if target.episodes is not None and self.successes < target.episodes:
            return False
        return not (target.samples is not None and self.human_steps < target.samples)


def human_steps(episode: EpisodeInfo) -> int:
    """Steps of an episode in which a person acted."""
    return episode.control_steps.get("operator", 0) + episode.control_steps.get("both", 0)


def tally(dataset: Dataset) -> Tally:
    """Count what a data set holds, from its episodes alone, edits applied; aborted ones do not count."""
    total = Tally()
    for episode in dataset.episodes:
        if episode.outcome in ("success", "failure"):
            force = float(episode.extra.get("force", 0.0))
            total.add(episode.outcome == "success", episode.steps, human_steps(episode), force)
    return total


def stream_of(seed: int, round_number: int) -> int:
    """Which sequence of initial states a round is collected from; no two rounds and no two seeds share one.

    Raises:
        InputError: the seed is not in 0 to 999, or the round not in 0 to 99.
    """
    if not 0 <= seed < 1000:
        raise InputError(f"a seed of collecting is a number from 0 to 999, not {seed}")
    if not 0 <= round_number < 100:
        raise InputError(f"a round is a number from 0 to 99, not {round_number}")
    return 1000 * seed + 10 * round_number


def next_attempt(dataset: Dataset) -> int:
    """Number of the first attempt that has not been recorded yet, whatever was edited since."""
    recorded = (dataset.recorded(episode) for episode in dataset.all_episodes)
    return sum(episode.outcome != "aborted" for episode in recorded)


@contextlib.contextmanager
def one_at_a_time(folder: Path, wait: bool = False, together: bool = False) -> Iterator[None]:
    """Keep other processes from collecting into, or running in, the same folder.

    Args:
        wait: for others to end.
        together: those who say so may be several, as people who collect one round.

    Raises:
        InUse: somebody else does, and `wait` is off.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".in-use").open("a") as file:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if together else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise InUse(f"{folder} is in use by another retouch: wait for it, or choose another folder") from None
        yield
