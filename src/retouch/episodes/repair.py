"""Bringing back what a dead writer left: its running episode as `aborted`; what is left over is removed."""

import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from retouch.episodes.commit import commit
from retouch.episodes.files import clear_errors, locked
from retouch.episodes.journal import Owner, claimed, read_header, read_records
from retouch.episodes.layout import CACHE, DATASET, JOURNAL, aside_path, episode_folders
from retouch.episodes.reader import Dataset
from retouch.episodes.rows import record_dtype
from retouch.episodes.schema import EpisodeInfo
from retouch.errors import CorruptEpisode

# Arrays take minutes at most to be made; what is older was left by a dead process.
_STALE_S = 3600.0


@dataclass(frozen=True)
class RepairSummary:
    """What `repair` did."""

    recovered: list[EpisodeInfo] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)  # left-over files and folders, relative to the dataset
    running: list[str] = field(default_factory=list)  # ids of episodes whose writer is alive
    unreadable: list[str] = field(default_factory=list)  # one line for each journal that stays as it is, and why


def repair(path: str | os.PathLike[str]) -> RepairSummary:
    """Makes aborted episodes of the journals of dead writers and removes what dead processes left over.

    Safe at any time: journals whose writer is alive are left alone, and so is every finished episode.

    Raises:
        StoreError: There is no dataset, or it cannot be read or written.
    """
    root = Path(path)
    dataset = Dataset(root)
    summary = RepairSummary()
    with clear_errors("repair", root):
        for journal in sorted((root / JOURNAL).glob("*.rows")):
            with claimed(root, journal) as dead:
                if dead:
                    _recover(dataset, journal, summary)
                elif journal.exists():
                    summary.running.append(journal.stem)
        for leftover in _leftovers(root):
            if leftover.is_dir():
                shutil.rmtree(leftover)
            else:
                leftover.unlink()
            summary.removed.append(str(leftover.relative_to(root)))
    return summary


def forget_unfinished(path: str | os.PathLike[str]) -> None:
    """Removes the journals of dead writers: for simulated attempts, which can be run again to the same end.

    Raises:
        StoreError: The dataset cannot be written.
    """
    root = Path(path)
    with clear_errors("write", root):
        for journal in sorted((root / JOURNAL).glob("*.rows")):
            with claimed(root, journal) as dead:
                if dead:
                    shutil.rmtree(aside_path(root, journal.stem), ignore_errors=True)
                    journal.unlink()


def _recover(dataset: Dataset, journal: Path, summary: RepairSummary) -> None:
    root, id = dataset.path, journal.stem
    is_finished = any(folder.id == id for folder in episode_folders(root))
    try:
        header = None if is_finished else read_header(journal)
        if header is not None and header["episode"]["id"] != id:
            raise CorruptEpisode(f"{journal}: it is of episode {header['episode']['id']}")
        records = read_records(journal) if header is not None else np.empty(0, [("step", "<i4")])
        records = records[: _unbroken(records["step"])]
        if header is not None and len(records):
            if records.dtype != record_dtype(dataset.info.features):
                raise CorruptEpisode(f"{journal}: its columns are not the dataset's")
            reason = f"the writer died ({Owner(**header['owner'])})"
            episode = commit(root, dataset.info.features, header["episode"], records, "aborted", reason)
            summary.recovered.append(episode)
        else:
            summary.removed.append(str(journal.relative_to(root)))
    except (CorruptEpisode, TypeError, ValueError) as error:
        summary.unreadable.append(str(error))
        return
    shutil.rmtree(aside_path(root, id), ignore_errors=True)
    journal.unlink()


def _unbroken(step: np.ndarray) -> int:
    """How many records are whole: after a power failure the last blocks of a file may read as zeros."""
    broken = np.flatnonzero(step != np.arange(len(step)))
    return int(broken[0]) if len(broken) else len(step)


def _leftovers(root: Path) -> list[Path]:
    with locked(root):  # whoever replaces dataset.json holds the lock
        found = list(root.glob(f".{DATASET}.*.new"))
    found += [aside for aside in (root / JOURNAL).glob("*.new") if not aside.with_suffix(".rows").exists()]
    oldest = time.time() - _STALE_S
    found += [folder for folder in (root / CACHE).glob("new-*") if folder.stat().st_mtime < oldest]
    return sorted(found)
