"""What a rollout sees of a policy."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Float64, Int


@runtime_checkable
class PolicySession(Protocol):
    """The running state of one policy in a number of slots; a slot holds one world's episode."""

    def reset(self, slot: int, seed: int) -> None:
        """Starts a new episode in `slot`; whatever the policy draws at random there follows from `seed` alone."""

    def forget(self, slot: int) -> None:
        """Clears the recurrent state of `slot`, as at hand-back; its random numbers go on."""

    def act(self, slots: Int[np.ndarray, " k"], observations: Float32[np.ndarray, "k D"]) -> Float32[np.ndarray, "k A"]:
        """Actions in [-1, 1] for `k` different slots. A row depends on nothing but its own slot, bit for bit."""


@runtime_checkable
class Foresees(Protocol):
    """A session that knows where its policy will want the robot."""

    def waypoints(self, slot: int) -> Float32[np.ndarray, "N 8"]:
        """The newest chunk: when each waypoint is due after the last step [s], and its pose (position, wxyz) in world.

        Nothing, float32[0, 8], before the first.
        """


@runtime_checkable
class Feels(Protocol):
    """A session that goes by what the robot feels between two steps."""

    def feel(self, slots: Int[np.ndarray, " k"], ticks: Float64[np.ndarray, "k T R"]) -> None:
        """What every tick of the step that is over has recorded; the task's `tick_tracks` say what is where."""


@runtime_checkable
class Crowded(Protocol):
    """A policy, or a task, that runs only so many episodes at once."""

    @property
    def most_slots(self) -> int:
        """How many."""


@runtime_checkable
class Versioned(Protocol):
    """A policy that knows what else shapes its actions, or a task what else shapes what becomes of them."""

    @property
    def versions(self) -> Mapping[str, str]:
        """Name to version."""


@runtime_checkable
class Policy(Protocol):
    """Fixed weights; everything that changes while it runs lives in its sessions."""

    @property
    def observation_dim(self) -> int:
        """D, the length of an observation."""

    @property
    def action_dim(self) -> int:
        """A, the length of an action."""

    def session(self, slots: int) -> PolicySession:
        """A session of `slots` slots. Each must be `reset` before it acts."""
