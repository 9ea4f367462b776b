"""A scripted gear insertion that feels: over the shaft, press lightly and search, down, turn until the teeth mate.

Every command is a reference near the last one, so that nothing jumps, whatever was done before. What is done follows
from what is seen and felt now; only how long nothing has moved is remembered.
"""

import math

import numpy as np
from jaxtyping import Float64

from retouch.geometry import Vector3
from retouch.robots.ur5e import STIFFNESS, command_of
from retouch.tasks.gear_scene import NEIGHBOUR_TOP, PITCH_RADIUS, SHAFT_LENGTH, TEETH
from retouch.tasks.gear_view import CATCH, SEATED, STARTED, Observation, View
from retouch.tasks.steering import PERIOD, TRANSIT, TURNING, nearer
from retouch.tasks.touch_skill import TouchSkill
from retouch.tasks.vectors import capped

DESCENT, INSERTION = 0.02, 0.025  # [m/s]
CLEAR = SHAFT_LENGTH + 0.012  # above the board, where a gear is led over the shaft [m]
PRESS, PUSH, ROCK = 4.0, 10.0, 5.0  # on the shaft's top, down the shaft, and while turning to and fro [N]
SLIDES, SLIDING = 0.010, 0.10  # on the shaft's top, from no further off, towards where it is seen [m], [m/s]
SLIPS = 0.006  # no higher above it [m]
GROPE = 0.004  # sideways on the shaft's top, towards where it is felt [m/s]
GROPED = 0.005  # and most [m]
BESIDE = 0.010  # a gear below the shaft's top is nearer than this to its axis, or beside it [m]
PATIENCE = 20  # steps without getting on before it searches
TIRED = 150  # and before it draws back


class GearSkill(TouchSkill):
    """One attempt at gear insertion."""

    def restart(self) -> None:
        """Forget what was being done: the situation is new."""
        super().restart()
        self._stuck = 0  # steps since the gear was last lower than ever
        self._lowest = math.inf
        self._retreat = 0  # steps for which it still draws back
        self._way = float(self._rng.choice((-1.0, 1.0)))
        self._groped = np.zeros(2)  # on the board, from where the shaft seems to be [m]

    def act(self, observation: Observation) -> Float64[np.ndarray, " 24"]:
        """The next command, from `sight` alone."""
        view = View(observation)
        self._watch(view)
        if self._retreat > 0:
            self._retreat -= 1
            self.stage = "retreat"
            return self._go(view, np.array([*view.gear[:2], view.height + 0.02]), DESCENT)
        started = view.height < SHAFT_LENGTH - STARTED
        if started and view.lateral < BESIDE:
            return self._insert(view)
        far = math.dist(view.gear[:2], self._groped)
        if not started and view.height < SHAFT_LENGTH + 0.002 and far < CATCH and view.tilt < 0.05:
            return self._search(view)
        self._groped = np.zeros(2)
        if not started and view.height < SHAFT_LENGTH + SLIPS and view.lateral < SLIDES and view.tilt < 0.05:
            self.stage = "slide"  # what is felt goes on telling where the shaft is
            return self._go(view, np.array([0.0, 0.0, SHAFT_LENGTH]), SLIDING, press=PRESS)
        if view.height < CLEAR - 0.004 and view.lateral > CATCH:
            self.stage = "rise"
            return self._go(view, np.array([*view.gear[:2], CLEAR + 0.006]))
        if view.lateral > 0.4 * CATCH or view.tilt > 0.02 or abs(view.mismatch) > 0.001:
            self.stage = "carry"
            if view.height < SHAFT_LENGTH + 0.004:
                return self._go(view, np.array([0.0, 0.0, CLEAR]), DESCENT)
            return self._go(view, np.array([0.0, 0.0, CLEAR if view.lateral < 0.02 else CLEAR + 0.01]))
        self.stage = "lower"
        return self._go(view, np.array([0.0, 0.0, SHAFT_LENGTH - 0.003]), DESCENT)

    def _watch(self, view: View) -> None:
        """Notice getting nowhere: pressing, and not lower than before."""
        pressing = self.stage in ("insert", "turn", "search", "slide") and self._retreat == 0
        if not pressing or view.height < self._lowest - 0.0002:
            self._stuck, self._lowest = 0, view.height
            return
        self._stuck += 1
        if self._stuck > TIRED:
            self._stuck, self._retreat, self._way, self._groped = 0, 20, -self._way, np.zeros(2)

    def _search(self, view: View) -> Float64[np.ndarray, " 24"]:
        """On the shaft's top: press lightly, and move to the side on which the shaft is felt."""
        self.stage = "search"
        felt = view.pressed_at
        if felt is not None:
            step = self._speed * GROPE * PERIOD * felt / max(1e-6, float(np.linalg.norm(felt)))
            self._groped = capped(self._groped + step, GROPED)
        goal = np.array([*self._groped, SHAFT_LENGTH])
        return self._go(view, goal, DESCENT, press=PRESS)

    def _insert(self, view: View) -> Float64[np.ndarray, " 24"]:
        """On the shaft: down, straight, the teeth turned to where they mate; turned to and fro where they do not."""
        stuck = self._stuck > PATIENCE and view.height > SEATED
        self.stage = "turn" if stuck else "insert"
        turn, aside = 0.0, np.zeros(2)
        if stuck:
            swing = 0.25 * (self._stuck - PATIENCE) * self._way
            wide = min(1.0, (self._stuck - PATIENCE) / 60)
            aside = 0.001 * wide * np.array([math.cos(swing), math.sin(swing)])
            if view.height > NEIGHBOUR_TOP - 0.003:
                turn = math.pi / TEETH * wide * math.sin(0.5 * swing)
        down = max(view.height, 0.0) - (ROCK if stuck else PUSH) / STIFFNESS[0]
        return self._go(view, np.array([*(view.gear[:2] + aside), down]), INSERTION, extra=turn)  # the shaft leads

    def _go(
        self, view: View, goal: Vector3, speed: float = TRANSIT, *, extra: float = 0.0, press: float = 0.0
    ) -> Float64[np.ndarray, " 24"]:
        """Lead the reference towards a place on the board, upright, teeth as they mate, plus an `extra` turn [rad]."""
        yaw = view.yaw - view.mismatch / PITCH_RADIUS + extra
        target = view.upright(goal, yaw)
        wrench = np.array([0.0, 0.0, -press, 0.0, 0.0, 0.0]) if press else None
        ahead = nearer(view.reference, target, self._speed * speed, self._speed * TURNING)
        return command_of(ahead, wrench=wrench)
