"""Lines of points in space: how the cable lies before an attempt, and where a cable that is seen passes something."""

import numpy as np
from jaxtyping import Float64

from retouch.geometry import Pose, Vector3
from retouch.tasks.cable_scene import GUIDE, GUIDE_WAY, PIECE, PIECES

Points = Float64[np.ndarray, "N 3"]
DROP, HANG = 0.05, 0.055  # how far aside of the guide the rest hangs, and how high it rises before [m]
LOWEST = 0.006  # above the board, of the cable's rest [m]


def laid(fixed: Vector3, eye: Pose, board_top: float) -> Points:
    """Vertices, float64[PIECES + 1, 3] in world, of a cable from its fixed end through the eye and over the guide."""
    straight, rising = np.array([0.0, -1.0, 0.0]), np.array(GUIDE)
    through = rising + 0.02 * GUIDE_WAY
    ways = [
        np.array([[0.0, 0.004, 0.0], [0.0, -0.010, 0.0]]),
        bent(0.010 * straight, 0.08 * straight, rising - 0.012 * GUIDE_WAY, 0.08 * GUIDE_WAY),
        np.array([rising, through]),
        bent(through, 0.10 * GUIDE_WAY, through + np.array([-DROP, 0.0, 0.0]), np.array([0.0, 0.0, 0.12])),
        through + np.array([[-DROP, 0.0, 0.0], [-DROP, 0.0, 1.0]]),
    ]
    line = np.vstack([fixed, np.array([eye.apply(point) for point in np.vstack(ways)])])
    line[:, 2] = np.maximum(line[:, 2], board_top + LOWEST)
    if line[-1, 2] < line[-2, 2]:  # what is left lies on the board, away from the clips
        line = np.vstack([line, line[-1] + np.array([-1.0, 0.0, 0.0])])
    return along(line, PIECE * np.arange(PIECES + 1))


def bent(start: Vector3, way: Vector3, end: Vector3, arriving: Vector3, count: int = 24) -> Points:
    """A cubic from `start`, leaving along `way`, to `end`, arriving along `arriving`."""
    t = np.linspace(0.0, 1.0, count)[:, None]
    a, b = start + way / 3, end - arriving / 3
    return (1 - t) ** 3 * start + 3 * (1 - t) ** 2 * t * a + 3 * (1 - t) * t**2 * b + t**3 * end


def lengths(line: Points) -> Float64[np.ndarray, " N"]:
    """How far along the line every one of its points is [m]."""
    return np.concatenate([[0.0], np.cumsum(np.sqrt(np.sum(np.diff(line, axis=0) ** 2, axis=1)))])


def along(line: Points, places: Float64[np.ndarray, " M"]) -> Float64[np.ndarray, "M 3"]:
    """The points so far along a line [m]."""
    far = lengths(line)
    return np.stack([np.interp(places, far, line[:, k]) for k in range(3)], axis=1)


def nearest(line: Points, point: Vector3) -> tuple[float, float]:
    """How far along a line it comes nearest to a point, and how near that is [m]."""
    start, piece = line[:-1], np.diff(line, axis=0)
    size = np.sum(piece**2, axis=1)
    share = np.clip(np.sum((point - start) * piece, axis=1) / np.maximum(size, 1e-12), 0.0, 1.0)
    away = np.sqrt(np.sum((start + share[:, None] * piece - point) ** 2, axis=1))
    best = int(np.argmin(away))
    return float(lengths(line)[best] + share[best] * np.sqrt(size[best])), float(away[best])


def crossing(line: Points, y: float, most: float) -> tuple[Vector3, float] | None:
    """Where a line last passes the plane at `y` forwards, and how far along it that is [m].

    None where it never does within the first `most` [m] of it.
    """
    far = lengths(line)
    for k in range(len(line) - 2, -1, -1):
        if far[k] < most and line[k, 1] < y <= line[k + 1, 1]:
            share = (y - line[k, 1]) / (line[k + 1, 1] - line[k, 1])
            place = float(far[k] + share * (far[k + 1] - far[k]))
            if place <= most:
                return line[k] + share * (line[k + 1] - line[k]), place
    return None
