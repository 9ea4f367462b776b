"""Bringing observations to one scale before the network sees them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

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
