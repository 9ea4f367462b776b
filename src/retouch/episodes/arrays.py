"""Columns of many episodes as memory-mapped arrays, kept beside the dataset and made again when missing."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retouch.episodes.files import clear_errors
from retouch.episodes.layout import CACHE
from retouch.episodes.schema import SCHEMA_VERSION, EpisodeInfo, Feature

# Choices of episodes that stay in the cache; the one unused for longest makes room.
KEPT = 8

Read = Callable[[EpisodeInfo, list[str]], dict[str, np.ndarray]]

_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


@dataclass(frozen=True)
class Arrays:
    """Columns of episodes one after the other. Episode `i` is at `starts[i]` to `starts[i] + lengths[i]`."""

    columns: dict[str, np.ndarray]  # [sum of steps, *shape] each, read-only
    starts: np.ndarray  # int64 [episodes]
    lengths: np.ndarray  # int64 [episodes]
    episode_ids: list[str]

    def __getitem__(self, column: str) -> np.ndarray:
        return self.columns[column]

    def __len__(self) -> int:
        return int(self.lengths.sum())


class ArrayCache:
    """Makes arrays of columns, or finds them again: one folder a choice of episodes, one `.npy` file a column."""

    def __init__(self, root: Path, features: Mapping[str, Feature]):
        self._folder = root / CACHE
        self._features = features

    def arrays(
        self, columns: list[str], episodes: Sequence[EpisodeInfo], read: Read, lengths: np.ndarray | None = None
    ) -> Arrays:
        """The columns of the episodes, from the cache where it has them; `read` reads them of one episode.

        Args:
            lengths: Rows that `read` finds in each episode, where it leaves some of its steps out.

        Raises:
            StoreError: An episode cannot be read, or the arrays cannot be written anywhere.
        """
        choice: list[object] = [
            SCHEMA_VERSION,
            [[episode.id, episode.first_step, episode.steps] for episode in episodes],
        ]
        if lengths is None:
            lengths = np.array([episode.steps for episode in episodes], np.int64)
        else:
            choice.append(lengths.tolist())
        starts = np.cumsum(lengths) - lengths
        key = hashlib.sha256(json.dumps(choice).encode()).hexdigest()[:24]
        if len(episodes):
            mapped = self._find_or_build(key, columns, episodes, int(lengths.sum()), read)
        else:
            mapped = {name: np.empty((0, *self._features[name].shape), self._features[name].dtype) for name in columns}
        return Arrays(mapped, starts, lengths, [episode.id for episode in episodes])

    def _find_or_build(
        self, key: str, columns: list[str], episodes: Sequence[EpisodeInfo], steps: int, read: Read
    ) -> dict[str, np.ndarray]:
        mapped = self._find(key, columns)
        missing = [name for name in columns if name not in mapped]
        if missing:
            with clear_errors("write", self._folder):
                try:
                    self._build(key, missing, episodes, steps, read)
                except OSError as error:
                    if error.errno not in _READ_ONLY:
                        raise
                    self._move_to_temporary()
                    self._build(key, missing, episodes, steps, read)
            mapped |= self._find(key, missing)
        with contextlib.suppress(OSError):
            os.utime(self._folder / key)
        return {name: mapped[name] for name in columns}

    def _find(self, key: str, columns: list[str]) -> dict[str, np.ndarray]:
        mapped = {}
        for name in columns:
            with contextlib.suppress(FileNotFoundError):
                mapped[name] = np.load(self._folder / key / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        return mapped

    def _build(self, key: str, columns: list[str], episodes: Sequence[EpisodeInfo], steps: int, read: Read) -> None:
        folder = self._folder / key
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix="new-") as aside, contextlib.ExitStack() as stack:
            files = {name: stack.enter_context((Path(aside) / f"{name}.npy").open("wb")) for name in columns}
            for name, file in files.items():
                feature = self._features[name]
                header = {
                    "descr": np.dtype(feature.dtype).str,
                    "fortran_order": False,
                    "shape": (steps, *feature.shape),
                }
                np.lib.format.write_array_header_1_0(file, header)
            for episode in episodes:
                for name, values in read(episode, columns).items():
                    # Not through a mapping: writing to one on a full disk kills the process.
                    files[name].write(np.ascontiguousarray(values).data)
            for name, file in files.items():
                file.flush()
                os.replace(file.name, folder / f"{name}.npy")  # noqa: PTH105
        self._forget_old(key)

    def _forget_old(self, key: str) -> None:
        folders = [entry for entry in self._folder.iterdir() if not entry.name.startswith("new-") and entry.name != key]
        folders.sort(key=lambda entry: entry.stat().st_mtime, reverse=True)
        for folder in folders[KEPT - 1 :]:
            shutil.rmtree(folder, ignore_errors=True)  # what is mapped stays readable until it is let go

    def _move_to_temporary(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="retouch-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
