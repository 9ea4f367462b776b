"""States of cable routing in which a person may be handed control."""

import math

import numpy as np

from retouch.geometry import Vector3
from retouch.robots.ur5e import command_of
from retouch.tasks.cable_scene import CLIPS, LENGTH
from retouch.tasks.cable_skill import CLEARING, INTO, LEAST_HEIGHT, OUT, Route
from retouch.tasks.cable_view import Observation, View
from retouch.tasks.handovers import Handovers, Stage
from retouch.tasks.steering import nearer

SPENT = LENGTH - 0.10  # more cable than that cannot be led round the clips: it does not go back through the finger [m]


def unsolvable(observation: Observation) -> str | None:
    """Why nobody can solve the task with this arm from here, or None."""
    view = View(observation)
    if not view.threaded:
        return "the cable is out of the finger, which cannot take hold of it again"
    if view.at_eye > SPENT:
        return "too much of the cable is drawn through the finger, which cannot push it back"
    return None


def _lead(stage: Stage, goal: Vector3, steps: int, speed: float = 0.08, yaw: float = 0.0) -> None:
    """Lead the eye towards a place on the board."""
    for _ in range(steps):
        view = View(stage.see())
        if not view.threaded:
            return
        stage.act(command_of(nearer(view.reference, view.upright(goal, yaw), speed)))


def _before(stage: Stage, clip: int) -> None:
    """The skill's work until the cable is before a clip's mouth, taut."""
    stage.skilled(700, lambda seen: View(seen).passes[clip] == "before" and View(seen).next == clip)
    stage.skilled(30)


def _sweep(stage: Stage, clip: int, v: float) -> None:
    """Over or under a clip: to a height before its mouth, then across it."""
    for u, steps in ((OUT, 40), (INTO, int(stage.rng.integers(40, 80)))):
        route = Route(View(stage.see()), clip)
        _lead(stage, route.eye(u, v, route.far), steps)


def _number(stage: Stage) -> int:
    return int(stage.rng.integers(len(CLIPS)))


def _interrupted(stage: Stage) -> None:
    """A skilled attempt, broken off at any time."""
    stage.skilled(int(stage.rng.integers(0, 260)))


def _in_the_air(stage: Stage) -> None:
    """Anywhere around the fixed end, above the board, turned."""
    rng = stage.rng
    way, far = rng.uniform(-0.5 * math.pi, 0.5 * math.pi), rng.uniform(0.04, 0.12)
    goal = View(stage.see()).fixed + np.array([far * math.sin(way), far * math.cos(way), 0.0])
    up = np.array([0.0, 0.0, rng.uniform(0.05, 0.10)])
    first = View(stage.see()).eye + up
    _lead(stage, first, 30)
    _lead(stage, goal + up, int(rng.integers(10, 80)), yaw=rng.uniform(-0.4, 0.4))


def _over(stage: Stage) -> None:
    """The cable led over a clip."""
    clip = _number(stage)
    _before(stage, clip)
    _sweep(stage, clip, CLEARING + stage.rng.uniform(0.0, 0.01))
    route = Route(View(stage.see()), clip)
    _lead(stage, route.eye(INTO, stage.rng.uniform(-0.01, 0.01), route.far), int(stage.rng.integers(0, 40)))


def _below(stage: Stage) -> None:
    """The cable led below a clip, and stuck there."""
    clip = _number(stage)
    _before(stage, clip)
    _sweep(stage, clip, -CLEARING)


def _past(stage: Stage) -> None:
    """A clip missed, and on to the next one as if it had not been."""
    clip = int(stage.rng.integers(len(CLIPS) - 1))
    _before(stage, clip)
    _sweep(stage, clip, float(stage.rng.choice((-1.0, 1.0))) * CLEARING)
    for u in (OUT, INTO):
        view = View(stage.see())
        following, side = view.clips[clip + 1], CLIPS[clip + 1][2]
        if u == OUT:
            _lead(stage, np.array([following[0] + side * u, view.eye[1], following[2]]), 50)
        goal = following + np.array([side * (u if u == OUT else 0.0), 0.045, stage.rng.uniform(-0.004, 0.004)])
        _lead(stage, goal, 60)


def _out(stage: Stage) -> None:
    """Out of a clip that it was in already."""
    clip = _number(stage)
    stage.skilled(700, lambda seen: View(seen).next > clip)
    route = Route(View(stage.see()), clip)
    _lead(stage, route.eye(OUT + 0.01, stage.rng.uniform(-0.005, 0.005), route.far), int(stage.rng.integers(20, 60)))


def _slack(stage: Stage) -> None:
    """The finger led back, so that the cable hangs."""
    rng = stage.rng
    stage.skilled(int(rng.integers(30, 240)))
    view = View(stage.see())
    pivot = view.pivot(min(view.next, len(CLIPS) - 1))[0]
    back = pivot - view.eye
    goal = view.eye + back * rng.uniform(0.1, 0.5)
    goal[2] = max(LEAST_HEIGHT, view.eye[2] + rng.uniform(-0.01, 0.03))
    _lead(stage, goal, int(rng.integers(20, 60)))


def _pushed(stage: Stage) -> None:
    """Led away fast from somewhere on the way, and up."""
    rng = stage.rng
    stage.skilled(int(rng.integers(20, 240)))
    way, far = rng.uniform(-math.pi, math.pi), rng.uniform(0.02, 0.07)
    goal = View(stage.see()).eye + np.array([far * math.cos(way), far * math.sin(way), rng.uniform(0.0, 0.05)])
    _lead(stage, goal, int(rng.integers(5, 40)), speed=0.15, yaw=rng.uniform(-0.3, 0.3))


HANDOVERS = Handovers(
    kinds={
        "interrupted": (_interrupted, 0.15),
        "in the air": (_in_the_air, 0.1),
        "over a clip": (_over, 0.15),
        "below a clip": (_below, 0.15),
        "past a clip": (_past, 0.1),
        "out of a clip": (_out, 0.1),
        "slack": (_slack, 0.15),
        "pushed away": (_pushed, 0.1),
    },
    unsolvable=unsolvable,
    horizon=1500,
)
