"""Bringing observations and actions to one scale, which the network sees."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int64

from retouch.errors import InputError, UnknownName

NormaliserKind = Literal["mean-std", "min-max", "none"]
KINDS: tuple[NormaliserKind, ...] = ("mean-std", "min-max", "none")

MIN_SPREAD = 1e-3
"""A dimension that varies by less than this in the data (1 mm, 1 mrad) is centred but not scaled up: what is noise
there must not drown the rest when the world leaves the data, e.g. when a stand that always stood still is knocked
over."""

LIMIT = 10.0
"""Normalised observations are clipped here, for the same reason."""

CHUNK = 4096
"""Rows that are read at a time."""


@runtime_checkable
class Sliceable(Protocol):
    """Rows that may be larger than memory: an array, perhaps mapped from disk, or what reads a slice when asked."""

    def __len__(self) -> int: ...
    def __getitem__(self, rows: slice, /) -> Any: ...


def chunks(rows: Sliceable) -> Iterator[np.ndarray]:
    """The rows from first to last, a few at a time."""
    return (rows[begin : begin + CHUNK] for begin in range(0, len(rows), CHUNK))


@dataclass(frozen=True)
class Normaliser:
    """`normalised = clip((observation - offset) * scale)`, per dimension; `none` passes observations through.

    `offset` and `scale` have shape `D`.
    """

    kind: str
    offset: Float32[np.ndarray, " D"]
    scale: Float32[np.ndarray, " D"]

    @classmethod
    def fit(cls, observations: Sliceable, kind: str = "mean-std") -> "Normaliser":
        """Fits to the observations of a training set, `T D`, which are read in chunks.

        `mean-std` gives every dimension mean 0 and standard deviation 1, `min-max` the range [-1, 1].
        Raises UnknownName for another kind, InputError without observations.
        """
        if kind not in KINDS:
            raise UnknownName("normaliser", kind, KINDS)
        if len(observations) == 0:
            raise InputError("a normaliser cannot be fitted to no observations")
        if kind == "mean-std":
            steps = len(observations)
            offset = sum(chunk.sum(axis=0, dtype=np.float64) for chunk in chunks(observations)) / steps
            spread = np.sqrt(sum(np.square(chunk - offset).sum(axis=0) for chunk in chunks(observations)) / steps)
        elif kind == "min-max":
            low = np.min([chunk.min(axis=0) for chunk in chunks(observations)], axis=0).astype(np.float64)
            high = np.max([chunk.max(axis=0) for chunk in chunks(observations)], axis=0).astype(np.float64)
            offset, spread = (low + high) / 2, (high - low) / 2
        else:
            dimensions = observations[:1].shape[1]
            offset, spread = np.zeros(dimensions), np.ones(dimensions)
        scale = 1 / np.where(spread < MIN_SPREAD, 1.0, spread)
        return cls(kind, offset.astype(np.float32), scale.astype(np.float32))

    def __call__(self, observations: Float32[np.ndarray, "*batch D"]) -> Float32[np.ndarray, "*batch D"]:
        """Normalised observations, a new array."""
        if self.kind == "none":
            return observations.copy()
        normalised = (observations - self.offset) * self.scale
        return np.clip(normalised, -LIMIT, LIMIT, out=normalised)


REACH = 0.9
"""Where the largest action that was seen is put: a tanh never comes to 1, and a little more than seen may be asked."""

LEAST_RANGE = 1e-6
"""A dimension of actions that is nearly always the same is learnt as that; half its range, in its own unit."""


NEAR = 0.1
"""An entry of actions that stays so much nearer to one of observations than it varies is learnt as the difference."""


@dataclass(frozen=True)
class ActionScale:
    """Actions in the task's own units, such as metres and newtons, and as a network gives them: in [-1, 1].

    `action = offset + scale * network's`, per dimension, and the entry `near` of the observation added where there is
    one: a reference that goes on from the last one is learnt as its next step. Actions that lie in [-1, 1] as they are,
    as shares of the most that a robot does, stay as they are.

    Attributes:
        offset, scale: `A`
        near: index of an entry of the observation, or -1, `A`
    """

    offset: Float32[np.ndarray, " A"]
    scale: Float32[np.ndarray, " A"]
    near: Int64[np.ndarray, " A"]

    @classmethod
    def none(cls, dimensions: int) -> "ActionScale":
        """That leaves actions as they are."""
        return cls(np.zeros(dimensions, np.float32), np.ones(dimensions, np.float32), np.full(dimensions, -1))

    @classmethod
    def fit(cls, actions: Sliceable, observations: Sliceable) -> "ActionScale":
        """Fits to a training set, `T A` and `T D`, which is read in chunks."""
        low, high = _range(actions)
        if max(-low.min(), high.max()) <= 1 + 1e-5:
            return cls.none(len(low))
        least, most = np.array(np.inf), np.array(-np.inf)  # of every action minus every observation, `A D`
        for action, seen in zip(chunks(actions), chunks(observations), strict=True):
            apart = action[:, :, None] - seen[:, None, :]
            least, most = np.minimum(least, apart.min(axis=0)), np.maximum(most, apart.max(axis=0))
        nearest = np.argmin(most - least, axis=1)
        least, most = (np.take_along_axis(b, nearest[:, None], axis=1)[:, 0].astype(float) for b in (least, most))
        varies = high - low > 2 * LEAST_RANGE
        follows = varies & (most - least < NEAR * (high - low))
        near = np.where(follows, nearest, -1)
        low, high = np.where(follows, least, low), np.where(follows, most, high)
        scale = np.maximum((high - low) / 2, LEAST_RANGE) / REACH
        return cls(((low + high) / 2).astype(np.float32), scale.astype(np.float32), near)

    @property
    def changes(self) -> bool:
        """Whether it is another scale at all."""
        return bool(self.offset.any() or (self.scale != 1).any() or (self.near >= 0).any())

    def to_network(
        self, actions: Float32[np.ndarray, "*batch A"], observations: Float32[np.ndarray, "*batch D"]
    ) -> Float32[np.ndarray, "*batch A"]:
        """As the network shall give them."""
        return (actions - self._from(observations)) / self.scale if self.changes else actions

    def from_network(
        self, actions: Float32[np.ndarray, "*batch A"], observations: Float32[np.ndarray, "*batch D"]
    ) -> Float32[np.ndarray, "*batch A"]:
        """As the robot is told."""
        return self._from(observations) + self.scale * actions if self.changes else actions

    def _from(self, observations: Float32[np.ndarray, "*batch D"]) -> Float32[np.ndarray, "*batch A"]:
        """What the network's actions are added to."""
        return self.offset + np.where(self.near >= 0, observations[..., self.near], np.float32(0))


def _range(rows: Sliceable) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest of every entry, float64."""
    low = np.min([chunk.min(axis=0) for chunk in chunks(rows)], axis=0).astype(np.float64)
    high = np.max([chunk.max(axis=0) for chunk in chunks(rows)], axis=0).astype(np.float64)
    return low, high
