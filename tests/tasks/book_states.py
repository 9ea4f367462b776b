"""Putting forks and books where a test wants them, in the shelf's frame."""

import functools
import math

import mujoco
import numpy as np

from retouch.geometry import Pose, quat_from_matrix
from retouch.robots.ur5e import UR5e
from retouch.robots.ur5e_tick import MEMORY
from retouch.sim.world import Worlds
from retouch.tasks.book import POSTURE, BookFlipping
from retouch.tasks.book_scene import BOOKS, GAP, SHELF_AXES
from retouch.tasks.book_view import View, fork_axes

UP = math.pi / 2


@functools.cache
def task() -> BookFlipping:
    """One for all tests."""
    return BookFlipping()


def attempt(case: int = 0, seed: int = 0) -> tuple[Worlds, UR5e, mujoco.MjData]:
    """One world with a case of the grid laid out."""
    worlds = Worlds(task().physics, 1)
    data = worlds.reset(0)
    task().reset(data, np.random.default_rng(seed), task().cases()[case])
    return worlds, task().robot(worlds), data


def look(data: mujoco.MjData) -> View:
    """The scene as it is."""
    return View(task().sight(data))


def put_fork(data: mujoco.MjData, x: float, z: float, y: float = 0.0, pitch: float = 0.0) -> None:
    """Place the fork at rest; what the task remembers is kept."""
    own = data.userdata[MEMORY:].copy()
    arm = UR5e(Worlds(task().physics, 1), task().tool)
    pose = look(data).in_world(np.array([x, y, z]), fork_axes(pitch))
    arm.place(data, arm.joints_for(pose, POSTURE))
    data.userdata[MEMORY:] = own
    mujoco.mj_forward(task().physics, data)


def stand(data: mujoco.MjData, off: float = 0.0, pitch: float = UP) -> None:
    """Stand all books at the shelf's side, `off` from it, turned up by `pitch` [rad]."""
    view, room = look(data), off
    for k in reversed(task().used(data)):
        book = BOOKS[k]
        c, s = math.cos(pitch), math.sin(pitch)
        axes = np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
        high = s * book.depth / 2 + abs(c) * (book.thickness / 2 + GAP)
        out = s * book.thickness / 2 + abs(c) * book.depth / 2
        world = view.in_world(np.array([-room - out, 0.0, high]), axes)
        at = int(task().physics.joint(f"book{k}").qposadr[0])
        data.qpos[at : at + 7] = [*world.position, *quat_from_matrix(SHELF_AXES @ axes)]
        room += book.thickness + GAP
    data.qvel[:] = 0.0
    mujoco.mj_forward(task().physics, data)


def pose_of(vector: np.ndarray) -> Pose:
    """A pose from an observation's seven numbers."""
    return Pose.from_vector(vector.astype(float))
