"""A dataset or an episode in a few numbers, for people."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from retouch.episodes.edits import Edit, in_force
from retouch.episodes.files import clear_errors, read_lines
from retouch.episodes.layout import CACHE, DISCARDED, EPISODES, JOURNAL
from retouch.episodes.reader import Dataset
from retouch.episodes.schema import ControlSource, DatasetInfo, EpisodeInfo

T = TypeVar("T", str, int)

_HUMAN = ("operator", "both")


@dataclass(frozen=True)
class DatasetSummary:
    """A dataset in numbers. Episodes and steps are those that count: not excluded, not trimmed away."""

    path: Path
    info: DatasetInfo
    episodes: int
    excluded: int
    discarded: int  # thrown away while recording
    unfinished: int  # still running, or left by a dead writer
    outcomes: dict[str, dict[str, int]]  # kind -> outcome -> episodes
    steps: int
    duration_s: float
    control_steps: dict[str, int]  # control source -> steps
    human_steps: int  # all that people ever acted in: also in failed, aborted, excluded and discarded episodes
    human_steps_in_successes: int  # those of them in successful episodes that count
    operators: dict[str, int]  # operator -> episodes
    policies: dict[str, int]  # policy -> episodes
    rounds: dict[int, int]  # round -> episodes
    size_bytes: int  # on disk, without the cache


@dataclass(frozen=True)
class Segment:
    """Consecutive steps in which the same one acted, both ends included, numbered as recorded."""

    control_source: str  # policy, operator, both, none
    first_step: int
    last_step: int


@dataclass(frozen=True)
class EpisodeSummary:
    """One episode: what is known of it and who acted when."""

    info: EpisodeInfo
    recorded_steps: int
    duration_s: float
    segments: list[Segment]
    interventions: int  # segments in which an operator acted
    edits: list[Edit]  # of this episode, those that count
    size_bytes: int


def describe(path: str | os.PathLike[str]) -> DatasetSummary:
    """A dataset in numbers; steps are only read of trimmed episodes.

    Raises:
        StoreError: There is no dataset, or it cannot be read.
    """
    dataset = Dataset(path)
    episodes = dataset.episodes
    outcomes: dict[str, Counter[str]] = {}
    control_steps = Counter({source.name.lower(): 0 for source in ControlSource})
    in_successes = 0
    for episode in episodes:
        outcomes.setdefault(episode.kind, Counter())[episode.outcome] += 1
        counts = _control_steps(dataset, episode)
        control_steps.update(counts)
        in_successes += _human(counts) if episode.outcome == "success" else 0
    discarded = read_lines(dataset.path / DISCARDED)
    recorded = [dataset.recorded(episode).control_steps for episode in dataset.all_episodes]
    steps = sum(episode.steps for episode in episodes)
    return DatasetSummary(
        path=dataset.path,
        info=dataset.info,
        episodes=len(episodes),
        excluded=len(dataset.all_episodes) - len(episodes),
        discarded=len(discarded),
        unfinished=len(list((dataset.path / JOURNAL).glob("*.rows"))),
        outcomes={kind: dict(counts) for kind, counts in outcomes.items()},
        steps=steps,
        duration_s=steps * dataset.info.control_period_s,
        control_steps=dict(control_steps),
        human_steps=sum(map(_human, recorded)) + sum(_human(note["control_steps"]) for note in discarded),
        human_steps_in_successes=in_successes,
        operators=_counts(episode.operator for episode in episodes),
        policies=_counts(episode.policy for episode in episodes),
        rounds=_counts(episode.round for episode in episodes),
        size_bytes=_size(dataset.path),
    )


def show(path: str | os.PathLike[str], episode: int | str | EpisodeInfo) -> EpisodeSummary:
    """One episode by number, id or folder name, edits applied.

    Raises:
        InputError: There is no such episode.
        StoreError: It cannot be read.
    """
    dataset = Dataset(path)
    info = dataset.episode(episode)
    segments = segments_of(dataset.frames(info, ["control_source"])["control_source"], info.first_step)
    return EpisodeSummary(
        info=info,
        recorded_steps=dataset.recorded(info).steps,
        duration_s=info.steps * dataset.info.control_period_s,
        segments=segments,
        interventions=sum(segment.control_source in _HUMAN for segment in segments),
        edits=[edit for edit in in_force(dataset.edits) if info.id in edit.episodes],
        size_bytes=_size(dataset.path / EPISODES / info.name),
    )


def segments_of(control_source: np.ndarray, first_step: int = 0) -> list[Segment]:
    """Who acted when, from the control sources `[n]` of consecutive steps."""
    if not len(control_source):
        return []
    starts = [0, *(np.flatnonzero(np.diff(control_source)) + 1).tolist()]
    ends = [*starts[1:], len(control_source)]
    return [
        Segment(ControlSource(int(control_source[start])).name.lower(), first_step + start, first_step + end - 1)
        for start, end in zip(starts, ends, strict=True)
    ]


def _control_steps(dataset: Dataset, episode: EpisodeInfo) -> dict[str, int]:
    if episode.steps == dataset.recorded(episode).steps:
        return episode.control_steps
    source = dataset.frames(episode, ["control_source"])["control_source"]
    return {who.name.lower(): int((source == who).sum()) for who in ControlSource}


def _human(control_steps: dict[str, int]) -> int:
    return sum(control_steps[who] for who in _HUMAN)


def _counts(values: Iterable[T | None]) -> dict[T, int]:
    return dict(Counter(value for value in values if value is not None))


def _size(folder: Path) -> int:
    size = 0
    with clear_errors("read", folder):
        for parent, folders, files in os.walk(folder):
            if CACHE in folders:
                folders.remove(CACHE)
            size += sum(os.stat(os.path.join(parent, name)).st_size for name in files)  # noqa: PTH116, PTH118
    return size
