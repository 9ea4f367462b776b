"""States of the coffee task in which a person may be handed control."""

import math

import mujoco
import numpy as np

from retouch.geometry import Vector3, quat_about, quat_from_vector, quat_multiply
from retouch.sim.scene import TABLE_TOP
from retouch.tasks.coffee_scene import HOLDER_RIM, LID_OPEN, POD_HALF, POD_RADIUS
from retouch.tasks.coffee_view import View
from retouch.tasks.hand import within_reach
from retouch.tasks.handovers import Handovers, Observation, Stage, disturbed, noise, outside, stray
from retouch.tasks.vectors import UP

MACHINE_AT = ((-0.06, -0.16), (0.08, -0.02))  # where a machine that was pushed may stand, x and y [m]


def unsolvable(observation: Observation) -> str | None:
    """Why nobody can solve the task with this arm from here, or None."""
    view = View(observation)
    if view.pod[2] < TABLE_TOP - 0.005:
        return "the pod has fallen off the table"
    if view.machine_axes[2, 2] < math.cos(math.radians(30)):
        return "the machine has fallen over"
    if outside(view.machine) or not within_reach(view.machine):
        return "the machine is out of reach"
    if outside(view.pod) and not view.held:
        return "the pod lies out of reach"
    return None


def _interrupted(stage: Stage) -> None:
    stage.skilled(int(stage.rng.integers(0, 260)))
    noise(stage, int(stage.rng.integers(4, 60)))


def _dropped(stage: Stage) -> None:
    """The pod falls from somewhere above the table or the machine: it stands, lies, leans or rolls away."""
    rng = stage.rng
    stage.skilled(int(rng.integers(0, 20)))
    position = rng.uniform((-0.25, -0.30, 0.86), (0.20, 0.30, 1.15))
    quat = rng.standard_normal(4)
    quat = quat / np.linalg.norm(quat)
    if rng.random() < 0.25:  # on its side, at rest
        position[2] = TABLE_TOP + 0.025
        quat = _lying(rng.uniform(-3, 3))
    stage.put("pod", _clear_of_machine(stage, position), quat)
    stage.rest(35)


def _lying(yaw: float) -> np.ndarray:
    return quat_multiply(quat_about(UP, yaw), quat_about(np.array([0.0, 1.0, 0.0]), math.pi / 2))


def _clear_of_machine(stage: Stage, position: Vector3) -> Vector3:
    """The position, or one above the machine where it would be inside of it."""
    view = View(stage.see())
    x, y, z = view.in_machine(position).tolist()
    if -0.16 < x < 0.08 and abs(y) < 0.085 and z < 0.36:
        return position + np.array([0.0, 0.0, 0.36 - z])
    return position


def _moved(stage: Stage) -> None:
    """The machine has been pushed aside and turned."""
    rng = stage.rng
    carrying = rng.random() < 0.5
    if carrying:
        stage.skilled(200, lambda seen: View(seen).held and View(seen).free)
    else:
        stage.skilled(int(rng.integers(0, 20)))
    x, y = rng.uniform(*MACHINE_AT)
    yaw = math.radians(60) + rng.uniform(-0.6, 0.6)
    stage.put("machine", np.array([x, y, TABLE_TOP]), quat_about(UP, yaw))
    stage.rest(5)


def _lid_shut(stage: Stage) -> None:
    """The lid is closed, or falling, with no pod in the holder; the pod lies there, or is carried."""
    rng = stage.rng
    if rng.random() < 0.5:
        stage.skilled(200, lambda seen: View(seen).held and View(seen).free)
    else:
        stage.skilled(int(rng.integers(0, 20)))
    at = int(stage.task.physics.joint("lid").qposadr[0])
    stage.inside.qpos[at] = 0.0 if rng.random() < 0.6 else rng.uniform(0.0, LID_OPEN)
    mujoco.mj_forward(stage.task.physics, stage.inside)
    stage.rest(int(rng.integers(0, 12)))


def _half_inserted(stage: Stage) -> None:
    """The pod is in the holder's mouth: held, shaken, let go, or the lid has come down on it."""
    depth = stage.rng.uniform(0.003, 0.018)
    stage.skilled(400, lambda seen: View(seen).inserted and View(seen).funnel[2] < -depth)
    disturbed(stage, let_go=0.3)


def _jammed(stage: Stage) -> None:
    """The pod hangs on the rim, aslant, half in; the lid open, or come down on it."""
    rng = stage.rng
    stage.skilled(int(rng.integers(0, 20)))
    view = View(stage.see())
    way, aside, angle = rng.uniform(-math.pi, math.pi), rng.uniform(0.004, 0.022), rng.uniform(0.1, 0.9)
    high = HOLDER_RIM + POD_HALF * math.cos(angle) + POD_RADIUS * math.sin(angle) + 0.001
    position = view.from_machine(np.array([aside * math.cos(way), aside * math.sin(way), high]))
    lean = quat_from_vector(angle * np.array([-math.sin(way), math.cos(way), 0.0]))
    stage.put("pod", position, lean)
    stage.rest(25)
    if rng.random() < 0.4:
        at = int(stage.task.physics.joint("lid").qposadr[0])
        stage.inside.qpos[at] = math.radians(85)
        mujoco.mj_forward(stage.task.physics, stage.inside)
        stage.rest(25)


HANDOVERS = Handovers(
    kinds={
        "interrupted": (_interrupted, 0.28),
        "dropped pod": (_dropped, 0.2),
        "moved machine": (_moved, 0.1),
        "lid shut": (_lid_shut, 0.12),
        "half inserted": (_half_inserted, 0.1),
        "jammed on rim": (_jammed, 0.1),
        "stray hand": (stray, 0.1),
    },
    unsolvable=unsolvable,
    horizon=800,  # of a corrected attempt, too
)
