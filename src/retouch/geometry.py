"""Rotations and rigid transforms in three dimensions.

Quaternions are wxyz with unit norm, rotation vectors are axis times angle [rad], and `pose_a_in_b` maps what is given
in frame a into frame b.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float

Vector3 = Float[np.ndarray, " 3"]
Quaternion = Float[np.ndarray, " 4"]
Matrix3 = Float[np.ndarray, "3 3"]


def quat_multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    """The rotation b followed by a."""
    aw, ax, ay, az = a.tolist()
    bw, bx, by, bz = b.tolist()
    return np.array(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ]
    )


def quat_inverse(q: Quaternion) -> Quaternion:
    """The opposite rotation."""
    return q * np.array([1.0, -1.0, -1.0, -1.0])


def quat_rotate(q: Quaternion, v: Vector3) -> Vector3:
    """`v` turned by `q`."""
    w, x, y, z = q.tolist()
    a, b, c = v.tolist()
    tx, ty, tz = 2 * (y * c - z * b), 2 * (z * a - x * c), 2 * (x * b - y * a)
    return np.array([a + w * tx + y * tz - z * ty, b + w * ty + z * tx - x * tz, c + w * tz + x * ty - y * tx])


def quat_from_vector(rotation_vector: Vector3) -> Quaternion:
    """The quaternion of a rotation vector [rad]."""
    x, y, z = rotation_vector.tolist()
    angle = math.sqrt(x * x + y * y + z * z)
    scale = 0.5 if angle < 1e-9 else math.sin(angle / 2) / angle
    return np.array([math.cos(angle / 2), scale * x, scale * y, scale * z])


def quat_to_vector(q: Quaternion) -> Vector3:
    """The shortest rotation vector of a quaternion [rad]."""
    w, x, y, z = q.tolist()
    if w < 0:
        w, x, y, z = -w, -x, -y, -z
    sine = math.sqrt(x * x + y * y + z * z)
    scale = 2.0 if sine < 1e-9 else 2.0 * math.atan2(sine, w) / sine
    return np.array([scale * x, scale * y, scale * z])


def quat_to_matrix(q: Quaternion) -> Matrix3:
    """Rotation matrix of a quaternion; its columns are the turned axes."""
    w, x, y, z = q.tolist()
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def quat_from_matrix(m: Matrix3) -> Quaternion:
    """Quaternion of a rotation matrix, with w >= 0."""
    trace = m[0, 0] + m[1, 1] + m[2, 2]
    candidates = np.array([trace, m[0, 0], m[1, 1], m[2, 2]])
    best = int(np.argmax(candidates))
    if best == 0:
        q = np.array([1 + trace, m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]])
    else:
        i = best - 1
        j, k = (i + 1) % 3, (i + 2) % 3
        q = np.zeros(4)
        q[0] = m[k, j] - m[j, k]
        q[1 + i] = 1 + m[i, i] - m[j, j] - m[k, k]
        q[1 + j] = m[j, i] + m[i, j]
        q[1 + k] = m[k, i] + m[i, k]
    q = q / np.linalg.norm(q)
    return q if q[0] >= 0 else -q


def quat_about(axis: Vector3, angle: float) -> Quaternion:
    """Rotation by `angle` [rad] about the unit vector `axis`."""
    return quat_from_vector(np.asarray(axis, dtype=float) * angle)


def quat_near(q: Quaternion, reference: Quaternion) -> Quaternion:
    """The one of q and -q (the same rotation) that lies nearer to `reference`."""
    return q if float(q @ reference) >= 0 else -q


def quat_between(a: Vector3, b: Vector3) -> Quaternion:
    """The shortest rotation that turns the direction `a` into the direction `b`."""
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    w = 1.0 + float(a @ b)
    if w < 1e-9:
        other = np.array([1.0, 0.0, 0.0]) if abs(a[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
        axis = np.cross(a, other)
        return np.concatenate([[0.0], axis / np.linalg.norm(axis)])
    q = np.concatenate([[w], np.cross(a, b)])
    return q / np.linalg.norm(q)


def slerp(a: Quaternion, b: Quaternion, fraction: float) -> Quaternion:
    """The rotation at `fraction` in [0, 1] of the shortest way from `a` to `b`."""
    return quat_multiply(a, quat_from_vector(fraction * quat_to_vector(quat_multiply(quat_inverse(a), b))))


@dataclass(frozen=True)
class Pose:
    """A rigid transform: `position` [m] and `quat` of a frame in another."""

    position: Vector3
    quat: Quaternion

    @classmethod
    def identity(cls) -> Self:
        """No translation, no rotation."""
        return cls(np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0]))

    @classmethod
    def from_vector(cls, vector: Float[np.ndarray, " 7"]) -> Self:
        """From position and quaternion in one row."""
        v = np.asarray(vector, dtype=float)
        return cls(v[:3], v[3:] / np.linalg.norm(v[3:]))

    def __matmul__(self, other: "Pose") -> "Pose":
        """pose_a_in_c = pose_b_in_c @ pose_a_in_b."""
        return Pose(self.position + quat_rotate(self.quat, other.position), quat_multiply(self.quat, other.quat))

    def inverse(self) -> "Pose":
        """pose_b_in_a of pose_a_in_b."""
        q = quat_inverse(self.quat)
        return Pose(quat_rotate(q, -self.position), q)

    def apply(self, point: Vector3) -> Vector3:
        """A point given in this frame, in the frame that the pose is given in [m]."""
        return self.position + quat_rotate(self.quat, point)

    def axis(self, index: int) -> Vector3:
        """Unit vector along axis 0, 1 or 2 of this frame, in the frame that the pose is given in."""
        unit = np.zeros(3)
        unit[index] = 1.0
        return quat_rotate(self.quat, unit)
