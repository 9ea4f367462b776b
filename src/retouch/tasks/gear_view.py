"""What a watcher reads off one observation of gear insertion: where the gear is on the board, and how far along it is.

The same reading serves what a policy sees, whose board is misplaced, and what a person sees, who feels besides.
"""

import math
from functools import cached_property

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from retouch.geometry import Pose, Vector3
from retouch.robots.ur5e_arm import pointing_down
from retouch.tasks.gear_scene import (
    BACKLASH,
    CLEARANCE,
    GRIP_STIFFNESS,
    NEIGHBOUR_PITCH_RADIUS,
    NEIGHBOUR_TEETH,
    NEIGHBOUR_TOP,
    PITCH_RADIUS,
    SHAFT_LENGTH,
    TOOTH_PITCH,
)

Observation = NDArray[np.float32]
Vector2 = Float64[np.ndarray, " 2"]
TOOL, REFERENCE, BOARD, TEETH, WRENCH = slice(0, 7), slice(7, 14), slice(14, 21), slice(21, 23), slice(23, 29)

CATCH = (
    0.00125  # how far aside the bore still slides onto the shaft by itself [m]; as benchmarks/gear_insertion.py has it
)
ON_SHAFT = CLEARANCE + 0.0002  # sideways, of a gear whose bore is around the shaft [m]
STARTED = 0.001  # that the shaft reaches into the bore of a gear that is on it [m]
MATED = 0.002  # that the teeth overlap in height [m]
ENGAGED = BACKLASH / 2 + CLEARANCE + 0.0002  # along the pitch circle, of teeth that are between their neighbours [m]
SQUARE = math.radians(2)  # of an inserted gear's axis from the shaft's [rad]
SEATED = 0.0005  # above the board, of a gear that is inserted [m]


def tooth_mismatch(yaw: float, neighbour: float) -> float:
    """How far along the pitch circle the gear's teeth are from the middle of the neighbour's gaps [m].

    Args:
        yaw: of the gear in the board [rad].
        neighbour: angle of the neighbour in the board [rad].
    """
    off = PITCH_RADIUS * yaw + NEIGHBOUR_PITCH_RADIUS * (neighbour + math.pi / NEIGHBOUR_TEETH)
    return (off + TOOTH_PITCH / 2) % TOOTH_PITCH - TOOTH_PITCH / 2


def stages_of(lateral: float, height: float, mismatch: float, tilt: float) -> tuple[bool, bool, bool, bool]:
    """Over the shaft, on it, teeth mated, inserted.

    Args:
        lateral, height: of the middle of the gear's lower side, from the shaft's axis and above the board [m].
        mismatch: of the teeth, as `tooth_mismatch` has it [m].
        tilt: of the gear's axis from the shaft's [rad].
    """
    on = lateral < ON_SHAFT and height < SHAFT_LENGTH - STARTED
    over = on or (lateral < CATCH and SHAFT_LENGTH - STARTED <= height < SHAFT_LENGTH + 0.02)
    mated = on and height < NEIGHBOUR_TOP - MATED and abs(mismatch) < ENGAGED
    return over, on, mated, mated and height < SEATED and tilt < SQUARE


class View:
    """One observation. Positions in the board's frame, whose origin is the shaft's foot [m]."""

    def __init__(self, observation: Observation):
        o = observation.astype(np.float64)
        self.tool = Pose.from_vector(o[TOOL])
        self.reference = Pose.from_vector(o[REFERENCE])
        self.board = Pose.from_vector(o[BOARD])
        self.neighbour = math.atan2(o[TEETH][1], o[TEETH][0]) / NEIGHBOUR_TEETH  # in [-1/2, 1/2] of its pitch [rad]
        self.wrench = o[WRENCH] if len(o) > WRENCH.start else np.zeros(6)

    @cached_property
    def gear(self) -> Vector3:
        """The middle of the gear's lower side; what is felt says how far it gives in the fingers."""
        return self.board.inverse().apply(self.tool.apply(self.wrench[:3] / GRIP_STIFFNESS))

    @cached_property
    def pressed_at(self) -> Vector2 | None:
        """Where below the gear it is pressed, from its middle, along the board's axes [m]; None with less than 1 N."""
        (_, _, push), (tx, ty, _) = self.wrench[:3].tolist(), self.wrench[3:].tolist()
        if push > -1.0:
            return None
        at = self.tool.apply(np.array([-ty / push, tx / push, 0.0])) - self.tool.position
        return (self.board.inverse().apply(self.board.position + at))[:2]

    @cached_property
    def lateral(self) -> float:
        """Of the gear from the shaft's axis [m]."""
        return math.hypot(self.gear[0], self.gear[1])

    @property
    def height(self) -> float:
        """Of the gear's lower side above the board [m]."""
        return float(self.gear[2])

    @cached_property
    def yaw(self) -> float:
        """Of the gear in the board [rad]."""
        x, y, _ = (self.board.inverse() @ self.tool).axis(0).tolist()
        return math.atan2(y, x)

    @cached_property
    def tilt(self) -> float:
        """Of the gear's axis from the shaft's [rad]."""
        return math.acos(min(1.0, max(-1.0, -float(self.tool.axis(2) @ self.board.axis(2)))))

    @cached_property
    def mismatch(self) -> float:
        """How far the teeth are from mating [m]."""
        return tooth_mismatch(self.yaw, self.neighbour)

    @cached_property
    def stages(self) -> tuple[bool, bool, bool, bool]:
        """Over the shaft, on it, teeth mated, inserted."""
        return stages_of(self.lateral, self.height, self.mismatch, self.tilt)

    def upright(self, position: Vector3, yaw: float) -> Pose:
        """The tool in world, straight down onto the board, the gear at a position and a yaw in the board's frame."""
        turn = math.atan2(*self.board.axis(0)[[1, 0]].tolist())
        return pointing_down(self.board.apply(position), turn + yaw)

    @cached_property
    def phase(self) -> str:
        """`carry`, `insert` or `done`: the gear is in the hand from the start."""
        if self.stages[3]:
            return "done"
        return "insert" if self.lateral < 0.005 and self.height < SHAFT_LENGTH + 0.005 else "carry"

    @cached_property
    def progress(self) -> float:
        """How far along the task is, in [0, 1]: to the shaft 0.4, on it to the neighbour 0.7, down to the board 1."""
        _, on, mated, inserted = self.stages
        if inserted:
            return 1.0
        if not on:
            away = math.hypot(self.lateral, max(0.0, SHAFT_LENGTH - self.height, self.height - SHAFT_LENGTH))
            return 0.4 * (1.0 - min(1.0, away / 0.15))
        if not mated:
            down = (SHAFT_LENGTH - self.height) / (SHAFT_LENGTH - NEIGHBOUR_TOP + MATED)
            return 0.4 + 0.3 * min(1.0, max(0.0, down))
        return 0.7 + 0.3 * min(1.0, max(0.0, 1.0 - self.height / NEIGHBOUR_TOP))

    @cached_property
    def funnel_error(self) -> tuple[float, float, float]:
        """The gear's lower side against the shaft: sideways [m], angle [rad], above the shaft's top [m].

        On its way it may be as far aside as it is above the shaft: only what is more than that counts.
        """
        above = self.height - SHAFT_LENGTH
        return max(0.0, self.lateral - max(0.0, above)), self.tilt, above
