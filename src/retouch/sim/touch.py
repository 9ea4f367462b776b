"""The force with which the world pushes on a robot."""

import mujoco
import numpy as np

from retouch.errors import InputError
from retouch.geometry import Vector3


class TouchSensor:
    """Sums the contact forces between a robot and everything else.

    What is squeezed between two fingers pushes both ways and cancels out; what it bumps into does not.

    Args:
        model: the physics.
        robot: name of a body; it and all that hangs on the same root are the robot. None feels nothing.

    Raises:
        InputError: the model has no such body.
    """

    def __init__(self, model: mujoco.MjModel, robot: str | None):
        self._model = model
        self._is_robot = np.zeros(model.ngeom, dtype=bool)
        if robot is not None:
            body = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, robot)
            if body < 0:
                raise InputError(f"the scene has no body '{robot}'")
            self._is_robot = model.body_rootid[model.geom_bodyid] == model.body_rootid[body]
        self._force = np.zeros(6)

    def newtons(self, data: mujoco.MjData) -> float:
        """Length of the sum [N], after a step."""
        return float(np.linalg.norm(self.force(data)))

    def force(self, data: mujoco.MjData) -> Vector3:
        """The sum, on the robot, in world [N], after a step."""
        total = np.zeros(3)
        for k in range(data.ncon):
            contact = data.contact[k]
            first, second = self._is_robot[contact.geom[0]], self._is_robot[contact.geom[1]]
            if first == second:
                continue
            mujoco.mj_contactForce(self._model, data, k, self._force)
            in_world = contact.frame.reshape(3, 3).T @ self._force[:3]
            total += in_world if second else -in_world
        return total
