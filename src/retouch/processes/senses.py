"""What a person is told besides what is seen: contact, their own push, and where the policy is heading."""

import mujoco
import numpy as np

from retouch.geometry import Vector3, quat_rotate
from retouch.processes.intention import Watched, heading
from retouch.robots.ur5e_tick import AT_HAND
from retouch.sim.touch import TouchSensor
from retouch.tasks.base import Task
from retouch.tasks.contact import ContactTask

CALM_S = 0.15  # over which a heading is averaged: what a network proposes flickers
NOWHERE = np.full(3, np.nan)


class Senses:
    """Looks at a world before each step; all vectors in world, not a number where there is nothing to tell.

    Args:
        task: that is worked at.
        policy: whose intention is told; None where nobody has one.

    Attributes:
        tool: where it is [m].
        contact: force on the robot [N]. Of a robot with a sensor below its handle, what that one feels: no hand's.
        push: force of a hand on the handle [N].
        heading: from the tool to where the policy wants it [m].
    """

    def __init__(self, task: Task, policy: Watched | None = None):
        self._task, self._policy = task, policy
        self._touch = None if isinstance(task, ContactTask) else TouchSensor(task.physics, task.robot_body)
        self._share = 1.0 - float(np.exp(-task.control_period / CALM_S))
        self.tool, self.contact, self.push, self.heading = NOWHERE, np.zeros(3), np.zeros(3), NOWHERE

    @property
    def contact_n(self) -> float:
        """Size of the contact force [N]."""
        return float(np.linalg.norm(self.contact))

    def look(self, data: mujoco.MjData) -> None:
        """Take in the world as it is."""
        task = self._task
        if isinstance(task, ContactTask):
            tool = task.tool_in_world(data)
            self.tool = tool.position
            self.contact = quat_rotate(tool.quat, task.contact_wrench(data)[:3])
            self.push = quat_rotate(tool.quat, data.userdata[AT_HAND : AT_HAND + 3])
        else:
            assert self._touch is not None
            self.tool = task.tool_pose(task.sight(data)).position
            self.contact = self._touch.force(data)
        self.heading = self._calm(data)

    def _calm(self, data: mujoco.MjData) -> Vector3:
        proposed = None if self._policy is None else self._policy.proposed
        wanted = None if proposed is None else heading(self._task, data, proposed.astype(np.float64))
        if wanted is None:
            return NOWHERE
        if np.isnan(self.heading).any():
            return wanted
        return self.heading + self._share * (wanted - self.heading)
