"""A person's hand far away as a spring of bounded strength at the robot's handle.

The force is stiffness times how far the hand has gone since the press, whatever the robot does meanwhile. A spring from
the handle to where it was at the press would brake a robot that moves on by itself, under a hand that keeps still.
"""

import numpy as np
from jaxtyping import Float64

from retouch.geometry import Pose, Vector3, quat_from_vector, quat_multiply
from retouch.robots.ur5e import grip_of
from retouch.robots.ur5e_arm import HANDLE_MIDDLE
from retouch.tasks.contact import ContactTask
from retouch.tasks.vectors import capped

STIFFNESS = (400.0, 3.0)  # of the hand: 4 cm are 16 N, half a radian 1.5 N m [N/m], [N m/rad]
LIMIT = (16.0, 1.5)  # below what the robot's own spring bears (20 N, 8 N m), so that it always gives way but never runs
RAMP_S = 0.1  # from nothing to the limit, and back
WRIST = 20.0  # of the spring that turns the handle [N m/rad]


class PushingHand:
    """What one person's pushes do to a robot with a handle, step by step.

    Force and torque act at the tool centre point, as those of a person do who keeps the handle from tipping. They
    change by no more in a step than `RAMP_S` allows, whatever the page sends.

    Args:
        task: whose robot is pushed.

    Attributes:
        wrench: that is asked of the hand, in world, at the tool centre point [N], [N m].
    """

    def __init__(self, task: ContactTask):
        handle_in_flange = Pose(np.array([0.0, 0.0, HANDLE_MIDDLE]), np.array([1.0, 0.0, 0.0, 0.0]))
        self._handle_in_tool = task.tool.tcp_in_flange.inverse() @ handle_in_flange
        self._most = [limit * task.control_period / RAMP_S for limit in LIMIT]  # change in a step
        self.wrench = np.zeros(6)

    @property
    def newtons(self) -> float:
        """The force that is asked of the hand [N]."""
        return float(np.linalg.norm(self.wrench[:3]))

    def push(self, tool: Pose, moved: Vector3, turned: Vector3) -> Float64[np.ndarray, " 15"]:
        """What the hand does at the handle for a step.

        Args:
            tool: where it is in world.
            moved, turned: how far the person's hand has gone since the press, in world [m], [rad].
        """
        for half, gone in enumerate((moved, turned)):
            part = slice(3 * half, 3 * half + 3)
            wanted = capped(STIFFNESS[half] * gone, LIMIT[half])
            change = wanted - self.wrench[part]
            near = float(np.linalg.norm(change)) <= self._most[half] * (1.0 + 1e-9)
            self.wrench[part] = wanted if near else self.wrench[part] + capped(change, self._most[half])
        return self._grip(tool)

    def fade(self, tool: Pose) -> Float64[np.ndarray, " 15"] | None:
        """The same of a hand that has let go, or is not heard: less and less. None when nothing is left."""
        grip = self.push(tool, np.zeros(3), np.zeros(3))
        return grip if self.wrench.any() else None

    def _grip(self, tool: Pose) -> Float64[np.ndarray, " 15"]:
        """A spring from the handle to as far from where it is now as gives the wrench."""
        handle = tool @ self._handle_in_tool
        force, torque = self.wrench[:3], self.wrench[3:]
        torque = torque - np.cross(handle.position - tool.position, force)
        drawn = Pose(
            handle.position + force / STIFFNESS[0], quat_multiply(quat_from_vector(torque / WRIST), handle.quat)
        )
        lever = float(np.linalg.norm(self._handle_in_tool.position))
        limit = (LIMIT[0], LIMIT[1] + LIMIT[0] * lever)
        return grip_of(drawn, stiffness=(STIFFNESS[0], WRIST), damping=(0.0, 0.0), limit=limit, ramp=0.0)
