"""States of belt assembly in which a person may be handed control."""

import math

import numpy as np

from retouch.geometry import Vector3
from retouch.robots.ur5e import command_of
from retouch.tasks.belt_scene import APART, GROOVE, LARGE_FLANGE, PULLEY_TOP, TIP
from retouch.tasks.belt_skill import BEHIND, OVER, TURNING, bottom_of
from retouch.tasks.belt_view import LARGE, Observation, View
from retouch.tasks.handovers import Handovers, Stage
from retouch.tasks.steering import nearer


def unsolvable(observation: Observation) -> str | None:
    """Why nobody can solve the task with this arm from here, or None."""
    view = View(observation)
    return None if view.held or view.seated else "the belt is out of the fingers, which cannot pick it up"


def _lead(stage: Stage, place: Vector3, yaw: float, steps: int, speed: float = 0.05) -> None:
    """Lead the reference to a place on the board [m], pointing down, while the belt is held."""
    for _ in range(steps):
        view = View(stage.see())
        if not view.held:
            return
        stage.act(command_of(nearer(view.reference_in_world, view.down(place, yaw), speed, TURNING)))


def _to(stage: Stage, most: int, when: str) -> None:
    """A skilled attempt, up to what is called a stage by the skill."""
    skill = stage.task.skill(stage.rng)
    for _ in range(most):
        action = skill.act(stage.see())
        if skill.stage == when:
            return
        stage.act(action)


def _interrupted(stage: Stage) -> None:
    """A skilled attempt, broken off at any time."""
    stage.skilled(int(stage.rng.integers(0, 400)))


def _in_the_air(stage: Stage) -> None:
    """Anywhere behind and above, turned."""
    rng = stage.rng
    high = GROOVE + rng.uniform(0.17, 0.24)
    place = np.array([rng.uniform(-0.08, 0.02), rng.uniform(-0.06, 0.06), high])
    _lead(stage, place, rng.uniform(-0.5, 0.5), int(rng.integers(20, 120)), 0.08)


def _swept(stage: Stage, off: float, far: float) -> None:
    """Led over the small pulley with the belt's lower end `off` from its groove [m]."""
    _to(stage, 300, "sweep")
    view = View(stage.see())
    low = float(view.hook[2]) + GROOVE + off - float(bottom_of(view)[2])
    _lead(stage, np.array([BEHIND, view.hook[1], low]), 0.0, 40)
    _lead(stage, np.array([far, view.hook[1], low]), 0.0, 120)


def _too_low(stage: Stage) -> None:
    """The belt too low beside the small pulley, around its foot."""
    _swept(stage, -stage.rng.uniform(0.008, 0.018), stage.rng.uniform(0.0, 0.035))


def _too_high(stage: Stage) -> None:
    """The belt above the small pulley, or dragged over it."""
    _swept(stage, stage.rng.uniform(0.008, 0.020), stage.rng.uniform(0.0, 0.06))


def _on_top(stage: Stage) -> None:
    """The belt over the small pulley, the hook pressing on the large one's top or its button."""
    rng = stage.rng
    _to(stage, 500, "enter")
    way, out = rng.uniform(-math.pi, math.pi), rng.uniform(0.0, LARGE_FLANGE - 0.006)
    place = LARGE + out * np.array([math.cos(way), math.sin(way)])
    _lead(stage, np.array([*place, OVER + 0.004]), 0.5, 60)
    _lead(
        stage, np.array([*place, PULLEY_TOP + TIP - rng.uniform(-0.006, 0.002)]), 0.5, int(rng.integers(20, 50)), 0.03
    )


def _beside(stage: Stage) -> None:
    """The belt over the small pulley, the hook down to the left of the large one, too high or too low for its slot."""
    rng = stage.rng
    _to(stage, 500, "enter")
    high = GROOVE + rng.choice((-1.0, 1.0)) * rng.uniform(0.005, 0.012)
    place = np.array([APART + rng.uniform(0.018, 0.026), rng.uniform(0.028, 0.034), high])
    _lead(stage, place, 0.6, int(rng.integers(30, 80)))


def _half_round(stage: Stage) -> None:
    """On the way around the large pulley, drawn up, down or outwards a little."""
    rng = stage.rng
    _to(stage, 500, "wind")
    stage.skilled(int(rng.integers(10, 80)))
    view = View(stage.see())
    away = rng.uniform((-0.004, -0.004, -0.004), (0.004, 0.004, 0.010))
    _lead(stage, view.reference + away, view.yaw, int(rng.integers(5, 30)))


def _pushed(stage: Stage) -> None:
    """Led away from somewhere on the way."""
    rng = stage.rng
    stage.skilled(int(rng.integers(20, 300)))
    view = View(stage.see())
    away = rng.uniform((-0.03, -0.03, 0.0), (0.02, 0.03, 0.03))
    _lead(stage, view.reference + away, view.yaw + rng.uniform(-0.3, 0.3), int(rng.integers(5, 40)), 0.06)


HANDOVERS = Handovers(
    kinds={
        "interrupted": (_interrupted, 0.2),
        "in the air": (_in_the_air, 0.1),
        "too low": (_too_low, 0.15),
        "too high": (_too_high, 0.1),
        "on the large pulley's top": (_on_top, 0.1),
        "beside its slot": (_beside, 0.15),
        "half round": (_half_round, 0.1),
        "pushed away": (_pushed, 0.1),
    },
    unsolvable=unsolvable,
    horizon=1500,
)
