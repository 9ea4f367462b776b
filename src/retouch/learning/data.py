"""The steps that a policy is trained on."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float32, Int8, Int64

from retouch.episodes.reader import Dataset
from retouch.episodes.schema import ControlSource, EpisodeInfo
from retouch.errors import InputError
from retouch.learning.labels import step_labels
from retouch.learning.pictures import Pictures
from retouch.learning.pressed import felt_before
from retouch.learning.rows import Rows
from retouch.policies.eyes import Eyes
from retouch.policies.normaliser import chunks

CONTACT = "tick_contact_wrench"


@dataclass(frozen=True)
class TrainingData:
    """Episodes laid end to end. Nobody is in control of no step.

    Observations and actions may be arrays in memory, arrays mapped from disk, or `Rows` of such: they are read a few
    at a time. What there is one of a step, such as its label, is in memory: up to 45 bytes a step during training.

    Attributes:
        observation: `T D`
        action: executed actions, `T A`
        control_source: who was in control of each step, `T`
        lengths: steps of each of the E episodes, at least 1; their sum is T
        kinds: kind of each episode: "demonstration", "rollout" or "corrected"
        observation_names: a name per entry of the observation, or empty
        task: name of the task
        control_period_s: seconds between two steps
        sources: where the episodes come from, for the policy's provenance; plain JSON
        pictures: of every step, for a policy that looks
        felt: wrench on the tool when each step was observed, tool frame [N], [N m], for one that learns to press, `T 6`
    """

    observation: Float32[np.ndarray | Rows, "T D"]
    action: Float32[np.ndarray | Rows, "T A"]
    control_source: Int8[np.ndarray, " T"]
    lengths: Int64[np.ndarray, " E"]
    kinds: tuple[str, ...]
    observation_names: tuple[str, ...] = ()
    task: str = ""
    control_period_s: float = 0.05
    sources: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    pictures: Pictures | None = None
    felt: Float32[np.ndarray, "T 6"] | None = None

    def __post_init__(self) -> None:
        total = len(self.observation)
        if not len(self.action) == len(self.control_source) == total == self.lengths.sum():
            raise InputError(
                "observations, actions, control sources and episode lengths do not have equally many steps"
            )
        if len(self.kinds) != len(self.lengths) or (self.lengths < 1).any():
            raise InputError("every episode needs a kind and at least one step")
        for name, values in (("observation", self.observation), ("action", self.action)):
            checked = 0
            for chunk in chunks(values):
                finite = np.isfinite(chunk).all(axis=1)
                if not finite.all():
                    raise InputError(
                        f"{name} of step {checked + int(finite.argmin())} of the training data is not finite"
                    )
                checked += len(chunk)
        if (self.control_source == ControlSource.NONE).any():
            raise InputError("paused steps must be dropped before training (TrainingData.build does)")

    def __len__(self) -> int:
        return len(self.action)

    @property
    def starts(self) -> Int64[np.ndarray, " E"]:
        """First step of each episode."""
        return np.cumsum(self.lengths) - self.lengths

    @property
    def labels(self) -> Int8[np.ndarray, " T"]:
        """`Label` of each step."""
        return step_labels(self.kinds, self.lengths, self.control_source)

    def digest(self) -> str:
        """SHA-256 of what is learnt from: the numbers, the episodes' bounds and their kinds."""
        total = hashlib.sha256(repr((self.observation.shape, self.action.shape, self.kinds)).encode())
        for array in (self.observation, self.action, self.control_source, self.lengths):
            for chunk in chunks(array):
                total.update(np.ascontiguousarray(chunk).data)
        if self.pictures is not None:
            self.pictures.digest(total.update)
        if self.felt is not None:
            total.update(self.felt.data)
        return total.hexdigest()

    def described(self) -> dict[str, Any]:
        """For a policy's provenance, plain JSON."""
        return {
            "sha256": self.digest(),
            "episodes": len(self.lengths),
            "steps": len(self.action),
            "sources": list(self.sources),
        }

    @classmethod
    def build(
        cls,
        observation: Float32[np.ndarray, "T D"],
        action: Float32[np.ndarray, "T A"],
        control_source: Int8[np.ndarray, " T"],
        lengths: Int64[np.ndarray, " E"],
        kinds: tuple[str, ...],
        **described: Any,
    ) -> "TrainingData":
        """As the constructor, but drops the steps in which nobody was in control, and joins the rest.

        The robot stood still there: the steps before and after a pause follow each other.
        """
        kept, lengths, kinds = _without_pauses(control_source, lengths, kinds)
        return cls(observation[kept], action[kept], control_source[kept], lengths, kinds, **described)

    @classmethod
    def from_datasets(
        cls,
        datasets: Sequence[Dataset],
        outcomes: Sequence[str] = ("success",),
        eyes: Eyes | None = None,
        felt: bool = False,
    ) -> "TrainingData":
        """Joins the episodes of `datasets` that have one of the `outcomes`, without the steps in which nobody was in
        control. Observations and actions stay mapped from disk, and so do the pictures for a policy with `eyes`.

        Args:
            felt: whether what the tool felt is wanted.

        Raises InputError if there are none, or if the data sets differ in task, control period, observation or action,
        or have not the pictures or what was felt; StoreError if an episode cannot be read.
        """
        if not datasets:
            raise InputError("no data sets to train on")
        info = datasets[0].info
        columns: dict[str, list[np.ndarray]] = {"observation": [], "action": [], "control_source": []}
        wrenches: list[np.ndarray] = []
        lengths: list[np.ndarray] = []
        kinds: list[str] = []
        sources: list[dict[str, Any]] = []
        chosen: list[list[EpisodeInfo]] = []
        for dataset in datasets:
            check_joins(dataset, datasets[0])
            episodes = [episode for episode in dataset.episodes if episode.outcome in outcomes and episode.steps]
            chosen.append(episodes)
            sources.append({"path": str(dataset.path), "episodes": [episode.name for episode in episodes]})
            if not episodes:
                continue
            arrays = dataset.arrays(list(columns), episodes)
            for name, parts in columns.items():
                parts.append(arrays[name])
            lengths.append(arrays.lengths)
            if felt:
                wrenches.append(felt_before(_contact(dataset, episodes), arrays.lengths))
            kinds += [episode.kind for episode in episodes]
        if not kinds:
            raise InputError(f"no episodes with outcome {' or '.join(outcomes)} to train on")
        control_source = np.concatenate(columns["control_source"])
        kept, joined_lengths, joined_kinds = _without_pauses(control_source, np.concatenate(lengths), tuple(kinds))
        return cls(
            Rows(columns["observation"], kept),
            Rows(columns["action"], kept),
            control_source[kept],
            joined_lengths,
            joined_kinds,
            observation_names=tuple(info.features["observation"].names or ()),
            task=info.task,
            control_period_s=info.control_period_s,
            sources=tuple(sources),
            pictures=Pictures.of(datasets, chosen, eyes).at(kept) if eyes is not None else None,
            felt=np.concatenate(wrenches)[kept] if felt else None,
        )


def _contact(dataset: Dataset, episodes: Sequence[EpisodeInfo]) -> Float32[np.ndarray, "T K 6"]:
    if CONTACT not in dataset.info.features:
        raise InputError(f"{dataset.path} has no {CONTACT}: virtual targets need a robot that yields")
    found: Float32[np.ndarray, "T K 6"] = dataset.arrays([CONTACT], episodes)[CONTACT]
    return found


def _without_pauses(
    control_source: Int8[np.ndarray, " T"], lengths: Int64[np.ndarray, " E"], kinds: tuple[str, ...]
) -> tuple[Int64[np.ndarray, " K"], Int64[np.ndarray, " F"], tuple[str, ...]]:
    """The steps in which somebody was in control, and lengths and kinds of the episodes that have any."""
    kept = np.flatnonzero(control_source != ControlSource.NONE)
    remaining = np.diff(np.searchsorted(kept, np.cumsum(lengths)), prepend=0)
    whole = remaining > 0
    return kept, remaining[whole], tuple(kind for kind, keep in zip(kinds, whole, strict=True) if keep)


def check_joins(dataset: Dataset, first: Dataset) -> None:
    """Raises InputError where two data sets cannot be learnt from together."""
    one, other = dataset.info, first.info
    differs = {
        "task": one.task != other.task,
        "control period": one.control_period_s != other.control_period_s,
        "observation": one.features["observation"] != other.features["observation"],
        "action": one.features["action"] != other.features["action"],
    }
    for name, different in differs.items():
        if different:
            raise InputError(f"{dataset.path} differs from {first.path} in its {name}: they cannot be joined")
