"""What both formats share: what is said of an episode beside its steps, and files that appear whole or not at all."""

import contextlib
import dataclasses
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from retouch.episodes import Dataset, DatasetInfo, EpisodeInfo
from retouch.episodes.files import clear_errors, fsync_folder
from retouch.episodes.schema import MAY_BE_NAN, PICTURE
from retouch.errors import InputError

# Of an episode, each under its own name; the rest goes together under NOTES, as JSON.
SAID = ("kind", "outcome", "reason", "seed", "operator", "policy", "round", "started_at")
NOTES = "retouch"

# What an observation says of the robot itself comes first, under names that begin so.
_OWN = ("tool_", "finger_", "reference_")


@dataclass(frozen=True)
class Choices:
    """What another's dataset does not say itself. What it does say of an episode goes first."""

    kind: str | None = None  # demonstration, rollout, corrected
    outcome: str | None = None  # of every episode; None: by its rewards or its successes
    task: str | None = None  # of a dataset with several the one to take; else how the task is to be called
    rate_hz: float | None = None  # control steps a second


@dataclass(frozen=True)
class Exchanged:
    """What an export or import did."""

    episodes: int
    steps: int
    outcomes: dict[str, int]  # outcome -> episodes
    left_out: list[str] = field(default_factory=list)  # one line for each thing that did not come along


def said_of(episode: EpisodeInfo) -> dict[str, Any]:
    """What an export says of an episode: the fields of `SAID`, and under `NOTES` the rest as JSON."""
    notes = {"id": episode.id, "versions": episode.versions, "extra": episode.extra}
    return {name: getattr(episode, name) for name in SAID} | {NOTES: json.dumps(notes)}


def count_outcomes(episodes: Iterable[EpisodeInfo]) -> dict[str, int]:
    """How many episodes ended how."""
    return dict(Counter(episode.outcome for episode in episodes))


def never_given(dataset: Dataset) -> set[str]:
    """Those columns of proposals that are NaN in every step: nobody ever made one."""
    columns = {name for name in dataset.info.features if name in MAY_BE_NAN}
    for episode in dataset.episodes:
        for name, values in dataset.frames(episode, columns).items():
            if not np.isnan(values).all():
                columns.discard(name)
        if not columns:
            break
    return columns


def without_pictures(info: DatasetInfo) -> DatasetInfo:
    """The same without its pictures, which no export holds."""
    features = {name: feature for name, feature in info.features.items() if not name.startswith(PICTURE)}
    return dataclasses.replace(info, features=features)


def not_exported(dataset: Dataset) -> list[str]:
    """What of a dataset no export holds, one line each."""
    lines = []
    if excluded := len(dataset.all_episodes) - len(dataset.episodes):
        lines.append(f"{excluded} excluded episode(s)")
    cut = [dataset.recorded(e).steps - e.steps for e in dataset.episodes]
    if any(cut):
        lines.append(
            f"{sum(cut)} step(s) trimmed off {sum(map(bool, cut))} episode(s); steps are numbered from 0 again"
        )
    if without_pictures(dataset.info) != dataset.info:
        lines.append("the pictures")
    if dataset.edits:
        lines.append(
            f"the history of {len(dataset.edits)} edit(s): what they leave is exported, not that they were made"
        )
    return lines


def check_exportable(dataset: Dataset) -> None:
    """Refuses a dataset of which nothing would be left.

    Raises:
        InputError: It has no episodes, or all are excluded.
    """
    if not dataset.episodes:
        raise InputError(f"{dataset.path} has no episodes to export")


def robots_own(names: Sequence[str] | None) -> int:
    """How many entries at the beginning of an observation are the robot's own, from the names of its entries."""
    count = 0
    for name in names or ():
        if not name.startswith(_OWN):
            break
        count += 1
    return count


@contextlib.contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """A path that becomes `target`, file or folder, when the block ends well; otherwise nothing is left of it.

    Raises:
        InputError: `target` is there already.
        StoreError: It cannot be written.
    """
    _check_free(target)
    with clear_errors("write", target):
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent))
        try:
            aside = beside / target.name
            yield aside
            _sync(aside)
            _check_free(target)
            aside.rename(target)
            fsync_folder(target.parent)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def _check_free(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise InputError(f"{target} is there already: choose another place")


def _sync(path: Path) -> None:
    """Waits until the disk has a file, or a folder and all that is in it."""
    for parent, _, files in os.walk(path):
        for name in files:
            _sync_file(Path(parent) / name)
        fsync_folder(Path(parent))
    if path.is_file():
        _sync_file(path)


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
