"""Rows of arrays that may be larger than memory."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int64
from numpy.typing import DTypeLike


class Rows:
    """Some rows of arrays laid end to end, of one type. They stay where they are, mapped from disk perhaps; indexing
    reads those asked for into a new array."""

    def __init__(self, parts: Sequence[np.ndarray], kept: Int64[np.ndarray, " T"], dtype: DTypeLike = np.float32):
        """`kept` are the rows that count, in their order, numbered through all `parts`."""
        self._parts, self._kept, self.dtype = parts, kept, np.dtype(dtype)
        self._ends = np.cumsum([len(part) for part in parts])
        self.shape = (len(kept), *parts[0].shape[1:])

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, index: slice | Int64[np.ndarray, "..."]) -> Any:
        """The rows at `index`, of shape `[*index, ...]`."""
        rows = self._kept[index]
        which = np.searchsorted(self._ends, rows, side="right")
        found = np.empty((*rows.shape, *self.shape[1:]), self.dtype)
        for number, part in enumerate(self._parts):
            here = which == number
            found[here] = part[rows[here] - (self._ends[number] - len(part))]
        return found
