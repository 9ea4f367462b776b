"""Poses as networks take them: nine numbers, in the frame of a tool (CR-DAgger, section 3.2).

Position and the first two rows of the rotation matrix. No pose is [0 0 0, 1 0 0, 0 1 0]. Everything works on rows of
poses at once.
"""

import numpy as np
from jaxtyping import Float

Poses = Float[np.ndarray, "*#rows 7"]
"""Position [m] and wxyz quaternion each."""
Nine = Float[np.ndarray, "*#rows 9"]
IDENTITY = np.array([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
HERE = np.array([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0])
"""The same as a pose: of a frame in itself."""


def rotations(quats: Float[np.ndarray, "*rows 4"]) -> Float[np.ndarray, "*rows 3 3"]:
    """Rotation matrices of quaternions, which need not be of unit length."""
    w, x, y, z = np.moveaxis(quats / np.linalg.norm(quats, axis=-1, keepdims=True), -1, 0)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def quats(rotations: Float[np.ndarray, "*rows 3 3"]) -> Float[np.ndarray, "*rows 4"]:
    """Unit quaternions of rotation matrices, by the largest of their four entries."""
    m = rotations
    trace = np.trace(m, axis1=-2, axis2=-1)[..., None]
    diagonal = np.diagonal(m, axis1=-2, axis2=-1)
    # The symmetric matrix of which the quaternion is the eigenvector: any of its rows is the quaternion, scaled.
    rows = np.empty((*m.shape[:-2], 4, 4))
    rows[..., 0, 0] = 1 + trace[..., 0]
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        rows[..., 0, i + 1] = rows[..., i + 1, 0] = m[..., k, j] - m[..., j, k]
        rows[..., i + 1, i + 1] = 1 + 2 * diagonal[..., i] - trace[..., 0]
        rows[..., i + 1, j + 1] = rows[..., j + 1, i + 1] = m[..., i, j] + m[..., j, i]
    best = np.argmax(np.diagonal(rows, axis1=-2, axis2=-1), axis=-1)[..., None, None]
    chosen = np.take_along_axis(rows, best, axis=-2)[..., 0, :]
    return chosen / np.linalg.norm(chosen, axis=-1, keepdims=True)


def nine_of(poses: Poses, frame: Poses) -> Nine:
    """The poses as seen from `frame`: frame^-1 @ pose, as nine numbers. Leading axes broadcast."""
    back = np.swapaxes(rotations(frame[..., 3:]), -1, -2)
    position = (back @ (poses[..., :3] - frame[..., :3])[..., None])[..., 0]
    turn = back @ rotations(poses[..., 3:])
    return np.concatenate([position, turn[..., 0, :], turn[..., 1, :]], axis=-1)


def poses_of(nine: Nine, frame: Poses) -> Poses:
    """The reverse of `nine_of`; the two rows need not be at right angles or of unit length (Gram-Schmidt)."""
    first = nine[..., 3:6] / np.linalg.norm(nine[..., 3:6], axis=-1, keepdims=True)
    second = nine[..., 6:9] - (first * nine[..., 6:9]).sum(axis=-1, keepdims=True) * first
    second /= np.linalg.norm(second, axis=-1, keepdims=True)
    turn = np.stack([first, second, np.cross(first, second)], axis=-2)
    out = rotations(frame[..., 3:])
    position = frame[..., :3] + (out @ nine[..., :3, None])[..., 0]
    return np.concatenate([position, quats(out @ turn)], axis=-1)


def quats_by(vectors: Float[np.ndarray, "*rows 3"]) -> Float[np.ndarray, "*rows 4"]:
    """Unit quaternions of rotation vectors [rad]."""
    angle = np.linalg.norm(vectors, axis=-1, keepdims=True)
    sine = np.where(angle > 1e-9, np.sin(angle / 2) / np.maximum(angle, 1e-9), 0.5)
    return np.concatenate([np.cos(angle / 2), sine * vectors], axis=-1)
