"""Reading a dataset: its episodes as the edits leave them, their steps, and columns of many episodes as arrays."""

import os
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from retouch.episodes.arrays import ArrayCache, Arrays
from retouch.episodes.edits import Edit, apply_edits, read_edits
from retouch.episodes.files import clear_errors, read_json
from retouch.episodes.frames import known_columns, read_frames
from retouch.episodes.layout import DATASET, EPISODE, EPISODES, FRAMES, episode_folders
from retouch.episodes.schema import DatasetInfo, EpisodeInfo, picture_columns
from retouch.errors import CorruptEpisode, InputError, NoDataset

__all__ = ["Dataset"]


class Dataset:
    """A dataset as it is at the moment of opening; open it again to see what was added since.

    Raises:
        StoreError: There is none, it cannot be read, or it is of a newer schema.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        if not (self.path / DATASET).is_file():
            raise NoDataset(f"no dataset in {self.path}")
        self.info = DatasetInfo.from_json(read_json(self.path / DATASET), self.path / DATASET)
        with clear_errors("read", self.path):
            self._folders = episode_folders(self.path)
        self.edits: list[Edit] = read_edits(self.path)
        """All edits, the oldest first, those undone too."""

    @cached_property
    def episodes(self) -> list[EpisodeInfo]:
        """The episodes by number, edits applied, without excluded ones."""
        return [episode for episode in self.all_episodes if not episode.excluded]

    @cached_property
    def all_episodes(self) -> list[EpisodeInfo]:
        """The episodes by number, edits applied, with excluded ones, which say so."""
        return apply_edits(self._recorded, self.edits)

    @cached_property
    def _recorded(self) -> list[EpisodeInfo]:
        episodes = []
        root = self.path / EPISODES
        for folder in self._folders:
            where = root / folder.name / EPISODE
            info = EpisodeInfo.from_json(read_json(where), folder.number, where)
            if info.id != folder.id:
                raise CorruptEpisode(f"{where}: it is of episode {info.id}")
            episodes.append(info)
        return episodes

    def episode(self, which: int | str | EpisodeInfo) -> EpisodeInfo:
        """One episode by number, id or folder name, edits applied, excluded or not.

        Raises:
            InputError: There is no such episode.
        """
        return self.all_episodes[self._index(which)]

    def recorded(self, which: int | str | EpisodeInfo) -> EpisodeInfo:
        """One episode as it was recorded, without edits.

        Raises:
            InputError: There is no such episode.
        """
        return self._recorded[self._index(which)]

    def frames(self, episode: int | str | EpisodeInfo, columns: Iterable[str] | None = None) -> dict[str, np.ndarray]:
        """Columns of an episode's steps, `[steps, *shape]` each; all columns for None. Trimmed steps are left out.

        Raises:
            InputError: There is no such episode or column.
            StoreError: The episode's files cannot be read, or do not agree with each other.
        """
        index = self._index(episode)
        info, recorded = self.all_episodes[index], self._recorded[index]
        path = self.path / EPISODES / info.name / FRAMES
        frames = read_frames(path, self.info.features, columns)
        for values in frames.values():
            if len(values) != recorded.steps:
                raise CorruptEpisode(f"{path}: {len(values)} steps, {EPISODE} says {recorded.steps}")
        if info.steps == recorded.steps:
            return frames
        kept = slice(info.first_step, info.first_step + info.steps)
        return {name: values[kept] for name, values in frames.items()}

    def arrays(self, columns: Iterable[str], episodes: Sequence[int | str | EpisodeInfo] | None = None) -> Arrays:
        """Columns of many episodes one after the other, `[sum of steps, *shape]` each, mapped from disk and read-only.

        They are made when first asked for, an episode at a time, and kept in the dataset's `.cache`; where the dataset
        cannot be written, in a temporary folder.

        Args:
            columns: Which ones.
            episodes: In this order; None for all that are not excluded.

        Raises:
            InputError: There is no such episode or column.
            StoreError: An episode cannot be read, or there is no space for the arrays.
        """
        names = known_columns(self.info.features, columns)
        chosen = self.episodes if episodes is None else [self.episode(which) for which in episodes]
        return self._cache.arrays(names, chosen, self.frames)

    def pictures(
        self, camera: str, episodes: Sequence[int | str | EpisodeInfo] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Every picture of a camera once, `[pictures, size, size, 3]`, mapped as `arrays` are, and for each step of
        these episodes which one is its newest, `[sum of steps]`.

        Raises as `arrays` does; InputError where nothing was recorded with this camera.
        """
        column, taken_at = picture_columns(camera)
        if column not in self.info.features:
            raise InputError(f"{self.path} has no pictures of the camera '{camera}'")
        chosen = self.episodes if episodes is None else [self.episode(which) for which in episodes]
        steps = self._cache.arrays([taken_at], chosen, self.frames)
        new = np.diff(steps[taken_at], prepend=np.nan) != 0
        new[steps.starts[steps.lengths > 0]] = True
        counts = np.array([new[s : s + n].sum() for s, n in zip(steps.starts, steps.lengths, strict=True)], np.int64)

        def new_ones(episode: EpisodeInfo, columns: list[str]) -> dict[str, np.ndarray]:
            frames = self.frames(episode, [*columns, taken_at])
            first = np.diff(frames[taken_at], prepend=np.nan) != 0
            return {name: frames[name][first] for name in columns}

        return self._cache.arrays([column], chosen, new_ones, counts)[column], np.cumsum(new) - 1

    @cached_property
    def _cache(self) -> ArrayCache:
        return ArrayCache(self.path, self.info.features)

    @cached_property
    def _places(self) -> dict[int | str, int]:
        places: dict[int | str, int] = {}
        for index, folder in enumerate(self._folders):
            places |= {folder.number: index, folder.id: index, folder.name: index}
        return places

    def _index(self, which: int | str | EpisodeInfo) -> int:
        key = which.id if isinstance(which, EpisodeInfo) else which
        if key not in self._places and isinstance(key, str) and key.isdecimal():
            key = int(key)
        if key not in self._places:
            count = len(self._folders)
            there = f"numbers {self._folders[0].number} to {self._folders[-1].number}" if count else "it has none"
            raise InputError(f"no episode {key!r} in {self.path} ({there})")
        return self._places[key]
