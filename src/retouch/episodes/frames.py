"""`frames.parquet`: one row a step, vectors as lists of fixed size, dtypes kept exactly."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from retouch.episodes.files import clear_errors
from retouch.episodes.schema import Feature
from retouch.errors import CorruptEpisode, InputError


def encode_frames(columns: Mapping[str, np.ndarray], features: Mapping[str, Feature]) -> memoryview:
    """Columns (`[n, *shape]` each, or a structured array of records) as the bytes of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = [_to_arrow(np.ascontiguousarray(columns[name]), feature) for name, feature in features.items()]
    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.table(arrays, schema=_schema(features)),
        sink,
        compression="zstd",
        use_dictionary=False,
        # A float's bytes compress far better beside those of the same rank.
        use_byte_stream_split=[_leaf(name, f) for name, f in features.items() if f.dtype.startswith("float")],
        store_schema=True,
    )
    return memoryview(sink.getvalue())


def read_frames(
    path: Path, features: Mapping[str, Feature], columns: Iterable[str] | None = None
) -> dict[str, np.ndarray]:
    """Columns of a Parquet file of frames, `[n, *shape]` each; all of them for None.

    Raises:
        InputError: A column that the dataset does not have.
        StoreError: The file cannot be read.
        CorruptEpisode: It is not Parquet, or its columns are not as `features` says.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = known_columns(features, columns)
    with clear_errors("read", path):
        try:
            with pq.ParquetFile(path, pre_buffer=False) as file:
                stored = file.schema_arrow
                table = file.read(names, use_threads=False)
        except OSError as error:
            if error.errno is not None:
                raise
            raise CorruptEpisode(f"{path}: {error}".replace("\n", " ")) from error  # a bad page, for one
        except (pa.ArrowException, ValueError) as error:
            raise CorruptEpisode(f"{path}: {error}".replace("\n", " ")) from error
    wanted = _schema({name: features[name] for name in names})
    for name in names:
        if name not in stored.names:
            raise CorruptEpisode(f"{path}: the column '{name}' is missing")
        if stored.field(name).type != wanted.field(name).type:
            raise CorruptEpisode(
                f"{path}: the column '{name}' is {stored.field(name).type}, not {wanted.field(name).type}"
            )
    return {name: _from_arrow(table.column(name), features[name], f"{path}: {name}") for name in names}


def known_columns(features: Mapping[str, Feature], columns: Iterable[str] | None) -> list[str]:
    """The chosen columns, all of them for None.

    Raises:
        InputError: One that the dataset does not have.
    """
    names = list(features) if columns is None else list(dict.fromkeys(columns))
    for name in names:
        if name not in features:
            raise InputError(f"no column '{name}' (columns: {', '.join(features)})")
    return names


def _schema(features: Mapping[str, Feature]) -> Any:
    import pyarrow as pa

    fields = []
    for name, feature in features.items():
        kind = pa.from_numpy_dtype(np.dtype(feature.dtype))
        if feature.shape:
            kind = pa.list_(pa.field("element", kind, nullable=False), feature.size)
        fields.append(pa.field(name, kind, nullable=False))
    return pa.schema(fields)


def _leaf(name: str, feature: Feature) -> str:
    return f"{name}.list.element" if feature.shape else name


def _to_arrow(values: np.ndarray, feature: Feature) -> Any:
    import pyarrow as pa

    flat = pa.array(values.reshape(-1))
    if not feature.shape:
        return flat
    kind = pa.list_(pa.field("element", flat.type, nullable=False), feature.size)
    return pa.FixedSizeListArray.from_arrays(flat, type=kind)


def _from_arrow(column: Any, feature: Feature, what: str) -> np.ndarray:
    array = column.combine_chunks()
    rows = len(array)
    if feature.shape:
        array = array.flatten()
    if array.null_count or len(array) != rows * feature.size:
        raise CorruptEpisode(f"{what} has empty entries")
    values = array.to_numpy(zero_copy_only=False)
    return values.astype(feature.dtype, copy=False).reshape(rows, *feature.shape)
