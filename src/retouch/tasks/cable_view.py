"""What a watcher reads off one observation of cable routing: where the cable passes the clips, and how far along it is.

The same reading serves what a policy sees, whose clips are misplaced, and what a person sees, who feels besides.
"""

import math
from functools import cached_property

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from retouch.geometry import Pose, Vector3, quat_inverse, quat_rotate
from retouch.robots.ur5e_arm import pointing_down
from retouch.tasks.cable_scene import BACK, CLIPS, MOUTH, RADIUS, ROOM, WIRE
from retouch.tasks.contact import POSE_NAMES, WRENCH_NAMES

Observation = NDArray[np.float32]
OBSERVATION_NAMES = (
    *(f"tool_{n}" for n in POSE_NAMES),
    *(f"reference_{n}" for n in POSE_NAMES),
    *(f"board_{n}" for n in POSE_NAMES),
    *(f"clip{k}_z" for k in range(len(CLIPS))),
    "fixed_x",
    "fixed_y",
    "fixed_z",
    *(f"cable_at_clip{k}_{n}" for k in range(len(CLIPS)) for n in ("x", "y", "z", "along")),
    "cable_at_eye",
    "cable_off_eye",
)
SIGHT_NAMES = (*OBSERVATION_NAMES, *WRENCH_NAMES)
TOOL, REFERENCE, BOARD = slice(0, 7), slice(7, 14), slice(14, 21)
HEIGHTS, FIXED, PASSES, AT_EYE, OFF_EYE, WRENCH = slice(21, 24), slice(24, 27), slice(27, 39), 39, 40, slice(41, 47)
ABSENT = -1.0  # how far along the cable it passes a clip that it does not pass

UNTHREADED = RADIUS + 0.004  # a cable whose middle is farther than this from the eye's has left it [m]
IN_SLOT = (BACK, MOUTH - 0.005)  # u of a cable that is in a clip [m]
OUTSIDE = MOUTH + 0.012  # u of a cable that is well before a clip's mouth [m]
BEHIND = BACK - 0.004  # u of a cable that has nothing of the clip above it or below it [m]
RAIL = ROOM + WIRE  # v of the rails' middles [m]
IN, BEFORE, ABOVE, BELOW, AWAY = "in", "before", "above", "below", "away"


def passes(u: float, v: float) -> str:
    """How a cable passes a clip: in it, before its mouth, above it, below it, or away from it, behind its back.

    Args:
        u, v: where it does, in the clip's frame [m].
    """
    if IN_SLOT[0] <= u <= IN_SLOT[1] and abs(v) < RAIL:
        return IN
    if u > OUTSIDE or (u > IN_SLOT[1] and abs(v) < RAIL):
        return BEFORE
    return ABOVE if v > 0 or u < BEHIND else BELOW  # below there is no way past its foot


class View:
    """One observation. Positions in the board's frame, whose y is the way that the cable is led [m]."""

    def __init__(self, observation: Observation):
        o = observation.astype(np.float64)
        self.tool = Pose.from_vector(o[TOOL])
        self.reference = Pose.from_vector(o[REFERENCE])
        self.board = Pose.from_vector(o[BOARD])
        self._seen = o
        self.feels = len(o) > WRENCH.start
        self.wrench = o[WRENCH] if self.feels else np.zeros(6)
        self.at_eye, self.off_eye = float(o[AT_EYE]), float(o[OFF_EYE])

    @cached_property
    def eye(self) -> Vector3:
        """The middle of the finger's eye."""
        return self.board.inverse().apply(self.tool.position)

    @cached_property
    def asked(self) -> Vector3:
        """Where the eye was last asked to be."""
        return self.board.inverse().apply(self.reference.position)

    @cached_property
    def force(self) -> Vector3:
        """That is felt on the finger [N]."""
        return quat_rotate(quat_inverse(self.board.quat), quat_rotate(self.tool.quat, self.wrench[:3]))

    @cached_property
    def yaw(self) -> float:
        """Of the tool against the board [rad]."""
        x, y, _ = (self.board.inverse() @ self.tool).axis(0).tolist()
        return math.atan2(y, x)

    @cached_property
    def fixed(self) -> Vector3:
        """The cable's fixed end."""
        return self.board.inverse().apply(self._seen[FIXED])

    @cached_property
    def clips(self) -> Float64[np.ndarray, "3 3"]:
        """The middles of the slots."""
        heights = self._seen[HEIGHTS] - self.board.position[2]
        return np.array([[x, y, z] for (x, y, _), z in zip(CLIPS, heights, strict=True)])

    def along(self, clip: int) -> float:
        """How much cable there is up to where it passes a clip; `ABSENT` where it does not [m]."""
        return float(self._seen[PASSES.start + 4 * clip + 3])

    def in_clip(self, clip: int) -> tuple[float, float] | None:
        """Where the cable passes a clip: u and v in its frame [m]; None while it does not."""
        if self.along(clip) < 0:
            return None
        first = PASSES.start + 4 * clip
        away = self.board.inverse().apply(self._seen[first : first + 3]) - self.clips[clip]
        return CLIPS[clip][2] * float(away[0]), float(away[2])

    @cached_property
    def passes(self) -> tuple[str, ...]:
        """How the cable passes every clip; `AWAY` from those that it has not come to."""
        places = [self.in_clip(k) for k in range(len(CLIPS))]
        return tuple(AWAY if place is None else passes(*place) for place in places)

    @cached_property
    def held(self) -> tuple[bool, ...]:
        """Which clips the cable is in."""
        return tuple(how == IN for how in self.passes)

    @property
    def next(self) -> int:
        """The first clip that the cable is not in; 3 when it is in all."""
        return self.held.index(False) if False in self.held else len(CLIPS)

    @property
    def threaded(self) -> bool:
        """Whether the cable is in the finger's eye."""
        return self.off_eye < UNTHREADED

    def pivot(self, clip: int) -> tuple[Vector3, float]:
        """What holds the cable before a clip, if only its foot: where, and how much cable there is up to it [m]."""
        for before in range(clip - 1, -1, -1):
            place = self.in_clip(before)
            if place is not None and (self.held[before] or (self.passes[before] == BELOW and place[0] < MOUTH)):
                u, v = place
                return self.clips[before] + np.array([CLIPS[before][2] * u, 0.0, v]), self.along(before)
        return self.fixed, 0.0

    def upright(self, position: Vector3, yaw: float = 0.0) -> Pose:
        """The tool in world, straight down onto the board, the eye at a position and a yaw in the board's frame."""
        turn = math.atan2(*self.board.axis(0)[[1, 0]].tolist())
        return pointing_down(self.board.apply(position), turn + yaw)

    @cached_property
    def phase(self) -> str:
        """`carry`, `insert` or `done`: the cable is in the finger from the start."""
        if self.next == len(CLIPS):
            return "done"
        place = self.in_clip(self.next)
        return "insert" if place is not None and place[0] < OUTSIDE else "carry"

    @cached_property
    def progress(self) -> float:
        """How far along the task is, in [0, 1]: a third for every clip, half of which on the way there."""
        if self.next == len(CLIPS):
            return 1.0
        clip = self.clips[self.next]
        place = self.in_clip(self.next)
        if place is not None:
            share = 0.5 + 0.5 * (1.0 - min(1.0, math.hypot(*place) / 0.08))
        else:
            share = 0.5 * (1.0 - min(1.0, math.dist(self.eye, clip) / 0.15))
        return (self.next + min(share, 0.95)) / len(CLIPS)

    @cached_property
    def funnel_error(self) -> tuple[float, float, float]:
        """The cable against the next clip: too high or low by so much [m], its slope [rad], before the mouth [m].

        While it has not come to the clip, the eye stands for it: how far it is from there counts, and no slope.
        """
        number = min(self.next, len(CLIPS) - 1)
        place = self.in_clip(number)
        if place is None:
            away = self.eye - self.clips[number]
            return abs(float(away[2])), 0.0, math.hypot(*away[:2].tolist())
        run = self.eye - self.pivot(number)[0]
        return abs(place[1]), abs(math.atan2(float(run[2]), math.hypot(*run[:2].tolist()))), place[0] - MOUTH
