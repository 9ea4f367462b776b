"""States of the threading task in which a person may be handed control."""

import math

import numpy as np

from retouch.geometry import Vector3, quat_about, quat_from_vector, quat_multiply
from retouch.sim.scene import TABLE_TOP
from retouch.tasks.hand import within_reach
from retouch.tasks.handovers import Handovers, Observation, Stage, disturbed, noise, outside, stray
from retouch.tasks.threading_recover import post_grip
from retouch.tasks.threading_scene import UP
from retouch.tasks.threading_view import View


def unsolvable(observation: Observation) -> str | None:
    """Why nobody can solve the task with this arm from here, or None."""
    view = View(observation)
    if view.handle[2] < TABLE_TOP - 0.005:
        return "the rod has fallen off the table"
    if view.ring[2] < TABLE_TOP - 0.005:
        return "the stand has fallen off the table"
    if outside(view.handle) and not view.held:
        return "the rod lies out of reach"
    if outside(view.ring) and (view.upright or not within_reach(post_grip(view))):
        return "the stand is out of reach"
    return None


def _interrupted(stage: Stage) -> None:
    stage.skilled(int(stage.rng.integers(0, 180)))
    noise(stage, int(stage.rng.integers(4, 60)))


def _dropped(stage: Stage) -> None:
    """The rod falls from somewhere above the table, the hand anywhere."""
    rng = stage.rng
    stage.skilled(int(rng.integers(0, 20)))
    position = rng.uniform((-0.25, -0.30, 0.92), (0.20, 0.30, 1.10))
    quat = rng.standard_normal(4)
    quat = quat / np.linalg.norm(quat)
    if rng.random() < 0.25:  # standing on its handle
        position[2] = TABLE_TOP + 0.1005
        quat = quat_multiply(quat_about(UP, rng.uniform(-3, 3)), quat_about(np.array([0.0, 1.0, 0.0]), -math.pi / 2))
    stage.put("rod", position, quat)
    stage.rest(25)


def _before_moving(stage: Stage) -> None:
    """The rod lies on the table, or is carried."""
    if stage.rng.random() < 0.5:
        stage.skilled(200, lambda seen: View(seen).held and View(seen).lifted)
        stage.skilled(int(stage.rng.integers(0, 40)))
    else:
        stage.skilled(int(stage.rng.integers(0, 20)))


def _clear_place(stage: Stage) -> Vector3:
    """Somewhere on the table, away from the hand and the rod."""
    view = View(stage.see())
    spot = np.array([0.0, -0.15])
    for _ in range(100):
        spot = stage.rng.uniform((-0.22, -0.30), (0.20, 0.30))
        points = [view.tool, view.handle, view.rod, view.rod + 0.06 * view.rod_axes[:, 0]]
        if all(np.linalg.norm(spot - p[:2]) > 0.14 for p in points):
            break
    return np.array([spot[0], spot[1], TABLE_TOP])


def _moved(stage: Stage) -> None:
    """The stand is somewhere else, turned by any angle or a little."""
    _before_moving(stage)
    rng = stage.rng
    spread = float(rng.choice((0.3, 3.14)))
    spot = _clear_place(stage)
    stage.put("stand", spot, quat_about(UP, math.pi / 2 + rng.uniform(-spread, spread)))
    stage.rest(5)


def _tipped(stage: Stage) -> None:
    """The stand lies on its side."""
    _before_moving(stage)
    rng = stage.rng
    spot = _clear_place(stage) + np.array([0.0, 0.0, 0.08])
    way = rng.uniform(-math.pi, math.pi)
    lean = quat_from_vector(rng.uniform(1.2, 1.7) * np.array([math.cos(way), math.sin(way), 0.0]))
    stage.put("stand", spot, quat_multiply(lean, quat_about(UP, rng.uniform(-math.pi, math.pi))))
    stage.rest(25)


def _half_inserted(stage: Stage) -> None:
    """The rod is in the ring: held, shaken, or let go."""
    depth = stage.rng.uniform(0.003, 0.045)
    stage.skilled(400, lambda seen: View(seen).threaded and View(seen).funnel[2] < -depth)
    disturbed(stage, let_go=0.4)


HANDOVERS = Handovers(
    kinds={
        "interrupted": (_interrupted, 0.3),
        "dropped rod": (_dropped, 0.15),
        "moved stand": (_moved, 0.15),
        "tipped stand": (_tipped, 0.12),
        "half inserted": (_half_inserted, 0.16),
        "stray hand": (stray, 0.12),
    },
    unsolvable=unsolvable,
)
