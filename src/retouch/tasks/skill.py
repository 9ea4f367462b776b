"""What scripted skills share: look, do what was begun or decide anew, and notice getting nowhere."""

import math
from abc import ABC, abstractmethod
from typing import Generic, TypeVar

import numpy as np

from retouch.geometry import Vector3
from retouch.tasks.hand import HURRY, Action, Hand, HandView, Unfold
from retouch.tasks.standstill import Standstill

STALLED = 15  # steps without turning on


class GraspView(HandView, ABC):
    """A hand that may hold something."""

    @property
    @abstractmethod
    def held(self) -> bool:
        """Whether the fingers are as far apart as when they hold the object."""

    @property
    @abstractmethod
    def free(self) -> bool:
        """Whether the object no longer rests where it lay: then what is held is held."""


V = TypeVar("V", bound=GraspView)


class FeedbackSkill(ABC, Generic[V]):
    """A skill whose every action is derived anew from what is seen, but for a few things it has begun.

    Attributes:
        stage: what it is doing.
    """

    def __init__(self, rng: np.random.Generator, speed: float):
        self._rng = rng
        self._speed = speed
        self.restart()

    def restart(self) -> None:
        """Forget what was being done: the situation is new."""
        self.stage = "reach"
        self._hand = Hand(self._speed)
        self._gap = math.nan
        self._still = 0  # steps for which the fingers have not moved
        self._closing = 0
        self._standstill = Standstill()
        self._tries = 0  # in vain
        self._unfold: Unfold | None = None
        self._letting_go = False
        self._escape: list[tuple[Vector3, Vector3]] = []  # moves and turns to be made first

    def _act(self, view: V) -> Action:
        """The next action."""
        self._hand.see(view)
        self._still = self._still + 1 if abs(view.gap - self._gap) < 0.0007 else 0
        self._gap = view.gap
        held = view.held and (self._still >= 2 or view.free)
        if self._unfold is not None:
            unfolding = self._unfold.act(self._hand, view, 1.0 if held else -1.0)
            if unfolding is not None:
                return unfolding
            self._unfold, self._hand.stalled = None, 0
        if self._escape:
            move, turn = self._escape.pop(0)
            return self._hand.command(move, turn, 1.0 if held and not self._letting_go else -1.0, HURRY)
        self._letting_go = False
        if held:
            self._closing = 0
        action = self._decide(view, held)
        self._watch(view)
        return action

    @abstractmethod
    def _decide(self, view: V, held: bool) -> Action:
        """What to do, when nothing is left of what was begun."""

    @abstractmethod
    def _watch(self, view: V) -> None:
        """Notice getting nowhere; step back then, and do it another way."""

    @property
    def _twisted(self) -> bool:
        """Whether the hand has not turned on for long."""
        return self._hand.stalled > STALLED

    def _step_back(self, view: V, twisted: bool) -> Vector3:
        """Count a try in vain and step back a little, unless the hand is twisted; the turn that was left [rad]."""
        self._tries += 1
        self._standstill.forgive()
        turn, self._hand.aim, self._hand.stalled = self._hand.aim, np.zeros(3), 0
        out = self._way_out(view, self._rng.normal(0.0, 0.03, 3))
        self._escape = [] if twisted else [(out, np.zeros(3))] * int(self._rng.integers(6, 12))
        return turn

    def _way_out(self, view: V, out: Vector3) -> Vector3:
        """Where to step back to, by chance but upwards [m]."""
        return np.array([out[0], out[1], abs(out[2]) + 0.03])

    def _turn_otherwise(self, view: V, turn: Vector3, unfold: bool) -> None:
        """Give up a turn: unfold the arm, or take it the other way round."""
        if unfold:
            self._unfold = Unfold(view, turn, self._rng)
        else:
            self._hand.at_limit(float(turn[2]))

    def _let_go(self, steps: int, rise: int) -> None:
        """Open the hand for some steps, and draw it up for some more."""
        still, up = np.zeros(3), np.array([0.0, 0.0, 0.05])
        self._escape, self._letting_go = [(still, still)] * steps + [(up, still)] * rise, True
