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
    assert len(features) == 9 + 2 * 9 + 3 + 1 + 2
    was, board_then, board = features[:27].reshape(3, 9)
    np.testing.assert_allclose(was[:3], [0, 0.1, 0], atol=1e-6)  # 10 cm back along world x, which is its y now
    np.testing.assert_allclose(board[:3], [0, -0.1, -0.1], atol=1e-6)
    np.testing.assert_allclose(board_then, board, atol=1e-6)
    np.testing.assert_allclose(features[27:], [0, 0, 1, 0.9, 0.5, 0.5], atol=1e-6)


def test_nothing_depends_on_where_in_the_world_it_is_but_height_and_tilt() -> None:
    rows = [row(pose(0.1, 0, 0.9), pose(0, 0, 0), pose(0.3, 0.1, 0.8)) for _ in range(2)]
    turn = pose(0.4, -0.2, 0.0, 2.0)
    moved = [row(turn @ Pose.from_vector(r[:7]), pose(0, 0, 0), turn @ Pose.from_vector(r[14:21])) for r in rows]
    one, other = (VIEW.features(np.stack(r)[None]) for r in (rows, moved))
    np.testing.assert_allclose(one, other, atol=1e-6)
    tilted = row(
        Pose(np.array([0.1, 0, 0.9]), quat_about(np.array([1.0, 0, 0]), 0.3)), pose(0, 0, 0), pose(0.3, 0, 0.8)
    )
    np.testing.assert_allclose(VIEW.features(tilted[None, None])[0, 9:12], [0, np.sin(0.3), np.cos(0.3)], atol=1e-6)


def test_the_reference_is_not_seen() -> None:
    one, other = (row(pose(0.1, 0, 0.9), pose(x, 0, 0), pose(0.3, 0, 0.8)) for x in (0.1, 0.2))
    np.testing.assert_array_equal(VIEW.features(one[None, None]), VIEW.features(other[None, None]))


def test_there_must_be_a_tool() -> None:
    with pytest.raises(PolicyError, match="tool_x"):
        ToolView(("a", "b"))


def test_points_are_seen_from_the_tool_too() -> None:
    knots = (f"{name}_{k}" for name in ("knot", "other") for k in "xyz")
    names = (*(f"tool_{end}" for end in ENDINGS), "clip_z", *knots, "along")
    then, now = pose(0.2, 0, 0.9), pose(0.2, 0, 0.9, np.pi / 2)
    history = [
        [*then.position, *then.quat, 0.7, 0.2, 0.1, 0.8, 0, 0, 0, 0.4],  # there is no other one
        [*now.position, *now.quat, 0.7, 0.3, 0.1, 0.8, 0.2, 0, 0.8, 0.4],
    ]
    (features,) = ToolView(names).features(np.array(history, np.float32)[None])
    # From the tool as it is: world x is against its y, world y along its x.
    knots_seen = [[0.1, 0, -0.1], [0, 0, 0], [0.1, -0.1, -0.1], [0, 0, -0.1]]
    np.testing.assert_allclose(features[9:21].reshape(4, 3), knots_seen, atol=1e-6)
    np.testing.assert_allclose(features[21:], [0, 0, 1, 0.9, 0.7, 0.4, 0.7, 0.4], atol=1e-6)
    blind = ToolView(names, scene=False).features(np.array(history, np.float32)[None])
    assert blind.shape == (1, 9 + 4)  # where the tool was, which way is up, and how high it is
