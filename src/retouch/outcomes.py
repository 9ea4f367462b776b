"""Outcomes of attempts: success rates, their intervals, and the initial states that every policy shares.

Attempt i of a purpose starts from the same state for every policy, so differences between policies are paired. The
states of different purposes never meet: what tunes, what selects checkpoints and what is reported are disjoint.
"""

import dataclasses
import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

from retouch.errors import InputError, RetouchError
from retouch.policies.files import write_json

Purpose = Literal["collect", "tune", "select", "test"]
_PURPOSES: tuple[Purpose, ...] = ("collect", "tune", "select", "test")


def attempt_seeds(purpose: Purpose, stream: int = 0, start: int = 0) -> Iterator[int]:
    """Seeds of attempts `start`, `start` + 1, ... without end; those of two purposes or streams never meet.

    Args:
        purpose: `collect` for data, `tune` for choosing anything, `select` for comparing checkpoints, `test` to report.
        stream: an independent sequence, below 10^6; the collection seed and round go in here.
    """
    if not 0 <= stream < 10**6:
        raise InputError(f"a stream is a number from 0 to 999999, not {stream}")
    first = (_PURPOSES.index(purpose) + 1) * 10**15 + stream * 10**9
    return itertools.count(first + start)


def wilson(successes: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    """Wilson's interval for a rate (95 % by default), within [0, 1]; (0, 1) when nothing was tried."""
    if trials == 0:
        return 0.0, 1.0
    rate = successes / trials
    denominator = 1 + z * z / trials
    centre = (rate + z * z / (2 * trials)) / denominator
    half = z / denominator * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True)
class Evaluation:
    """What came of evaluating one policy.

    Attributes:
        policy: what was evaluated.
        purpose: of the initial states.
        seeds: of the attempts.
        successes: of each attempt.
        steps: that each attempt took.
        reasons: of each outcome.
        stages: of the task that were reached in each attempt.
        forces: most that the tool felt of what it touched, in each [N]; none for a robot that feels nothing.
        jerks: of what such a robot was asked for, in each, root mean square [m/s^3].
    """

    policy: str
    purpose: str
    seeds: tuple[int, ...]
    successes: tuple[bool, ...]
    steps: tuple[int, ...]
    reasons: tuple[str, ...] = ()
    stages: tuple[tuple[bool, ...], ...] = ()
    forces: tuple[float, ...] = ()
    jerks: tuple[float, ...] = ()

    def __add__(self, other: "Evaluation") -> "Evaluation":
        """This one and then the other, of the same policy and purpose."""
        mine, theirs = self._of_attempts(), other._of_attempts()
        joined: dict[str, Any] = {name: (*mine[name], *theirs[name]) for name in mine}
        return dataclasses.replace(self, **joined)

    def _of_attempts(self) -> dict[str, tuple[Any, ...]]:
        """What has a value for every attempt."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in ("policy", "purpose")}

    @property
    def trials(self) -> int:
        """How many attempts."""
        return len(self.successes)

    @property
    def rate(self) -> float:
        """Share of attempts that succeeded."""
        return sum(self.successes) / self.trials if self.trials else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the rate."""
        return wilson(sum(self.successes), self.trials)

    @property
    def width(self) -> float:
        """Of the interval."""
        low, high = self.interval
        return high - low

    def __str__(self) -> str:
        if not self.trials:
            return "not evaluated"
        low, high = self.interval
        return f"{100 * self.rate:.1f} % [{100 * low:.0f}, {100 * high:.0f}] (n = {self.trials})"

    def save(self, path: Path) -> None:
        """Write it as JSON, all or nothing."""
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        try:
            document: dict[str, Any] = json.loads(path.read_text())
            document["stages"] = [tuple(held) for held in document.get("stages", ())]
            values: dict[str, Any] = {k: v if isinstance(v, str) else tuple(v) for k, v in document.items()}
            return cls(**values)
        except (ValueError, KeyError, TypeError) as error:
            raise RetouchError(f"{path} is damaged ({error}): delete it to evaluate again") from None
