"""Edits of a dataset: lines added to `edits.jsonl`, never a change to what was recorded. Every edit can be undone."""

import dataclasses
import os
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from retouch.episodes.files import append_line, clear_errors, locked, read_lines
from retouch.episodes.layout import EDITS
from retouch.episodes.schema import EpisodeInfo, check_outcome
from retouch.errors import CorruptEpisode, InputError, UnknownName

ACTIONS = ("exclude", "include", "trim", "relabel", "undo")


@dataclass(frozen=True)
class Edit:
    """One edit, of any number of episodes at once."""

    id: str
    at: str  # wall clock, ISO 8601
    action: str  # exclude, include, trim, relabel, undo
    episodes: tuple[str, ...] = ()  # their ids
    edit: str | None = None  # undo: the id of the edit it takes back
    reason: str | None = None
    first_step: int | None = None  # trim: the steps that stay, both ends included, as recorded
    last_step: int | None = None
    outcome: str | None = None  # relabel

    def to_json(self) -> dict[str, Any]:
        """As it is stored, without what does not concern it."""
        return {name: value for name, value in asdict(self).items() if value not in (None, ())}


def new_id() -> str:
    """Of an edit."""
    return secrets.token_hex(4)


def read_edits(root: Path) -> list[Edit]:
    """All edits of a dataset, the oldest first, those undone too.

    Raises:
        StoreError: They cannot be read.
    """
    edits = []
    for line in read_lines(root / EDITS):
        try:
            edits.append(Edit(**{**line, "episodes": tuple(line.get("episodes", ()))}))
        except TypeError as error:
            raise CorruptEpisode(f"{root / EDITS}: {error}") from None
        if edits[-1].action not in ACTIONS:
            raise CorruptEpisode(f"{root / EDITS}: unknown edit '{edits[-1].action}'")
    return edits


def in_force(edits: list[Edit]) -> list[Edit]:
    """The edits that count: without undone ones and undos. An undo can itself be undone."""
    undone: set[str] = set()
    counting = []
    for edit in reversed(edits):
        if edit.id in undone:
            continue
        if edit.action == "undo":
            undone.add(edit.edit or "")
        else:
            counting.append(edit)
    return counting[::-1]


def apply_edits(episodes: list[EpisodeInfo], edits: list[Edit]) -> list[EpisodeInfo]:
    """The episodes as the edits leave them."""
    changes: dict[str, dict[str, Any]] = {}
    for edit in in_force(edits):
        for episode in edit.episodes:
            changes.setdefault(episode, {}).update(_change(edit))
    return [dataclasses.replace(e, **changes[e.id]) if e.id in changes else e for e in episodes]


def _change(edit: Edit) -> dict[str, Any]:
    if edit.action == "relabel":
        return {"outcome": edit.outcome, "reason": edit.reason}
    if edit.action == "trim":
        assert edit.first_step is not None
        assert edit.last_step is not None
        return {"first_step": edit.first_step, "steps": edit.last_step - edit.first_step + 1}
    return {"excluded": edit.action == "exclude"}


def exclude(
    path: str | os.PathLike[str], episodes: Iterable[int | str | EpisodeInfo], reason: str | None = None
) -> Edit:
    """Leaves episodes out of the dataset, until they are included again.

    Raises:
        InputError: There is no such episode.
        StoreError: The dataset cannot be read or written.
    """
    return _add(path, "exclude", _ids(path, episodes), reason=reason)


def include(
    path: str | os.PathLike[str], episodes: Iterable[int | str | EpisodeInfo], reason: str | None = None
) -> Edit:
    """Takes excluded episodes back in.

    Raises:
        InputError: There is no such episode.
        StoreError: The dataset cannot be read or written.
    """
    return _add(path, "include", _ids(path, episodes), reason=reason)


def trim(path: str | os.PathLike[str], episode: int | str | EpisodeInfo, first_step: int, last_step: int) -> Edit:
    """Keeps the steps from `first_step` to `last_step`, both included, numbered as recorded. The last trim counts.

    Raises:
        InputError: There is no such episode, or it has no such steps.
        StoreError: The dataset cannot be read or written.
    """
    recorded = _dataset(path).recorded(episode)
    if not 0 <= first_step <= last_step < recorded.steps:
        raise InputError(
            f"episode {recorded.name} has steps 0 to {recorded.steps - 1}, not {first_step} to {last_step}"
        )
    return _add(path, "trim", (recorded.id,), first_step=first_step, last_step=last_step)


def relabel(path: str | os.PathLike[str], episode: int | str | EpisodeInfo, outcome: str, reason: str) -> Edit:
    """Gives an episode another outcome.

    Raises:
        InputError: There is no such episode, or the outcome is not one or has no reason.
        StoreError: The dataset cannot be read or written.
    """
    check_outcome(outcome, reason)
    return _add(path, "relabel", (_dataset(path).recorded(episode).id,), outcome=outcome, reason=reason)


def undo(path: str | os.PathLike[str], edit: str | None = None) -> Edit:
    """Takes an edit back: the one with that id (an undo too), or the last that counts.

    Raises:
        InputError: There is nothing to undo.
        StoreError: The dataset cannot be read or written.
    """
    edits = _dataset(path).edits
    if edit is None:
        counting = in_force(edits)
        if not counting:
            raise InputError(f"{path}: no edit to undo")
        edit = counting[-1].id
    elif edit not in {known.id for known in edits}:
        raise UnknownName("edit", edit, [known.id for known in edits[-20:]])
    return _add(path, "undo", (), edit=edit)


def _ids(path: str | os.PathLike[str], episodes: Iterable[int | str | EpisodeInfo]) -> tuple[str, ...]:
    dataset = _dataset(path)
    ids = tuple(dict.fromkeys(dataset.recorded(episode).id for episode in episodes))
    if not ids:
        raise InputError("no episode is named")
    return ids


def _add(path: str | os.PathLike[str], action: str, episodes: tuple[str, ...], **values: Any) -> Edit:
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    edit = Edit(id=new_id(), at=at, action=action, episodes=episodes, **values)
    root = Path(path)
    with clear_errors("write", root), locked(root):
        append_line(root / EDITS, edit.to_json())
    return edit


def _dataset(path: str | os.PathLike[str]) -> Any:
    from retouch.episodes.reader import Dataset  # the reader applies edits

    return Dataset(path)
