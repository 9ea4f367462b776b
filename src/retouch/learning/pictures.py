"""The pictures that a policy is trained on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Int64, UInt8

from retouch.episodes.reader import Dataset
from retouch.episodes.schema import EpisodeInfo
from retouch.errors import InputError
from retouch.learning.rows import Rows
from retouch.policies.eyes import Eyes

SOME = 256  # pictures that are read at a time


@dataclass(frozen=True)
class Pictures:
    """What a camera has shown over episodes laid end to end. Pictures stay mapped from disk.

    Attributes:
        shown: every picture once, in order, `P S S 3`
        newest: which of them is the newest in each step, `T`
    """

    shown: UInt8[np.ndarray | Rows, "P S S 3"]
    newest: Int64[np.ndarray, " T"]

    @classmethod
    def of(cls, datasets: Sequence[Dataset], episodes: Sequence[Sequence[EpisodeInfo]], eyes: Eyes) -> "Pictures":
        """Those of some episodes of each data set.

        Raises InputError where there are none of this camera, or of another size.
        """
        parts, newest, count = [], [], 0
        for dataset, chosen in zip(datasets, episodes, strict=True):
            try:
                shown, which = dataset.pictures(eyes.camera, chosen)
            except InputError as error:
                raise InputError(f"{error}: record them with collect --camera {eyes.size}") from None
            if shown.shape[1:] != (eyes.size, eyes.size, 3):
                raise InputError(
                    f"{dataset.path} has pictures of {shown.shape[1]} pixels, the policy's have {eyes.size}"
                )
            parts.append(shown)
            newest.append(which + count)
            count += len(shown)
        return cls(Rows(parts, np.arange(count), np.uint8), np.concatenate(newest))

    def at(self, steps: Int64[np.ndarray, " K"]) -> "Pictures":
        """As of some of the steps alone."""
        return Pictures(self.shown, self.newest[steps])

    @property
    def fresh(self) -> Bool[np.ndarray, " T"]:
        """Whether there is a new picture in each step: what is seen is as old as when a policy asks for it."""
        return np.diff(self.newest, prepend=-1) != 0

    def digest(self, update: Callable[[memoryview], object]) -> None:
        """Hands over all that is learnt from."""
        update(np.ascontiguousarray(self.newest).data)
        for first in range(0, len(self.shown), SOME):
            update(np.ascontiguousarray(self.shown[first : first + SOME]).data)


def shifted(
    pictures: UInt8[np.ndarray, "B H S S 3"], most: int, random: np.random.Generator
) -> UInt8[np.ndarray, "B H S S 3"]:
    """Each sample's pictures shifted by up to `most` pixels either way, all alike; at its edges a picture goes on as it
    ends (Yarats et al. 2021)."""
    size = pictures.shape[2]
    by: Int[np.ndarray, "B 2"] = random.integers(-most, most + 1, (len(pictures), 2))
    moved = np.empty_like(pictures)
    for out, sample, (down, across) in zip(moved, pictures, by.tolist(), strict=True):
        rows, columns = (np.clip(np.arange(size) + shift, 0, size - 1) for shift in (down, across))
        out[:] = sample[:, rows][:, :, columns]
    return moved
