"""A dataset as robomimic's HDF5 file, which robomimic and what is built on it (Sirius) train on. Needs h5py.

Columns that robomimic knows have its names and places; the others stand beside them under their own.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from retouch.episodes import Dataset, DatasetInfo, EpisodeInfo
from retouch.errors import MissingExtra
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

# Parts of the observation, and the whole where the names of its entries do not tell the robot's own from the others.
ROBOT, OBJECT, WHOLE = "robot", "object", "observation"
# Columns of ours under robomimic's names.
RENAMED = {"action": "actions", "sim_state": "states"}
PREFIX = "column."
GYM = 2  # the type of environment, by robomimic's numbers
# What robomimic and Sirius call so, and what follows from it.
_TAKEN = {"actions", "states", "rewards", "dones", "obs", "next_obs", "action_modes", NOTES}
_ELSEWHERE = {"step", "observation"}


def write(dataset: Dataset, out: Path) -> Exchanged:
    """Writes an HDF5 file `out`; see `retouch.formats.export_dataset`."""
    check_exportable(dataset)
    info, absent = without_pictures(dataset.info), never_given(dataset)
    with written_aside(out) as aside, opened(aside, "w") as file:
        data = file.create_group("data")
        names = [f"demo_{index}" for index in range(len(dataset.episodes))]
        for name, episode in zip(names, dataset.episodes, strict=True):
            frames = dataset.frames(episode, [name for name in info.features if name not in absent])
            _write_demo(data.create_group(name), info, episode, frames)
        data.attrs["total"] = sum(episode.steps for episode in dataset.episodes)
        data.attrs["env_args"] = json.dumps(
            {
                "env_name": info.task,
                "type": GYM,
                "env_kwargs": {"control_freq": 1 / info.control_period_s},
            }
        )
        for key, members in _masks(names, dataset.episodes).items():
            file[f"mask/{key}"] = np.array(members, dtype="S")
        file[NOTES] = json.dumps({"dataset": info.to_json()})
    steps = sum(episode.steps for episode in dataset.episodes)
    return Exchanged(len(names), steps, count_outcomes(dataset.episodes), not_exported(dataset))


@contextlib.contextmanager
def opened(path: Path, mode: str) -> Iterator[Any]:
    """An HDF5 file.

    Raises:
        MissingExtra: h5py is not installed.
        OSError: It cannot be opened, or is not HDF5.
    """
    try:
        import h5py
    except ImportError:
        raise MissingExtra("h5py", "robomimic") from None
    with h5py.File(path, mode) as file:
        yield file


def observation_parts(info: DatasetInfo) -> dict[str, slice]:
    """Under which keys of `obs` which entries of the observation are."""
    feature = info.features["observation"]
    own = robots_own(feature.names)
    if own in (0, feature.size):
        return {WHOLE: slice(0, feature.size)}
    return {ROBOT: slice(0, own), OBJECT: slice(own, feature.size)}


def exported_names(info: DatasetInfo) -> dict[str, str]:
    """Our columns, but the observation, and what they are called beside `obs`."""
    names = {}
    for name in info.features:
        if name not in _ELSEWHERE:
            names[name] = RENAMED.get(name) or (PREFIX + name if name in _TAKEN else name)
    return names


def _write_demo(demo: Any, info: DatasetInfo, episode: EpisodeInfo, frames: Mapping[str, np.ndarray]) -> None:
    for name, theirs in exported_names(info).items():
        if name in frames:
            demo[theirs] = frames[name]
    for key, entries in observation_parts(info).items():
        seen = frames["observation"][:, entries]
        demo[f"obs/{key}"] = seen
        demo[f"next_obs/{key}"] = np.concatenate([seen[1:], seen[-1:]])  # what was seen last is not known
    demo["rewards"] = frames["success"].astype(np.float32)
    demo["dones"] = (np.arange(episode.steps) == episode.steps - 1).astype(np.int64)
    demo["action_modes"] = _action_modes(episode, frames["intervention"])
    said = said_of(episode)
    demo[NOTES] = said[NOTES]
    demo.attrs["num_samples"] = episode.steps
    for name in SAID:
        if said[name] is not None:
            demo.attrs[name] = said[name]


def _action_modes(episode: EpisodeInfo, intervention: np.ndarray) -> np.ndarray:
    """Sirius' labels: -1 demonstration, 0 the policy, 1 an intervention."""
    if episode.kind == "demonstration":
        return np.full(len(intervention), -1)
    return intervention.astype(np.int64)


def _masks(names: list[str], episodes: list[EpisodeInfo]) -> dict[str, list[str]]:
    """robomimic's filter keys: which demos are of a kind, and which ended how."""
    masks: dict[str, list[str]] = {}
    for name, episode in zip(names, episodes, strict=True):
        masks.setdefault(episode.kind, []).append(name)
        masks.setdefault(episode.outcome, []).append(name)
    return masks
