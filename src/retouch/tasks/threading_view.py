"""What a watcher reads off one observation of the threading task: who holds what, and how far along it is."""

import math
from functools import cached_property

import numpy as np

from retouch.geometry import Matrix3, Vector3, quat_to_matrix
from retouch.sim.scene import TABLE_TOP
from retouch.tasks.skill import GraspView
from retouch.tasks.threading_scene import (
    HANDLE_CENTRE,
    HANDLE_HALF,
    RING_HALF_DEPTH,
    RING_INNER,
    ROD_HALF_LENGTH,
    SUCCESS_DISTANCE,
    Observation,
)

HELD_GAP = (0.037, 0.0585)  # a handle across its faces, or on its edges [m]
UPRIGHT = math.cos(math.radians(12))


class View(GraspView):
    """One observation, in matrices. Positions in world [m]; `*_axes` have a frame's axes in world as columns."""

    def __init__(self, observation: Observation):
        o = observation.astype(np.float64)
        super().__init__(o)
        self.rod: Vector3 = o[9:12]
        self.rod_axes: Matrix3 = quat_to_matrix(o[12:16])
        self.ring: Vector3 = o[16:19]
        self.ring_axes: Matrix3 = quat_to_matrix(o[19:23])
        self.handle: Vector3 = self.rod + HANDLE_CENTRE * self.rod_axes[:, 0]

    @cached_property
    def handle_in_tool(self) -> Vector3:
        """The handle's centre, in the tool frame [m]."""
        return (self.handle - self.tool) @ self.tool_axes

    @cached_property
    def around(self) -> bool:
        """Whether the handle lies between the fingers."""
        x, y, z = self.handle_in_tool.tolist()
        return abs(x) < 0.021 and abs(y) < 0.03 and -0.045 < z < 0.016

    @cached_property
    def held(self) -> bool:
        """Whether the fingers are as far apart as when they hold the handle."""
        return self.around and HELD_GAP[0] < self.gap < HELD_GAP[1] and abs(float(self.handle_in_tool[1])) < 0.012

    @cached_property
    def lifted(self) -> bool:
        """Whether the handle is off the table."""
        return bool(self.handle[2] > TABLE_TOP + HANDLE_HALF + 0.015)

    @cached_property
    def free(self) -> bool:
        """Whether the handle is off the table, or the rod in the ring."""
        return self.lifted or self.threaded

    @cached_property
    def upright(self) -> bool:
        """Whether the stand stands."""
        return bool(self.ring_axes[2, 2] > UPRIGHT)

    @cached_property
    def facing(self) -> float:
        """+1 if the rod points along the ring's x axis, else -1."""
        return 1.0 if float(self.rod_axes[:, 0] @ self.ring_axes[:, 0]) >= 0 else -1.0

    def along(self, direction: float) -> float:
        """The rod's centre from the ring's, along the ring's axis taken in `direction` (+1 or -1) [m]."""
        return direction * float((self.rod - self.ring) @ self.ring_axes[:, 0])

    @cached_property
    def crossing(self) -> tuple[float, float]:
        """Where the rod's line meets the ring's plane: along the rod, and how far from the ring's centre [m]."""
        axis, normal = self.rod_axes[:, 0], self.ring_axes[:, 0]
        cosine = float(axis @ normal)
        if abs(cosine) < 0.3:
            return math.inf, math.inf
        t = float((self.ring - self.rod) @ normal) / cosine
        return t, float(np.linalg.norm(self.rod + t * axis - self.ring))

    @cached_property
    def threaded(self) -> bool:
        """Whether the rod is in the ring's hole."""
        t, aside = self.crossing
        return -ROD_HALF_LENGTH < t < ROD_HALF_LENGTH + RING_HALF_DEPTH * 0.5 and aside < RING_INNER + 0.002

    @cached_property
    def done(self) -> bool:
        """Whether the task is solved."""
        d = self.rod - self.ring
        along = float(self.rod_axes[:, 0] @ self.ring_axes[:, 0])
        return float(d @ d) < SUCCESS_DISTANCE**2 and abs(along) > math.sqrt(0.5)

    @cached_property
    def funnel(self) -> tuple[float, float, float]:
        """The rod's tip against the ring's axis: sideways [m], angle [rad], distance to the mouth [m]."""
        normal = self.ring_axes[:, 0]
        tip = self.rod + ROD_HALF_LENGTH * self.rod_axes[:, 0]
        distance = -self.facing * float((tip - self.ring) @ normal) - RING_HALF_DEPTH
        angle = math.acos(min(1.0, abs(float(self.rod_axes[:, 0] @ normal))))
        if distance < -2 * RING_HALF_DEPTH and self.threaded:
            return self.crossing[1], angle, distance
        aside = tip - self.ring
        aside = aside - (aside @ normal) * normal
        return float(np.linalg.norm(aside)), angle, distance

    @cached_property
    def phase(self) -> str:
        """`reach`, `grasp`, `carry`, `insert` or `done`."""
        if self.done:
            return "done"
        if self.held and (self.lifted or self.threaded):
            lateral, angle, distance = self.funnel
            close = -2 * ROD_HALF_LENGTH < distance < 0.05 and lateral < 0.03 and angle < 0.3
            return "insert" if self.threaded or close else "carry"
        return "grasp" if self.around else "reach"

    @cached_property
    def progress(self) -> float:
        """How far along the task is, in [0, 1]."""
        if self.done:
            return 1.0
        if not self.held:
            return 0.2 * (1.0 - min(1.0, math.dist(self.tool, self.handle) / 0.5))
        lateral, angle, distance = self.funnel
        if self.threaded:
            return 0.65 + 0.35 * min(1.0, max(0.0, -distance / ROD_HALF_LENGTH))
        if not self.lifted:
            return 0.2 + 0.1 * min(1.0, max(0.0, float(self.handle[2]) - TABLE_TOP - HANDLE_HALF) / 0.015)
        away = math.hypot(max(0.0, distance), lateral) + 0.05 * angle
        return 0.3 + 0.3 * (1.0 - min(1.0, away / 0.6))


def phase(observation: Observation) -> str:
    """`reach`, `grasp`, `carry`, `insert` or `done`, from what is seen now alone."""
    return View(observation).phase


def progress(observation: Observation) -> float:
    """How far along the task is, in [0, 1]: reach to 0.2, grasp to 0.3, carry to 0.6, insertion to 1."""
    return View(observation).progress


def funnel_error(observation: Observation) -> tuple[float, float, float]:
    """The rod's tip against the ring's axis: sideways [m], angle [rad], distance to the mouth [m], below 0 past it."""
    return View(observation).funnel
