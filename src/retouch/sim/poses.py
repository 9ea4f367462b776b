"""Compiled arithmetic on poses in rows (position [m], then a wxyz quaternion), for observations.

`geometry` has the same for a few calls at a time.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]


@njit(cache=True, nogil=True)
def quat_of_matrix(m: Array, out: Array) -> None:
    """Quaternion, float64[4], of a rotation matrix, float64[9] row-major."""
    t = m[0] + m[4] + m[8]
    if t > 0.0:
        s = 2.0 * np.sqrt(1.0 + t)
        out[0], out[1], out[2], out[3] = 0.25 * s, (m[7] - m[5]) / s, (m[2] - m[6]) / s, (m[3] - m[1]) / s
    elif m[0] > m[4] and m[0] > m[8]:
        s = 2.0 * np.sqrt(1.0 + m[0] - m[4] - m[8])
        out[0], out[1], out[2], out[3] = (m[7] - m[5]) / s, 0.25 * s, (m[1] + m[3]) / s, (m[2] + m[6]) / s
    elif m[4] > m[8]:
        s = 2.0 * np.sqrt(1.0 + m[4] - m[0] - m[8])
        out[0], out[1], out[2], out[3] = (m[2] - m[6]) / s, (m[1] + m[3]) / s, 0.25 * s, (m[5] + m[7]) / s
    else:
        s = 2.0 * np.sqrt(1.0 + m[8] - m[0] - m[4])
        out[0], out[1], out[2], out[3] = (m[3] - m[1]) / s, (m[2] + m[6]) / s, (m[5] + m[7]) / s, 0.25 * s


@njit(cache=True, nogil=True)
def bring_near(quat: Array, reference: Array) -> None:
    """Of a quaternion and its negative (one rotation) keep the one nearer to `reference`, in place."""
    dot = 0.0
    for i in range(4):
        dot += quat[i] * reference[i]
    if dot < 0.0:
        for i in range(4):
            quat[i] = -quat[i]


@njit(cache=True, nogil=True)
def relative(base: Array, part: Array, out: Array) -> None:
    """The pose of `part` in the frame of `base`; all float64[7], the first two in one frame."""
    w, x, y, z = base[3], -base[4], -base[5], -base[6]
    a, b, c = part[0] - base[0], part[1] - base[1], part[2] - base[2]
    tx, ty, tz = 2 * (y * c - z * b), 2 * (z * a - x * c), 2 * (x * b - y * a)
    out[0] = a + w * tx + y * tz - z * ty
    out[1] = b + w * ty + z * tx - x * tz
    out[2] = c + w * tz + x * ty - y * tx
    pw, px, py, pz = part[3], part[4], part[5], part[6]
    out[3] = w * pw - x * px - y * py - z * pz
    out[4] = w * px + x * pw + y * pz - z * py
    out[5] = w * py - x * pz + y * pw + z * px
    out[6] = w * pz + x * py - y * px + z * pw


@njit(cache=True, nogil=True)
def matrix_of_quat(quat: Array, out: Array) -> None:
    """Rotation matrix, float64[9] row-major, of a quaternion, float64[4]."""
    w, x, y, z = quat[0], quat[1], quat[2], quat[3]
    out[0], out[1], out[2] = 1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)
    out[3], out[4], out[5] = 2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)
    out[6], out[7], out[8] = 2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)


@njit(cache=True, nogil=True)
def between(a: Array, b: Array, share: float, out: Array) -> None:
    """The pose at `share` in [0, 1] of the way from `a` to `b`, all float64[7]: straight, turning evenly (slerp)."""
    for k in range(3):
        out[k] = a[k] + share * (b[k] - a[k])
    dot = a[3] * b[3] + a[4] * b[4] + a[5] * b[5] + a[6] * b[6]
    angle = np.arccos(min(1.0, abs(dot)))
    first, second = 1.0 - share, share
    if angle > 1e-6:
        first, second = np.sin(first * angle) / np.sin(angle), np.sin(second * angle) / np.sin(angle)
    if dot < 0.0:
        second = -second
    norm = 0.0
    for k in range(3, 7):
        out[k] = first * a[k] + second * b[k]
        norm += out[k] ** 2
    for k in range(3, 7):
        out[k] /= np.sqrt(norm)
