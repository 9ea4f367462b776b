"""Policies that say where to be for seconds to come, followed step by step (CR-DAgger, section 3.2).

Every so often a chunk of waypoints is asked for; in between the robot's reference follows it, whoever pushes. In
simulated time it is there at once; where time is real, it is thought out beside the control loop and comes when it
comes, while the robot follows what it has, or holds. Nothing here knows how a chunk is made.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float32, Int

from retouch.control.waypoints import Waypoints
from retouch.errors import PolicyError
from retouch.geometry import Pose
from retouch.policies.eyes import Eyes, Picture, Sighted, eyes_of
from retouch.policies.protocol import Policy
from retouch.policies.torch_setup import single_thread
from retouch.robots.ur5e import command_of
from retouch.robots.ur5e_tick import ACTIONS


@dataclass(frozen=True)
class Pace:
    """When a policy of chunks looks, and when the robot arrives.

    Attributes:
        control_period: of one step [s].
        history: observations that it sees.
        history_period: from one to the next [s].
        waypoint_period: from one waypoint to the next, and from now to the first [s].
        executed: waypoints after which the next chunk is asked for.
    """

    control_period: float
    history: int
    history_period: float
    waypoint_period: float
    executed: int

    def steps(self, seconds: float) -> int:
        """So many steps, at least one."""
        return max(1, round(seconds / self.control_period))


@runtime_checkable
class ChunkPolicy(Protocol):
    """What says where to be."""

    @property
    def pace(self) -> Pace:
        """When it looks, and when the robot arrives."""

    @property
    def observation_dim(self) -> int:
        """D, the length of an observation."""

    def start(self, observation: Float32[np.ndarray, " D"]) -> Pose:
        """Where the robot's reference is, in world: from there it goes on."""

    def predict_action_chunk(
        self, history: Float32[np.ndarray, "B H D"], random: Sequence[np.random.Generator]
    ) -> Float[np.ndarray, "B N 7"]:
        """Waypoints in world, position and wxyz quaternion each; of the observations the newest is last.

        A row depends on nothing but its own history and generator, bit for bit.
        """


class _Slot:
    """What goes on in one slot."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)
        self.seen: list[Float32[np.ndarray, " D"]] = []  # the newest last, a step apart
        self.shown: list[Picture] = []  # the newest picture at each of them
        self.ahead: Waypoints | None = None
        self.steps = 0  # since the start
        self.chunk: Float[np.ndarray, "N 8"] = np.empty((0, 8))  # the newest: when due since the start [s], and poses
        self.due = 0  # the step at which the next chunk is asked for
        self.asked = 0  # the step at which the last one was
        self.awaited: Future[Float[np.ndarray, "1 N 7"]] | None = None  # where it is not there yet


class ChunkSession:
    """Past observations, waypoints ahead and random numbers of every slot.

    Args:
        policy: says where to be.
        slots: how many there are.
        thinker: where chunks are thought out meanwhile; without one, the step that asks for a chunk waits for it.
    """

    def __init__(self, policy: ChunkPolicy, slots: int, thinker: Executor | None = None):
        self._policy, self._thinker, pace = policy, thinker, policy.pace
        self._pace, self._stride = pace, pace.steps(pace.history_period)
        self._keep = (pace.history - 1) * self._stride + 1
        self._until_next = pace.steps(pace.executed * pace.waypoint_period)
        self._slots: list[_Slot | None] = [None] * slots
        self._eye: Callable[[int], Picture] | None = None

    @property
    def eyes(self) -> Eyes | None:
        """What the policy looks through; None where it goes by numbers alone."""
        return eyes_of(self._policy)

    def look_through(self, eye: Callable[[int], Picture]) -> None:
        """From now on `eye` tells what there is to see in a slot; it is asked for what a chunk is made of."""
        self._eye = eye

    def reset(self, slot: int, seed: int) -> None:
        """Starts a new episode in `slot`."""
        self._slots[slot] = _Slot(seed)

    def forget(self, slot: int) -> None:
        """At hand-back: what was ahead and what was seen is dropped, and a chunk asked for from the reference."""
        running = self._running(slot)
        if running.awaited is not None:
            running.awaited.cancel()
        running.seen.clear()
        running.shown.clear()
        running.chunk = running.chunk[:0]
        running.ahead, running.awaited, running.due = None, None, running.steps

    def act(self, slots: Int[np.ndarray, " k"], observations: Float32[np.ndarray, "k D"]) -> Float32[np.ndarray, "k A"]:
        """A command each, for `k` different slots; advances their state by a step.

        Raises PolicyError for observations of another length, a slot named twice or one that was never reset, where
        all of a chunk was over when it came, and where there is nothing to look through.
        """
        policy, pace = self._policy, self._pace
        if observations.shape[1] != policy.observation_dim:
            raise PolicyError(
                f"the policy observes {policy.observation_dim} numbers, the task gives {observations.shape[1]}"
            )
        if len(set(slots.tolist())) != len(slots):
            raise PolicyError(f"a slot is named twice in {slots.tolist()}")
        running = [self._running(int(slot)) for slot in slots]
        for slot, observation in zip(running, observations, strict=True):
            slot.seen = [*slot.seen, observation.astype(np.float32)][-self._keep :]
        if self.eyes is not None:
            for number, slot in zip(slots.tolist(), running, strict=True):
                slot.shown = [*slot.shown, self._shown(number, slot)][-self._keep :]
        self._ask([slot for slot in running if slot.awaited is None and slot.steps >= slot.due])
        commands = np.empty((len(slots), ACTIONS), np.float32)
        for row, slot in enumerate(running):
            if slot.awaited is not None and slot.awaited.done():
                self._take(slot, slot.awaited.result()[0])
                slot.awaited = None
            slot.steps += 1
            assert slot.ahead is not None
            commands[row] = command_of(slot.ahead.follow(slot.steps * pace.control_period))
        return commands

    def waypoints(self, slot: int) -> Float32[np.ndarray, "N 8"]:
        """The newest chunk: when each waypoint is due after the last step [s], and its pose (position, wxyz)."""
        running = self._running(slot)
        after = running.chunk[:, :1] - (running.steps - 1) * self._pace.control_period
        return np.hstack([after, running.chunk[:, 1:]]).astype(np.float32)

    def _ask(self, asking: list[_Slot]) -> None:
        """The next chunk for each of these slots."""
        for slot in asking:
            slot.asked, slot.due = slot.steps, slot.steps + self._until_next
            if slot.ahead is None:
                slot.ahead = Waypoints(self._policy.start(slot.seen[-1]), slot.steps * self._pace.control_period)
        if self._thinker is None and asking:
            history = np.stack([self._history(slot)() for slot in asking])
            chunks = self._policy.predict_action_chunk(history, [slot.random for slot in asking])
            for slot, chunk in zip(asking, chunks, strict=True):
                self._take(slot, chunk)
        elif self._thinker is not None:
            for slot in asking:
                slot.awaited = self._thinker.submit(self._think, self._history(slot), slot.random)

    def _think(
        self, history: Callable[[], Float32[np.ndarray, "H D"]], random: np.random.Generator
    ) -> Float[np.ndarray, "1 N 7"]:
        """A chunk, beside the control loop."""
        return self._policy.predict_action_chunk(history()[None], [random])

    def _shown(self, number: int, slot: _Slot) -> Picture:
        """The newest picture: one of now at the steps that a chunk will see, and before it is there the first one."""
        until, last = slot.due - slot.steps, slot.shown[-1] if slot.shown else None
        if last is not None and until > 0 and (until >= self._keep or until % self._stride):
            return last
        if self._eye is None:
            raise PolicyError("the policy goes by pictures, and there is nothing to look through")
        return self._eye(number)

    def _take(self, slot: _Slot, chunk: Float[np.ndarray, "N 7"]) -> None:
        """A chunk has come: its times count from when it was asked for."""
        assert slot.ahead is not None
        after = self._pace.waypoint_period * (1 + np.arange(len(chunk)))
        slot.chunk = np.column_stack([slot.asked * self._pace.control_period + after, chunk])
        if not slot.ahead.add(slot.chunk[:, 0], slot.chunk[:, 1:]):
            waited = (slot.steps - slot.asked) * self._pace.control_period
            raise PolicyError(
                f"the policy thought for {waited:.1f} s about {after[-1]:.1f} s ahead, all over by then: "
                "it needs a faster machine, or fewer inference steps"
            )

    def _history(self, slot: _Slot) -> Callable[[], Float32[np.ndarray, "H D"]]:
        """What tells the observations that the policy sees, the oldest repeated where there are too few.

        Where it looks, they are told with what it makes of their pictures, which takes a while.
        """
        newest, policy = len(slot.seen) - 1, self._policy
        back = [max(0, newest - self._stride * number) for number in reversed(range(self._pace.history))]
        seen, shown = np.stack([slot.seen[number] for number in back]), [slot.shown[k] for k in back if slot.shown]
        if not shown:
            return lambda: seen
        assert isinstance(policy, Sighted)
        return lambda: np.concatenate([seen, policy.embed(np.stack(shown))], axis=1)

    def _running(self, slot: int) -> _Slot:
        running = self._slots[slot]
        if running is None:
            raise PolicyError(f"slot {slot} was never reset")
        return running


class Aside:
    """A policy of chunks for a robot that does not wait: its chunks are thought out in a thread beside the loop.

    When they come depends on the machine, so that the same seed is not the same attempt. A chunk that is dropped while
    it is being thought out is thought to its end all the same, before the next one.
    """

    def __init__(self, policy: ChunkPolicy):
        self._policy, self.observation_dim, self.action_dim = policy, policy.observation_dim, ACTIONS
        self._thinker = ThreadPoolExecutor(1, "chunks", single_thread)

    def session(self, slots: int) -> ChunkSession:
        """A session of `slots` slots, each to be reset before it acts."""
        return ChunkSession(self._policy, slots, self._thinker)


@runtime_checkable
class Hurries(Protocol):
    """A policy that has a way of its own to act where a step cannot wait."""

    def in_real_time(self) -> Policy:
        """As it acts there."""


def in_real_time(policy: Policy) -> Policy:
    """The policy as it acts where a step cannot wait: one of chunks thinks aside, any other is returned as it is."""
    if isinstance(policy, Hurries):
        return policy.in_real_time()
    return Aside(policy) if isinstance(policy, ChunkPolicy) else policy
