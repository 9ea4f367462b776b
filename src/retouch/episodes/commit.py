"""From the records of an episode to its folder, in one step."""

import contextlib
import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from retouch.episodes.files import clear_errors, encode_json, fsync_folder, locked, write_durably
from retouch.episodes.frames import encode_frames
from retouch.episodes.layout import EPISODE, EPISODES, FRAMES, aside_path, find_number
from retouch.episodes.schema import ControlSource, EpisodeInfo, Feature


def commit(
    root: Path,
    features: Mapping[str, Feature],
    episode: Mapping[str, Any],
    records: np.ndarray,
    outcome: str,
    reason: str,
) -> EpisodeInfo:
    """Makes a finished episode of records `[n]`; `episode` is what its journal's header says of it.

    The folder is written aside, synced and moved into place, so that a reader sees all of the episode or none of it.
    Doing so again for an id that is in place already changes nothing.

    Raises:
        StoreError: The dataset cannot be written; it is as before.
    """
    frames = encode_frames(records, features)  # type: ignore[arg-type]
    info = EpisodeInfo(
        number=0,
        outcome=outcome,
        reason=reason,
        steps=len(records),
        control_steps=count_sources(records["control_source"]),
        sha256={FRAMES: hashlib.sha256(frames).hexdigest()},
        **episode,
    )
    aside = aside_path(root, info.id)
    with clear_errors("write", root):
        try:
            aside.mkdir(exist_ok=True)
            write_durably(aside / FRAMES, frames)
            write_durably(aside / EPISODE, encode_json(info.to_json()))
            fsync_folder(aside)
            number = _move_into_place(root, aside, info.id)
        except OSError:
            with contextlib.suppress(OSError):
                shutil.rmtree(aside)
            raise
        fsync_folder(root / EPISODES)
    return EpisodeInfo(**{**vars(info), "number": number})


def _move_into_place(root: Path, aside: Path, id: str) -> int:
    with locked(root):
        number, is_there = find_number(root, id)
        if is_there:
            shutil.rmtree(aside)
        else:
            aside.rename(root / EPISODES / f"{number:06d}-{id}")
    return number


def count_sources(control_source: np.ndarray) -> dict[str, int]:
    """Steps `[n]` by who acted in them."""
    counts = np.bincount(control_source, minlength=len(ControlSource))
    return {source.name.lower(): int(counts[source]) for source in ControlSource}
