"""Book flipping (CR-DAgger, section 4.1): a fork goes in below books that lie on a shelf, turns them up, and presses
them against the shelf's side until they stand on their own.

The paper gives the four cases, five books in the demonstrations and three others; sizes, masses and ranges are ours.
Its "shelf edge" is taken to be the upright side that the books are pressed against. How high the board is differs from
attempt to attempt, and what a policy sees of board and books is off by a few millimetres, always the same way within
an attempt: only touch tells where the gap is.
"""

import math
from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float32, Float64

from retouch.geometry import Pose, quat_about, quat_from_matrix, quat_multiply
from retouch.robots.ur5e import UR5e
from retouch.robots.ur5e_arm import add_ur5e
from retouch.robots.ur5e_tick import AT_STOP, MEMORY, STOPS
from retouch.sim.world import Worlds
from retouch.tasks.base import Manner, Skill
from retouch.tasks.book_handovers import HANDOVERS
from retouch.tasks.book_scene import (
    AT_SHELF,
    AT_WEIGHTS,
    BOOKS,
    FORK,
    GAP,
    SEEN,
    SHELF,
    SHELF_AXES,
    SHELF_TRAVEL,
    add_books,
    add_fork,
    add_shelf,
)
from retouch.tasks.book_skill import BookSkill, Style
from retouch.tasks.book_view import OBSERVATION_NAMES, SIGHT_NAMES, View, fork_axes
from retouch.tasks.contact import Case, ContactTask, new_scene
from retouch.tasks.handovers import Handovers
from retouch.tasks.vectors import UP

GRAVITY = 9.81
POSTURE = np.array([-1.4, -1.2, 1.6, -0.4, -1.2, 1.8])  # elbow up, the fork level, near the shelf [rad]
# What the task remembers of an attempt, behind the robot's memory.
AT_BOOKS, AT_BIAS, AT_START = MEMORY, MEMORY + 2, MEMORY + 4
MEMORY_TASK = 5
AT_REST = (0.02, 0.1)  # slower is at rest [m/s], [rad/s]
TRAINING_PAIRS = ((1, 0), (4, 3), (2, 0))
"""Lower and upper book of the pairs in the demonstrations."""


@dataclass(frozen=True)
class Layout:
    """How much attempts differ: ranges in the shelf's frame [m], [rad].

    Attributes:
        near, far: between where the books come to stand when they are turned up on the spot, and the shelf's side.
        aside: of the books from the shelf's middle.
        yaw: of the lower book.
        upper, upper_yaw: of the upper book's far edge and its yaw, from the lower one's.
        board: height of the board from the middle of its travel.
        tip_before, tip_above, tip_aside: where the fork begins, from the front edge, the board, the books' middle.
        pitch, turn: of the fork when it begins.
        bias: along the way in, and in height: what is seen is off by that.
    """

    near: tuple[float, float] = (0.005, 0.015)
    far: tuple[float, float] = (0.035, 0.05)
    aside: tuple[float, float] = (-0.025, 0.025)
    yaw: tuple[float, float] = (-0.06, 0.06)
    upper: tuple[float, float] = (-0.003, 0.003)
    upper_yaw: tuple[float, float] = (-0.02, 0.02)
    board: tuple[float, float] = (-SHELF_TRAVEL, SHELF_TRAVEL)
    tip_before: tuple[float, float] = (-0.08, -0.05)
    tip_above: tuple[float, float] = (0.05, 0.10)
    tip_aside: tuple[float, float] = (-0.03, 0.03)
    pitch: tuple[float, float] = (-0.05, 0.15)
    turn: tuple[float, float] = (-0.08, 0.08)
    bias: tuple[tuple[float, float], tuple[float, float]] = ((-0.005, 0.005), (-0.006, 0.006))


def _grid() -> tuple[Case, ...]:
    """One book, far from the shelf's edge and near it; two books, far and near; five of each."""
    singles = ((0, -1), (2, -1), (4, -1), (5, -1), (6, -1))
    pairs_far = (*TRAINING_PAIRS, (5, 6), (7, 1))
    pairs_near = (*TRAINING_PAIRS, (7, 6), (5, 6))
    cases = []
    for count, distance, books in (
        ("one book", "far", singles),
        ("one book", "near", singles),
        ("two books", "far", pairs_far),
        ("two books", "near", pairs_near),
    ):
        for lower, upper in books:
            used = [BOOKS[k] for k in (lower, upper) if k >= 0]
            name = f"{count} {distance}: {' under '.join(book.name for book in used)}"
            seen = all(book.seen for book in used)
            cases.append(Case(name, {"lower": lower, "upper": upper, "far": float(distance == "far")}, seen))
    return tuple(cases)


CASES = _grid()


class BookFlipping(ContactTask):
    """The book-flipping task; `layout` says how much it varies."""

    name = "book-flipping"
    horizon = 1500
    observation_names = OBSERVATION_NAMES
    sight_names = SIGHT_NAMES
    cameras = ("side", "front", "wrist")
    observation_cameras = ("wrist",)
    tool = FORK
    view = View
    stage_names = ("inserted below", "lifted", "upright", "stands alone")

    def __init__(self, layout: Layout = Layout()):
        self.layout = layout
        model = self.physics
        self._arm = UR5e(Worlds(model, 1), FORK, self.control_period)
        self._shelf = int(model.joint("shelf").qposadr[0])
        self._books = [int(model.joint(f"book{k}").qposadr[0]) for k in range(len(BOOKS))]
        self._motions = [int(model.joint(f"book{k}").dofadr[0]) for k in range(len(BOOKS))]
        self._posture = self._arm.joints_for(self._in_world(np.array([-0.3, 0.0, 0.08]), fork_axes(0.0)), POSTURE)

    def build(self, visuals: bool) -> mujoco.MjModel:
        """UR5e with a fork, table, shelf and all books."""
        scene = new_scene(self.name, visuals, memory=MEMORY_TASK)
        scene.spec.option.jacobian = mujoco.mjtJacobian.mjJAC_SPARSE  # most bodies touch nothing
        mount = add_ur5e(scene, FORK)
        add_fork(scene, mount)
        if visuals:
            eye, tips = np.array([0.075, 0.0, -0.01]), np.array([FORK.aside[0], 0.0, FORK.length + 0.03])
            backward = (eye - tips) / np.linalg.norm(eye - tips)
            up = np.array([backward[2], 0.0, -backward[0]])
            up = up if up[0] > 0 else -up
            quat = quat_from_matrix(np.column_stack([np.cross(up, backward), up, backward]))
            mount.add_camera(name="wrist", pos=eye, quat=quat, fovy=62)
        scene.table((1.5, 1.1, 0.05), friction=0.6)
        add_shelf(scene)
        add_books(scene)
        scene.camera("front", (0.22, 0.80, 1.38), (0.02, -0.15, 0.96), fovy=36)
        scene.camera("side", (0.48, -1.02, 1.22), (-0.06, -0.18, 0.98), fovy=37)
        scene.spec.stat.center, scene.spec.stat.extent = (0.0, 0.0, 0.9), 1.2  # parked books do not count
        return scene.compile()

    def cases(self) -> tuple[Case, ...]:
        """One book far from the shelf's edge and near it, two books far and near; each 3 seen and 2 unseen ones."""
        return CASES

    def reset(self, data: mujoco.MjData, rng: np.random.Generator, case: Case | None = None) -> None:
        """Books lie on the shelf, the fork is before them in the air; without a case, seen books in any of the four."""
        lay = self.layout
        if case is None:
            far = bool(rng.integers(2))
            pair = TRAINING_PAIRS[rng.integers(len(TRAINING_PAIRS))]
            lower, upper = pair if rng.integers(2) else (int(rng.choice(SEEN)), -1)
        else:
            lower, upper, far = int(case.values["lower"]), int(case.values["upper"]), bool(case.values["far"])
        used = [k for k in (lower, upper) if k >= 0]
        board = rng.uniform(*lay.board)
        data.qpos[self._shelf] = data.ctrl[AT_SHELF] = board
        together = sum(BOOKS[k].thickness + GAP for k in used)
        edge = -together - rng.uniform(*(lay.far if far else lay.near))
        aside, yaw, high = rng.uniform(*lay.aside), rng.uniform(*lay.yaw), board
        for number, k in enumerate(used):
            turned = yaw + (rng.uniform(*lay.upper_yaw) if number else 0.0)
            book, shift = BOOKS[k], rng.uniform(*lay.upper) if number else 0.0
            along = np.array([math.cos(turned), math.sin(turned)])
            x, y = (edge + shift, aside) - 0.5 * book.depth * along
            position = SHELF.apply(np.array([x, y, high + GAP + book.thickness / 2]))
            self._put(data, k, Pose(position, quat_multiply(SHELF.quat, quat_about(UP, turned))))
            data.ctrl[AT_WEIGHTS + k] = book.mass * GRAVITY
            high += GAP + book.thickness
        front = edge - BOOKS[lower].depth
        tip = np.array([front + rng.uniform(*lay.tip_before), aside + rng.uniform(*lay.tip_aside), 0.0])
        tip[2] = board + rng.uniform(*lay.tip_above)
        axes = fork_axes(rng.uniform(*lay.pitch), rng.uniform(*lay.turn))
        self._arm.place(data, self._arm.joints_for(self._in_world(tip, axes), self._posture))
        data.userdata[AT_BOOKS : AT_BOOKS + 2] = lower, upper
        data.userdata[AT_BIAS : AT_BIAS + 2] = [rng.uniform(*span) for span in lay.bias]
        mujoco.mj_forward(self.physics, data)
        data.userdata[AT_START] = View(self.sight(data)).lower.position[0]

    def _in_world(self, position: np.ndarray, axes: np.ndarray) -> Pose:
        """A pose given in the frame of the shelf in the middle of its travel."""
        return Pose(SHELF.apply(position), quat_from_matrix(SHELF_AXES @ axes))

    def _put(self, data: mujoco.MjData, book: int, pose: Pose) -> None:
        at = self._books[book]
        data.qpos[at : at + 7] = [*pose.position, *pose.quat]

    def used(self, data: mujoco.MjData) -> list[int]:
        """Which of `BOOKS` are in use, the lower one first."""
        return [int(k) for k in data.userdata[AT_BOOKS : AT_BOOKS + 2] if k >= 0]

    def _look(self, data: mujoco.MjData, bias: np.ndarray) -> list[float]:
        """All but what is felt; board and books off by `bias` in world [m]."""
        used, tool = self.used(data), self.tool_in_world(data)
        out = [*tool.position, *tool.quat, *self.reference_in_world(data).position]
        out += self.reference_in_world(data).quat.tolist()
        sizes: list[float] = []
        for number in range(2):
            if number < len(used):
                at = self._books[used[number]]
                out += [*(data.qpos[at : at + 3] + bias), *data.qpos[at + 3 : at + 7]]
                sizes += BOOKS[used[number]].size
            else:
                out += [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
                sizes += [0.0, 0.0, 0.0]
        return [*out, *sizes, float(len(used)), SHELF.position[2] + data.qpos[self._shelf] + bias[2]]

    def observe(self, data: mujoco.MjData) -> Float32[np.ndarray, " 36"]:
        """Fork, reference and books in world, the books' sizes, the board's height; board and books a bit off."""
        along, high = data.userdata[AT_BIAS : AT_BIAS + 2].tolist()
        return np.array(self._look(data, SHELF_AXES @ np.array([along, 0.0, high])), dtype=np.float32)

    def sight(self, data: mujoco.MjData) -> Float32[np.ndarray, " 42"]:
        """What `observe` shows, but where it is, and the contact's wrench on the fork [N], [N m]."""
        return np.array([*self._look(data, np.zeros(3)), *self.contact_wrench(data)], dtype=np.float32)

    def stages(self, data: mujoco.MjData) -> tuple[bool, ...]:
        """In below the books; all turned up by 15 degrees; upright, within 5 degrees and 6 mm of the shelf's side; all
        of it at rest with the fork 1 cm or more away. Whoever has reached a stage has those before it.
        """
        view = View(self.sight(data))
        alone = view.done and self._at_rest(data) and not self._stop(data)
        upright = view.upright
        lifted = upright or view.lifted
        return lifted or view.under, lifted, upright, alone

    def _at_rest(self, data: mujoco.MjData) -> bool:
        for k in self.used(data):
            v = data.qvel[self._motions[k] : self._motions[k] + 6]
            if np.linalg.norm(v[:3]) > AT_REST[0] or np.linalg.norm(v[3:]) > AT_REST[1]:
                return False
        return True

    @staticmethod
    def _stop(data: mujoco.MjData) -> str:
        return STOPS[int(data.userdata[AT_STOP])]

    def failure(self, data: mujoco.MjData) -> str:
        """Where the fork went wrong, what became of the books, or why the robot stopped."""
        view = View(self.sight(data))
        if view.between:
            return "between the books"
        if view.above:
            return "inserted too high"
        if self._stop(data):
            return f"stopped: {self._stop(data)}"
        if view.fell:
            return "book fell"
        moved = abs(float(view.lower.position[0]) - data.userdata[AT_START]) > 0.004
        if not view.entered and not view.upright and (moved or view.lower.pitch > 0.05):
            return "retracted early"
        return "ran out of time"

    def skill(self, rng: np.random.Generator, manner: Manner = Manner()) -> Skill:
        """A scripted skill for one attempt."""
        return BookSkill(Style(speed=manner.speed))

    def handovers(self) -> Handovers:
        """Interrupted, over the books, at the edge, between them, half in, half up, fallen back, a stray fork."""
        return HANDOVERS

    def landmark(self, observation: Float32[np.ndarray, " D"]) -> Float32[np.ndarray, " 3"]:
        """The shelf's board, which stays where it is: books are there to be moved [m]."""
        return np.array([*SHELF.position[:2], observation[35]], np.float32)

    def misjudged(
        self,
        observation: Float32[np.ndarray, " D"],
        error: Float64[np.ndarray, "2 3"],
        share: Float64[np.ndarray, "2 3"],
    ) -> Float32[np.ndarray, " D"]:
        """The books misplaced; both errors are of them, for they are what is grasped and stand where they go."""
        believed = observation.copy()
        away = float(np.linalg.norm(observation[0:3] - observation[14:17]))
        off = error[0] + share[0] * away
        believed[14:17] += off
        if observation[34] > 1:
            believed[21:24] += off
        return believed
