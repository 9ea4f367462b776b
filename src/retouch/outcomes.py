"""Outcomes of attempts: success rates, their intervals, and the initial states that every policy shares.

Attempt i of a purpose starts from the same state for every policy, so differences between policies are paired. The
states of different purposes never meet: what tunes, what selects checkpoints and what is reported are disjoint.
"""

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from jaxtyping import Bool

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


def mean_rate(outcomes: Bool[np.ndarray, "a n"], resamples: int = 10_000, seed: int = 0) -> tuple[float, float, float]:
    """Mean success with its 95 % interval, by a bootstrap over training seeds (rows) and initial states (columns)."""
    rng, values = np.random.default_rng(seed), outcomes.astype(float)
    rows, columns = (rng.integers(n, size=(resamples, n)) for n in values.shape)
    means = [values[np.ix_(r, c)].mean() for r, c in zip(rows, columns, strict=True)]
    low, high = np.quantile(means, (0.025, 0.975))
    return float(values.mean()), float(low), float(high)


def paired_difference(
    better: Bool[np.ndarray, "a n"], worse: Bool[np.ndarray, "b m"], resamples: int = 10_000, seed: int = 0
) -> tuple[float, float, float]:
    """Difference of two success rates with its 95 % interval, by a bootstrap over training seeds and initial states.

    Args:
        better, worse: a row a training seed, a column an initial state, the same ones on both sides.

    Returns:
        The difference of the means, and the lower and upper end of its interval.
    """
    a, b = better.astype(float), worse.astype(float)
    if a.shape[1] != b.shape[1]:
        raise InputError("a paired comparison needs the same initial states on both sides")
    rng = np.random.default_rng(seed)
    differences = np.empty(resamples)
    for i in range(resamples):
        states = rng.integers(a.shape[1], size=a.shape[1])
        rows_a, rows_b = rng.integers(len(a), size=len(a)), rng.integers(len(b), size=len(b))
        differences[i] = a[np.ix_(rows_a, states)].mean() - b[np.ix_(rows_b, states)].mean()
    low, high = np.quantile(differences, (0.025, 0.975))
    return float(a.mean() - b.mean()), float(low), float(high)


@dataclass(frozen=True)
class Evaluation:
    """What came of evaluating one policy.

    Attributes:
        policy: what was evaluated.
        purpose: of the initial states.
        seeds: of the attempts.
        successes: of each attempt.
        steps: that each attempt took.
    """

    policy: str
    purpose: str
    seeds: tuple[int, ...]
    successes: tuple[bool, ...]
    steps: tuple[int, ...]

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

    def __str__(self) -> str:
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
            for name in ("seeds", "successes", "steps"):
                document[name] = tuple(document[name])
            return cls(**document)
        except (ValueError, KeyError, TypeError) as error:
            raise RetouchError(f"{path} is damaged ({error}): delete it to evaluate again") from None
