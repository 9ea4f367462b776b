"""Nine numbers for a pose: the same as the geometry's, in whatever frame, and always a rotation."""

import numpy as np

from retouch.geometry import Pose, quat_from_vector, quat_to_matrix
from retouch.policies.nine import IDENTITY, nine_of, poses_of, quats, rotations


def poses(count: int, seed: int = 0) -> np.ndarray:
    """Anywhere, turned by up to half a turn about any axis."""
    rng = np.random.default_rng(seed)
    turns = rng.standard_normal((count, 3))
    turns *= rng.uniform(0, np.pi, (count, 1)) / np.linalg.norm(turns, axis=1, keepdims=True)
    turns[:3] = np.pi * np.eye(3)  # half turns about the axes
    return np.array([[*rng.uniform(-1, 1, 3), *quat_from_vector(turn)] for turn in turns])


def test_it_is_the_pose_in_the_frame() -> None:
    for pose, frame in zip(poses(50), poses(50, seed=1), strict=True):
        seen = Pose.from_vector(frame).inverse() @ Pose.from_vector(pose)
        nine = nine_of(pose, frame)
        np.testing.assert_allclose(nine[:3], seen.position, atol=1e-12)
        np.testing.assert_allclose(nine[3:].reshape(2, 3), quat_to_matrix(seen.quat)[:2], atol=1e-12)


def test_there_and_back_with_frames_that_broadcast() -> None:
    many, frame = poses(60).reshape(12, 5, 7), poses(12, seed=2)[:, None]
    back = poses_of(nine_of(many, frame), frame)
    np.testing.assert_allclose(back[..., :3], many[..., :3], atol=1e-12)
    np.testing.assert_allclose(np.abs((back[..., 3:] * many[..., 3:]).sum(-1)), 1.0, atol=1e-12)


def test_quaternions_of_matrices() -> None:
    turns = rotations(poses(50)[:, 3:])
    np.testing.assert_allclose(rotations(quats(turns)), turns, atol=1e-12)


def test_nothing_is_the_identity() -> None:
    pose = poses(4)[3:]
    np.testing.assert_allclose(nine_of(pose, pose)[0], IDENTITY, atol=1e-12)
    np.testing.assert_allclose(np.abs(poses_of(IDENTITY[None], pose)[0]), np.abs(pose[0]), atol=1e-12)


def test_rows_at_odds_still_make_a_rotation() -> None:
    """As a network gives them: neither of unit length nor at right angles."""
    rng = np.random.default_rng(0)
    nine = IDENTITY + 0.3 * rng.standard_normal((20, 9))
    turned = rotations(poses_of(nine, poses(20))[:, 3:])
    np.testing.assert_allclose(turned @ np.swapaxes(turned, -1, -2), np.tile(np.eye(3), (20, 1, 1)), atol=1e-12)
