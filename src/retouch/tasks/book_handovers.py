"""States of the book-flipping task in which a person may be handed control."""

import math

import numpy as np

from retouch.geometry import Matrix3, Vector3
from retouch.robots.ur5e import command_of
from retouch.tasks.book_scene import GAP
from retouch.tasks.book_skill import in_step
from retouch.tasks.book_view import Seen, View, fork_axes
from retouch.tasks.contact import ContactTask
from retouch.tasks.handovers import Handovers, Stage

STEP, TURN = 0.0024, 0.016  # of a reference in one step [m], [rad]


def unsolvable(seen: Seen) -> str | None:
    """Why nobody can solve the task with this fork from here, or None."""
    return "a book has fallen" if View(seen).fell else None


def _move(stage: Stage, position: Vector3, axes: Matrix3, most: int) -> None:
    """Send the fork to a pose in the shelf's frame, for at most so many steps."""
    for _ in range(most):
        view = View(stage.see())
        before, target = view.in_world(view.reference, view.reference_axes), view.in_world(position, axes)
        after = in_step(before, target, STEP, TURN)
        stage.act(command_of(after))
        if math.dist(after.position, target.position) < 1e-5:
            return


def _shake(stage: Stage) -> None:
    """The fork is led astray for a moment, or stands still."""
    rng, view = stage.rng, View(stage.see())
    if rng.random() < 0.5:
        stage.rest(int(rng.integers(0, 20)))
        return
    off, turn = rng.uniform(-0.015, 0.015, 3), rng.uniform(-0.08, 0.08)
    axes = fork_axes(view.pitch + turn)
    _move(stage, view.reference + off, axes, 15)


def _front(view: View, depth: float, high: float) -> Vector3:
    """Where the tips are at `depth` beyond the lower book's front edge, `high` above the board [m]."""
    at = view.lower.at(depth - view.lower.depth / 2, 0.0, 0.0)
    at[2] = high
    return at


def _interrupted(stage: Stage) -> None:
    stage.skilled(int(stage.rng.integers(0, 300)))
    _shake(stage)


def _over(stage: Stage) -> None:
    """The fork is above the books, or has come down on them."""
    rng, view = stage.rng, View(stage.see())
    top = view.together + rng.uniform(0.0, 0.03)
    axes = fork_axes(rng.uniform(-0.03, 0.1), view.lower.yaw)
    _move(stage, _front(view, -0.04, top + 0.02), axes, 80)
    _move(stage, _front(view, rng.uniform(0.02, 0.1), top + 0.015), axes, 80)
    _move(stage, _front(view, rng.uniform(0.02, 0.1), top), axes, 30)


def _at_edge(stage: Stage) -> None:
    """The fork pushes against the lower book's front, above the gap."""
    rng, view = stage.rng, View(stage.see())
    high = GAP + rng.uniform(0.003, 0.012)
    axes = fork_axes(rng.uniform(-0.03, 0.06), view.lower.yaw)
    _move(stage, _front(view, -0.03, high), axes, 80)
    _move(stage, _front(view, rng.uniform(0.002, 0.012), high), axes, 40)


def _between(stage: Stage) -> None:
    """The fork is in the gap between two books."""
    assert isinstance(stage.task, ContactTask)
    pairs = [case for case in stage.task.cases() if case.seen and case.values["upper"] >= 0]
    stage.worlds.reset(0)
    stage.task.reset(stage.inside, stage.rng, pairs[stage.rng.integers(len(pairs))])
    view = View(stage.see())
    high = GAP + view.lower.thickness + GAP / 2
    axes = fork_axes(0.0, view.lower.yaw)
    _move(stage, _front(view, -0.03, high), axes, 80)
    _move(stage, _front(view, stage.rng.uniform(0.02, 0.1), high), axes, 80)


def _half_inserted(stage: Stage) -> None:
    """The fork is some way below the books, shaken or not."""
    depth = stage.rng.uniform(0.01, 0.1)
    stage.skilled(300, lambda seen: bool(View(seen).in_book(View(seen).lower)[0] > depth and View(seen).entered))
    _shake(stage)


def _half_up(stage: Stage) -> None:
    """The books lean on the fork, shaken or not."""
    pitch = stage.rng.uniform(0.2, 1.4)
    stage.skilled(400, lambda seen: View(seen).lower.pitch > pitch)
    _shake(stage)


def _fallen_back(stage: Stage) -> None:
    """The fork has been drawn away too early: the books lie again, somewhere, or on the fork, or stand by chance."""
    rng, pitch = stage.rng, stage.rng.uniform(0.3, 1.5)
    stage.skilled(400, lambda seen: View(seen).lower.pitch > pitch)
    view = View(stage.see())
    back = (
        view.reference - np.array([rng.uniform(0.1, 0.2), 0.0, 0.0]) + 0.3 * rng.uniform(0, 0.2) * np.array([0, 0, 1.0])
    )
    _move(stage, back, fork_axes(rng.uniform(0.3, 1.0) * view.pitch), 100)
    stage.rest(int(rng.integers(10, 50)))


def _stray(stage: Stage) -> None:
    """The fork is somewhere in the air, in front of the shelf or over it."""
    rng, view = stage.rng, View(stage.see())
    goal = rng.uniform((-0.42, -0.08, 0.09), (-0.10, 0.08, 0.22))
    up = np.array([view.tool[0], view.tool[1], max(0.16, goal[2])])
    _move(stage, up, fork_axes(view.pitch), 60)
    pitch = rng.uniform(-0.1, 1.5)
    _move(
        stage, np.array([goal[0], goal[1], up[2]]), fork_axes(pitch, rng.uniform(-0.3, 0.3)), int(rng.integers(20, 150))
    )


HANDOVERS = Handovers(
    kinds={
        "interrupted": (_interrupted, 0.16),
        "over the books": (_over, 0.14),
        "at the edge": (_at_edge, 0.14),
        "between books": (_between, 0.1),
        "half inserted": (_half_inserted, 0.12),
        "half up": (_half_up, 0.12),
        "fallen back": (_fallen_back, 0.12),
        "stray fork": (_stray, 0.1),
    },
    unsolvable=unsolvable,
    horizon=1500,
)
