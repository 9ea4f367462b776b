"""Recording episodes: rows go to a journal at once, finished episodes into the dataset whole."""

import functools
import importlib.metadata
import os
import platform
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from retouch.episodes.commit import commit, count_sources
from retouch.episodes.files import (
    append_line,
    clear_errors,
    encode_json,
    fsync_folder,
    locked,
    read_json,
    replace_durably,
)
from retouch.episodes.journal import Journal, read_records
from retouch.episodes.layout import DATASET, DISCARDED, EPISODES, JOURNAL, journal_path
from retouch.episodes.rows import RowPacker
from retouch.episodes.schema import DatasetInfo, EpisodeInfo, check_episode, check_json, check_outcome, check_same
from retouch.errors import InputError, NoDataset, RetouchError, StoreError

__all__ = ["DatasetWriter", "EpisodeWriter"]


class DatasetWriter:
    """Adds episodes to a dataset. Any number of writers, in any number of processes, may share one."""

    def __init__(self, path: Path, info: DatasetInfo, versions: dict[str, str]):
        self.path = path
        self.info = info
        self._versions = versions
        self._running: list[EpisodeWriter] = []

    @classmethod
    def open(
        cls, path: str | os.PathLike[str], info: DatasetInfo | None = None, *, versions: dict[str, str] | None = None
    ) -> "DatasetWriter":
        """Opens a dataset for writing, creating it where there is none.

        Args:
            path: The dataset's folder.
            info: What its episodes have in common; may be left out for a dataset that exists.
            versions: Name to version of what else shapes the episodes (retouch, Python and the main libraries are
                noted without being asked for).

        Raises:
            InputError: The dataset exists and is of another task, period or set of columns.
            StoreError: It cannot be read or written.
        """
        root = Path(path)
        versions = {**_versions(), **(versions or {})}
        with clear_errors("write", root):
            if info is not None:
                root.mkdir(parents=True, exist_ok=True)
            elif not (root / DATASET).is_file():
                raise NoDataset(f"no dataset in {root}")
            with locked(root):
                if not (root / DATASET).is_file():
                    assert info is not None
                    if any((root / EPISODES).glob("*")):
                        raise StoreError(f"{root} has episodes but no {DATASET}")
                (root / EPISODES).mkdir(exist_ok=True)
                (root / JOURNAL).mkdir(exist_ok=True)
                if not (root / DATASET).is_file():  # last: where it is, there is a data set to read
                    assert info is not None
                    replace_durably(root / DATASET, encode_json(info.to_json()))
                fsync_folder(root)
        stored = DatasetInfo.from_json(read_json(root / DATASET), root / DATASET)
        if info is not None:
            check_same(root, stored, info)
        return cls(root, stored, versions)

    def begin(
        self,
        *,
        kind: str,
        seed: int | None,
        operator: str | None = None,
        policy: str | None = None,
        round: int | None = None,
        started_at: str | None = None,
        **extra: Any,
    ) -> "EpisodeWriter":
        """Begins an episode.

        Args:
            kind: demonstration, rollout or corrected.
            seed: Of the episode's reset; None on a real robot.
            operator: Who could correct it; None for nobody.
            policy: Id and version of the policy that acted; None for none.
            round: Which pass of collecting it belongs to.
            started_at: Wall clock, ISO 8601 with its offset; None for now.
            extra: Anything else to keep, as JSON can hold it.

        Raises:
            InputError: A value that no episode can have.
            StoreError: The dataset cannot be written.
        """
        started_at = started_at or datetime.now(UTC).isoformat(timespec="milliseconds")
        check_episode(kind=kind, seed=seed, operator=operator, policy=policy, round=round, started_at=started_at)
        check_json("extra", extra)
        episode = {
            "id": secrets.token_hex(5),
            "kind": kind,
            "seed": seed,
            "operator": operator,
            "policy": policy,
            "round": round,
            "started_at": started_at,
            "versions": self._versions,
            "extra": extra,
        }
        running = EpisodeWriter(self, episode)
        self._running = [other for other in self._running if not other.closed] + [running]
        return running

    def close(self) -> None:
        """Ends the episodes that still run as aborted.

        Raises:
            StoreError: One cannot be written; `repair` can still bring it back.
        """
        for running in self._running:
            running.abort("the dataset was closed")
        self._running = []

    def __enter__(self) -> "DatasetWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for running in self._running:
            running.__exit__(kind, error, trace)
        self._running = []


class EpisodeWriter:
    """A running episode. As a context manager it is aborted by an exception, and when nothing ended it."""

    def __init__(self, dataset: DatasetWriter, episode: dict[str, Any]):
        self.id: str = episode["id"]
        self.steps = 0
        self._dataset = dataset
        self._episode = episode
        self._packer = RowPacker(dataset.info.features, dataset.info.control_period_s)
        with clear_errors("write", dataset.path):
            path = journal_path(dataset.path, self.id)
            self._journal: Journal | None = Journal.create(dataset.path, path, self._packer.dtype, episode)

    @property
    def closed(self) -> bool:
        """Whether the episode has been committed, discarded or given up."""
        return self._journal is None

    def append(self, row: Mapping[str, Any]) -> None:
        """Adds a step: a value for each column of the dataset, arrays of the feature's shape.

        May be left out: `step`, `time_s` (step x control period), `intervention` (follows from `control_source`),
        `policy_action` and `operator_action` (NaN). When this returns the row survives the death of the process.

        Raises:
            InputError: A column is missing or unknown, or a value has the wrong shape or type, or is not finite. The
                episode is as before.
            StoreError: The row cannot be written. The episode is as before.
        """
        journal = self._open()
        record = self._packer.pack(self.steps, row)
        try:
            journal.write(record)
        except OSError:
            with clear_errors("write", journal.path):
                raise
        self.steps += 1

    def commit(self, outcome: str, reason: str, **extra: Any) -> EpisodeInfo:
        """Ends the episode and moves it into the dataset. When this returns, the disk has it.

        Args:
            outcome: success, failure or aborted.
            reason: Why, in one line.
            extra: More to keep, over what `begin` was given.

        Raises:
            InputError: The outcome is not one, has no reason, or there are no steps.
            StoreError: The dataset cannot be written. The episode still runs, so this may be tried again; after the
                end of the process `repair` brings it back.
        """
        journal = self._open()
        check_outcome(outcome, reason)
        check_json("extra", extra)
        if not self.steps:
            raise InputError("an episode without steps cannot be committed: discard it")
        root = self._dataset.path
        with clear_errors("read", journal.path):
            records = read_records(journal.path)
        episode = {**self._episode, "extra": {**self._episode["extra"], **extra}}
        info = commit(root, self._dataset.info.features, episode, records, outcome, reason)
        with clear_errors("write", root):
            journal.remove()
        self._journal = None
        return info

    def discard(self, reason: str = "discarded") -> None:
        """Throws the episode away; only that it was, and how long people and policies acted in it, is noted.

        Raises:
            StoreError: The dataset cannot be written.
        """
        journal = self._open()
        check_outcome("aborted", reason)
        root = self._dataset.path
        with clear_errors("write", root):
            if self.steps:
                note = {name: self._episode[name] for name in ("id", "kind", "operator", "round", "started_at")}
                note |= {"reason": reason, "steps": self.steps}
                note |= {"control_steps": count_sources(read_records(journal.path)["control_source"])}
                with locked(root):
                    append_line(root / DISCARDED, note)
            journal.remove()
        self._journal = None

    def forget(self) -> None:
        """Removes the episode without a trace: a simulation that ran ahead and that nobody asked for.

        Raises:
            StoreError: The dataset cannot be written.
        """
        journal = self._open()
        with clear_errors("write", self._dataset.path):
            journal.remove()
        self._journal = None

    def abort(self, reason: str) -> None:
        """Ends the episode as aborted if it still runs; without steps it is discarded.

        Raises:
            StoreError: The dataset cannot be written; after the end of the process `repair` brings it back.
        """
        if self._journal is None:
            return
        journal = self._journal
        try:
            if self.steps:
                self.commit("aborted", reason)
            else:
                self.discard(reason)
        finally:
            journal.close()
            self._journal = None

    def __enter__(self) -> "EpisodeWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.abort("nothing ended it")
            return
        try:
            told = isinstance(error, RetouchError)  # its message is for people
            self.abort(_one_line(str(error) if told else f"{type(error).__name__}: {error}"))
        except StoreError as unsaved:
            error.add_note(f"episode {self.id} stays in its journal: {unsaved}")

    def _open(self) -> Journal:
        if self._journal is None:
            raise InputError(f"episode {self.id} has ended")
        return self._journal


@functools.cache
def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in ("retouch", "mujoco", "numpy", "pyarrow"):
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _one_line(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)[:300].strip()
