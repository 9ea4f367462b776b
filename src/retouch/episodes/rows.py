"""One step as a record of fixed size: what the journal holds."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from retouch.episodes.schema import MAY_BE_NAN, ControlSource, Feature
from retouch.errors import InputError

_SOURCES = frozenset(int(source) for source in ControlSource)
_ACTED = frozenset({int(ControlSource.OPERATOR), int(ControlSource.BOTH)})


def record_dtype(features: Mapping[str, Feature]) -> np.dtype[np.void]:
    """The packed structured dtype of one step. Floats that must be finite come first, so that two looks check them."""
    order = sorted(features, key=lambda name: _FINITE.get((features[name].dtype, name in MAY_BE_NAN), 2))
    return np.dtype([(name, f"<{np.dtype(features[name].dtype).str[1:]}", features[name].shape) for name in order])


_FINITE = {("float64", False): 0, ("float32", False): 1}


class RowPacker:
    """Checks rows and packs each into the same record, which stays valid until the next row.

    A row maps columns to values. What may be left out: `step` (counted), `time_s` (step x control period),
    `intervention` (whether an operator acted), `policy_action` and `operator_action` (NaN, also for None).
    """

    def __init__(self, features: Mapping[str, Feature], control_period_s: float):
        self.dtype = record_dtype(features)
        self._features = features
        self._period_s = control_period_s
        record = np.zeros((), self.dtype)
        self._bytes = memoryview(record.reshape(1).view(np.uint8))  # type: ignore[arg-type]
        self._finite = _finite_blocks(record, features)
        self._cells = [(name, record[name], feature.shape) for name, feature in features.items()]
        floats = [(name, cell) for name, cell, _ in self._cells if cell.dtype.kind == "f"]
        self._floats = [(name, cell) for name, cell in floats if name not in MAY_BE_NAN]
        self._proposals = [(name, cell) for name, cell in floats if name in MAY_BE_NAN]
        self.source = record["control_source"]
        """Of the last packed row."""

    def pack(self, step: int, row: Mapping[str, Any]) -> memoryview:
        """The bytes of `row` as step number `step`.

        Raises:
            InputError: A column is missing or unknown, or a value has the wrong shape, the wrong type, or is NaN or
                infinite where it must not be.
        """
        given = 0
        with np.errstate(all="ignore"):
            for name, cell, shape in self._cells:
                value = row.get(name)
                if value is None:
                    self._fill(step, name, cell, row)
                    given += name in row
                    continue
                given += 1
                if np.shape(value) != shape:
                    raise InputError(f"step {step}: {name} has shape {np.shape(value)}, not {shape}")
                if isinstance(value, ControlSource):
                    value = value.value
                try:
                    np.copyto(cell, value, casting="same_kind")
                except (TypeError, ValueError, OverflowError) as error:
                    raise InputError(f"step {step}: {name} is {cell.dtype}: {error}") from None
                if cell.dtype.kind in "iu" and type(value) is not int and not np.array_equal(cell, value):
                    raise InputError(f"step {step}: {name} does not fit {cell.dtype}")
        if given != len(row):
            unknown = sorted(set(row) - set(self._features))
            raise InputError(f"step {step}: no column '{unknown[0]}' (columns: {', '.join(self._features)})")
        self._check(step, row)
        return self._bytes

    def _fill(self, step: int, name: str, cell: np.ndarray, row: Mapping[str, Any]) -> None:
        if name == "step":
            cell[()] = step
        elif name == "time_s":
            cell[()] = step * self._period_s
        elif name == "intervention":
            cell[()] = row.get("control_source") in _ACTED
        elif name in MAY_BE_NAN:
            cell[()] = np.nan
        else:
            raise InputError(f"step {step}: {name} is missing")

    def _check(self, step: int, row: Mapping[str, Any]) -> None:
        if not all(np.isfinite(block).all() for block in self._finite):
            name, cell = next((name, cell) for name, cell in self._floats if not np.isfinite(cell).all())
            raise InputError(f"step {step}: {name} is not finite: {_where(cell)}")
        for name, cell in self._proposals:
            if row.get(name) is not None and not np.isfinite(cell).all() and not np.isnan(cell).all():
                raise InputError(f"step {step}: {name} is neither finite nor NaN throughout: {_where(cell)}")
        if row.get("step") is not None and int(row["step"]) != step:
            raise InputError(f"step {step}: it says that it is step {int(row['step'])}")
        if int(self.source) not in _SOURCES:
            raise InputError(f"step {step}: no control_source {int(self.source)} (valid: 0 to 3)")


def _finite_blocks(record: np.ndarray, features: Mapping[str, Feature]) -> list[np.ndarray]:
    data = record.reshape(1).view(np.uint8)
    blocks, start = [], 0
    for dtype in ("float64", "float32"):
        count = sum(f.size for name, f in features.items() if f.dtype == dtype and name not in MAY_BE_NAN)
        blocks.append(np.frombuffer(data.data, dtype, count, start) if count else np.zeros(0, dtype))
        start += blocks[-1].nbytes
    return blocks


def _where(value: np.ndarray) -> str:
    bad = np.argwhere(~np.isfinite(value))[0].tolist()
    return f"{value[tuple(bad)]} at {bad}" if bad else str(value)
