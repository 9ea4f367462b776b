"""A policy of which newer versions come while it runs: an attempt goes on with the one that it began with."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, Int

from retouch.errors import PolicyError
from retouch.policies.checkpoint import load_policy
from retouch.policies.protocol import Feels, Foresees, Policy, PolicySession

ONLY = np.array([0])


class Newest:
    """Whatever policy is the newest when an attempt begins.

    Args:
        newest: says in which folder that is; all of its policies see and do the same.

    Attributes:
        version: folder of the policy that the last attempt began with.
    """

    def __init__(self, newest: Callable[[], Path]):
        self._newest, self.version = newest, newest()
        self._loaded = self._load()
        self.observation_dim, self.action_dim = self._loaded.observation_dim, self._loaded.action_dim

    def session(self, slots: int) -> "NewestSession":
        """A session of `slots` slots, each to be reset before it acts."""
        return NewestSession(self, slots)

    def now(self) -> Policy:
        """The newest policy, read when there is a newer one.

        Raises PolicyError if it cannot be read, or sees or does something else than those before it.
        """
        if (newest := self._newest()) != self.version:
            self.version, self._loaded = newest, self._load()
        return self._loaded

    def _load(self) -> Policy:
        return load_policy(self.version)


class NewestSession:
    """A session of its own for every slot, since each may have begun with another version."""

    def __init__(self, policy: Newest, slots: int):
        self._policy = policy
        self._sessions: list[PolicySession | None] = [None] * slots

    def reset(self, slot: int, seed: int) -> None:
        """Starts a new episode in `slot`, with the newest version."""
        now = self._policy.now()
        wanted = (self._policy.observation_dim, self._policy.action_dim)
        if (now.observation_dim, now.action_dim) != wanted:
            raise PolicyError(f"{self._policy.version} sees or does something else than the versions before it")
        self._sessions[slot] = session = now.session(1)
        session.reset(0, seed)

    def forget(self, slot: int) -> None:
        """At hand-back."""
        self._running(slot).forget(0)

    def act(self, slots: Int[np.ndarray, " k"], observations: Float32[np.ndarray, "k D"]) -> Float32[np.ndarray, "k A"]:
        """An action each, of each slot's own version."""
        rows = zip(slots.tolist(), observations, strict=True)
        return np.concatenate([self._running(slot).act(ONLY, row[None]) for slot, row in rows])

    def feel(self, slots: Int[np.ndarray, " k"], ticks: Float64[np.ndarray, "k T R"]) -> None:
        """What every tick of the step that is over has recorded, for the versions that feel."""
        for slot, record in zip(slots.tolist(), ticks, strict=True):
            session: object = self._running(slot)
            if isinstance(session, Feels):
                session.feel(ONLY, record[None])

    def waypoints(self, slot: int) -> Float32[np.ndarray, "N 8"]:
        """The newest chunk of the slot's version; none where it does not say."""
        session: object = self._running(slot)
        return session.waypoints(0) if isinstance(session, Foresees) else np.empty((0, 8), np.float32)

    def _running(self, slot: int) -> PolicySession:
        session = self._sessions[slot]
        if session is None:
            raise PolicyError(f"slot {slot} was never reset")
        return session
