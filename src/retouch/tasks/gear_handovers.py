"""States of gear insertion in which a person may be handed control."""

import math

import numpy as np

from retouch.geometry import Pose, Vector3, quat_from_vector, quat_multiply
from retouch.robots.ur5e import command_of
from retouch.tasks.gear_scene import NEIGHBOUR_TOP, PITCH_RADIUS, RING, SHAFT_LENGTH, TEETH
from retouch.tasks.gear_view import Observation, View
from retouch.tasks.handovers import Handovers, Stage
from retouch.tasks.steering import nearer


def unsolvable(observation: Observation) -> str | None:
    """Why nobody can solve the task with this arm from here, or None: everything can be undone."""
    return None


def _lead(
    stage: Stage,
    position: Vector3,
    turn: Vector3,
    steps: int,
    speed: float = 0.05,
    mating: bool = True,
) -> None:
    """Lead the reference to a place on the board, turned by a rotation vector in world [rad].

    It is turned from where the teeth mate, or from where the gear stands now.
    """
    first = View(stage.see())
    goal = first.upright(position, first.yaw - (first.mismatch / PITCH_RADIUS if mating else 0.0))
    goal = Pose(goal.position, quat_multiply(quat_from_vector(turn), goal.quat))
    for _ in range(steps):
        stage.act(command_of(nearer(View(stage.see()).reference, goal, speed)))


def _around(rng: np.random.Generator, near: float, far: float, up: float = 0.0) -> Vector3:
    """A vector `near` to `far` long in a random direction of the plane, and `up` across it."""
    way, size = rng.uniform(-math.pi, math.pi), rng.uniform(near, far)
    return np.array([size * math.cos(way), size * math.sin(way), up])


def _above(place: Vector3, height: float) -> Vector3:
    """A place in the plane, so high above the board [m]."""
    return np.array([place[0], place[1], height])


def _in_the_air(stage: Stage) -> None:
    """Anywhere above the board, turned and tilted."""
    rng = stage.rng
    place = _around(rng, 0.0, 0.10, rng.uniform(SHAFT_LENGTH + 0.015, 0.16))
    turn = _around(rng, 0.0, 0.3, rng.uniform(-0.6, 0.6))
    _lead(stage, place, turn, int(rng.integers(20, 120)), speed=0.12)


def _interrupted(stage: Stage) -> None:
    """A skilled attempt, broken off at any time."""
    stage.skilled(int(stage.rng.integers(0, 110)))


def _beside(stage: Stage) -> None:
    """Beside the shaft, pressing on the board, against the shaft or on the neighbour."""
    rng = stage.rng
    aside = _around(rng, 0.004, 0.03)
    _lead(stage, _above(aside, SHAFT_LENGTH + 0.012), np.zeros(3), 150, speed=0.1)
    _lead(stage, _above(aside, -rng.uniform(0.0, 0.010)), _around(rng, 0.0, 0.05), int(rng.integers(30, 80)))
    _lead(stage, 0.5 * aside, _around(rng, 0.0, 0.05), int(rng.integers(0, 30)))


def _on_top(stage: Stage) -> None:
    """On the shaft's top, tilted, pressing, as far aside as the bore's edge."""
    rng = stage.rng
    aside = _around(rng, 0.0, RING)
    tilt = _around(rng, 0.0, 0.15)
    _lead(stage, _above(aside, SHAFT_LENGTH + 0.008), tilt, 150, speed=0.1)
    _lead(stage, _above(aside, SHAFT_LENGTH - rng.uniform(0.002, 0.012)), tilt, int(rng.integers(20, 70)))


def _half_down(stage: Stage) -> None:
    """On the shaft, part of the way down, pulled and tilted."""
    rng = stage.rng
    depth = rng.uniform(0.002, SHAFT_LENGTH - 0.002)
    stage.skilled(400, lambda seen: View(seen).height < SHAFT_LENGTH - depth)
    view = View(stage.see())
    pull = _around(rng, 0.0, 0.008, view.height - rng.uniform(-0.004, 0.008))
    turn = _around(rng, 0.0, 0.15, rng.uniform(-0.1, 0.1))
    _lead(stage, pull, turn, int(rng.integers(5, 40)))


def _clashing(stage: Stage) -> None:
    """On the shaft, teeth on teeth, pressing."""
    rng = stage.rng
    stage.skilled(400, lambda seen: View(seen).height < NEIGHBOUR_TOP + 0.006)
    clash = np.array([0.0, 0.0, math.pi / TEETH + rng.uniform(-0.05, 0.05)])
    _lead(stage, np.array([0.0, 0.0, NEIGHBOUR_TOP + 0.003]), clash, 40)
    press = rng.uniform(0.002, 0.008)
    steps = int(rng.integers(20, 60))
    _lead(stage, np.array([0.0, 0.0, NEIGHBOUR_TOP - press]), np.zeros(3), steps, mating=False)


def _pushed(stage: Stage) -> None:
    """Led away fast from somewhere on the way, off the shaft or against it."""
    rng = stage.rng
    stage.skilled(int(rng.integers(20, 110)))
    away = _around(rng, 0.03, 0.08, rng.uniform(0.0, 0.08))
    _lead(stage, away, _around(rng, 0.0, 0.2), int(rng.integers(5, 40)), speed=0.15)


HANDOVERS = Handovers(
    kinds={
        "interrupted": (_interrupted, 0.2),
        "in the air": (_in_the_air, 0.1),
        "beside the shaft": (_beside, 0.2),
        "on its top": (_on_top, 0.15),
        "half down": (_half_down, 0.15),
        "teeth clashing": (_clashing, 0.1),
        "pushed away": (_pushed, 0.1),
    },
    unsolvable=unsolvable,
    horizon=900,
)
