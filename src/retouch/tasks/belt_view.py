"""What a watcher reads off one look at belt assembly: where the belt runs, and how far along it is.

All positions are in the board's frame: from the small pulley's free place, x towards the large pulley, z up from the
board's top. The same reading serves what a policy sees, whose board is misplaced, and what a person sees, who feels.
"""

import math
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from retouch.geometry import Pose, Vector3, quat_to_matrix
from retouch.robots.ur5e_arm import pointing_down
from retouch.tasks.belt_scene import (
    APART,
    GROOVE,
    GROOVE_HALF,
    HOOK_HALF,
    LARGE_FLANGE,
    LIP_DOWN,
    LIP_RADIUS,
    POINTS,
    PULLEY_TOP,
    SMALL_FLANGE,
    TIP,
)
from retouch.tasks.contact import POSE_NAMES, WRENCH_NAMES

Observation = NDArray[np.float32]
Points = Float64[np.ndarray, "n 3"]

COARSE = 24  # points of the belt that a policy sees, from the held one on
TOOL, REFERENCE, BOARD, PULLEY = slice(0, 7), slice(7, 14), slice(14, 21), 21
BELT_FROM = 22
OBSERVATION_NAMES = (
    *(f"tool_{n}" for n in POSE_NAMES),
    *(f"reference_{n}" for n in POSE_NAMES),
    *(f"board_{n}" for n in POSE_NAMES),
    "small_pulley",
    *(f"belt{k * POINTS // COARSE}_{n}" for k in range(COARSE) for n in "xyz"),
)
SIGHT_NAMES = (
    *OBSERVATION_NAMES[:BELT_FROM],
    *(f"belt{k}_{n}" for k in range(POINTS) for n in "xyz"),
    *WRENCH_NAMES,
)
LARGE = np.array([APART, 0.0])
HELD = 0.006  # of the grasped point from where it lies in the hook, at most [m]
IN_GROOVE = GROOVE_HALF - 0.0005  # of the belt's middle from the groove's, at most [m]
BULGE = 0.012  # that the hook draws the belt out of the large pulley's groove, at most [m]
TAUT = 0.0015  # that the belt draws the small pulley towards the large one, at least [m]
BACK = 0.07  # along the belt, from beside the large pulley to where the hook leaves it [m]
CLEAR = 0.010  # from the hook to a belt that it has released [m]
BESIDE_FLANGE = 0.007  # of the hook from the large pulley's flange where the belt goes into its groove [m]
LOWER_PART = 0.04  # of the hanging loop, from its lowest point up [m]
BEHIND, BESIDE, AHEAD = math.pi, math.pi / 2, 0.0  # directions from an axis [rad]


class Crossing(NamedTuple):
    """Where the belt crosses a half line that begins at an axis: how far out and how high [m]."""

    out: float
    height: float


class View:
    """One observation, or sight."""

    def __init__(self, observation: Observation):
        o = observation.astype(np.float64)
        self.tool_in_world = Pose.from_vector(o[TOOL])
        self.reference_in_world = Pose.from_vector(o[REFERENCE])
        self.board = Pose.from_vector(o[BOARD])
        self._turn = quat_to_matrix(self.board.quat)
        self.small = np.array([float(o[PULLEY]), 0.0])
        self.feels = len(o) == len(SIGHT_NAMES)
        points = POINTS if self.feels else COARSE
        self.belt: Points = self.on_board(o[BELT_FROM : BELT_FROM + 3 * points].reshape(points, 3))
        self.wrench = o[-6:] if self.feels else np.zeros(6)
        self.hook: Vector3 = self.on_board(self.tool_in_world.position)
        self.reference: Vector3 = self.on_board(self.reference_in_world.position)

    def on_board(self, place: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places in world, in the board's frame [m]."""
        return (place - self.board.position) @ self._turn

    @cached_property
    def board_yaw(self) -> float:
        """Of the board in world [rad]."""
        return math.atan2(self._turn[1, 0], self._turn[0, 0])

    @cached_property
    def yaw(self) -> float:
        """Of the hook's x axis, which points away from the pulley that it pulls around, in the board [rad]."""
        x, y, _ = (self._turn.T @ self.tool_in_world.axis(0)).tolist()
        return math.atan2(y, x)

    def down(self, position: Vector3, yaw: float) -> Pose:
        """The tool in world, pointing down, the hook at a position and a yaw in the board's frame."""
        return pointing_down(self.board.apply(position), self.board_yaw + yaw)

    @cached_property
    def held(self) -> bool:
        """Whether the belt is in the hook."""
        return math.dist(self.belt[0], self.hook) < HELD

    @cached_property
    def half_out(self) -> bool:
        """Whether the belt is in the hook, but below the lips on one side; only who sees all of it can tell."""
        if not self.feels or not self.held:
            return False
        beside = self.board.inverse() @ self.tool_in_world
        _, y, z = np.array([beside.inverse().apply(self.belt[k]) for k in (-1, 1)]).T
        return bool(((np.abs(y) < HOOK_HALF) & (z > LIP_DOWN + LIP_RADIUS)).any())

    @cached_property
    def clearance(self) -> float:
        """From the hook to the nearest point of the belt [m]."""
        return float(np.sqrt(np.sum((self.belt - self.hook) ** 2, axis=1).min()))

    def winding(self, axis: NDArray[np.float64]) -> int:
        """How often the belt runs around an upright axis, in the plane."""
        x, y = (self.belt[:, :2] - axis).T
        nx, ny = np.roll(x, -1), np.roll(y, -1)
        turned = np.arctan2(x * ny - y * nx, x * nx + y * ny).sum()
        return abs(round(float(turned) / (2 * math.pi)))

    def crossings(self, axis: NDArray[np.float64], direction: float) -> list[Crossing]:
        """Where the belt crosses the half line from an axis in a direction [rad], outermost first."""
        c, s = math.cos(direction), math.sin(direction)
        x, y = (self.belt[:, :2] - axis).T
        along, aside, height = c * x + s * y, c * y - s * x, self.belt[:, 2]
        before = np.flatnonzero((aside < 0) != (np.roll(aside, -1) < 0))
        after = (before + 1) % len(aside)
        share = aside[before] / (aside[before] - aside[after])
        out = along[before] + share * (along[after] - along[before])
        high = height[before] + share * (height[after] - height[before])
        return sorted(
            (Crossing(*pair) for pair in zip(out.tolist(), high.tolist(), strict=True) if pair[0] > 0), reverse=True
        )

    def crossing(self, axis: NDArray[np.float64], direction: float) -> Crossing | None:
        """The outermost of them; None where there is none."""
        found = self.crossings(axis, direction)
        return found[0] if found else None

    def _in_groove(self, axis: NDArray[np.float64], direction: float, widest: float) -> bool:
        found = self.crossing(axis, direction)
        return found is not None and abs(found.height - GROOVE) < IN_GROOVE and found.out < widest

    @cached_property
    def behind_small(self) -> Crossing | None:
        """Where the belt runs behind the small pulley."""
        return self.crossing(self.small, BEHIND)

    @cached_property
    def over_small(self) -> bool:
        """Whether the belt is around the small pulley, in its groove behind and nowhere on its top."""
        behind = self.winding(self.small) == 1 and self._in_groove(self.small, BEHIND, SMALL_FLANGE + 0.001)
        return behind and not any(self._on_top(side * BESIDE) for side in (1, -1))

    def _on_top(self, direction: float) -> bool:
        """Whether the belt lies on the small pulley's top in a direction, the hook being down."""
        found = self.crossing(self.small, direction)
        down = self.hook[2] < 2 * PULLEY_TOP
        return down and found is not None and found.height > PULLEY_TOP and found.out < SMALL_FLANGE

    @cached_property
    def around_large(self) -> bool:
        """Whether the belt is around the large pulley's axis, at any height."""
        return self.winding(LARGE) == 1

    def on_side(self, side: float) -> bool:
        """Whether the belt is in the large pulley's groove on its left (1) or its right (-1)."""
        return self._in_groove(LARGE, side * BESIDE, LARGE_FLANGE + BULGE)

    def across(self, side: float) -> bool:
        """Whether the belt, seen from one side of it, runs over the large pulley's top."""
        found = self.crossings(LARGE, side * BESIDE)[1:]
        return any(c.out < LARGE_FLANGE and c.height > PULLEY_TOP - 0.002 for c in found)

    def enters(self, side: float) -> bool:
        """Whether the belt's outer strand is beside the large pulley, and its other one on the far side or across."""
        return self.around_large or self.across(side)

    @cached_property
    def on_large(self) -> bool:
        """Whether the belt is in the large pulley's groove on one side, and beyond its axis or over its top."""
        return self.over_small and any(self.on_side(side) and self.enters(side) for side in (1, -1))

    @cached_property
    def turned_round(self) -> bool:
        """Whether the belt is at the groove's height all around the large pulley."""
        ways = (-BESIDE, -BESIDE / 2, AHEAD, BESIDE / 2, BESIDE)
        return self.on_large and all(self._in_groove(LARGE, way, LARGE_FLANGE + BULGE) for way in ways)

    @cached_property
    def seated(self) -> bool:
        """Whether the belt is in both grooves all around, taut, and the hook is away from it."""
        ways = (-BESIDE, -BESIDE / 2, AHEAD, BESIDE / 2, BESIDE)
        large = all(self._in_groove(LARGE, way, LARGE_FLANGE) for way in ways)
        small = all(self._in_groove(self.small, BEHIND + way, SMALL_FLANGE) for way in (-BESIDE, 0.0, BESIDE))
        level = bool(np.abs(self.belt[:, 2] - GROOVE).max() < GROOVE_HALF)
        return self.turned_round and large and small and level and self.small[0] > TAUT and self.clearance > CLEAR

    @cached_property
    def stages(self) -> tuple[bool, bool, bool, bool]:
        """Over the small pulley, on the large one, turned round it, released and seated."""
        return self.over_small, self.on_large, self.turned_round, self.seated

    @cached_property
    def angle(self) -> float:
        """Of the hook around the large pulley: 0 on the side away from the small one, left positive [rad]."""
        return math.atan2(self.hook[1], self.hook[0] - APART)

    @cached_property
    def radius(self) -> float:
        """Of the hook from the large pulley's axis [m]."""
        return math.hypot(self.hook[0] - APART, self.hook[1])

    @cached_property
    def on_button(self) -> bool:
        """Whether the hook's tip is above the large pulley, down on its top or on the button."""
        return self.radius < LARGE_FLANGE + 0.002 and self.hook[2] - TIP < PULLEY_TOP + 0.008

    @cached_property
    def phase(self) -> str:
        """`carry`, `insert` or `done`: the belt is in the hand from the start."""
        if self.stages[3]:
            return "done"
        return "insert" if self.stages[0] else "carry"

    @cached_property
    def progress(self) -> float:
        """How far along the task is, in [0, 1]: on the small pulley 0.3, on the large one 0.6, turned round 0.9.

        From there on the hook leaves the belt: back along it, and up.
        """
        small, large, turned, seated = self.stages
        if seated:
            return 1.0
        if turned:
            back = min(1.0, max(0.0, APART - float(self.hook[0])) / BACK)
            return 0.9 + 0.05 * back + 0.04 * min(1.0, max(0.0, self.clearance) / CLEAR)
        if large:
            return 0.6 + 0.3 * min(1.0, max(0.0, (math.radians(50) - self.angle) / math.radians(160)))
        if small:
            return 0.3 + 0.3 * (1.0 - min(1.0, math.dist(self.hook[:2], LARGE) / 0.15))
        return 0.3 * (1.0 - min(1.0, self.lowest_gap / 0.2))

    @cached_property
    def lowest_gap(self) -> float:
        """From the loop's lowest point to behind the small pulley, in its groove [m]."""
        bottom = self.belt[np.argmin(self.belt[:, 2])]
        return math.dist(bottom, (self.small[0] - SMALL_FLANGE, 0.0, GROOVE))

    @cached_property
    def loop_middle(self) -> float:
        """The middle of the hanging loop's lower part, aside from the line through both axes [m]."""
        low = self.belt[self.belt[:, 2] < self.belt[:, 2].min() + LOWER_PART, 1]
        return float(low.min() + low.max()) / 2

    @cached_property
    def left_to_go(self) -> float:
        """How far it is to where the belt is next brought with care; 0 there, and from there on [m]."""
        return max(0.0, self.radius - 0.05 if self.over_small else self.lowest_gap - 0.03)

    @cached_property
    def funnel_error(self) -> tuple[float, float, float]:
        """Against where the belt goes next: sideways [m], the hook's turn while that matters [rad], how far off [m].

        The loop comes down behind the small pulley and is drawn against it: its lowest point must be at the groove's
        height by then, no farther above or below than it is from the flange, and its middle in line with the pulley
        until that is in it. Beside the large pulley the hook goes down into the groove's plane and must clear the
        flange; then it goes round in the groove.
        """
        high, outside = float(self.hook[2]) - GROOVE, self.radius - LARGE_FLANGE
        if not self.over_small:
            bottom = self.belt[np.argmin(self.belt[:, 2])]
            before = max(0.0, float(self.small[0] - bottom[0]) - SMALL_FLANGE)
            off = max(0.0, abs(float(bottom[2]) - GROOVE) - before)
            aside = 0.0 if self.winding(self.small) else abs(self.loop_middle)
            return max(off, aside), abs(self.yaw), self.lowest_gap
        if not self.on_large:
            return max(abs(outside - BESIDE_FLANGE), -high), 0.0, high
        return abs(high), 0.0, max(0.0, outside)

    @cached_property
    def path_length(self) -> float:
        """Of the belt, as it is [m]."""
        return float(np.sqrt(np.sum((self.belt - np.roll(self.belt, -1, axis=0)) ** 2, axis=1)).sum())
