"""What a residual policy is trained on: what there was to see and feel, and the correction that was right then.

An instant lies between two steps: the end of one is the beginning of the next, where the robot has been observed. Step
t begins at instant t - 1's end, that is to say with what row t - 1 left. Frame j of a sample at step t is the
correction that was right j steps later, where row t + j - 1 ended (CR-DAgger, section 3.2):

    where somebody corrected    T_base^-1 T_executed, and the wrench that the tool felt
    elsewhere                   what the residual that ran said itself; no delta and no wrench, where the base ran alone

Both halves belong together: the robot is asked for T_base dT Exp(-w / K), and a tool that leans on something without a
hand is w / K away from its base, so that what it is asked for is the base.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Float64, Int8, Int64

from retouch.episodes.reader import Dataset
from retouch.episodes.schema import ControlSource, EpisodeInfo
from retouch.errors import InputError
from retouch.learning.data import check_joins
from retouch.learning.pictures import Pictures
from retouch.learning.pressed import averaged_at_ends
from retouch.learning.residual_config import CorrectionConfig
from retouch.policies.eyes import Eyes
from retouch.policies.nine import HERE, IDENTITY, nine_of, poses_of, quats_by
from retouch.policies.residual_config import ResidualConfig
from retouch.policies.residual_network import averaged, nothing
from retouch.policies.residual_view import next_waypoints
from retouch.robots.ur5e_tick import BASE, REFERENCE, STIFF, TICK, WRENCH

TRACKS = ("tick_contact_wrench", "tick_hand_wrench", "tick_measured_pose")
COLUMNS = ("observation", "action", "policy_action", "control_source", "policy_waypoints", *TRACKS)


@dataclass(frozen=True)
class Corrections:
    """Episodes of a robot that yields, laid end to end: T steps of K ticks.

    Attributes:
        observation: `T D`
        command: that was carried out, `T A`
        proposed: what the policy said, also while somebody had taken over, `T A`
        control_source: who was in control of each step, `T`
        waypoints: the base's newest chunk in each step: when due since the attempt began, and poses, `T N 8`
        contact, hand: wrenches on the tool in each tick, tool frame [N], [N m], `T K 6`
        measured: the tool's pose in world at each tick's end, `T K 7`
        lengths: steps of each of the E episodes
        observation_names: a name per entry of the observation
        task: name of the task
        control_period_s: seconds between two steps
        keys: what tells the episodes apart, also when they are recorded again: their seeds, or ids where they have none
        sources: where they come from; plain JSON
        pictures: of every step, beside a base that looks
    """

    observation: Float32[np.ndarray, "T D"]
    command: Float32[np.ndarray, "T A"]
    proposed: Float32[np.ndarray, "T A"]
    control_source: Int8[np.ndarray, " T"]
    waypoints: Float32[np.ndarray, "T N 8"]
    contact: Float32[np.ndarray, "T K 6"]
    hand: Float32[np.ndarray, "T K 6"]
    measured: Float32[np.ndarray, "T K 7"]
    lengths: Int64[np.ndarray, " E"]
    observation_names: tuple[str, ...]
    task: str
    control_period_s: float
    keys: tuple[str, ...]
    sources: Sequence[dict[str, Any]] = field(default_factory=tuple)
    pictures: Pictures | None = None

    @classmethod
    def from_datasets(
        cls,
        datasets: Sequence[Dataset],
        outcomes: Sequence[str] = ("success",),
        most: int | None = None,
        eyes: Eyes | None = None,
    ) -> "Corrections":
        """The episodes that have one of the `outcomes`; the first `most` of each data set; with the pictures that a
        base with `eyes` sees.

        Raises InputError if there are none, or they are not of a policy of waypoints that somebody corrected, or have
        not the pictures; StoreError if an episode cannot be read.
        """
        chosen: list[list[EpisodeInfo]] = []
        parts: dict[str, list[np.ndarray]] = {name: [] for name in COLUMNS}
        lengths, keys, sources = [], [], []
        for dataset in datasets:
            check_joins(dataset, datasets[0])
            missing = [name for name in COLUMNS if name not in dataset.info.features]
            if missing:
                raise InputError(f"{dataset.path} has no {missing[0]}: a residual policy needs a robot that yields")
            episodes = [e for e in dataset.episodes if e.outcome in outcomes and e.steps][:most]
            chosen.append(episodes)
            sources.append({"path": str(dataset.path), "episodes": [episode.name for episode in episodes]})
            if not episodes:
                continue
            arrays = dataset.arrays(list(COLUMNS), episodes)
            for name in COLUMNS:
                parts[name].append(np.asarray(arrays[name]))
            lengths += arrays.lengths.tolist()
            keys += [episode.id if episode.seed is None else str(episode.seed) for episode in episodes]
        if not keys:
            raise InputError(f"no episodes with outcome {' or '.join(outcomes)} to learn from")
        joined = {name: np.concatenate(parts[name]) for name in COLUMNS}
        if not np.isfinite(joined["policy_action"]).all():
            raise InputError("in some of the steps no policy was running: a residual policy learns from corrections")
        first = datasets[0].info
        return cls(
            observation=joined["observation"],
            command=joined["action"],
            proposed=joined["policy_action"],
            control_source=joined["control_source"],
            waypoints=joined["policy_waypoints"],
            contact=joined["tick_contact_wrench"],
            hand=joined["tick_hand_wrench"],
            measured=joined["tick_measured_pose"],
            lengths=np.array(lengths, np.int64),
            observation_names=tuple(first.features["observation"].names or ()),
            task=first.task,
            control_period_s=first.control_period_s,
            keys=tuple(keys),
            sources=tuple(sources),
            pictures=Pictures.of(datasets, chosen, eyes) if eyes is not None else None,
        )

    def __len__(self) -> int:
        return len(self.observation)

    @property
    def starts(self) -> Int64[np.ndarray, " E"]:
        """First step of each episode."""
        return np.cumsum(self.lengths) - self.lengths

    def digest(self) -> str:
        """SHA-256 of all that is learnt from."""
        shapes = (self.observation.shape, self.contact.shape, self.observation_names, self.keys)
        total = hashlib.sha256(repr(shapes).encode())
        for array in (
            *(getattr(self, name) for name in ("observation", "command", "proposed", "control_source")),
            self.waypoints,
            self.contact,
            self.hand,
            self.measured,
            self.lengths,
        ):
            total.update(np.ascontiguousarray(array).data)
        if self.pictures is not None:
            self.pictures.digest(total.update)
        return total.hexdigest()

    def described(self) -> dict[str, Any]:
        """For a policy's provenance, plain JSON."""
        return {
            "sha256": self.digest(),
            "episodes": len(self.lengths),
            "steps": len(self),
            "corrected": int(self.corrected().sum()),
            "sources": list(self.sources),
        }

    def corrected(self) -> Bool[np.ndarray, " T"]:
        """Whether somebody corrected in each step."""
        return np.isin(self.control_source, (ControlSource.BOTH, ControlSource.OPERATOR))

    def held_out(self, share: float) -> Bool[np.ndarray, " E"]:
        """Episodes that nothing is learnt from, as long as there are others: by their keys alone, so that an episode
        stays where it is as others come."""
        draws = [int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) / 2**32 for key in self.keys]
        held = np.array([draw < share for draw in draws])
        return held & ~held.all()

    def onsets(self) -> Int64[np.ndarray, " C"]:
        """Steps at which somebody begins to correct."""
        corrected = self.corrected()
        before = np.concatenate([[False], corrected[:-1]])
        before[self.starts] = False
        return np.flatnonzero(corrected & ~before)


@dataclass(frozen=True)
class Samples:
    """Samples over corrections: everything a residual policy is given and asked for, a row a step.

    Attributes:
        data: the episodes
        shape: of the policy that they are for
        targets: what was right where each step ended, `T 15`
        dense: whether a step counts more, `T`
        learnt: whether a sample may start there, `T`
        kept_back: whether it is in an episode that nothing is learnt from, `T`
        first, last: of the episode that a step is in, `T`
    """

    data: Corrections
    shape: ResidualConfig
    targets: Float32[np.ndarray, "T 15"]
    dense: Bool[np.ndarray, " T"]
    learnt: Bool[np.ndarray, " T"]
    kept_back: Bool[np.ndarray, " T"]
    first: Int64[np.ndarray, " T"]
    last: Int64[np.ndarray, " T"]

    @classmethod
    def of(cls, data: Corrections, config: CorrectionConfig, shape: ResidualConfig) -> "Samples":
        """The samples for a residual of this shape."""
        first = np.repeat(data.starts, data.lengths)
        last = np.repeat(data.starts + data.lengths - 1, data.lengths)
        running = data.control_source != ControlSource.NONE
        # No frame may be of a step in which the robot stood still for nobody's sake.
        learnt = counted(data, config) if config.uncorrected == "left-out" else np.ones(len(data), bool)
        for ahead in range(-1, shape.frames - 1):
            learnt &= running[np.clip(np.arange(len(data)) + ahead, first, last)]
        return cls(
            data,
            shape,
            targets(data, config).astype(np.float32),
            _dense(data, config, first, last),
            learnt,
            np.repeat(data.held_out(config.held_out), data.lengths),
            first,
            last,
        )

    def frames(self, steps: Int64[np.ndarray, " B"]) -> Float32[np.ndarray, "B F S"]:
        """What was right from these steps on: frame j is of where step + j - 1 ended; before the first step, of
        nothing."""
        rows = steps[:, None] + np.arange(self.shape.frames) - 1
        found = self.targets[np.clip(rows, self.first[steps][:, None], self.last[steps][:, None])]
        found[rows < self.first[steps][:, None]] = nothing(found.shape[-1])
        return found if self.shape.wrench else found[..., :9]

    def readings(self, steps: Int64[np.ndarray, " B"]) -> Float32[np.ndarray, "B R 6"]:
        """What the tool had felt by then; nothing before the first step."""
        back = 1 + np.arange(self.shape.readings * self.shape.reading_ticks)[::-1]
        found, known = self._ticks(self.data.contact, steps, back)
        return averaged(np.where(known[..., None], found, 0.0), self.shape).astype(np.float32)

    def poses(self, steps: Int64[np.ndarray, " B"], tool: Float[np.ndarray, "B 7"]) -> Float[np.ndarray, "B P 7"]:
        """Where the tool had been by then; where it was then, before the first step."""
        back = 1 + self.shape.pose_ticks * np.arange(self.shape.poses)[::-1]
        found, known = self._ticks(self.data.measured, steps, back)
        return np.where(known[..., None], found, tool[:, None])

    def ahead(self, steps: Int64[np.ndarray, " B"], tool: Float[np.ndarray, "B 7"]) -> Float[np.ndarray, "B W 7"]:
        """Where the base was heading; nowhere, where it had not said so."""
        rows = []
        for step, still in zip(steps.tolist(), tool, strict=True):
            chunk = self.data.waypoints[step].astype(np.float64)
            chunk[:, 0] -= (step - self.first[step]) * self.data.control_period_s
            found = next_waypoints(chunk, self.shape.waypoints)
            rows.append(np.tile(still, (self.shape.waypoints, 1)) if found is None else found)
        return np.stack(rows)

    def _ticks(
        self, record: np.ndarray, steps: Int64[np.ndarray, " B"], back: Int64[np.ndarray, " R"]
    ) -> tuple[np.ndarray, Bool[np.ndarray, "B R"]]:
        """A record `back` ticks before these steps, and whether there was one."""
        ticks = record.shape[1]
        at = steps[:, None] * ticks - back
        known = at >= self.first[steps][:, None] * ticks
        return record.reshape(-1, record.shape[2])[np.maximum(at, 0)], known


def targets(data: Corrections, config: CorrectionConfig) -> Float64[np.ndarray, "T 15"]:
    """What was right where each step ended: a delta (`nine`) and the wrench to be felt."""
    base = data.proposed[:, BASE].astype(np.float64)
    own = np.concatenate(
        [nine_of(data.proposed[:, REFERENCE].astype(np.float64), base), data.proposed[:, WRENCH]], axis=1
    )
    if config.uncorrected != "own":
        own = np.tile(nothing(own.shape[1]), (len(data), 1))
    moved = (data.proposed[:, REFERENCE] != data.proposed[:, BASE]).any(axis=1)
    own[:, :9] = np.where(moved[:, None], own[:, :9], IDENTITY)
    if config.labels == "executed":
        wrench = smoothed(data, config)
        right = np.concatenate([nine_of(data.measured[:, -1].astype(np.float64), base), wrench], axis=1)
    else:
        right = np.concatenate([nine_of(pushed_targets(data), base), np.zeros((len(data), 6))], axis=1)
    return np.where(counted(data, config)[:, None], right, own)


def counted(data: Corrections, config: CorrectionConfig) -> Bool[np.ndarray, " T"]:
    """Whether each step counts as corrected: where somebody did, and throughout the episodes that are marked whole."""
    corrected = data.corrected()
    for number in range(min(config.marked_whole, len(data.lengths))):
        corrected[data.starts[number] : data.starts[number] + data.lengths[number]] = True
    return corrected


def pushed_targets(data: Corrections) -> Float64[np.ndarray, "T 7"]:
    """Where the robot would have had to be asked to be, to do alone what it did with the hand: T_reference Exp(f / K).

    `f` is the hand's wrench, of a step's mean. Where the robot has no stiffness, it is where the tool was.
    """
    stiffness = data.command[:, STIFF].astype(np.float64)
    force = data.hand.astype(np.float64).mean(axis=1).reshape(-1, 2, 3)
    shift = np.divide(force, stiffness[:, :, None], out=np.zeros_like(force), where=stiffness[:, :, None] > 0)
    by = np.concatenate([shift[:, 0], quats_by(shift[:, 1])], axis=1)
    moved = poses_of(nine_of(by, HERE), data.command[:, REFERENCE].astype(np.float64))
    yields = stiffness.min(axis=1, keepdims=True) > 0
    return np.where(yields, moved, data.measured[:, -1])


def smoothed(data: Corrections, config: CorrectionConfig) -> Float64[np.ndarray, "T 6"]:
    """The wrench at each step's end, averaged over the time before it; or as much on either side."""
    count = max(1, round(config.smoothing / TICK))
    before, after = (count // 2, count - count // 2) if config.centred else (count, 0)
    return averaged_at_ends(data.contact, data.lengths, before, after)


def disagreement(data: Corrections) -> tuple[float, float] | None:
    """How far the two kinds of label are apart over the corrected steps, as root mean squares.

    "executed" asks for T_base dT Exp(-w / K), "hand" for T_reference Exp(f / K).

    Returns:
        The distance between the two [mm], and how far the second is from the base [mm]; None where nobody pushed
        against a robot's spring.
    """
    executed = targets(data, CorrectionConfig(labels="executed"))
    base = data.proposed[:, BASE].astype(np.float64)
    stiffness = data.command[:, STIFF].astype(np.float64)
    chosen = data.corrected() & (stiffness > 0).all(axis=1)
    if not chosen.any():
        return None
    pressed = executed[chosen, 9:12] / stiffness[chosen, :1]
    asked = executed[chosen, :9].copy()
    turn = np.stack([asked[:, 3:6], asked[:, 6:9], np.cross(asked[:, 3:6], asked[:, 6:9])], axis=1)
    asked[:, :3] -= (turn @ pressed[..., None])[..., 0]
    by_hand = nine_of(pushed_targets(data), base)[chosen]
    apart = np.linalg.norm(asked[:, :3] - by_hand[:, :3], axis=1)
    size = np.linalg.norm(by_hand[:, :3], axis=1)
    return 1e3 * float(np.sqrt(np.square(apart).mean())), 1e3 * float(np.sqrt(np.square(size).mean()))


def _dense(
    data: Corrections, config: CorrectionConfig, first: Int64[np.ndarray, " T"], last: Int64[np.ndarray, " T"]
) -> Bool[np.ndarray, " T"]:
    """Whether each step counts more."""
    dense = np.zeros(len(data), bool)
    if config.dense == "none":
        return dense
    steps = round(config.dense_time / data.control_period_s)
    for onset in data.onsets().tolist():
        before = steps if config.dense == "around" else 0
        dense[max(first[onset], onset - before) : min(last[onset] + 1, onset + steps)] = True
    return dense
