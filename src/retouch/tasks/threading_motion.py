"""How the hand holds and carries a rod."""

import math

import numpy as np

from retouch.geometry import Matrix3, Vector3, quat_about, quat_to_matrix
from retouch.robots.sawyer import MOUNT
from retouch.tasks.vectors import DOWN, cross, frame

TOOL_Z = np.array([0.0, 0.0, 1.0])
FAR = 0.76  # from the arm's base: beyond, the hand leans [m]


def lean_for(point: Vector3, along: Vector3) -> Matrix3:
    """How the hand leans outwards along a rod to reach far `point`: a rotation matrix."""
    dx, dy = float(point[0]) - MOUNT[0], float(point[1]) - MOUNT[1]
    far = math.hypot(dx, dy)
    lean = min(0.5, max(0.0, 4.0 * (far - FAR)))
    if not lean:
        return np.eye(3)
    a, b = along[:2].tolist()
    share = (a * dx + b * dy) / (far * max(math.hypot(a, b), 1e-6))
    axis = cross(DOWN, along)
    axis = axis / math.sqrt(float(axis @ axis))
    return quat_to_matrix(quat_about(axis, lean * share))


def carrying_axes(rod_in_tool: Vector3, axis: Vector3) -> Matrix3:
    """The tool's axes when the rod, along `rod_in_tool` in it, lies along `axis`; the hand points down if it can."""
    return frame(axis, DOWN) @ frame(rod_in_tool, TOOL_Z).T
