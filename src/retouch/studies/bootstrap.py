"""Intervals of success rates over nested levels: people, their collections, training seeds, initial states.

Outcomes are arrays `[..., levels, ..., states]`: a policy for every index of the levels, each tried on the same states.
"""

from typing import Any

import numpy as np
from jaxtyping import Bool

from retouch.errors import InputError

RESAMPLES = 10_000
Outcomes = Bool[np.ndarray, "*levels states"]


def mean_rate(outcomes: Outcomes, resamples: int = RESAMPLES, seed: int = 0) -> tuple[float, float, float]:
    """Mean success with its 95 % interval by a bootstrap: every level within the one before it, and states.

    A level with one member (one person, one collection) adds nothing, so its variance is not in the interval; with a
    few members the interval is too narrow.
    """
    means = _means(outcomes[None], resamples, np.random.default_rng(seed))[0]
    low, high = np.quantile(means, (0.025, 0.975))
    return float(outcomes.mean()), float(low), float(high)


def paired_difference(
    one: Outcomes, other: Outcomes, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float, float]:
    """Success of one method minus that of another, with its 95 % interval; all levels are drawn for both at once.

    Raises:
        InputError: they were not tried with the same people on the same states.
    """
    if one.shape != other.shape:
        raise InputError(f"a paired comparison needs the same trials on both sides: {one.shape}, {other.shape}")
    means = _means(np.stack([one, other]), resamples, np.random.default_rng(seed))
    low, high = np.quantile(means[0] - means[1], (0.025, 0.975))
    return float(one.mean() - other.mean()), float(low), float(high)


def _means(outcomes: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Resampled means of each of several cells, `[cells, resamples]`; all cells are resampled alike."""
    cells, *levels, states = outcomes.shape
    values = outcomes.astype(np.float64)
    means = np.empty((cells, resamples))
    for k in range(resamples):
        index: list[Any] = [slice(None)]
        for i in range(len(levels)):
            members = rng.integers(levels[i], size=levels[: i + 1])
            index.append(members.reshape(*members.shape, *[1] * (len(levels) - i - 1)))
        policies = values[tuple(index)].reshape(cells, -1, states).mean(axis=1)
        means[:, k] = policies[:, rng.integers(states, size=states)].mean(axis=1)
    return means
