"""What the book-flipping task is made of: the shelf, the books, and the fork.

The shelf's frame: origin where its board meets its upright side, x towards that side, z up. A book's frame: origin in
the middle of its pages, and as it lies on the shelf its axes are the shelf's: x from the edge where the fork goes in
to the edge that it is turned about, y along it, z up. It lies on two rails, the bowed edges of its lower cover, which
leave a gap for the fork; so does a book that lies on another.
"""

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from retouch.geometry import Pose, quat_about, quat_to_matrix
from retouch.robots.ur5e_arm import JOINTS, Tool
from retouch.sim.scene import TABLE_TOP, Scene, Surface
from retouch.tasks.vectors import UP


@dataclass(frozen=True)
class Book:
    """One book.

    Attributes:
        name: its colour.
        depth: from the edge where the fork goes in to the other one [m].
        height: along y; across the fork [m].
        thickness: without the rails that it lies on [m].
        mass: [kg].
        friction: of it on anything; of two books the larger one counts.
        rgba: of its cover.
        seen: whether it was in the demonstrations.
    """

    name: str
    depth: float
    height: float
    thickness: float
    mass: float
    friction: float
    rgba: tuple[float, float, float, float]
    seen: bool = True

    @property
    def size(self) -> tuple[float, float, float]:
        """Depth, height, thickness [m]."""
        return self.depth, self.height, self.thickness


BOOKS = (
    Book("red", 0.150, 0.210, 0.022, 0.45, 0.40, (0.72, 0.20, 0.18, 1)),
    Book("blue", 0.160, 0.230, 0.028, 0.70, 0.35, (0.16, 0.33, 0.58, 1)),
    Book("green", 0.150, 0.200, 0.034, 0.80, 0.45, (0.20, 0.48, 0.33, 1)),
    Book("yellow", 0.165, 0.225, 0.020, 0.50, 0.30, (0.90, 0.68, 0.22, 1)),
    Book("violet", 0.155, 0.215, 0.030, 0.95, 0.40, (0.44, 0.28, 0.52, 1)),
    Book("black", 0.170, 0.240, 0.038, 1.20, 0.30, (0.17, 0.18, 0.21, 1), seen=False),
    Book("orange", 0.145, 0.190, 0.018, 0.30, 0.50, (0.90, 0.45, 0.16, 1), seen=False),
    Book("teal", 0.160, 0.220, 0.026, 0.60, 0.55, (0.15, 0.55, 0.58, 1), seen=False),
)
SEEN = tuple(k for k, book in enumerate(BOOKS) if book.seen)

GAP = 0.0075  # under a book: the height of its rails [m]
RAIL_INSET = 0.006  # of a rail's middle from the book's end [m]
SHELF = Pose(np.array([0.16, -0.11, TABLE_TOP + 0.10]), quat_about(UP, math.pi / 4))  # in the middle of its travel
SHELF_TRAVEL = 0.015  # either way [m]
SHELF_AXES = quat_to_matrix(SHELF.quat)
BOARD_DEPTH, BOARD_HALF_WIDTH, BOARD = 0.36, 0.19, 0.018
SIDE_HEIGHT, SIDE = 0.13, 0.018

PRONG_RADIUS, PRONG_LENGTH, PRONG_ASIDE = 0.003, 0.142, 0.032
STOPS = (0.014, 0.040)  # heights above the prongs of the two bars that stop the fork at a book [m]
STOP_RADIUS = 0.004
DROP = 0.045  # of the prongs below the flange's axis [m]
FORK_MASS, FORK_STIFFNESS = 0.15, 10000.0
_MOUNT_MASS, _MOUNT_COM = 0.25, np.array([0.0, 0.0, 0.02])
_LENGTH = 0.185
_COM = (_MOUNT_MASS * _MOUNT_COM + FORK_MASS * np.array([-DROP, 0.0, _LENGTH - 0.09])) / (_MOUNT_MASS + FORK_MASS)
FORK = Tool(_LENGTH, _MOUNT_MASS + FORK_MASS, tuple(_COM.tolist()), aside=(-DROP, 0.0))
"""Its frame: between the tips of the prongs, z along them, x to the side on which the books are."""

AT_SHELF = JOINTS  # in ctrl: how high the board is set, from the middle of its travel [m]
AT_WEIGHTS = JOINTS + 1  # in ctrl: the books' weights [N], in the order of `BOOKS`

# A contact that starts softly, for books and prongs do not ripple as they slide then.
SOFT = (0.0, 0.95, 0.0005, 0.5, 2.0)
STEEL, DARK_STEEL = (0.76, 0.78, 0.80, 1), (0.42, 0.44, 0.47, 1)
WOOD, DARK_WOOD, FOOT = (0.70, 0.53, 0.36, 1), (0.58, 0.42, 0.27, 1), (0.32, 0.33, 0.35, 1)
PAGES, LINE = (0.96, 0.94, 0.88, 1), (0.97, 0.90, 0.70, 1)


def add_shelf(scene: Scene) -> None:
    """A board with one upright side, on a lift that is set when an attempt begins and stays there.

    The lift is a very stiff drive rather than a part of the model, so that all worlds share one model.
    """
    shelf = scene.world.add_body(name="shelf", pos=SHELF.position, quat=SHELF.quat, gravcomp=1.0)
    shelf.add_joint(name="shelf", type=mujoco.mjtJoint.mjJNT_SLIDE, axis=(0, 0, 1))
    lift = scene.spec.add_actuator(name="lift", target="shelf", trntype=mujoco.mjtTrn.mjTRN_JOINT)
    lift.set_to_position(kp=2e6, dampratio=1.0)
    surface = Surface(friction=(0.2, 0.005, 0.0001), solref=(0.005, 1.0), solimp=SOFT)
    parts = (
        ("board", (BOARD_DEPTH / 2, BOARD_HALF_WIDTH, BOARD / 2), (-BOARD_DEPTH / 2, 0, -BOARD / 2), WOOD),
        (
            "side",
            (SIDE / 2, BOARD_HALF_WIDTH, (SIDE_HEIGHT + BOARD) / 2),
            (SIDE / 2, 0, (SIDE_HEIGHT - BOARD) / 2),
            DARK_WOOD,
        ),
    )
    for name, half, at, rgba in parts:
        scene.touch(shelf, "box", half, at, mass=10.0, surface=surface, name=name)
        scene.look(shelf, "box", half, at, rgba=rgba)
    for x in (-0.04, 0.04 - BOARD_DEPTH):
        for y in (-1, 1):
            post = (x, y * (BOARD_HALF_WIDTH - 0.03), -0.06)
            scene.look(shelf, "box", (0.012, 0.012, 0.05), post, rgba=FOOT)


def add_books(scene: Scene) -> None:
    """Every book. Those that are not in use hang far above, without weight: what nobody pushes costs next to nothing.

    Weight is a drive, switched on with the world's controls, for a body's gravity is part of the shared model.
    """
    for k, book in enumerate(BOOKS):
        body = scene.free_body(f"book{k}", (0.5 * k, 0.0, 40.0))
        body.gravcomp = 1.0
        half = np.array(book.size) / 2
        surface = Surface((book.friction, 0.005, 0.0001), priority=1, solref=(0.005, 1.0), solimp=SOFT)
        scene.touch(body, "box", half.tolist(), mass=book.mass, surface=surface, name=f"book{k}")
        for y in (-1, 1):
            at = (0.0, y * (half[1] - RAIL_INSET), -half[2] - GAP / 2)
            size = (GAP / 2, half[0] - GAP / 2)
            along_x = quat_about(np.array([0.0, 1.0, 0.0]), math.pi / 2)
            scene.touch(body, "capsule", size, at, along_x.tolist(), surface=surface, name=f"book{k}_rail{y}")
        _draw_book(scene, body, book)
        weight = scene.spec.add_actuator(name=f"weight{k}", target=f"book{k}", trntype=mujoco.mjtTrn.mjTRN_JOINT)
        weight.gear = [0, 0, -1, 0, 0, 0]


def _draw_book(scene: Scene, body: mujoco.MjsBody, book: Book) -> None:
    """Two covers and a back around white pages; the back is at the edge that the book is turned about."""
    x, y, z = (np.array(book.size) / 2).tolist()
    cover = 0.0022
    scene.look(body, "box", (x - 0.004, y - 0.004, z - cover), (-0.001, 0, 0), rgba=PAGES)
    for side in (-1, 1):
        scene.look(body, "box", (x, y, cover / 2), (0, 0, side * (z - cover / 2)), rgba=book.rgba)
        rail = (0, side * (y - RAIL_INSET), -z - GAP / 2)
        scene.look(body, "box", (x, RAIL_INSET, GAP / 2), rail, rgba=book.rgba)
        band = (x - 0.0007, side * y * 0.55, 0)
        scene.look(body, "box", (0.001, 0.003, z - 0.001), band, rgba=LINE)
    scene.look(body, "box", (cover / 2, y, z), (x - cover / 2, 0, 0), rgba=book.rgba)
    scene.look(body, "box", (0.3 * x, 0.45 * y, 0.0004), (0, 0, z), rgba=LINE)


def add_fork(scene: Scene, mount: mujoco.MjsBody) -> None:
    """Two prongs below the flange's axis, on a mount that gives a little, and two bars that stop it at a book."""
    mount.explicitinertial = True
    mount.mass, mount.ipos, mount.inertia = _MOUNT_MASS, _MOUNT_COM, (2e-4, 2e-4, 1e-4)
    fork = mount.add_body(name="fork", pos=(*FORK.aside, FORK.length), gravcomp=1.0)
    fork.explicitinertial = True
    fork.mass, fork.ipos, fork.inertia = FORK_MASS, (0, 0, -0.09), (5e-4, 5e-4, 2e-4)
    for k, axis in enumerate(np.eye(3)):
        fork.add_joint(
            name=f"fork{k}",
            type=mujoco.mjtJoint.mjJNT_SLIDE,
            axis=axis,
            stiffness=[FORK_STIFFNESS, 0, 0],
            damping=[2 * math.sqrt(FORK_STIFFNESS * FORK_MASS), 0, 0],
        )
    surface = Surface(friction=(0.2, 0.005, 0.0001), solref=(0.005, 1.0), solimp=SOFT)
    for side in (-1, 1):
        size, at = (PRONG_RADIUS, PRONG_LENGTH / 2 - PRONG_RADIUS), (0.0, side * PRONG_ASIDE, -PRONG_LENGTH / 2)
        scene.touch(fork, "capsule", size, at, surface=surface, robot=True, name=f"prong{side}")
        scene.look(fork, "capsule", size, at, rgba=STEEL)
        root = [0.0, side * PRONG_ASIDE, -PRONG_LENGTH]
        scene.rod(fork, root, [STOPS[1], side * PRONG_ASIDE, -PRONG_LENGTH - STOP_RADIUS], PRONG_RADIUS, STEEL)
    across = quat_about(np.array([1.0, 0.0, 0.0]), math.pi / 2).tolist()
    for high in STOPS:
        at = (high, 0.0, -PRONG_LENGTH - STOP_RADIUS)
        size = (STOP_RADIUS, PRONG_ASIDE + 0.006)
        scene.touch(fork, "capsule", size, at, across, surface=surface, robot=True, name=f"stop{high}")
        scene.look(fork, "capsule", size, at, across, rgba=DARK_STEEL)
    back = -FORK.length
    scene.rod(fork, [DROP, 0, -PRONG_LENGTH - 0.008], [DROP, 0, back], 0.009, DARK_STEEL)
    scene.rod(fork, [STOPS[0], 0, -PRONG_LENGTH - 0.006], [DROP, 0, -PRONG_LENGTH - 0.012], 0.006, DARK_STEEL)
