"""A camera on worlds that are simulated without visuals: it draws the same state of the model that has them."""

import mujoco
import numpy as np
from numpy.typing import NDArray

from retouch.sim.camera import Camera


class Eye:
    """Draws worlds of one task.

    Args:
        drawing: the model with visuals.
        camera: name of one of its cameras.
        width, height: of the pictures [pixels].

    Raises:
        UnknownName: the model has no such camera.
        InputError: a size that cannot be drawn.
    """

    def __init__(self, drawing: mujoco.MjModel, camera: str, width: int, height: int):
        self._model, self._data = drawing, mujoco.MjData(drawing)
        self._camera = Camera(drawing, camera, width, height)

    def picture(self, data: mujoco.MjData) -> NDArray[np.uint8]:
        """What it sees of a world, uint8[height, width, 3], sRGB."""
        model, shown = self._model, self._data
        shown.qpos[:], shown.userdata[:] = data.qpos, data.userdata
        shown.mocap_pos[:], shown.mocap_quat[:] = data.mocap_pos, data.mocap_quat
        mujoco.mj_kinematics(model, shown)
        mujoco.mj_comPos(model, shown)
        mujoco.mj_camlight(model, shown)
        return self._camera.draw(shown)
