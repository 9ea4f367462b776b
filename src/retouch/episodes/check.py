"""Verifying a dataset: every file of every episode is read and held against what is said of it."""

import hashlib
import os
from collections import Counter
from pathlib import Path

import numpy as np

from retouch.episodes.commit import count_sources
from retouch.episodes.edits import read_edits
from retouch.episodes.files import clear_errors, read_json
from retouch.episodes.frames import read_frames
from retouch.episodes.journal import is_dead
from retouch.episodes.layout import DATASET, EDITS, EPISODE, EPISODES, FRAMES, JOURNAL, Folder, episode_folders
from retouch.episodes.schema import MAY_BE_NAN, ControlSource, DatasetInfo, EpisodeInfo
from retouch.errors import NoDataset, StoreError


def check(path: str | os.PathLike[str]) -> list[str]:
    """What is wrong with a dataset, one clear line each; nothing when it is sound.

    Raises:
        StoreError: There is no dataset, or its folder or `dataset.json` cannot be read.
    """
    root = Path(path)
    if not (root / DATASET).is_file():
        raise NoDataset(f"no dataset in {root}")
    info = DatasetInfo.from_json(read_json(root / DATASET), root / DATASET)
    with clear_errors("read", root):
        folders = episode_folders(root)
        strays = sorted(set(os.listdir(root / EPISODES)) - {folder.name for folder in folders})  # noqa: PTH208
        dead = [journal for journal in sorted((root / JOURNAL).glob("*.rows")) if is_dead(journal)]
        asides = [a for a in sorted((root / JOURNAL).glob("*.new")) if not a.with_suffix(".rows").exists()]
    problems = [f"{root / EPISODES / name}: not an episode's folder" for name in strays]
    for what in ("number", "id"):
        counts = Counter(getattr(folder, what) for folder in folders)
        problems += [f"{root}: {n} episodes have the {what} {value}" for value, n in counts.items() if n > 1]
    for folder in folders:
        problems += _check_episode(root, info, folder)
    problems += [f"{journal}: its writer died; 'retouch data repair' brings the episode back" for journal in dead]
    problems += [f"{aside}: left over from a dead writer; 'retouch data repair' removes it" for aside in asides]
    return problems + _check_edits(root, {folder.id for folder in folders})


def _check_episode(root: Path, info: DatasetInfo, folder: Folder) -> list[str]:
    where = root / EPISODES / folder.name
    try:
        episode = EpisodeInfo.from_json(read_json(where / EPISODE), folder.number, where / EPISODE)
    except StoreError as error:
        return [str(error)]
    problems = []
    if episode.id != folder.id:
        problems.append(f"{where / EPISODE}: it is of episode {episode.id}")
    if FRAMES not in episode.sha256:
        problems.append(f"{where / EPISODE}: no hash of {FRAMES}")
    for name, stored in episode.sha256.items():
        try:
            with clear_errors("read", where / name):
                actual = hashlib.sha256((where / name).read_bytes()).hexdigest()
        except StoreError as error:
            problems.append(str(error))
            continue
        if actual != stored:
            problems.append(f"{where / name}: changed since it was recorded (its hash differs)")
    try:
        frames = read_frames(where / FRAMES, info.features)
    except StoreError as error:
        if not problems:
            problems.append(str(error))
        return problems
    return problems + [f"{where / FRAMES}: {line}" for line in _check_frames(frames, episode)]


def _check_frames(frames: dict[str, np.ndarray], episode: EpisodeInfo) -> list[str]:
    steps = len(frames["step"])
    if steps != episode.steps:
        return [f"{steps} steps, {EPISODE} says {episode.steps}"]
    problems = []
    if not np.array_equal(frames["step"], np.arange(steps)):
        problems.append("the steps are not numbered 0, 1, 2 ...")
    for name, values in frames.items():
        if values.dtype.kind != "f":
            continue
        flat = values.reshape(steps, -1)
        fine = np.isfinite(flat).all(axis=1)
        if name in MAY_BE_NAN:
            fine |= np.isnan(flat).all(axis=1)
        if not fine.all():
            problems.append(f"{name} is not finite at step {int(np.argmin(fine))}")
    source = frames["control_source"]
    if ((source < 0) | (source >= len(ControlSource))).any():
        problems.append("a control_source is not one (valid: 0 to 3)")
    elif count_sources(source) != episode.control_steps:
        problems.append(f"{count_sources(source)} steps by control source, {EPISODE} says {episode.control_steps}")
    return problems


def _check_edits(root: Path, ids: set[str]) -> list[str]:
    try:
        edits = read_edits(root)
    except StoreError as error:
        return [str(error)]
    known = {edit.id for edit in edits}
    problems = []
    for edit in edits:
        missing = [id for id in edit.episodes if id not in ids] + [id for id in (edit.edit,) if id and id not in known]
        problems += [f"{root / EDITS}: edit {edit.id} is of {id}, which is not there" for id in missing]
    return problems
