"""Windows over episodes, and which of them make up a batch.

One window starts at every step of every episode. Where an episode ends first, its last step is repeated and stays out
of the loss. Batches are stratified: with a share p of D_I, every batch of B holds B p of its windows, rounded, with
the remainder carried over so that any number of batches holds its share to within one window. Each set is gone through
in one random order after another, without replacement. With alpha = 1 there is one set and batches are uniform over
all windows.

A batch is a pure function of (seed, step): resuming needs nothing else.
"""

import math
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from jaxtyping import Bool, Float32, Int64

from retouch.errors import InputError
from retouch.learning.data import TrainingData
from retouch.learning.labels import run_ends
from retouch.learning.weights import Method, intervention_share


@dataclass(frozen=True)
class Windows:
    """The windows that a method draws from, over steps laid end to end.

    Attributes:
        first: first step of each of the W windows, ascending, `W`
        in_interventions: whether the window belongs to D_I, `W`
        reach: for every step, the last one that a window starting there may reach, `T`
        in_loss: whether a step may be cloned, `T`
        length: steps of a window
    """

    first: Int64[np.ndarray, " W"]
    in_interventions: Bool[np.ndarray, " W"]
    reach: Int64[np.ndarray, " T"]
    in_loss: Bool[np.ndarray, " T"]
    length: int

    @classmethod
    def of(
        cls, data: TrainingData, method: Method, length: int = 10, split_at_label_changes: bool = False
    ) -> "Windows":
        """The windows of `length` steps that `method` uses; each has the label of its first step.

        With `split_at_label_changes` a window ends where the label changes, as it does at the end of an episode.
        Raises InputError if there are none.
        """
        labels = data.labels
        in_loss = method.in_loss(labels)
        first = np.flatnonzero(in_loss)
        if len(first) == 0:
            raise InputError(f"no samples to train on with the method '{method.name}'")
        reach = run_ends(labels, data.starts, split_at_label_changes)
        return cls(first, method.in_interventions(labels)[first], reach, in_loss, length)

    def among(self, steps: Bool[np.ndarray, " T"]) -> "Windows":
        """Those windows that start at some of the steps. Raises InputError if there are none."""
        kept = steps[self.first]
        if not kept.any():
            raise InputError("no samples to train on: none of their steps has a picture of its own")
        return replace(self, first=self.first[kept], in_interventions=self.in_interventions[kept])

    def gather(self, windows: Int64[np.ndarray, " B"]) -> tuple[Int64[np.ndarray, "B L"], Float32[np.ndarray, "B L"]]:
        """Steps of the given windows, and their mask: 1 where a step counts in the loss. At least the first one
        does."""
        first = self.first[windows]
        steps = first[:, None] + np.arange(self.length)
        reach = self.reach[first][:, None]
        inside = steps <= reach
        steps = np.minimum(steps, reach)
        return steps, (inside & self.in_loss[steps]).astype(np.float32)


class Sampler:
    """Draws batches of windows."""

    def __init__(self, windows: Windows, method: Method, batch: int, seed: int):
        """Raises InputError for an empty batch."""
        if batch < 1:
            raise InputError("a batch must hold at least one window")
        chosen = windows.in_interventions
        self.batch, self.windows = batch, len(chosen)
        self.share = intervention_share(method.alpha, int(chosen.sum()), int((~chosen).sum()))
        if method.alpha == 1:
            self._strata = [Shuffled(np.arange(len(chosen)), seed, 0)]
            self._shares = [Fraction(1)]
        else:
            self._strata = [Shuffled(np.flatnonzero(chosen), seed, 1), Shuffled(np.flatnonzero(~chosen), seed, 0)]
            self._shares = [self.share, 1 - self.share]

    @property
    def steps_per_epoch(self) -> int:
        """Gradient steps in an epoch: as many as it takes to draw as many windows as there are, however they are
        weighted."""
        return math.ceil(self.windows / self.batch)

    def draw(self, step: int) -> Int64[np.ndarray, " B"]:
        """The windows of batch number `step`, counted from 0."""
        return np.concatenate(
            [
                stratum.draw(drawn, until)
                for stratum, drawn, until in zip(self._strata, self._drawn(step), self._drawn(step + 1), strict=True)
            ]
        )

    def _drawn(self, step: int) -> list[int]:
        """Windows drawn from each set before `step`; they add up to `step` batches."""
        total = step * self.batch
        first = math.floor(total * self._shares[0] + Fraction(1, 2))
        return [first, total - first][: len(self._strata)]


class Shuffled:
    """An endless sequence of windows: one random order of all of them after another."""

    def __init__(self, windows: Int64[np.ndarray, " n"], seed: int, key: int):
        self._windows, self._seed = windows, (seed, key)
        self._pass = -1
        self._order = windows

    def draw(self, begin: int, end: int) -> Int64[np.ndarray, " m"]:
        """Members `begin` to `end` of the sequence."""
        parts = [self._windows[:0]]
        while begin < end:
            number, offset = divmod(begin, len(self._windows))
            if number != self._pass:
                self._pass = number
                self._order = np.random.default_rng([*self._seed, number]).permutation(self._windows)
            parts.append(self._order[offset : offset + end - begin])
            begin += len(parts[-1])
        return np.concatenate(parts)
