"""Waypoints that a policy sends ahead, and the reference that follows them (CR-DAgger, section 3.2).

Chunks overlap and may come late. What has passed is dropped, the newest overwrites what it overlaps, between two
waypoints the reference goes straight and turns evenly, and at the end it holds. It never jumps: it goes on from where
it is, no faster than it may.
"""

import numpy as np
from jaxtyping import Float64
from numba import njit
from numpy.typing import NDArray

from retouch.errors import InputError
from retouch.geometry import Pose
from retouch.sim import poses
from retouch.sim.native import compiled_with

Array = NDArray[np.float64]
SPEED_LIMIT = (0.5, 2.5)  # of the reference [m/s], [rad/s]


class Waypoints:
    """The waypoints ahead of one robot.

    Args:
        start: where the reference is.
        now: the time then [s].
        speed_limit: of the reference [m/s], [rad/s].
        room: most waypoints that it holds.
    """

    def __init__(self, start: Pose, now: float = 0.0, speed_limit: tuple[float, float] = SPEED_LIMIT, room: int = 128):
        self._times, self._poses, self._count = np.empty(room), np.empty((room, 7)), 0
        self._at, self._now = np.array([*start.position, *start.quat]), now
        self._speed_limit = speed_limit

    def __len__(self) -> int:
        return self._count

    @property
    def end(self) -> float:
        """When the last waypoint is due [s]; now where there is none."""
        return float(self._times[self._count - 1]) if self._count else self._now

    @property
    def reference(self) -> Pose:
        """Where the reference is."""
        return Pose(self._at[:3].copy(), self._at[3:].copy())

    def add(self, times: Float64[np.ndarray, " N"], poses_in_world: Float64[np.ndarray, "N 7"]) -> int:
        """Take a chunk over, and say how many of its waypoints are still ahead.

        Args:
            times: when each is due, rising [s].
            poses_in_world: position and wxyz quaternion each.

        Raises:
            InputError: times do not rise, or a number is not finite; nothing has changed then.
        """
        times = np.ascontiguousarray(times, dtype=np.float64)
        poses_in_world = np.ascontiguousarray(poses_in_world, dtype=np.float64)
        if poses_in_world.shape != (len(times), 7) or len(times) > len(self._times):
            raise InputError(f"a chunk of at most {len(self._times)} poses of 7 numbers, not {poses_in_world.shape}")
        if not (np.isfinite(times).all() and np.isfinite(poses_in_world).all() and (np.diff(times) > 0).all()):
            raise InputError("the waypoints of a chunk are finite and their times rise")
        ahead = times > self._now
        if ahead.any():
            first = int(np.argmax(ahead))
            self._count = int(np.searchsorted(self._times[: self._count], times[first]))
            self._count = min(self._count, len(self._times) - (len(times) - first))
            end = self._count + len(times) - first
            self._times[self._count : end] = times[first:]
            self._poses[self._count : end] = poses_in_world[first:]
            self._count = end
        return int(ahead.sum())

    def clear(self, start: Pose | None = None) -> None:
        """Forget what is ahead; the reference stays where it is, or goes to `start` at once, where the tool is."""
        self._count = 0
        if start is not None:
            self._at[:] = [*start.position, *start.quat]

    def follow(self, now: float) -> Pose:
        """Let time go on to `now` [s], and say where the reference is then."""
        if now > self._now:
            linear, angular = self._speed_limit
            passed = _follow(self._times, self._poses, self._count, self._at, self._now, now, linear, angular)
            self._times[: self._count - passed] = self._times[passed : self._count].copy()
            self._poses[: self._count - passed] = self._poses[passed : self._count].copy()
            self._count -= passed
            self._now = now
        return self.reference


@compiled_with(poses)
@njit(cache=True, nogil=True)
def _follow(times, waypoints, count, at, before, now, linear, angular):
    """Move `at` from where it is at `before` to where it shall be at `now`; how many waypoints are behind then."""
    passed, time, goal = 0, before, np.empty(7)
    for k in range(7):
        goal[k] = at[k]
    moved = np.empty(7)
    while passed < count and times[passed] <= now:
        for k in range(7):
            goal[k] = waypoints[passed, k]
        time = times[passed]
        passed += 1
    if passed < count:
        share = (now - time) / (times[passed] - time)
        poses.between(goal, waypoints[passed], share, moved)
        for k in range(7):
            goal[k] = moved[k]
    distance, dot = 0.0, 0.0
    for k in range(3):
        distance += (goal[k] - at[k]) ** 2
    for k in range(3, 7):
        dot += goal[k] * at[k]
    most, turn = np.sqrt(distance) / (now - before), 2.0 * np.arccos(min(1.0, abs(dot))) / (now - before)
    poses.between(at, goal, min(1.0, linear / max(linear, most), angular / max(angular, turn)), moved)
    for k in range(7):
        at[k] = moved[k]
    return passed
