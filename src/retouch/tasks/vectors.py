"""The little arithmetic on directions and distances that scripted hands share; no frame is meant."""

import math

import numpy as np

from retouch.geometry import Matrix3, Vector3

DOWN = np.array([0.0, 0.0, -1.0])
UP = -DOWN


def frame(x: Vector3, z: Vector3) -> Matrix3:
    """Axes with x along the unit vector `x` and z as near to `z` as that allows."""
    z = z - (z @ x) * x
    length = math.sqrt(float(z @ z))
    if length < 1e-3:
        z = np.array([1.0, 0.0, 0.0]) - x[0] * x
        length = math.sqrt(float(z @ z))
    z = z / length
    return np.stack([x, cross(z, x), z], axis=1)


def cross(a: Vector3, b: Vector3) -> Vector3:
    """The vector product."""
    ax, ay, az = a.tolist()
    bx, by, bz = b.tolist()
    return np.array([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx])


def flatter(x: Vector3, most: float) -> Vector3:
    """The unit vector `x`, leaned at most `most` from the horizontal [rad]."""
    a, b, c = x.tolist()
    if abs(c) <= math.sin(most):
        return x
    scale = math.cos(most) / max(math.hypot(a, b), 1e-6)
    return np.array([a * scale, b * scale, math.copysign(math.sin(most), c)])


def wrap(angle: float) -> float:
    """The angle in [-pi, pi) [rad]."""
    return (angle + math.pi) % (2 * math.pi) - math.pi


def capped(v: Vector3, cap: float) -> Vector3:
    """`v`, no longer than `cap`."""
    length = math.sqrt(float(v @ v))
    return v * (cap / length) if length > cap else v


def unit(v: Vector3) -> Vector3:
    """The direction of `v`; of no length at all where there is none."""
    return v / max(1e-9, math.sqrt(float(v @ v)))


def segment_distance(px: float, py: float, ax: float, ay: float, bx: float, by: float) -> float:
    """From a point to the segment a-b, in the plane [m]."""
    dx, dy = bx - ax, by - ay
    t = ((px - ax) * dx + (py - ay) * dy) / max(dx * dx + dy * dy, 1e-12)
    t = min(1.0, max(0.0, t))
    return math.hypot(px - ax - t * dx, py - ay - t * dy)
