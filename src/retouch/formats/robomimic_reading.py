"""robomimic's HDF5 files, ours or anybody's, as episodes for the store. Needs h5py."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from retouch.episodes import DatasetInfo, Feature
from retouch.episodes.schema import DTYPES
from retouch.errors import InputError, RetouchError
from retouch.formats.exchange import NOTES, SAID, Choices
from retouch.formats.foreign import Foreign, Told, column_name, info_of
from retouch.formats.robomimic import exported_names, observation_parts, opened

# A demo's name ends with its number; robomimic goes through them in that order.
_OBS = "obs/"


@contextlib.contextmanager
def read(path: Path, choices: Choices) -> Iterator[Foreign]:
    """Opens an HDF5 file; its episodes are read one after the other.

    Raises:
        InputError: It is not robomimic's, or is damaged; the message tells where.
        MissingExtra: h5py is not installed.
    """
    with contextlib.ExitStack() as stack:
        with _one_line(path):
            file = stack.enter_context(opened(path, "r"))
            if "data" not in file or not len(file["data"]):
                raise InputError(f"{path} is not robomimic's: it has no group 'data' with episodes")
            demos = sorted(file["data"], key=lambda name: (not _number(name), int(_number(name) or 0), name))
            masks = _masks(file)
            if NOTES in file:
                info, sources, left_out = _own_columns(path, file, choices)
            else:
                info, sources, left_out = _foreign_columns(path, file["data"], demos, choices)
        yield Foreign(path.name, "robomimic", info, _read(path, file, demos, sources, info, masks), left_out)


def _read(
    path: Path,
    file: Any,
    demos: list[str],
    sources: Mapping[str, list[str]],
    info: DatasetInfo,
    masks: Mapping[str, list[str]],
) -> Iterator[Told]:
    for name in demos:
        with _one_line(path):
            demo = file["data"][name]
            columns = {}
            for ours, theirs in sources.items():
                there = [part for part in theirs if part in demo]
                if len(there) == len(theirs):
                    parts = [_values(demo[part], f"{path}: {name}/{part}") for part in theirs]
                    columns[ours] = _fitting(parts, info.features[ours], f"{path}: {name}/{theirs[0]}")
                elif there or ours in ("action", "observation"):
                    raise InputError(f"{path}: {name} has no {next(p for p in theirs if p not in demo)}")
            said = {key: _plain(demo.attrs[key]) for key in SAID if key in demo.attrs}
            if NOTES in demo:
                said[NOTES] = demo[NOTES].asstr()[()]
        kept = [key for key, members in masks.items() if name in members]
        yield Told(name, columns, said, {"demo": name, "masks": kept})


def _own_columns(path: Path, file: Any, choices: Choices) -> tuple[DatasetInfo, dict[str, list[str]], list[str]]:
    """Our description of the dataset as it was, and of which of the file's columns ours are made."""
    try:
        document = json.loads(file[NOTES].asstr()[()])
        info = DatasetInfo.from_json(document["dataset"], f"{path}: {NOTES}")
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path}: {NOTES} is not ours ({error})") from None
    except RetouchError as error:
        raise InputError(str(error)) from None
    sources = {ours: [theirs] for ours, theirs in exported_names(info).items()}
    sources["observation"] = [_OBS + key for key in observation_parts(info)]
    return dataclasses.replace(info, task=choices.task or info.task), sources, []


def _foreign_columns(
    path: Path, data: Any, demos: list[str], choices: Choices
) -> tuple[DatasetInfo, dict[str, list[str]], list[str]]:
    """A description of the dataset by its first episode, of which columns ours are made, and what is left out."""
    first, left_out = data[demos[0]], []
    if "actions" not in first or not hasattr(first.get("obs"), "items"):
        raise InputError(f"{path}: {demos[0]} has no obs, or no actions")
    seen = []
    for key, values in first["obs"].items():
        if _is_column(values) and values.ndim == 2:
            seen.append(key)
        else:
            left_out.append(f"obs/{key}: the store holds no images, and of observations only vectors")
    if not seen:
        raise InputError(f"{path}: {demos[0]} has no observation of numbers (images are not imported)")
    observation = _vector([first["obs"][key] for key in seen], seen)
    action = _vector([first["actions"]], [])
    sources = {"observation": [_OBS + key for key in seen], "action": ["actions"]}
    task, period_s = _environment(path, data, choices)
    standard = info_of(task, period_s, observation, action, {}).features
    others: dict[str, Feature] = {}
    for key, values in first.items():
        if key in ("actions", "obs"):
            continue
        if key == "next_obs":
            left_out.append("next_obs: what was seen before each step is kept, what was seen after the last one is not")
            continue
        if not _is_column(values):
            left_out.append(f"{key}: not a column of numbers")
            continue
        feature = Feature(_dtype(values), values.shape[1:])
        if key in standard and (standard[key].dtype, standard[key].shape) == (feature.dtype, feature.shape):
            ours = key
        else:
            ours = column_name("sim_state" if key == "states" else key, [*standard, *others])
            others[ours] = feature
        sources[ours] = [key]
    left_out += [f"the attribute {name} of the episodes" for name in first.attrs if name not in ("num_samples", *SAID)]
    return info_of(task, period_s, observation, action, others), sources, left_out


def _environment(path: Path, data: Any, choices: Choices) -> tuple[str, float]:
    """The task's name, and the control period [s]."""
    try:
        told = json.loads(_plain(data.attrs.get("env_args", "{}")))
        rate = told.get("env_kwargs", {}).get("control_freq", choices.rate_hz)
    except (ValueError, TypeError, AttributeError):
        raise InputError(f"{path}: its env_args are not JSON") from None
    if not isinstance(rate, int | float) or not rate > 0:
        raise InputError(f"{path} does not say how many steps a second it has: give --rate")
    task = choices.task or told.get("env_name")
    return (task if isinstance(task, str) and task else path.stem), 1 / rate


def _vector(parts: list[Any], keys: list[str]) -> Feature:
    sizes = [int(part.shape[1]) if part.ndim == 2 else 0 for part in parts]
    if not all(sizes):
        raise InputError(f"{parts[0].name} is of shape {parts[0].shape}, not one vector a step")
    names = [f"{key}_{k}" for key, size in zip(keys, sizes, strict=False) for k in range(size)]
    dtype = "float64" if any(_dtype(part) == "float64" for part in parts) else "float32"
    return Feature(dtype, (sum(sizes),), tuple(names) or None)


def _is_column(values: Any) -> bool:
    return hasattr(values, "dtype") and values.dtype.kind in "biuf" and values.ndim >= 1


def _dtype(values: Any) -> str:
    name = str(values.dtype.name)
    return name if name in DTYPES else "float32" if name == "float16" else "float64"


def _values(values: Any, what: str) -> np.ndarray:
    if not _is_column(values):
        raise InputError(f"{what} is not a column of numbers")
    return np.asarray(values[()])


def _fitting(parts: list[np.ndarray], feature: Feature, what: str) -> np.ndarray:
    if len({len(part) for part in parts}) != 1:
        raise InputError(f"{what}: {sorted({len(part) for part in parts})} steps in columns of one episode")
    steps = len(parts[0])
    values = parts[0] if len(parts) == 1 else np.concatenate([part.reshape(steps, -1) for part in parts], axis=1)
    if values.shape != (steps, *feature.shape):
        raise InputError(f"{what} is of shape {values.shape[1:]} a step, not {feature.shape}")
    return values.astype(feature.dtype, copy=False)


def _masks(file: Any) -> dict[str, list[str]]:
    masks = file.get("mask", {})
    return {key: [_plain(member) for member in masks[key][()]] for key in masks}


def _plain(value: Any) -> Any:
    """A value of an attribute as Python has it."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def _number(name: str) -> str:
    return name.rpartition("_")[2] if name.rpartition("_")[2].isdecimal() else ""


@contextlib.contextmanager
def _one_line(path: Path) -> Iterator[None]:
    """Turns what h5py says of a file that is damaged, or none of its, into one clear line."""
    try:
        yield
    except (OSError, KeyError, RuntimeError, ValueError, AttributeError, TypeError) as error:
        raise InputError(f"{path}: {' '.join(str(error).split()) or type(error).__name__}") from error
