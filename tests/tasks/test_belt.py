"""Belt assembly: where it starts, what is seen and felt, what holds the belt, and when it is solved."""

import copy
import math

import mujoco
import numpy as np
import pytest

from retouch.geometry import Pose
from retouch.robots.ur5e import command_of
from retouch.robots.ur5e_tick import AT_STOP, STOPS
from retouch.sim.camera import Camera
from retouch.sim.world import Worlds, set_state
from retouch.tasks import registry
from retouch.tasks.belt import GRASP, GRASPS, SEEN_ASIDE, BeltAssembly
from retouch.tasks.belt_scene import (
    APART,
    GROOVE,
    LARGE_FLANGE,
    LENGTH,
    POINTS,
    PULLEY_TOP,
    SEGMENT,
    TRAVEL,
    rest_shape,
)
from retouch.tasks.belt_view import BESIDE_FLANGE, COARSE, LARGE, View
from retouch.tasks.steering import nearer

TASK = BeltAssembly()
HERE = np.array([0])


class Attempt:
    """One world, led by references on the board."""

    def __init__(self, seed: int = 0):
        self.worlds = Worlds(TASK.physics, 1)
        self.robot, self.data = TASK.robot(self.worlds), self.worlds.reset(0)
        TASK.reset(self.data, np.random.default_rng(seed))

    @property
    def view(self) -> View:
        return View(TASK.sight(self.data))

    def lead(self, place: tuple[float, float, float], steps: int, speed: float = 0.06) -> "Attempt":
        for _ in range(steps):
            view = self.view
            goal = view.down(np.array(place), 0.0)
            self.robot.command(HERE, command_of(nearer(view.reference_in_world, goal, speed, 1.5))[None])
        return self


def placed(belt: np.ndarray, hook: tuple[float, float, float], small: float = 0.004) -> View:
    """What is seen of a belt laid somewhere, in the frame of a board at the origin."""
    pose = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]
    tool = [*hook, 0.0, 1.0, 0.0, 0.0]
    return View(np.array([*tool, *tool, *pose, small, *belt.ravel(), *np.zeros(6)], dtype=np.float32))


def seated_belt(high: float = GROOVE) -> np.ndarray:
    """The belt around both pulleys, evenly."""
    dense = []
    for axis, radius, ways in (
        (0.004, 0.0100, np.linspace(np.pi / 2 + 0.15, 3 * np.pi / 2 - 0.15, 400)),
        (APART, 0.0255, np.linspace(-np.pi / 2 - 0.15, np.pi / 2 + 0.15, 400)),
    ):
        dense += [(axis + radius * math.cos(a), radius * math.sin(a)) for a in ways]
    line = np.array([*dense, dense[0]])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    at = np.linspace(0.0, along[-1], POINTS, endpoint=False)
    return np.column_stack([np.interp(at, along, line[:, 0]), np.interp(at, along, line[:, 1]), np.full(POINTS, high)])


def test_is_registered() -> None:
    assert isinstance(registry.make("belt-assembly"), BeltAssembly)


def test_the_grid_is_four_boards_with_four_grasps() -> None:
    cases = TASK.cases()
    assert len({c.name for c in cases}) == len(cases) == 16
    boards = {(c.values["board_x"], c.values["board_y"], c.values["board_yaw"]) for c in cases}
    assert len(boards) == len({c.values["grasp"] for c in cases}) == 4
    assert sum(c.seen for c in cases) == 9
    lay = TASK.layout
    for case in cases:
        inside = lay.board_y[0] <= case.values["board_y"] <= lay.board_y[1]
        assert inside or not case.seen


def test_the_rest_shape_is_closed_and_as_long_as_the_belt() -> None:
    shape = rest_shape()
    pieces = np.linalg.norm(shape - np.roll(shape, -1, axis=0), axis=1)
    assert pieces.max() <= SEGMENT + 1e-9
    assert pieces.sum() == pytest.approx(LENGTH, rel=0.01)


def test_starts_at_rest_in_the_hook_within_the_stated_ranges() -> None:
    lay, attempt = TASK.layout, Attempt()
    for seed in range(12):
        data = attempt.worlds.reset(0)
        TASK.reset(data, np.random.default_rng(seed))
        view = View(TASK.sight(data))
        assert lay.board_x[0] <= view.board.position[0] <= lay.board_x[1]
        assert -lay.behind[1] - 1e-6 <= view.hook[0] <= -lay.behind[0] + 1e-6
        assert lay.above[0] - 1e-5 <= view.belt[:, 2].min() - GROOVE <= lay.above[1] + 1e-5
        assert view.held
        assert not any(view.stages)
        assert TASK.failure(data) == "ran out of time"
        assert int(data.userdata[GRASP]) in {point for point, seen in GRASPS.values() if seen}
        before = TASK.belt_in_world(data).copy()
        for _ in range(10):
            attempt.robot.command(HERE, TASK.hold(data)[None])
        assert np.abs(TASK.belt_in_world(data) - before).max() < 0.0015


def test_how_the_belt_hangs_depends_on_where_it_is_grasped() -> None:
    depths = {point: float(np.ptp(TASK.hanging(point)[:, 2])) for point, _ in GRASPS.values()}
    assert depths[0] > max(depths[4], depths[7]) + 0.002
    left, right = TASK.hanging(44)[:, 1].mean(), TASK.hanging(4)[:, 1].mean()
    assert left * right < 0
    np.testing.assert_allclose(depths[44], depths[4], atol=5e-4)  # mirror images


def test_a_policy_sees_the_board_aside_and_a_person_where_it_is() -> None:
    attempt = Attempt(3)
    seen, sight = TASK.observe(attempt.data), TASK.sight(attempt.data)
    assert seen.shape == (len(TASK.observation_names),)
    assert sight.shape == (len(TASK.sight_names),)
    assert seen.dtype == sight.dtype == np.float32
    np.testing.assert_allclose(seen[14:17] - sight[14:17], attempt.data.userdata[SEEN_ASIDE], atol=1e-6)
    np.testing.assert_array_equal(seen[:14], sight[:14])
    some = sight[22 : 22 + 3 * POINTS].reshape(POINTS, 3)[:: POINTS // COARSE]
    np.testing.assert_array_equal(seen[22:].reshape(COARSE, 3), some)


def test_the_belt_hardly_stretches_and_comes_out_when_it_is_pulled_by_three_newtons() -> None:
    attempt = Attempt(1)
    held = []
    joints = [int(TASK.physics.joint(f"belt{(23 + k + int(attempt.data.userdata[GRASP])) % POINTS}_z").dofadr[0])
              for k in range(3)]  # fmt: skip
    for pull in (0.8, 1.6, 2.4, 4.0):
        attempt.data.qfrc_applied[joints] = -pull / 3
        for _ in range(12):
            attempt.robot.command(HERE, TASK.hold(attempt.data)[None])
        held.append(attempt.view.held)
        if attempt.view.held:
            assert attempt.view.path_length < 1.005 * LENGTH
    assert held[0]
    assert not held[-1]
    assert held == sorted(held, reverse=True)


def test_a_belt_in_both_grooves_is_seated_and_one_off_them_is_not() -> None:
    away = (0.055, -0.02, 0.08)
    assert placed(seated_belt(), away).stages == (True, True, True, True)
    assert not placed(seated_belt(), away, small=0.0).seated  # slack
    assert not placed(seated_belt(), (0.055, -0.02, GROOVE)).seated  # not released
    assert placed(seated_belt(PULLEY_TOP + 0.002), away).stages == (False, False, False, False)
    assert placed(seated_belt(GROOVE - 0.008), away).stages == (False, False, False, False)
    lifted = seated_belt()
    lifted[np.argmin(lifted[:, 1]), 2] = PULLEY_TOP + 0.002
    assert not placed(lifted, away).turned_round


def test_crossings_and_windings() -> None:
    view = placed(seated_belt(), (0.0, 0.0, 0.2))
    assert view.winding(view.small) == view.winding(LARGE) == 1
    assert view.winding(np.array([0.3, 0.0])) == 0
    out, height = view.crossings(LARGE, 0.0)[0]
    assert out == pytest.approx(0.0255, abs=3e-4)
    assert height == pytest.approx(GROOVE, abs=1e-6)
    assert len(view.crossings(LARGE, 0.0)) == 1
    assert len(view.crossings(np.array([0.3, 0.0]), math.pi)) == 2


def test_failures_are_named() -> None:
    attempt = Attempt(2)
    attempt.robot.command(HERE, command_of(Pose(np.array([0.5, 0, 1.2]), np.array([0.0, 1, 0, 0])))[None])
    assert TASK.failure(attempt.data) == "stopped: reference jumped"
    assert not any(TASK.stages(attempt.data))
    attempt = Attempt(2)
    high = attempt.view.hook[2] + 0.03
    attempt.lead((0.06, 0.0, high), 90, 0.1)
    assert TASK.failure(attempt.data) == "missed the small pulley"
    attempt.data.userdata[AT_STOP] = STOPS.index("force")
    assert TASK.failure(attempt.data) == "stopped: force"


def test_the_sparse_solver_does_what_the_dense_one_does() -> None:
    """MuJoCo 4.0.0's sparse factorisation errs with flex dynamics; this scene has none."""
    dense = copy.copy(TASK.physics)
    dense.opt.jacobian = mujoco.mjtJacobian.mjJAC_DENSE
    assert TASK.physics.opt.jacobian == mujoco.mjtJacobian.mjJAC_SPARSE
    attempt = Attempt(4)
    skill = TASK.skill(np.random.default_rng(4))
    compared = 0
    for step in range(330):
        attempt.robot.command(HERE, skill.act(TASK.sight(attempt.data))[None])
        if step % 30 == 29:
            state, ends = attempt.worlds.state(0), []
            for model in (TASK.physics, dense):
                data = mujoco.MjData(model)
                set_state(model, data, state)
                for _ in range(3):
                    mujoco.mj_step(model, data)
                ends.append(data.qpos.copy())
                compared += data.ncon
            np.testing.assert_allclose(*ends, atol=1e-9)
    assert compared > 100
    assert attempt.view.over_small


def test_a_state_continues_bit_for_bit() -> None:
    attempt = Attempt(3).lead((-0.02, 0.0, 0.15), 40)
    state, seen = attempt.worlds.state(0), TASK.observe(attempt.data)
    attempt.lead((0.02, 0.0, 0.15), 20)
    other = Attempt(99)
    other.worlds.set_state(0, state)
    assert np.array_equal(TASK.observe(other.data), seen)  # what is misjudged and where it is grasped, too
    other.lead((0.02, 0.0, 0.15), 20)
    assert np.array_equal(other.worlds.state(0), attempt.worlds.state(0))


def test_watchers_read_what_is_there() -> None:
    sight = TASK.sight(Attempt(0).data)
    _, turned, away = View(sight).funnel_error
    assert 0 < turned <= TASK.layout.turned + 1e-3
    assert 0.03 < away < 0.1
    assert View(sight).phase == "carry"
    assert 0 < View(sight).progress < 0.3
    assert not TASK.gripper_closed(sight)
    assert not TASK.bad_grasp(sight)
    believed = TASK.misjudged(sight, np.array([[9.0, 9.0, 9.0], [0.002, -0.001, 0.004]]), np.zeros((2, 3)))
    np.testing.assert_allclose(believed[14:17] - sight[14:17], [0.002, -0.001, 0.004], atol=1e-6)
    np.testing.assert_array_equal(np.delete(believed, [14, 15, 16]), np.delete(sight, [14, 15, 16]))
    assert TRAVEL > View(sight).small[0] > -1e-4


def test_a_loop_is_too_high_only_where_it_is_nearly_at_the_small_pulley() -> None:
    high, errors = 0.012, []
    for behind in (0.0, 0.030):
        belt = seated_belt(GROOVE + high) + np.array([-behind, 0.0, 0.0])
        belt[:, 2] -= np.where(np.arange(POINTS) == 0, 1e-4, 0.0)  # the lowest, behind the pulley
        errors.append(placed(belt, (0.1, 0.0, 0.2)).funnel_error)
    assert errors[0][0] == pytest.approx(high, abs=2e-3)
    assert errors[1][0] == pytest.approx(0, abs=1e-4)


def test_a_loop_is_beside_the_small_pulley_until_that_is_in_it() -> None:
    way = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    loop = np.column_stack([0.004 * np.cos(way), 0.02 * np.sin(way), GROOVE + 0.06 - 0.06 * np.cos(way)])  # hanging
    for behind, aside, seen in ((0.030, 0.010, 0.010), (0.030, -0.010, 0.010), (-0.030, 0.025, 0.025)):
        belt = loop + np.array([-behind, aside, 0.0])
        assert placed(belt, (-behind, aside, 0.15)).funnel_error[0] == pytest.approx(seen, abs=2e-3)
    around = seated_belt(GROOVE + 0.006) + np.array([0.0, 0.010, 0.0])
    assert placed(around, (0.1, 0.0, 0.2)).funnel_error[0] == pytest.approx(0.006, abs=5e-4)


def test_beside_the_large_pulley_the_hook_must_clear_the_flange_and_reach_the_groove() -> None:
    belt = seated_belt() + np.array([0.0, 0.0, 0.02])
    belt[np.abs(belt[:, 0]) < 0.02, 2] = GROOVE  # on the small pulley only
    clear = LARGE_FLANGE + BESIDE_FLANGE
    for outside, high, wrong in ((clear, 0.01, 0.0), (clear - 0.010, 0.01, 0.010), (clear, -0.008, 0.008)):
        view = placed(belt, (APART + outside, 0.0, GROOVE + high))
        assert view.stages[:2] == (True, False)
        assert view.funnel_error == pytest.approx((wrong, 0.0, high), abs=1e-6)


def test_physics_and_drawing_agree_and_pictures_show_the_belt() -> None:
    assert TASK.drawing.nq == TASK.physics.nq
    data = mujoco.MjData(TASK.drawing)
    data.qpos[:] = Attempt(1).data.qpos
    mujoco.mj_forward(TASK.drawing, data)
    for name in TASK.cameras:
        picture = Camera(TASK.drawing, name, 160, 120).draw(data).astype(int)
        orange = (picture[..., 0] > 150) & (picture[..., 1] < 150) & (picture[..., 2] < 90)
        assert orange.sum() > 5, name
    assert set(TASK.observation_cameras) <= set(TASK.cameras)
