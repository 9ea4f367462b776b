"""Chunks that overlap, come late or not at all: the reference follows without a jump."""

import numpy as np
import pytest

from retouch.control.waypoints import SPEED_LIMIT, Waypoints
from retouch.errors import InputError
from retouch.geometry import Pose, quat_from_vector

START = Pose(np.array([0.1, 0.0, 1.0]), np.array([1.0, 0, 0, 0]))
TICK = 0.02


def line(first: float, number: int, speed: float = 0.1, start: float = 0.1, spacing: float = 0.1) -> tuple:
    """Waypoints along x from time `first`, where a tool that left `start` at time 0 would be."""
    times = first + spacing * np.arange(number)
    rows = np.tile([*START.position, *START.quat], (number, 1))
    rows[:, 0] = start + speed * times
    return times, rows


def follow(waypoints: Waypoints, start: float, stop: float) -> np.ndarray:
    """x of the reference at every tick."""
    return np.array([waypoints.follow(t).position[0] for t in np.arange(start + TICK, stop + 1e-9, TICK)])


def test_it_goes_straight_between_waypoints_and_holds_at_the_end() -> None:
    waypoints = Waypoints(START)
    assert waypoints.add(*line(0.0, 5)) == 4  # the first is not ahead
    x = follow(waypoints, 0.0, 0.4)
    np.testing.assert_allclose(np.diff(x), 0.1 * TICK, atol=1e-12)
    assert x[-1] == pytest.approx(0.14)
    np.testing.assert_allclose(follow(waypoints, 0.4, 1.0), 0.14, atol=1e-12)
    assert len(waypoints) == 0


def test_the_newest_chunk_overwrites_from_its_first_waypoint_on() -> None:
    waypoints = Waypoints(START)
    waypoints.add(*line(0.1, 10))
    waypoints.follow(0.2)
    times, rows = line(0.5, 4, speed=-0.1, start=0.2)
    waypoints.add(times, rows)
    assert len(waypoints) == 2 + 4  # those at 0.3 and 0.4 stay
    assert waypoints.end == pytest.approx(0.8)
    np.testing.assert_allclose(waypoints.follow(0.4).position[0], 0.14)
    np.testing.assert_allclose(waypoints.follow(0.8).position[0], rows[-1, 0])


def test_a_chunk_that_arrives_late_never_makes_it_jump() -> None:
    """Half of it has passed and the rest is 20 cm away: the reference hurries there, within its speed."""
    waypoints = Waypoints(START)
    waypoints.add(*line(0.1, 3))
    x = [follow(waypoints, 0.0, 0.7)]
    times, rows = line(0.4, 12)
    rows[:, 0] += 0.2
    assert waypoints.add(times, rows) == 8
    x.append(follow(waypoints, 0.7, 1.5))
    steps = np.abs(np.diff(np.concatenate(x)))
    assert steps.max() <= SPEED_LIMIT[0] * TICK * (1 + 1e-9)
    assert x[-1][-1] == pytest.approx(rows[-1, 0])


def test_one_that_is_wholly_late_changes_nothing() -> None:
    waypoints = Waypoints(START)
    waypoints.add(*line(0.1, 20))
    waypoints.follow(1.5)
    assert waypoints.add(*line(0.5, 5)) == 0
    assert waypoints.follow(2.0).position[0] == pytest.approx(0.1 + 0.1 * 2.0)


def test_turns_are_even_and_take_the_short_way() -> None:
    waypoints, angles = Waypoints(START), []
    goal = np.array([*START.position, *-quat_from_vector(np.array([0, 0, 0.8]))])
    waypoints.add(np.array([1.0]), goal[None])
    for t in np.arange(TICK, 1.0, TICK):
        angles.append(2 * np.arcsin(abs(waypoints.follow(t).quat[3])))
    np.testing.assert_allclose(np.diff(angles), 0.8 * TICK, atol=1e-9)


def test_clearing_stops_it_where_the_tool_is() -> None:
    waypoints = Waypoints(START)
    waypoints.add(*line(0.1, 20))
    waypoints.follow(0.5)
    elsewhere = Pose(np.array([0.3, 0.1, 1.1]), START.quat)
    waypoints.clear(elsewhere)
    np.testing.assert_array_equal(waypoints.follow(3.0).position, elsewhere.position)


@pytest.mark.parametrize("times", [[0.2, 0.1], [0.1, 0.1], [0.1, np.nan]])
def test_bad_chunks_change_nothing(times: list[float]) -> None:
    waypoints = Waypoints(START)
    waypoints.add(*line(0.1, 3))
    with pytest.raises(InputError, match="times rise"):
        waypoints.add(np.array(times), np.tile([*START.position, *START.quat], (2, 1)))
    assert len(waypoints) == 3
