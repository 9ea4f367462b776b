"""A dataset as a LeRobotDataset v3.0, which lerobot opens, plays and trains on. Needs nothing of lerobot's.

A column whose name begins with `action` would be an output of every policy there, one that begins with `observation` an
input: ours have other names, and where another's has not, `column.` is put before it. What is a matrix in every step
lies row by row in a vector: lerobot reads matrices, but its tools that delete and split stop on them.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retouch.episodes import Dataset, DatasetInfo, EpisodeInfo, Feature
from retouch.episodes.files import encode_json
from retouch.errors import InputError
from retouch.formats import lerobot_statistics as statistics
from retouch.formats.exchange import (
    NOTES,
    SAID,
    Exchanged,
    check_exportable,
    count_outcomes,
    never_given,
    not_exported,
    robots_own,
    said_of,
    without_pictures,
    written_aside,
)

VERSION = "v3.0"
INFO = "meta/info.json"
STATS = "meta/stats.json"
TASKS = "meta/tasks.parquet"
RETOUCH = "meta/retouch.json"  # ours: dataset.json, for an import to find the same columns again
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
EPISODES_PATH = "meta/episodes/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
CHUNK_FILES = 1000
FILE_MB = 100

STATE, SURROUNDINGS, ACTION = "observation.state", "observation.environment_state", "action"
PREFIX = "column."
# Columns that every LeRobotDataset has.
DEFAULTS = {
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}
_TAKEN = {*DEFAULTS, "task", "language_persistent", "language_events"}
_RENUMBERED = "step"  # frame_index says it


@dataclass(frozen=True)
class Column:
    """A column of the export: what of ours it holds."""

    source: str
    feature: Feature  # as exported: a vector, also of one
    entries: slice | None = None  # of the last axis; None: all

    def values(self, frames: Mapping[str, np.ndarray]) -> np.ndarray:
        """`[n, D]`, or `[n]` for a column of single values."""
        values = frames[self.source]
        if self.entries is not None:
            values = values[:, self.entries]
        return values.reshape(len(values)) if self.feature.size == 1 else values.reshape(len(values), -1)


def write(dataset: Dataset, out: Path) -> Exchanged:
    """Writes a LeRobotDataset into the new folder `out`; see `retouch.formats.export_dataset`."""
    check_exportable(dataset)
    info = without_pictures(dataset.info)
    rate, columns = _whole_rate(info), columns_of(info, never_given(dataset))
    with written_aside(out) as folder:
        placed = _write_data(dataset, columns, rate, folder)
        _write_meta(info, columns, rate, placed, folder)
    return Exchanged(
        len(placed), sum(p.episode.steps for p in placed), count_outcomes(dataset.episodes), not_exported(dataset)
    )


def columns_of(info: DatasetInfo, absent: set[str]) -> dict[str, Column]:
    """The columns of the export by name, without those of `absent`.

    The observation is parted, as lerobot's policies want it: the robot's own entries are `observation.state`, the
    others `observation.environment_state`. Where names do not tell, all of it is `observation.state`.
    """
    columns: dict[str, Column] = {}
    for name, feature in info.features.items():
        if name == _RENUMBERED or name in absent:
            continue
        if name != "observation":
            names = feature.names if len(feature.shape) == 1 else None
            columns[exported_name(name)] = Column(name, Feature(feature.dtype, (feature.size,), names))
            continue
        own = robots_own(feature.names)
        for part, entries in ((STATE, slice(0, own)), (SURROUNDINGS, slice(own, feature.size))):
            if 0 < entries.stop - entries.start < feature.size:
                names = feature.names[entries] if feature.names else None
                columns[part] = Column(name, Feature(feature.dtype, (entries.stop - entries.start,), names), entries)
        if STATE not in columns:
            columns[STATE] = Column(name, feature)
    return columns


def exported_name(name: str) -> str:
    """A column's name in the export: its own, unless it would make it a policy's input or output there."""
    if name == ACTION:
        return name
    trap = name.startswith(("action", "observation")) or name in _TAKEN
    return PREFIX + name if trap else name


@dataclass(frozen=True)
class _Placed:
    """An episode and where its steps are in the export."""

    episode: EpisodeInfo
    first_index: int
    chunk_index: int
    file_index: int
    statistics: dict[str, statistics.Statistics]


def _whole_rate(info: DatasetInfo) -> int:
    rate = round(1 / info.control_period_s)
    if rate < 1 or abs(rate * info.control_period_s - 1) > 1e-6:
        raise InputError(f"lerobot counts whole frames a second, and {1 / info.control_period_s:g} are not")
    return rate


def _write_data(dataset: Dataset, columns: Mapping[str, Column], rate: int, folder: Path) -> list[_Placed]:
    """All steps, a row group an episode, in as few files as lerobot's limit of their size allows."""
    import pyarrow.parquet as pq

    placed: list[_Placed] = []
    writer: pq.ParquetWriter | None = None
    files, size = 0, 0
    try:
        for index, episode in enumerate(dataset.episodes):
            first = placed[-1].first_index + placed[-1].episode.steps if placed else 0
            frames = dataset.frames(episode, {column.source for column in columns.values()})
            values = {name: column.values(frames) for name, column in columns.items()}
            values |= _defaults(episode.steps, index, first, rate)
            table = _table(values)
            if writer is None or size + table.nbytes > FILE_MB * 2**20:
                if writer is not None:
                    writer.close()
                path = folder / DATA_PATH.format(chunk_index=files // CHUNK_FILES, file_index=files % CHUNK_FILES)
                path.parent.mkdir(parents=True, exist_ok=True)
                writer = pq.ParquetWriter(path, table.schema, compression="zstd")
                files, size = files + 1, 0
            writer.write_table(table)
            size += table.nbytes
            chunk, file = divmod(files - 1, CHUNK_FILES)
            stats = {name: statistics.of_episode(column) for name, column in values.items()}
            placed.append(_Placed(episode, first, chunk, file, stats))
    finally:
        if writer is not None:
            writer.close()
    return placed


def _defaults(steps: int, episode: int, first: int, rate: int) -> dict[str, np.ndarray]:
    frame = np.arange(steps)
    values = {
        "timestamp": frame / rate,
        "frame_index": frame,
        "episode_index": np.full(steps, episode),
        "index": first + frame,
        "task_index": np.zeros(steps),
    }
    return {name: values[name].astype(dtype) for name, dtype in DEFAULTS.items()}


def _table(values: Mapping[str, np.ndarray]) -> Any:
    import pyarrow as pa

    return pa.table({name: _to_arrow(column) for name, column in values.items()})


def _to_arrow(values: np.ndarray) -> Any:
    """Vectors as lists of fixed size."""
    import pyarrow as pa

    array = pa.array(np.ascontiguousarray(values).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(array, values.shape[1]) if values.ndim > 1 else array


def _write_meta(
    info: DatasetInfo, columns: Mapping[str, Column], rate: int, placed: list[_Placed], folder: Path
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (folder / "meta").mkdir()
    features = {
        name: {
            "dtype": column.feature.dtype,
            "shape": list(column.feature.shape),
            "names": list(column.feature.names) if column.feature.names else None,
        }
        for name, column in columns.items()
    }
    features |= {name: {"dtype": dtype, "shape": [1], "names": None} for name, dtype in DEFAULTS.items()}
    document = {
        "codebase_version": VERSION,
        "fps": rate,
        "features": features,
        "total_episodes": len(placed),
        "total_frames": sum(p.episode.steps for p in placed),
        "total_tasks": 1,
        "chunks_size": CHUNK_FILES,
        "data_files_size_in_mb": FILE_MB,
        "video_files_size_in_mb": 200,
        "data_path": DATA_PATH,
        "video_path": None,
        "robot_type": None,
        "splits": {"train": f"0:{len(placed)}"},
    }
    (folder / INFO).write_bytes(encode_json(document))
    (folder / RETOUCH).write_bytes(encode_json({"dataset": info.to_json()}))
    (folder / STATS).write_bytes(encode_json(_json_statistics(placed)))
    pq.write_table(_tasks(info.task), folder / TASKS)
    path = folder / EPISODES_PATH.format(chunk_index=0, file_index=0)
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table(dict(_episode_columns(info, placed))), path)


def _json_statistics(placed: list[_Placed]) -> dict[str, Any]:
    """Of the whole dataset. JSON has no NaN: a column with NaN has no entry."""
    document = {}
    for name in placed[0].statistics:
        of_all = statistics.of_all([p.statistics[name] for p in placed])
        if not np.isnan(of_all["mean"]).any():
            document[name] = {kind: values.tolist() for kind, values in of_all.items()}
    return document


def _episode_columns(info: DatasetInfo, placed: list[_Placed]) -> Iterator[tuple[str, Any]]:
    """One row an episode: where its steps are, what is said of it, its statistics."""
    import pyarrow as pa

    count = len(placed)
    yield "episode_index", pa.array(range(count))
    yield "tasks", pa.array([[info.task]] * count)
    yield "length", pa.array([p.episode.steps for p in placed])
    yield "data/chunk_index", pa.array([p.chunk_index for p in placed])
    yield "data/file_index", pa.array([p.file_index for p in placed])
    yield "dataset_from_index", pa.array([p.first_index for p in placed])
    yield "dataset_to_index", pa.array([p.first_index + p.episode.steps for p in placed])
    yield "meta/episodes/chunk_index", pa.array([0] * count)
    yield "meta/episodes/file_index", pa.array([0] * count)
    said = [said_of(p.episode) for p in placed]
    for name in (*SAID, NOTES):
        kind = pa.int64() if name in ("seed", "round") else pa.string()
        yield name, pa.array([one[name] for one in said], kind)
    for name in placed[0].statistics:
        for kind in placed[0].statistics[name]:
            yield f"stats/{name}/{kind}", pa.array([p.statistics[name][kind].tolist() for p in placed])


def _tasks(task: str) -> Any:
    """The table of tasks as pandas would write it, with the task's words as the index."""
    import pyarrow as pa

    column = {"pandas_type": "int64", "numpy_type": "int64", "metadata": None}
    index = {"pandas_type": "unicode", "numpy_type": "object", "metadata": None}
    pandas = {
        "index_columns": ["task"],
        "column_indexes": [],
        "columns": [
            {"name": "task_index", "field_name": "task_index", **column},
            {"name": "task", "field_name": "task", **index},
        ],
        "pandas_version": "2.0.0",
    }
    table = pa.table({"task_index": pa.array([0]), "task": pa.array([task])})
    return table.replace_schema_metadata({"pandas": json.dumps(pandas)})
