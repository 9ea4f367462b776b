"""The compliant residual policy of paper 2 (CR-DAgger, section 3.2): a small correction, fifty times a second.

    base: where to be --------------------------------.
    scene, own motion --> features --.                 >-- T_base dT, and the wrench to be felt --> the robot
    what the tool feels --> force ----`--> dT, wrench -'

It runs beside any policy of waypoints, and knows nothing of how that is made; where the base goes by pictures, so does
it, by what the base's encoder makes of the newest one. What it says is relative to the base:
a delta in the tool's frame, T_base^-1 T, and the wrench of the environment on the tool. A network that says nothing
leaves the base's commands as they are, to the last bit.
"""

from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int, UInt8

from retouch.errors import InputError, PolicyError
from retouch.policies.checkpoint import Weights, policy_type
from retouch.policies.chunks import Aside, ChunkPolicy, ChunkSession
from retouch.policies.eyes import PICTURE_PERIOD, Eyes, Looks, Picture, Sighted, eyes_of
from retouch.policies.force import SIZE
from retouch.policies.info import PolicyInfo
from retouch.policies.nine import HERE, IDENTITY, nine_of, poses_of
from retouch.policies.normaliser import Normaliser
from retouch.policies.protocol import Foresees, Policy, PolicySession
from retouch.policies.residual_config import ResidualConfig
from retouch.policies.residual_network import DELTA, ResidualNetwork, Scales, averaged, nothing
from retouch.policies.residual_view import ResidualView, next_waypoints
from retouch.robots.ur5e_tick import ACTIONS, REFERENCE, TRACKS, WRENCH

BLOCK = 16
"""Rows of one inference: always this many, padded, so that a row cannot depend on how many others there are."""
MOST_DELTA, MOST_WRENCH = (0.03, 0.35), (20.0, 8.0)
"""Beyond the base's pose [m], [rad]; of the wrench [N], [N m]: as much as the robot's spring can."""
PERIOD = 0.02  # of a step [s]
BETWEEN_PICTURES = round(PICTURE_PERIOD / PERIOD)
CARRIED_OUT = 1
"""The frame that is due when the step ends: frame 0 is due when it begins."""


class ResidualPolicy:
    """A trained residual policy with its base."""

    def __init__(
        self,
        info: PolicyInfo,
        base: ChunkPolicy,
        network: ResidualNetwork,
        normaliser: Normaliser,
        scales: Scales,
    ):
        self.info, self.base, self.network = info, base, network.eval()
        self.normaliser, self.scales = normaliser, scales
        self.view = ResidualView(info.observation_names, network.config, scene=self.eyes is None)
        self.without: frozenset[str] = frozenset()  # "force": as if nothing were felt; "wrench": nothing shall be

    @property
    def eyes(self) -> Eyes | None:
        """What the base looks through, and this policy with it; None where they go by numbers alone."""
        return eyes_of(self.base)

    def embed(self, pictures: UInt8[np.ndarray, "B S S 3"]) -> Float32[np.ndarray, "B E"]:
        """What the base makes of pictures, each by itself."""
        return cast(Sighted, self.base).embed(pictures)

    @property
    def observation_dim(self) -> int:
        """D, the length of an observation."""
        return self.info.observation_dim

    @property
    def action_dim(self) -> int:
        """A, the length of an action."""
        return self.info.action_dim

    def session(self, slots: int) -> "ResidualSession":
        """A session of `slots` slots, each to be reset before it acts."""
        return ResidualSession(self, ChunkSession(self.base, slots), slots)

    def in_real_time(self) -> Policy:
        """The same where a step cannot wait: the base thinks beside the control loop, the residual in it."""
        return _InRealTime(self)

    def correct(
        self,
        observation: Float32[np.ndarray, "B D"],
        poses: Float[np.ndarray, "B P 7"],
        readings: Float[np.ndarray, "B R 6"],
        ahead: Float[np.ndarray, "B W 7"] | None,
        noise: Float32[np.ndarray, "B O"],
    ) -> Float64[np.ndarray, "B F 15"]:
        """Frames, a step apart from now on: a delta in the tool's frame (`nine`), and the wrench to be felt.

        Where the base looks, an observation has what that makes of the newest picture behind it. A row depends on
        nothing but itself, bit for bit.
        """
        config = self.network.config
        felt = 0.0 * readings if "force" in self.without else readings
        given = (
            self.normaliser(self.view.features(observation, poses, ahead)),
            (felt * self.scales.readings).astype(np.float32),
            noise,
        )
        said = np.empty(noise.shape, np.float32)
        with torch.inference_mode():
            for first in range(0, len(noise), BLOCK):
                count = min(BLOCK, len(noise) - first)
                rows = [torch.zeros(BLOCK, *array.shape[1:]) for array in given]
                for row, array in zip(rows, given, strict=True):
                    row[:count] = torch.from_numpy(array[first : first + count])
                said[first : first + count] = self.network.frames(*rows)[:count].numpy()
        frames = np.tile(nothing(DELTA + SIZE), (len(noise), config.frames, 1))
        frames[..., : self.network.size] = self.scales.meant(said)
        if "wrench" in self.without:
            frames[..., DELTA:] = 0.0
        return frames

    @classmethod
    def from_weights(cls, info: PolicyInfo, weights: Weights) -> "ResidualPolicy":
        """Builds the policy from a description and named arrays. Raises PolicyError if they do not fit each other."""
        try:
            description = dict(info.network)
            below = PolicyInfo.from_json(description.pop("base"))
            config = ResidualConfig.from_json(description)
            normaliser = Normaliser(info.normaliser, weights["normaliser.offset"], weights["normaliser.scale"])
            network = ResidualNetwork(len(normaliser.offset), config)
            network.load_state_dict(
                {n.removeprefix("network."): torch.tensor(w) for n, w in weights.items() if n.startswith("network.")}
            )
            scales = Scales(weights["scales.readings"], weights["scales.frames"])
        except (InputError, TypeError, KeyError, RuntimeError) as error:
            raise PolicyError(f"weights and policy.json do not fit each other: {error}") from None
        base = policy_type(below.type).from_weights(
            below, {n.removeprefix("base."): w for n, w in weights.items() if n.startswith("base.")}
        )
        if not isinstance(base, ChunkPolicy):
            raise PolicyError(f"a residual policy goes beside a policy of waypoints, which '{below.type}' is not")
        if len(scales.frames) != network.size or info.action_dim != ACTIONS:
            raise PolicyError("weights and policy.json do not fit each other: the scales are of something else")
        return cls(info, base, network, normaliser, scales)


class _InRealTime:
    def __init__(self, policy: ResidualPolicy):
        self._policy, self._base = policy, Aside(policy.base)
        self.observation_dim, self.action_dim = policy.observation_dim, policy.action_dim

    def session(self, slots: int) -> "ResidualSession":
        return ResidualSession(self._policy, self._base.session(slots), slots)


class _Slot:
    """What one slot has gone through of late, a row a tick, the newest last."""

    def __init__(self, ticks: int, noise: Float32[np.ndarray, " O"]):
        self.readings, self.poses = np.zeros((ticks, SIZE), np.float32), np.zeros((ticks, 7), np.float32)
        self.known = 0  # of the poses
        self.steps = 0  # that have been felt
        self.embedded: Float32[np.ndarray, " E"] | None = None  # of the newest picture, and when that was taken
        self.looked = 0
        self.said = nothing(DELTA + SIZE)
        self.noise = noise  # which way a flow head goes, all through an attempt


class ResidualSession:
    """The base's session, and what every slot has felt.

    Args:
        policy: what corrects.
        base: the running state of the policy below it.
        slots: how many there are.
    """

    def __init__(self, policy: ResidualPolicy, base: PolicySession, slots: int):
        self._policy, self._base = policy, base
        self._slots: list[_Slot | None] = [None] * slots
        c = policy.network.config
        self._ticks, self._size = c.ticks, c.frames * policy.network.size
        self._posed = -1 - c.pose_ticks * np.arange(c.poses)[::-1]
        self._eye: Callable[[int], Picture] | None = None

    @property
    def eyes(self) -> Eyes | None:
        """What both look through; None where they go by numbers alone."""
        return self._policy.eyes

    def look_through(self, eye: Callable[[int], Picture]) -> None:
        """From now on `eye` tells what there is to see in a slot; it is asked every `PICTURE_PERIOD`, as recorded."""
        self._eye = eye
        cast(Looks, self._base).look_through(eye)

    def reset(self, slot: int, seed: int) -> None:
        """Starts a new episode in `slot`, in which nothing has been felt yet."""
        self._base.reset(slot, seed)
        noise = np.random.default_rng([seed, 1]).standard_normal(self._size, dtype=np.float32)
        self._slots[slot] = _Slot(self._ticks, noise)

    def forget(self, slot: int) -> None:
        """At hand-back: the base starts afresh, and what is said of it; what has been felt is as true as before."""
        self._base.forget(slot)
        self._memory(slot).said = nothing(DELTA + SIZE)

    def feel(self, slots: Int[np.ndarray, " k"], ticks: Float64[np.ndarray, "k T R"]) -> None:
        """What every tick of the step that is over has recorded (`robots.ur5e_tick.TRACKS`)."""
        for slot, record in zip(slots, ticks, strict=True):
            memory = self._memory(int(slot))
            for kept, track in ((memory.readings, "contact_wrench"), (memory.poses, "measured_pose")):
                kept[:] = np.concatenate([kept, record[:, TRACKS[track]]])[-len(kept) :]
            memory.known = min(self._ticks, memory.known + len(record))
            memory.steps += 1

    def act(self, slots: Int[np.ndarray, " k"], observations: Float32[np.ndarray, "k D"]) -> Float32[np.ndarray, "k A"]:
        """The base's commands, corrected; advances the state of `k` different slots by a step.

        Raises PolicyError as the base does.
        """
        commands, config = self._base.act(slots, observations).copy(), self._policy.network.config
        memories = [self._memory(int(slot)) for slot in slots]
        tool = self._policy.view.tool(observations)
        frames = self._policy.correct(
            self._with_pictures(slots, observations),
            np.stack([self._poses(memory, now) for memory, now in zip(memories, tool, strict=True)]),
            averaged(np.stack([memory.readings for memory in memories]), config),
            self._ahead(slots, tool),
            np.stack([memory.noise for memory in memories]),
        )
        share = PERIOD / (config.settling + PERIOD)
        for memory, frame in zip(memories, frames[:, CARRIED_OUT], strict=True):
            memory.said += share * (frame - memory.said)
        said = np.stack([memory.said for memory in memories])
        moves = (said[:, :DELTA] != IDENTITY).any(axis=1)
        if moves.any():
            delta = capped_delta(said[moves, :DELTA])
            commands[moves, REFERENCE] = poses_of(delta, commands[moves, REFERENCE].astype(np.float64))
        commands[:, WRENCH] += capped_wrench(said[:, DELTA:])
        return commands

    def waypoints(self, slot: int) -> Float32[np.ndarray, "N 8"]:
        """The base's newest chunk."""
        return cast(Foresees, self._base).waypoints(slot)

    def _poses(self, memory: _Slot, now: Float64[np.ndarray, " 7"]) -> Float64[np.ndarray, "P 7"]:
        """Where the tool was; where it is, as long as nothing else is known."""
        back = self._posed
        known = (-back <= memory.known)[:, None]
        return np.where(known, memory.poses[back], now)

    def _with_pictures(
        self, slots: Int[np.ndarray, " k"], observations: Float32[np.ndarray, "k D"]
    ) -> Float32[np.ndarray, "k C"]:
        """The observations, where the base looks with what it makes of the newest pictures behind them."""
        if self.eyes is None:
            return observations
        assert self._eye is not None  # the base has said so otherwise
        rows = []
        for slot in slots.tolist():
            memory = self._memory(slot)
            if memory.embedded is None or memory.steps - memory.looked >= BETWEEN_PICTURES:
                memory.embedded, memory.looked = self._policy.embed(self._eye(slot)[None])[0], memory.steps
            rows.append(memory.embedded)
        return np.concatenate([observations, np.stack(rows)], axis=1)

    def _ahead(
        self, slots: Int[np.ndarray, " k"], tool: Float64[np.ndarray, "k 7"]
    ) -> Float[np.ndarray, "k W 7"] | None:
        """Where the base is heading; nowhere, before its first chunk has come."""
        config = self._policy.network.config
        if not config.base_action or not isinstance(self._base, Foresees):
            return None
        found = []
        for slot, still in zip(slots, tool, strict=True):
            ahead = next_waypoints(self._base.waypoints(int(slot)), config.waypoints)
            found.append(np.tile(still, (config.waypoints, 1)) if ahead is None else ahead)
        return np.stack(found)

    def _memory(self, slot: int) -> _Slot:
        memory = self._slots[slot]
        if memory is None:
            raise PolicyError(f"slot {slot} was never reset")
        return memory


def capped_delta(nine: Float64[np.ndarray, "B 9"]) -> Float64[np.ndarray, "B 9"]:
    """The same delta, no further than MOST_DELTA."""
    pose = poses_of(nine, HERE)
    distance = np.linalg.norm(pose[:, :3], axis=1, keepdims=True)
    sine = np.linalg.norm(pose[:, 4:], axis=1, keepdims=True)
    angle = 2 * np.arctan2(sine, np.abs(pose[:, 3:4]))
    turned = np.minimum(angle, MOST_DELTA[1])
    axis = np.sign(pose[:, 3:4]) * pose[:, 4:] / np.maximum(sine, 1e-12)
    capped = np.empty_like(pose)
    capped[:, :3] = pose[:, :3] * np.minimum(1.0, MOST_DELTA[0] / np.maximum(distance, 1e-12))
    capped[:, 3:4], capped[:, 4:] = np.cos(turned / 2), np.sin(turned / 2) * axis
    return nine_of(capped, HERE)


def capped_wrench(wrench: Float64[np.ndarray, "B 6"]) -> Float64[np.ndarray, "B 6"]:
    """The same wrench, no stronger than MOST_WRENCH."""
    halves = wrench.reshape(-1, 2, 3)
    norm = np.linalg.norm(halves, axis=2, keepdims=True)
    most = np.array(MOST_WRENCH)[:, None]
    return (halves * np.minimum(1.0, most / np.maximum(norm, 1e-12))).reshape(-1, SIZE)
