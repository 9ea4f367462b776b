"""A policy of which newer versions come while it runs: an attempt goes on with the one that it began with."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import numpy as np
from jaxtyping import Float32, Float64, Int

from retouch.errors import PolicyError
from retouch.policies.checkpoint import load_policy
from retouch.policies.eyes import Eyes, Looks, Picture, eyes_of
from retouch.policies.protocol import Feels, Foresees, Policy, PolicySession


class Newest:
    """Whatever policy is the newest when an attempt begins.

    Args:
        newest: says in which folder that is; all of its policies see and do the same.

    Attributes:
        version: folder of the policy that the last attempt began with.
    """

    def __init__(self, newest: Callable[[], Path]):
        self._newest, self.version = newest, newest()
        self._loaded = load_policy(self.version)
        self.observation_dim, self.action_dim = self._loaded.observation_dim, self._loaded.action_dim

    @property
    def eyes(self) -> Eyes | None:
        """What it looks through; None where it goes by numbers alone."""
        return eyes_of(self._loaded)

    def session(self, slots: int) -> "NewestSession":
        """A session of `slots` slots, each to be reset before it acts."""
        return NewestSession(self, slots)

    def now(self) -> Policy:
        """The newest policy, read when there is a newer one.

        Raises PolicyError if it cannot be read, or sees or does something else than those before it.
        """
        if (newest := self._newest()) != self.version:
            self.version, self._loaded = newest, load_policy(newest)
        return self._loaded


class NewestSession:
    """A session of every version that some slot has begun with."""

    def __init__(self, policy: Newest, slots: int):
        self._policy = policy
        self._begun: list[Path | None] = [None] * slots  # with which version
        self._sessions: dict[Path, PolicySession] = {}
        self._eye: Callable[[int], Picture] | None = None

    @property
    def eyes(self) -> Eyes | None:
        """What the policy looks through; None where it goes by numbers alone."""
        return self._policy.eyes

    def look_through(self, eye: Callable[[int], Picture]) -> None:
        """From now on `eye` tells what there is to see in a slot, to the versions to come."""
        self._eye = eye

    def reset(self, slot: int, seed: int) -> None:
        """Starts a new episode in `slot`, with the newest version."""
        policy, now = self._policy, self._policy.now()
        if (now.observation_dim, now.action_dim) != (policy.observation_dim, policy.action_dim):
            raise PolicyError(f"{policy.version} sees or does something else than the versions before it")
        self._begun[slot] = policy.version
        if policy.version not in self._sessions:
            still = {version: session for version, session in self._sessions.items() if version in self._begun}
            begun: object = now.session(len(self._begun))
            if self._eye is not None and isinstance(begun, Looks):
                begun.look_through(self._eye)
            self._sessions = still | {policy.version: cast(PolicySession, begun)}
        self._session(slot).reset(slot, seed)

    def forget(self, slot: int) -> None:
        """At hand-back."""
        self._session(slot).forget(slot)

    def act(self, slots: Int[np.ndarray, " k"], observations: Float32[np.ndarray, "k D"]) -> Float32[np.ndarray, "k A"]:
        """An action each, of each slot's own version."""
        actions = np.empty((len(slots), self._policy.action_dim), np.float32)
        for session, rows in self._by_session(slots):
            actions[rows] = session.act(slots[rows], observations[rows])
        return actions

    def feel(self, slots: Int[np.ndarray, " k"], ticks: Float64[np.ndarray, "k T R"]) -> None:
        """What every tick of the step that is over has recorded, for the versions that feel."""
        for session, rows in self._by_session(slots):
            feeling: object = session
            if isinstance(feeling, Feels):
                feeling.feel(slots[rows], ticks[rows])

    def waypoints(self, slot: int) -> Float32[np.ndarray, "N 8"]:
        """The newest chunk of the slot's version; none where it does not say."""
        session: object = self._session(slot)
        return session.waypoints(slot) if isinstance(session, Foresees) else np.empty((0, 8), np.float32)

    def _by_session(self, slots: Int[np.ndarray, " k"]) -> Iterator[tuple[PolicySession, list[int]]]:
        """Each session that some of these slots are in, and which rows those are."""
        rows: dict[int, list[int]] = {}
        for row, slot in enumerate(slots.tolist()):
            rows.setdefault(id(self._session(slot)), []).append(row)
        for mine in rows.values():
            yield self._session(int(slots[mine[0]])), mine

    def _session(self, slot: int) -> PolicySession:
        begun = self._begun[slot]
        if begun is None:
            raise PolicyError(f"slot {slot} was never reset")
        return self._sessions[begun]
