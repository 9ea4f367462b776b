"""A hand on a handle, as a spring of bounded strength with damping. Pure compiled arithmetic on arrays, in world."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from retouch.control import kinematics
from retouch.control.kinematics import compose, rotation_vector
from retouch.sim.native import compiled_with

Array = NDArray[np.float64]

GRIP = 15
"""Entries of what a hand does: whether it holds, position (3) and wxyz quaternion (4) that it draws the handle to, in
world; stiffness [N/m], [N m/rad]; damping [N s/m], [N m s]; most force [N] and torque [N m]; time to take hold and to
let go [s]."""


@compiled_with(kinematics)
@njit(cache=True, nogil=True)
def draw(
    grip: Array,
    goal_turn: Array,
    position: Array,
    turn: Array,
    last_position: Array,
    last_turn: Array,
    period: float,
    scratch: Array,
    out: Array,
) -> None:
    """The force and the torque, float64[6], of a hand at the handle.

    Args:
        grip: float64[GRIP].
        goal_turn: float64[9], of its quaternion.
        position, turn: float64[3], float64[9]: the handle now.
        last_position, last_turn: the same, a `period` [s] ago.
        scratch: float64[>=21], overwritten.
    """
    back, between, vector = scratch[0:9], scratch[9:18], scratch[18:21]
    for k in range(3):
        out[k] = grip[8] * (grip[1 + k] - position[k]) - grip[10] * (position[k] - last_position[k]) / period
    for i in range(3):
        for j in range(3):
            back[3 * i + j] = turn[3 * j + i]
    compose(goal_turn, back, between)
    rotation_vector(between, vector)
    for k in range(3):
        out[3 + k] = grip[9] * vector[k]
    for i in range(3):
        for j in range(3):
            back[3 * i + j] = last_turn[3 * j + i]
    compose(turn, back, between)
    rotation_vector(between, vector)
    for k in range(3):
        out[3 + k] -= grip[11] * vector[k] / period
    for half in range(2):
        norm = 0.0
        for k in range(3):
            norm += out[3 * half + k] ** 2
        scale = min(1.0, grip[12 + half] / max(1e-12, np.sqrt(norm)))
        for k in range(3):
            out[3 * half + k] *= scale
