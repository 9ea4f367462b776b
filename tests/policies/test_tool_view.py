"""What a policy of waypoints sees does not depend on where in the world things are, nor on what is felt."""

import numpy as np
import pytest

from retouch.errors import PolicyError
from retouch.geometry import Pose, quat_about
from retouch.policies.tool_view import ENDINGS, ToolView

NAMES = (*(f"{name}_{end}" for name in ("tool", "reference", "board") for end in ENDINGS), "angle")
VIEW = ToolView(NAMES)


def row(tool: Pose, reference: Pose, board: Pose, angle: float = 0.5) -> np.ndarray:
    return np.array([*(x for p in (tool, reference, board) for x in (*p.position, *p.quat)), angle], np.float32)


def pose(x: float, y: float, z: float, yaw: float = 0.0) -> Pose:
    return Pose(np.array([x, y, z], float), quat_about(np.array([0.0, 0.0, 1.0]), yaw))


def test_poses_are_seen_from_the_tool_as_it_is() -> None:
    before = row(pose(0.1, 0, 0.9), pose(0, 0, 0), pose(0.3, 0, 0.8))
    now = row(pose(0.2, 0, 0.9, np.pi / 2), pose(0, 0, 0), pose(0.3, 0, 0.8))
    (features,) = VIEW.features(np.stack([before, now])[None])
    assert len(features) == 9 + 9 + 2 * 9 + 2
    _world, was, board_then, board = features[:36].reshape(4, 9)
    np.testing.assert_allclose(was[:3], [0, 0.1, 0], atol=1e-6)  # 10 cm back along world x, which is its y now
    np.testing.assert_allclose(board[:3], [0, -0.1, -0.1], atol=1e-6)
    np.testing.assert_allclose(board_then, board, atol=1e-6)
    np.testing.assert_allclose(features[36:], [0.5, 0.5])


def test_the_reference_is_not_seen() -> None:
    one, other = (row(pose(0.1, 0, 0.9), pose(x, 0, 0), pose(0.3, 0, 0.8)) for x in (0.1, 0.2))
    np.testing.assert_array_equal(VIEW.features(one[None, None]), VIEW.features(other[None, None]))


def test_there_must_be_a_tool() -> None:
    with pytest.raises(PolicyError, match="tool_x"):
        ToolView(("a", "b"))
