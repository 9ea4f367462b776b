"""A data set made of others' episodes, or of some of them. Nothing is copied or rewritten where links are possible."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from retouch.episodes.edits import Edit
from retouch.episodes.files import append_line, clear_errors, fsync_folder, write_durably
from retouch.episodes.layout import DATASET, EDITS, EPISODES, JOURNAL
from retouch.episodes.reader import Dataset
from retouch.episodes.schema import EpisodeInfo, check_same
from retouch.errors import InputError


def merge(
    sources: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    keep: Callable[[EpisodeInfo], bool] = lambda episode: True,
) -> list[EpisodeInfo]:
    """Makes a data set in `out` of the episodes of others, numbered in their order; an episode that is in several of
    them is there once. Edits come along and can still be undone; what is excluded stays in, excluded.

    What was recorded is never changed, so both data sets share it: a hard link each, a copy on another file system.

    Args:
        keep: which episodes, as their edits leave them.

    Returns:
        The episodes of the new data set.

    Raises:
        InputError: `out` is there already, the data sets do not go together, or nothing is kept.
        StoreError: a data set cannot be read, or the new one not written.
    """
    out, datasets = Path(out), [Dataset(path) for path in sources]
    if not datasets:
        raise InputError("name at least one data set")
    if out.exists():
        raise InputError(f"{out} is there already: choose another folder")
    first = datasets[0]
    for other in datasets[1:]:
        check_same(other.path, other.info, first.info)
    kept: dict[str, tuple[Dataset, EpisodeInfo]] = {}
    for dataset in datasets:
        for episode in dataset.all_episodes:
            if keep(episode):
                kept.setdefault(episode.id, (dataset, episode))
    if not kept:
        raise InputError(f"no episode of {', '.join(str(d.path) for d in datasets)} is wanted: {out} was not made")
    aside = out.with_name(f".{out.name}.{os.getpid()}.new")
    with clear_errors("write", out):
        try:
            (aside / EPISODES).mkdir(parents=True)
            (aside / JOURNAL).mkdir()
            write_durably(aside / DATASET, (first.path / DATASET).read_bytes())
            for number, (dataset, episode) in enumerate(kept.values()):
                _link(dataset.path / EPISODES / episode.name, aside / EPISODES / f"{number:06d}-{episode.id}")
            edits = [edit for dataset in datasets for edit in _edits(dataset, kept)]
            for edit in edits:
                append_line(aside / EDITS, edit.to_json())
            fsync_folder(aside / EPISODES)
            aside.rename(out)
            fsync_folder(out.parent)
        except OSError:
            shutil.rmtree(aside, ignore_errors=True)
            raise
    return Dataset(out).all_episodes


def _link(source: Path, target: Path) -> None:
    target.mkdir()
    for file in source.iterdir():
        try:
            os.link(file, target / file.name)
        except OSError:  # another file system, or one without links
            shutil.copy2(file, target / file.name)


def _edits(dataset: Dataset, kept: dict[str, tuple[Dataset, EpisodeInfo]]) -> list[Edit]:
    """Those of the data set's own kept episodes, and undos of such edits."""
    mine = {id for id, (owner, _) in kept.items() if owner is dataset}
    found: list[Edit] = []
    for edit in dataset.edits:
        concerned = tuple(id for id in edit.episodes if id in mine)
        if concerned or (edit.action == "undo" and any(edit.edit == other.id for other in found)):
            found.append(replace(edit, episodes=concerned))
    return found
