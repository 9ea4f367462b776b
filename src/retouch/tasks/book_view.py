"""What a watcher reads off one look at the book-flipping task, in the shelf's frame."""

import math
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from retouch.geometry import Matrix3, Pose, Vector3, quat_from_matrix, quat_to_matrix
from retouch.tasks.book_scene import GAP, PRONG_ASIDE, PRONG_LENGTH, RAIL_INSET, SHELF, SHELF_AXES
from retouch.tasks.contact import POSE_NAMES, WRENCH_NAMES

OBSERVATION_NAMES = (
    *(f"tool_{k}" for k in POSE_NAMES),
    *(f"reference_{k}" for k in POSE_NAMES),
    *(f"lower_{k}" for k in POSE_NAMES),
    *(f"upper_{k}" for k in POSE_NAMES),
    *(f"{book}_{size}" for book in ("lower", "upper") for size in ("depth", "height", "thickness")),
    "books",
    "board_z",
)
SIGHT_NAMES = (*OBSERVATION_NAMES, *WRENCH_NAMES)
Seen = Float32[np.ndarray, " D"]

INSERTED = 0.05  # of the prongs under the lower book, at least [m]
LIFTED = math.radians(15)
UPRIGHT = math.radians(5)  # a standing book leans by less
AT_SIDE = 0.006  # a book is against the shelf's side when it is nearer than this to what it stands at [m]
APART = 0.010  # from a book, of a fork that does not hold it [m]


class BookSeen(NamedTuple):
    """One book, in the shelf's frame on the board as it is.

    Attributes:
        position, axes: of its frame; the axes are columns [m].
        depth, height, thickness: [m].
    """

    position: Vector3
    axes: Matrix3
    depth: float
    height: float
    thickness: float

    @property
    def pitch(self) -> float:
        """How far it has been turned up: 0 as it lies, half pi as it stands [rad]."""
        x, _, z = self.axes[:, 0].tolist()
        return math.atan2(-z, x)

    @property
    def yaw(self) -> float:
        """About the shelf's z, from how it should stand: that of its y axis [rad]."""
        x, y, _ = self.axes[:, 1].tolist()
        return math.atan2(-x, y)

    @property
    def roll(self) -> float:
        """Of its y axis out of the board's plane [rad]."""
        return math.asin(max(-1.0, min(1.0, float(self.axes[2, 1]))))

    @property
    def half(self) -> Vector3:
        """Half its size, without the rails [m]."""
        return np.array([self.depth, self.height, self.thickness]) / 2

    def at(self, x: float, y: float, z: float) -> Vector3:
        """A point of the book's frame, in the shelf's [m]."""
        return self.position + self.axes @ np.array([x, y, z])

    @property
    def pivot(self) -> Vector3:
        """The middle of the edge that it is turned about, between the rails' ends [m]."""
        return self.at(self.depth / 2, 0.0, -self.thickness / 2 - GAP)

    @property
    def lowest(self) -> float:
        """Of its corners above the board [m]."""
        x, y, z = self.half.tolist()
        return float(self.position[2] - np.abs(self.axes[2]) @ np.array([x, y, z]))

    @property
    def foremost(self) -> float:
        """x of the corner nearest to the shelf's side [m]."""
        return float(self.position[0] + np.abs(self.axes[0]) @ self.half)


class View:
    """One observation or sight, in matrices, in the shelf's frame: x towards its side, z up from the board [m]."""

    def __init__(self, seen: Seen):
        o = seen.astype(np.float64)
        self.board = float(o[35])
        self.origin = np.array([*SHELF.position[:2], self.board])
        self.tool, self.tool_axes = self._place(o[0:7])
        self.reference, self.reference_axes = self._place(o[7:14])
        self.count = round(float(o[34]))
        self.books = [BookSeen(*self._place(o[14 + 7 * k : 21 + 7 * k]), *o[28 + 3 * k : 31 + 3 * k].tolist())
                      for k in range(self.count)]  # fmt: skip
        self.lower = self.books[0]
        self.wrench = o[36:42] if len(o) > 36 else np.zeros(6)

    def _place(self, pose: np.ndarray) -> tuple[Vector3, Matrix3]:
        return SHELF_AXES.T @ (pose[:3] - self.origin), SHELF_AXES.T @ quat_to_matrix(
            pose[3:] / np.linalg.norm(pose[3:])
        )

    def in_world(self, position: Vector3, axes: Matrix3) -> Pose:
        """A pose given in the shelf's frame."""
        return Pose(self.origin + SHELF_AXES @ position, quat_from_matrix(SHELF_AXES @ axes))

    @cached_property
    def pitch(self) -> float:
        """Of the fork: 0 when it points at the shelf's side, half pi when it points down [rad]."""
        return pitch_of(self.tool_axes)

    @cached_property
    def together(self) -> float:
        """How thick all books are together, with their rails [m]."""
        return sum(book.thickness + GAP for book in self.books)

    def in_book(self, book: BookSeen) -> Vector3:
        """The fork's tip against a book: how far beyond its front edge, aside, and above what it lies on [m]."""
        x, y, z = (book.axes.T @ (self.tool - book.position)).tolist()
        return np.array([x + book.depth / 2, y, z + book.thickness / 2 + GAP])

    def _under(self, book: BookSeen, least: float) -> bool:
        depth, aside, high = self.in_book(book).tolist()
        along = float(book.axes[:, 0] @ self.tool_axes[:, 2])
        room = book.height / 2 - 2 * RAIL_INSET - PRONG_ASIDE
        return least < depth < book.depth + 0.06 and -0.012 < high < GAP and abs(aside) < room and along > 0.85

    @cached_property
    def entered(self) -> bool:
        """Whether the tips are in the gap below the lower book."""
        return self._under(self.lower, 0.004)

    @cached_property
    def under(self) -> bool:
        """Whether the fork is far enough below the lower book to turn it."""
        return self._under(self.lower, INSERTED)

    @cached_property
    def between(self) -> bool:
        """Whether the tips are between two books."""
        return self.count > 1 and not self.entered and self._under(self.books[1], 0.004)

    @cached_property
    def above(self) -> bool:
        """Whether the tips are over a book that lies there, or at its front edge, above the gap."""
        depth, aside, high = self.in_book(self.lower).tolist()
        lying = abs(self.lower.pitch) < LIFTED
        return (
            lying
            and -0.004 < depth < self.lower.depth
            and abs(aside) < self.lower.height / 2
            and GAP <= high < self.together + 0.04
        )

    @cached_property
    def lifted(self) -> bool:
        """Whether all books are turned up from where they lay."""
        return all(book.pitch > LIFTED and book.lowest < 0.05 for book in self.books)

    def stands(self, book: BookSeen) -> bool:
        """Whether one book is upright on the board."""
        tilt = abs(book.pitch - math.pi / 2)
        return tilt < UPRIGHT and abs(book.roll) < UPRIGHT and abs(book.yaw) < 0.2 and -0.004 < book.lowest < 0.006

    @cached_property
    def upright(self) -> bool:
        """Whether all books stand, against each other and the shelf's side."""
        room = 0.0
        for book in reversed(self.books):  # the upper one comes to stand at the side
            if not self.stands(book) or -book.foremost > room + AT_SIDE:
                return False
            room = -book.foremost + book.thickness + GAP
        return True

    @cached_property
    def clearance(self) -> float:
        """From the prongs and the bars to the nearest book [m]."""
        back = self.tool - PRONG_LENGTH * self.tool_axes[:, 2]
        side = PRONG_ASIDE * self.tool_axes[:, 1]
        line = np.linspace(0.0, 1.0, 8)[:, None]
        prongs = [(1 - line) * (self.tool + k * side) + line * (back + k * side) for k in (-1, 1)]
        bars = [(1 - line) * (back + side) + line * (back - side) + k * self.tool_axes[:, 0] for k in (0.014, 0.04)]
        points = np.concatenate([*prongs, *bars])
        nearest = math.inf
        for book in self.books:
            local = (points - book.position) @ book.axes
            low, high = -book.half - np.array([0.0, 0.0, GAP]), book.half
            out = np.maximum(np.maximum(low - local, local - high), 0.0)
            nearest = min(nearest, float(np.sqrt((out * out).sum(axis=1)).min()))
        return nearest - 0.004

    @cached_property
    def done(self) -> bool:
        """Whether all stand, and the fork is away."""
        return self.upright and self.clearance > APART

    @cached_property
    def fell(self) -> bool:
        """Whether a book has left the board, or lies or leans in a way that it cannot be turned up."""
        return any(
            book.lowest < -0.02
            or abs(book.roll) > 0.3
            or not -0.35 < book.pitch < 2.0
            or abs(book.position[1]) > 0.15
            or abs(book.yaw) > 0.7
            for book in self.books
        )

    @cached_property
    def phase(self) -> str:
        """`reach`, `insert`, `carry` or `done`."""
        if self.done:
            return "done"
        if self.lifted:
            return "carry"
        return "insert" if self.entered else "reach"

    @cached_property
    def progress(self) -> float:
        """How far along the task is, in [0, 1]."""
        if self.done:
            return 1.0
        turned = min(1.0, max(0.0, min(book.pitch for book in self.books) / (math.pi / 2)))
        if self.upright:
            return 0.9 + 0.09 * min(1.0, max(0.0, self.clearance) / APART)
        if turned > LIFTED / 2:
            return 0.4 + 0.5 * turned
        depth, _, _ = self.in_book(self.lower).tolist()
        if self.entered:
            return 0.2 + 0.2 * min(1.0, depth / 0.12)
        front = self.lower.at(-self.lower.depth / 2, 0.0, -self.lower.thickness / 2)
        return 0.2 * (1.0 - min(1.0, math.dist(self.tool, front) / 0.4))

    @cached_property
    def funnel_error(self) -> tuple[float, float, float]:
        """The tips against the gap: aside and above or below [m], angle [rad], distance to its mouth [m]."""
        depth, aside, high = self.in_book(self.lower).tolist()
        beside = max(0.0, abs(aside) - (self.lower.height / 2 - 2 * RAIL_INSET - PRONG_ASIDE))
        along = float(self.lower.axes[:, 0] @ self.tool_axes[:, 2])
        return math.hypot(beside, high - GAP / 2), math.acos(max(-1.0, min(1.0, along))), -depth


def pitch_of(axes: Matrix3) -> float:
    """Of the fork: 0 when it points at the shelf's side, half pi when it points down [rad]."""
    x, _, z = axes[:, 2].tolist()
    return math.atan2(-z, x)


def fork_axes(pitch: float, yaw: float = 0.0) -> Matrix3:
    """The fork's axes in the shelf's frame, pointing down by `pitch` and aside by `yaw` [rad]."""
    c, s, cy, sy = math.cos(pitch), math.sin(pitch), math.cos(yaw), math.sin(yaw)
    about_z = np.array([[cy, -sy, 0.0], [sy, cy, 0.0], [0.0, 0.0, 1.0]])
    return about_z @ np.array([[s, 0.0, c], [0.0, -1.0, 0.0], [c, 0.0, -s]])
