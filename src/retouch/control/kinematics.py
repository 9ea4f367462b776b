"""Where a chain of six turning joints holds its tool, and how to move the joints for the tool to go somewhere.

Pure compiled arithmetic on arrays: no MuJoCo, no allocation. Rotations are row-major float64[9].
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from retouch.control import osc
from retouch.control.osc import cholesky, solve
from retouch.sim.native import compiled_with

Array = NDArray[np.float64]
JOINTS = 6


class Chain(NamedTuple):
    """An arm: joint i turns about z of a frame that is fixed in the link before.

    Attributes:
        offsets: float64[7, 3], of that frame in the link before; the last one is the tool's in the last link [m].
        turns: float64[7, 9], rotations likewise.
        base: float64[3], where the arm stands, in world [m].
        base_turn: float64[9].
    """

    offsets: Array
    turns: Array
    base: Array
    base_turn: Array


@njit(cache=True, nogil=True)
def compose(a: Array, b: Array, out: Array) -> None:
    """out = a b, three rotations; `out` is neither of the others."""
    for i in range(3):
        for j in range(3):
            out[3 * i + j] = a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j]


@njit(cache=True, nogil=True)
def rotation_vector(turn: Array, out: Array) -> None:
    """The rotation vector, float64[3] [rad], of a rotation; any of the two at half a turn."""
    x, y, z = turn[7] - turn[5], turn[2] - turn[6], turn[3] - turn[1]
    sine = 0.5 * np.sqrt(x * x + y * y + z * z)
    cosine = 0.5 * (turn[0] + turn[4] + turn[8] - 1.0)
    angle = np.arctan2(sine, cosine)
    if sine > 1e-6:
        scale = 0.5 * angle / sine
        out[0], out[1], out[2] = scale * x, scale * y, scale * z
    elif cosine > 0.0:
        out[0], out[1], out[2] = 0.5 * x, 0.5 * y, 0.5 * z
    else:  # half a turn: the axis is the largest column of (R + I) / 2
        column = 0
        for k in range(1, 3):
            if turn[4 * k] > turn[4 * column]:
                column = k
        norm = 0.0
        for k in range(3):
            out[k] = turn[3 * k + column] + (1.0 if k == column else 0.0)
            norm += out[k] * out[k]
        for k in range(3):
            out[k] *= angle / np.sqrt(norm)


@njit(cache=True, nogil=True)
def forward(joints: Array, chain: Chain, scratch: Array, position: Array, turn: Array, jacobian: Array) -> None:
    """The tool's pose and its Jacobian.

    Args:
        joints: float64[>=6] [rad].
        scratch: float64[>=56], overwritten.
        position, turn: float64[3], float64[9]: the tool in world.
        jacobian: float64[6, 6], of the tool in world: linear rows first.
    """
    anchors, axes, link, joint = scratch[0:18], scratch[18:36], scratch[36:45], scratch[45:54]
    for k in range(9):
        link[k] = chain.base_turn[k]
    for k in range(3):
        position[k] = chain.base[k]
    for i in range(JOINTS + 1):
        offset = chain.offsets[i]
        for k in range(3):
            position[k] += link[3 * k] * offset[0] + link[3 * k + 1] * offset[1] + link[3 * k + 2] * offset[2]
        compose(link, chain.turns[i], joint)
        if i == JOINTS:
            break
        c, s = np.cos(joints[i]), np.sin(joints[i])
        for k in range(3):
            anchors[3 * i + k] = position[k]
            axes[3 * i + k] = joint[3 * k + 2]
            link[3 * k] = c * joint[3 * k] + s * joint[3 * k + 1]
            link[3 * k + 1] = c * joint[3 * k + 1] - s * joint[3 * k]
            link[3 * k + 2] = joint[3 * k + 2]
    for k in range(9):
        turn[k] = joint[k]
    for i in range(JOINTS):
        x, y, z = axes[3 * i], axes[3 * i + 1], axes[3 * i + 2]
        rx, ry, rz = position[0] - anchors[3 * i], position[1] - anchors[3 * i + 1], position[2] - anchors[3 * i + 2]
        jacobian[0, i], jacobian[1, i], jacobian[2, i] = y * rz - z * ry, z * rx - x * rz, x * ry - y * rx
        jacobian[3, i], jacobian[4, i], jacobian[5, i] = x, y, z


@compiled_with(osc)
@njit(cache=True, nogil=True)
def step_towards(jacobian: Array, twist: Array, damping: float, scratch: Array, out: Array) -> None:
    """The joints' step for a small displacement of the tool, by damped least squares (Nakamura and Hanafusa 1986).

    Args:
        jacobian: float64[6, 6], linear rows first.
        twist: float64[6], the displacement in world [m], [rad].
        damping: bounds the step near a singularity.
        scratch: float64[>=13, 6], overwritten.
        out: float64[6] [rad].
    """
    square, factor, vector = scratch[0:6], scratch[6:12], scratch[12]
    for i in range(6):
        for j in range(i + 1):
            total = damping * damping if i == j else 0.0
            for k in range(6):
                total += jacobian[i, k] * jacobian[j, k]
            square[i, j] = total
        vector[i] = twist[i]
    cholesky(square, 6, factor)
    solve(factor, 6, vector)
    for k in range(6):
        total = 0.0
        for i in range(6):
            total += jacobian[i, k] * vector[i]
        out[k] = total
