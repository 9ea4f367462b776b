"""A data set made of others' episodes, or of some of them. Nothing is copied or rewritten where links are possible."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from retouch.episodes.edits import Edit, new_id
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
    if any(out.resolve().is_relative_to(dataset.path.resolve()) for dataset in datasets):
        raise InputError(f"{out} is inside a data set that it is made of: choose another folder")
    first = datasets[0]
    for other in datasets[1:]:
        check_same(other.path, other.info, first.info)
    found: dict[str, tuple[Dataset, EpisodeInfo]] = {}
    kept: dict[str, tuple[Dataset, EpisodeInfo]] = {}
    for dataset in datasets:
        for episode in dataset.all_episodes:
            owner, same = found.setdefault(episode.id, (dataset, episode))
            if replace(episode, number=same.number) != same:
                raise InputError(
                    f"episode {episode.id} has been edited differently in {owner.path} and in {dataset.path}: make it "
                    "the same in both, or leave one of them out"
                )
            if keep(episode):
                kept[episode.id] = found[episode.id]
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
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
    return Dataset(out).all_episodes


def _link(source: Path, target: Path) -> None:
    target.mkdir()
    for file in source.iterdir():
        try:
            os.link(file, target / file.name)
        except OSError:  # another file system, or one without links
            write_durably(target / file.name, file.read_bytes())
    fsync_folder(target)


def _edits(dataset: Dataset, kept: dict[str, tuple[Dataset, EpisodeInfo]]) -> list[Edit]:
    """Those of the data set's own kept episodes, and undos of such edits; under ids of their own, so that nothing that
    was done to another data set of the same origin takes them back."""
    mine = {id for id, (owner, _) in kept.items() if owner is dataset}
    renamed: dict[str, str] = {}
    found: list[Edit] = []
    for edit in dataset.edits:
        concerned = tuple(id for id in edit.episodes if id in mine)
        if concerned or edit.edit in renamed:
            renamed[edit.id] = new_id()
            taken_back = renamed[edit.edit] if edit.edit is not None else None
            found.append(replace(edit, id=renamed[edit.id], edit=taken_back, episodes=concerned))
    return found
