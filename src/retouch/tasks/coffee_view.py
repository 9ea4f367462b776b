"""What a watcher reads off one observation of the coffee task: where the pod is, who holds it, how far along it is."""

import math
from functools import cached_property

import numpy as np

from retouch.geometry import Matrix3, Vector3, quat_to_matrix
from retouch.sim.scene import TABLE_TOP
from retouch.tasks.coffee_scene import (
    GRIP,
    GRIP_HALF,
    HINGE,
    HOLDER_INNER,
    LID_CLOSED,
    LID_OPEN,
    POD_HALF,
    POD_RADIUS,
    RIM_ABOVE_SEAT,
    SEAT,
    SEATED_ASIDE,
    SEATED_HIGH,
    SEATED_TILT,
    Observation,
)
from retouch.tasks.skill import GraspView

HELD_GAP = (0.0425, 0.0535)  # a pod across its middle, or over its ends [m]
MOUTH = HOLDER_INNER - POD_RADIUS + 0.003  # sideways, of a pod that is in the holder [m]
EDGE: Vector3 = GRIP + np.array([GRIP_HALF[0], 0.0, GRIP_HALF[2]])  # of the handle, that is pushed, lid frame [m]
BEHIND: Vector3 = np.array([-0.180, 0.0, 0.250])  # where the hand begins to push the open lid, machine frame [m]
OVER = 0.335  # a height above the machine's foot at which an empty hand passes over the open lid [m]


class View(GraspView):
    """One observation, in matrices. Positions in world [m]; `*_axes` have a frame's axes in world as columns."""

    def __init__(self, observation: Observation):
        o = observation.astype(np.float64)
        super().__init__(o)
        self.pod: Vector3 = o[9:12]
        axis = quat_to_matrix(o[12:16])[:, 2]
        self.pod_axis: Vector3 = axis if axis[2] >= 0 else -axis  # its ends are alike: this is the upper one
        self.seat: Vector3 = o[16:19]
        self.machine_axes: Matrix3 = quat_to_matrix(o[19:23])
        self.lid: float = float(o[23])
        self.machine: Vector3 = self.seat - SEAT * self.machine_axes[:, 2]

    def in_machine(self, point: Vector3) -> Vector3:
        """A point of the world in the machine's frame [m]."""
        return (point - self.machine) @ self.machine_axes

    def from_machine(self, point: Vector3) -> Vector3:
        """A point of the machine's frame in world [m]."""
        return self.machine + self.machine_axes @ point

    def on_lid(self, point: Vector3, angle: float | None = None) -> Vector3:
        """A point of the lid's frame in world [m], the lid as it is or at `angle` [rad]."""
        angle = self.lid if angle is None else angle
        c, s = math.cos(angle), math.sin(angle)
        x, y, z = point.tolist()
        return self.from_machine(HINGE + np.array([c * x - s * z, y, s * x + c * z]))

    @cached_property
    def pod_in_tool(self) -> Vector3:
        """The pod's centre in the tool frame [m]."""
        return (self.pod - self.tool) @ self.tool_axes

    @cached_property
    def around(self) -> bool:
        """Whether the pod lies between the fingers."""
        x, y, z = self.pod_in_tool.tolist()
        return abs(x) < 0.024 and abs(y) < 0.03 and -0.04 < z < 0.026

    @cached_property
    def held(self) -> bool:
        """Whether the fingers are as far apart as when they hold the pod."""
        return self.around and HELD_GAP[0] < self.gap < HELD_GAP[1] and abs(float(self.pod_in_tool[1])) < 0.008

    @cached_property
    def lean(self) -> float:
        """Of the pod from the vertical [rad]."""
        return math.acos(min(1.0, float(self.pod_axis[2])))

    @cached_property
    def lowest(self) -> float:
        """The pod's lowest point above the table [m]."""
        return float(self.pod[2]) - POD_HALF * math.cos(self.lean) - POD_RADIUS * math.sin(self.lean) - TABLE_TOP

    @cached_property
    def free(self) -> bool:
        """Whether the pod is off the table."""
        return self.lowest > 0.015

    @cached_property
    def funnel(self) -> tuple[float, float, float]:
        """The pod's lower end against the holder's axis: sideways [m], angle [rad], distance to the rim [m]."""
        axis = self.pod_axis @ self.machine_axes
        end = (self.pod - self.seat) @ self.machine_axes - POD_HALF * axis
        angle = math.acos(min(1.0, abs(float(axis[2]))))
        return math.hypot(end[0], end[1]), angle, float(end[2]) - (RIM_ABOVE_SEAT)

    @cached_property
    def inserted(self) -> bool:
        """Whether the pod's lower end is in the holder."""
        lateral, angle, distance = self.funnel
        return -RIM_ABOVE_SEAT - 2 * POD_HALF < distance < -0.003 and lateral < MOUTH and angle < math.radians(25)

    @cached_property
    def seated(self) -> bool:
        """Whether the pod is all the way in."""
        x, y, z = ((self.pod - self.seat) @ self.machine_axes).tolist()
        return math.hypot(x, y) < SEATED_ASIDE and abs(z) < SEATED_HIGH and self.funnel[1] < SEATED_TILT

    @cached_property
    def done(self) -> bool:
        """Whether the task is solved."""
        return self.seated and self.lid < LID_CLOSED

    @cached_property
    def way_behind(self) -> float:
        """How far the hand has to go, up, across and down, to where it pushes the open lid [m]."""
        x, y, z = (self.in_machine(self.tool) - BEHIND).tolist()
        aside, high = math.hypot(x, y), OVER - float(BEHIND[2])
        return aside + (abs(z) if aside < 0.03 else high + max(0.0, high - z))

    @cached_property
    def phase(self) -> str:
        """`reach`, `grasp`, `carry`, `insert`, `close` or `done`."""
        if self.done:
            return "done"
        if self.seated:
            return "close"
        if self.inserted:
            return "insert"
        if self.held and self.free:
            lateral, angle, distance = self.funnel
            return "insert" if distance < 0.05 and lateral < 0.03 and angle < 0.3 else "carry"
        return "grasp" if self.around else "reach"

    @cached_property
    def progress(self) -> float:
        """How far along the task is, in [0, 1]."""
        if self.done:
            return 1.0
        if self.seated:
            shut = 1.0 - min(1.0, max(0.0, self.lid / LID_OPEN))
            behind = 1.0 if shut > 0.05 else 1.0 - min(1.0, self.way_behind / 0.4)
            return 0.7 + 0.12 * behind + 0.18 * shut
        lateral, angle, distance = self.funnel
        if self.inserted:
            return 0.55 + 0.15 * min(1.0, -distance / (RIM_ABOVE_SEAT + POD_HALF))
        if not self.held:
            return 0.2 * (1.0 - min(1.0, math.dist(self.tool, self.pod) / 0.5))
        if not self.free:
            return 0.2 + 0.05 * min(1.0, max(0.0, self.lowest) / 0.015)
        away = math.hypot(max(0.0, distance), lateral) + 0.05 * angle
        return 0.25 + 0.3 * (1.0 - min(1.0, away / 0.6))


def phase(observation: Observation) -> str:
    """`reach`, `grasp`, `carry`, `insert`, `close` or `done`, from what is seen now alone."""
    return View(observation).phase


def progress(observation: Observation) -> float:
    """How far along the task is, in [0, 1]: reach to 0.2, grasp to 0.25, carry to 0.55, insertion to 0.7, lid to 1."""
    return View(observation).progress


def funnel_error(observation: Observation) -> tuple[float, float, float]:
    """The pod's lower end against the holder's axis: sideways [m], angle [rad], distance to the rim [m]."""
    return View(observation).funnel
