"""A scripted cable routing: before each clip's mouth, in at its height, back against its wire, and on to the next one.

The eye is led around what the cable was last held by, as far from there as there is cable: so it stays taut, wherever
the eye goes, and where it passes the clip follows from where the eye is. What is done follows from what is seen now;
only how long nothing has changed is remembered.
"""

import math

import numpy as np
from jaxtyping import Float64

from retouch.geometry import Vector3
from retouch.robots.ur5e import command_of
from retouch.tasks.cable_scene import BACK, CLIPS, RADIUS, WIRE
from retouch.tasks.cable_view import ABOVE, AWAY, BEFORE, BELOW, IN, OUTSIDE, RAIL, Observation, View
from retouch.tasks.gear_skill import nearer

PERIOD = 0.02  # of a command [s]
TRANSIT, SWEEP = 0.10, 0.05  # [m/s]
BEYOND = 0.036  # a clip, along the way, of an eye that leads the cable into it [m]
NEAR = 0.042  # of an eye that is led around what the cable is held by, from there [m]
OUT, INTO = OUTSIDE + 0.014, BACK - 0.010  # u of the cable before a clip's mouth, and as it is drawn against its back [m]
CLEARING = RAIL + WIRE + RADIUS + 0.006  # v of a cable that passes above or below a clip without touching it [m]
LEAST_HEIGHT = 0.015  # of the eye above the board [m]
HIGH = 0.06  # above the slots, of an eye that is led over clips [m]
LEVEL = 0.002  # a cable is at the height of a slot when it is nearer than this [m]


class CableSkill:
    """One attempt at cable routing.

    Args:
        rng: for how it gets free when it gets nowhere.
        speed: factor on the usual speed.

    Attributes:
        stage: what it is doing.
    """

    def __init__(self, rng: np.random.Generator, speed: float = 1.0):
        self._rng = rng
        self._speed = speed
        self.restart()

    def restart(self) -> None:
        """Forget what was being done: the situation is new."""
        self.stage = "carry"

    def act(self, observation: Observation) -> Float64[np.ndarray, " 24"]:
        """The next command, from `sight` alone."""
        view = View(observation)
        number = min(view.next, len(CLIPS) - 1)
        side = CLIPS[number][2]
        clip = view.clips[number]
        pivot, paid = view.pivot(number)
        free = view.at_eye - paid
        run = clip[1] - pivot[1]
        far = max(free, math.hypot(run + BEYOND, 0.0) * 1.05)
        place = view.in_clip(number)
        how = view.passes[number]

        def towards(u: float, v: float, radius: float) -> Vector3:
            """The eye at a distance from the pivot, such that the taut cable passes the clip at u, v."""
            way = np.array([clip[0] + side * u - pivot[0], run])
            size = float(np.linalg.norm(way))
            height = pivot[2] + (clip[2] + v - pivot[2]) * max(1.0, radius / size)
            return np.array([*(pivot[:2] + way / size * radius), max(height, LEAST_HEIGHT)])

        now = math.dist(view.eye[:2], pivot[:2])
        if place is None:  # not there yet
            goal = towards(OUT, 0.0, max(free, NEAR))
            if math.dist(view.eye[:2], goal[:2]) > 0.004 and now < run:
                self.stage = "around"
                return self._go(view, self._around(view, pivot, goal, max(free, NEAR)), TRANSIT)
            self.stage = "carry"
            return self._go(view, towards(OUT, 0.0, far), TRANSIT)
        u, v = place
        if how in (ABOVE, BELOW):
            off = math.copysign(CLEARING, v)
            self.stage = "free"
            if abs(v) < CLEARING - 0.002:
                eye = towards(u, off, far)
                return self._go(view, np.array([*view.asked[:2], eye[2]]), SWEEP)
            return self._go(view, towards(OUT + 0.005, off, far), SWEEP)
        if now < far - 0.008 or (u > OUTSIDE and abs(v) > LEVEL):
            self.stage = "level"
            return self._go(view, towards(OUT, 0.0, far), TRANSIT)
        self.stage = "in"
        return self._go(view, towards(INTO, 0.0, far), SWEEP)

    def _around(self, view: View, pivot: Vector3, goal: Vector3, radius: float) -> Vector3:
        """A point a little further on the circle about the pivot, on the way to the goal."""
        here = math.atan2(*(view.asked - pivot)[:2].tolist())
        there = math.atan2(*(goal - pivot)[:2].tolist())
        angle = here + max(-0.3, min(0.3, there - here))
        return np.array([pivot[0] + radius * math.sin(angle), pivot[1] + radius * math.cos(angle), goal[2]])

    def _go(self, view: View, goal: Vector3, speed: float) -> Float64[np.ndarray, " 24"]:
        """Lead the reference towards a place of the eye on the board, upright."""
        ahead = nearer(view.reference, view.upright(goal), self._speed * speed, 0.8 * self._speed)
        return command_of(ahead)
