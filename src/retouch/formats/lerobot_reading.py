"""A LeRobotDataset v3.0, ours or anybody's, as episodes for the store. Needs nothing of lerobot's."""

import contextlib
import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retouch.episodes import DatasetInfo, Feature
from retouch.episodes.schema import DTYPES, MAY_BE_NAN, REQUIRED
from retouch.errors import InputError, RetouchError
from retouch.formats.exchange import NOTES, SAID, Choices
from retouch.formats.foreign import Foreign, Told, column_name, info_of
from retouch.formats.lerobot import (
    ACTION,
    DATA_PATH,
    DEFAULTS,
    INFO,
    PREFIX,
    RETOUCH,
    STATE,
    SURROUNDINGS,
    TASKS,
    columns_of,
)

_EPISODE = ("episode_index", "length", "data/chunk_index", "data/file_index")


@dataclass(frozen=True)
class _Part:
    """A column of theirs, and the name of ours that it is, or is a part of."""

    theirs: str
    ours: str
    feature: Feature  # as stored


@contextlib.contextmanager
def read(path: Path, choices: Choices) -> Iterator[Foreign]:
    """Opens a LeRobotDataset; its episodes are read one after the other.

    Raises:
        InputError: It is not one, is of another version, or its files do not agree; the message tells which.
    """
    document = _json(path / INFO, f"{path} is not a LeRobotDataset")
    version = document.get("codebase_version")
    if not str(version).startswith("v3."):
        raise InputError(f"{path} is a LeRobotDataset of version {version}, and v3 is read: lerobot converts it")
    features, left_out = _features(document, path / INFO)
    tasks = _tasks(path / TASKS)
    rows, task = _episodes(path, tasks, choices)
    info, parts, dropped = _columns(path, document, features, task, choices)
    yield Foreign(path.name, "lerobot", info, _read(path, document, rows, parts, info), left_out + dropped)


def _features(document: Mapping[str, Any], where: Path) -> tuple[dict[str, Feature], list[str]]:
    """The columns of numbers, and a line for each that is not."""
    features, left_out = {}, []
    try:
        for name, told in document["features"].items():
            dtype, shape = told["dtype"], tuple(told["shape"])
            dtype = "float32" if dtype == "float16" else dtype
            if name in DEFAULTS:
                continue
            if dtype not in DTYPES:
                left_out.append(f"the column {name}: the store holds no {dtype}")
                continue
            names = told.get("names")
            fits = isinstance(names, list) and len(names) == shape[-1] and all(isinstance(n, str) for n in names)
            features[name] = Feature(dtype, shape, tuple(names) if fits else None)
    except (KeyError, TypeError, AttributeError, IndexError, InputError) as error:
        raise InputError(f"{where}: its features are not those of a LeRobotDataset ({error})") from None
    if "action" not in features:
        raise InputError(f"{where}: no column 'action'")
    return features, left_out


def _columns(
    path: Path, document: Mapping[str, Any], features: Mapping[str, Feature], task: str, choices: Choices
) -> tuple[DatasetInfo, list[_Part], list[str]]:
    """Our description of the dataset, from which of their columns ours are made, and what is left out of ours."""
    if not (path / RETOUCH).is_file():
        return *_foreign_columns(path, document, features, task, choices), []
    told = _json(path / RETOUCH, "")
    try:
        info = DatasetInfo.from_json(told.get("dataset", {}), path / RETOUCH)
    except RetouchError as error:
        raise InputError(str(error)) from None
    parts, gone = [], []
    for name, column in columns_of(info, set()).items():
        if name not in features:
            gone.append(column.source)
        elif features[name].shape != column.feature.shape:
            raise InputError(f"{path / INFO}: {name} is of shape {features[name].shape}, not {column.feature.shape}")
        else:
            parts.append(_Part(name, column.source, column.feature))
    gone = [name for name in gone if name not in MAY_BE_NAN and name not in REQUIRED]
    kept = {name: feature for name, feature in info.features.items() if name not in gone}
    left_out = [f"the column {name}: somebody has taken it out" for name in gone]
    return dataclasses.replace(info, task=choices.task or info.task, features=kept), parts, left_out


def _foreign_columns(
    path: Path, document: Mapping[str, Any], features: Mapping[str, Feature], task: str, choices: Choices
) -> tuple[DatasetInfo, list[_Part]]:
    rate = document.get("fps", choices.rate_hz)
    if not isinstance(rate, int | float) or not rate > 0:
        raise InputError(f"{path / INFO}: fps is {rate!r}: give --rate")
    seen = [name for name in (STATE, SURROUNDINGS) if name in features]
    seen += [n for n, f in features.items() if n.startswith("observation") and n not in seen and len(f.shape) == 1]
    if not seen:
        raise InputError(f"{path / INFO}: no observation of numbers (images are not imported)")
    observation = _together([features[name] for name in seen])
    action = _together([features[ACTION]])
    parts = [_Part(name, "observation", features[name]) for name in seen]
    parts.append(_Part(ACTION, "action", features[ACTION]))
    others: dict[str, Feature] = {}
    standard = info_of(task, 1 / rate, observation, action, {}).features
    for name, feature in features.items():
        if name in (*seen, ACTION):
            continue
        stored = Feature(feature.dtype) if feature.shape == (1,) else feature
        ours = name.removeprefix(PREFIX)
        if ours in standard and (standard[ours].dtype, standard[ours].shape) == (stored.dtype, stored.shape):
            stored = standard[ours]
        else:
            ours = column_name(ours, [*standard, *others])
            others[ours] = stored
        parts.append(_Part(name, ours, feature))
    return info_of(task, 1 / rate, observation, action, others), parts


def _together(parts: list[Feature]) -> Feature:
    """One vector of floats of several."""
    dtype = "float64" if any(part.dtype == "float64" for part in parts) else "float32"
    names = [name for part in parts for name in part.names or ()]
    size = sum(part.size for part in parts)
    return Feature(dtype, (size,), tuple(names) if len(names) == size else None)


def _tasks(path: Path) -> dict[int, str]:
    """The words of each task by its index."""
    table = _table(path)
    words = [name for name in table.column_names if name != "task_index"]
    if "task_index" not in table.column_names or not words:
        raise InputError(f"{path}: no columns task_index and task")
    return dict(zip(table.column("task_index").to_pylist(), map(str, table.column(words[0]).to_pylist()), strict=True))


def _episodes(path: Path, tasks: Mapping[int, str], choices: Choices) -> tuple[list[dict[str, Any]], str]:
    """What is told of each episode, by its index, and the task: of several the chosen one, with its episodes alone."""
    rows: list[dict[str, Any]] = []
    for file in sorted((path / "meta" / "episodes").glob("*/*.parquet")):
        table = _table(file, [*_EPISODE, "tasks", *SAID, NOTES])
        for name in _EPISODE:
            if name not in table.column_names:
                raise InputError(f"{file}: no column {name}")
        if any(table.column(name).null_count or not _is_integer(table.column(name).type) for name in _EPISODE):
            raise InputError(f"{file}: {', '.join(_EPISODE)} are whole numbers")
        rows += table.to_pylist()
    if not rows:
        raise InputError(f"{path} has no episodes")
    rows.sort(key=lambda row: row["episode_index"])
    found = sorted({task for row in rows for task in row.get("tasks") or []} or set(tasks.values()))
    if len(found) > 1:
        if choices.task not in found:
            raise InputError(f"{path} is of several tasks: take one with --task ({'; '.join(found)})")
        return [row for row in rows if choices.task in (row.get("tasks") or [])], str(choices.task)
    return rows, choices.task or (found[0] if found else path.name)


def _read(
    path: Path, document: Mapping[str, Any], rows: list[dict[str, Any]], parts: list[_Part], info: DatasetInfo
) -> Iterator[Told]:
    pattern = str(document.get("data_path") or DATA_PATH)
    file: tuple[Path, Any] | None = None
    for row in rows:
        index, where = row["episode_index"], f"episode {row['episode_index']}"
        at = _inside(path, pattern, row)
        if file is None or file[0] != at:
            file = at, _table(at, ["episode_index", "frame_index", *(part.theirs for part in parts)])
        table = file[1].filter(_equals(file[1].column("episode_index"), index))
        if len(table) != row["length"]:
            raise InputError(f"{at}: {len(table)} steps of {where}, {row['length']} are told")
        if table.column("frame_index").to_pylist() != list(range(len(table))):
            raise InputError(f"{at}: the frames of {where} are not numbered 0, 1, 2 ...")
        arrays: dict[str, list[np.ndarray]] = {}
        for part in parts:
            arrays.setdefault(part.ours, []).append(
                _from_arrow(table.column(part.theirs), part, f"{at}: {part.theirs}")
            )
        columns = {name: _fitting(values, info.features[name]) for name, values in arrays.items()}
        yield Told(where, columns, {name: _plain(row.get(name)) for name in (*SAID, NOTES)}, {"episode": index})


def _plain(value: Any) -> Any:
    """What is said of an episode, without what lerobot's merging makes of it: NaN of nothing, floats of counts."""
    if isinstance(value, float):
        return None if math.isnan(value) else int(value) if value.is_integer() else value
    return value


def _inside(path: Path, pattern: str, row: Mapping[str, Any]) -> Path:
    """The file of an episode's steps, which is in the dataset's folder."""
    try:
        name = pattern.format(chunk_index=row["data/chunk_index"], file_index=row["data/file_index"])
    except (KeyError, IndexError, ValueError, AttributeError, TypeError):
        raise InputError(f"{path / INFO}: no path of data files: {pattern!r}") from None
    at = path / name
    if not at.resolve().is_relative_to(path.resolve()):
        raise InputError(f"{path / INFO}: data outside of the dataset: {name}")
    return at


def _fitting(parts: list[np.ndarray], feature: Feature) -> np.ndarray:
    steps = len(parts[0])
    values = parts[0] if len(parts) == 1 else np.concatenate([part.reshape(steps, -1) for part in parts], axis=1)
    return values.astype(feature.dtype, copy=False).reshape(steps, *feature.shape)


def _from_arrow(column: Any, part: _Part, what: str) -> np.ndarray:
    """A column, `[n, *shape]`."""
    import pyarrow as pa

    array, rows, shape = column.combine_chunks(), len(column), part.feature.shape
    if isinstance(array, pa.ChunkedArray):  # of no rows
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], column.type)
    sizes = list(shape) if shape != (1,) or _is_list(array.type) else []
    for size in sizes:
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        if array.null_count or not _is_list(array.type):
            raise InputError(f"{what} is not of shape {list(shape)}")
        lengths = set(array.value_lengths().unique().to_pylist()) if len(array) else {size}
        if lengths != {size}:
            raise InputError(f"{what} has lists of {sorted(lengths)} entries, not of {size}")
        array = array.flatten()
    if array.null_count and not pa.types.is_floating(array.type):  # of floats lerobot's merging makes nulls of NaN
        raise InputError(f"{what} has empty entries")
    if not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type) or pa.types.is_boolean(array.type)):
        raise InputError(f"{what} is {array.type}, not numbers")
    values = array.to_numpy(zero_copy_only=False)
    return values.astype(part.feature.dtype, copy=False).reshape(rows, *shape)


def _is_integer(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind))


def _is_list(kind: Any) -> bool:
    import pyarrow as pa

    if isinstance(kind, pa.ExtensionType):
        kind = kind.storage_type
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _equals(column: Any, value: int) -> Any:
    import pyarrow.compute as pc

    return pc.equal(column, value)


def _table(path: Path, columns: list[str] | None = None) -> Any:
    """A Parquet file, or those of its columns that are there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            there = file.schema_arrow.names
            return file.read(None if columns is None else [name for name in columns if name in there])
    except FileNotFoundError:
        raise InputError(f"{path} is missing") from None
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{path}: {error}".replace("\n", " ")) from None


def _json(path: Path, otherwise: str) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{otherwise}: {path} is missing") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not JSON ({error})") from None
    if not isinstance(document, dict):
        raise InputError(f"{path}: not a JSON object")
    return document
