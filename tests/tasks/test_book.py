"""Book flipping: the grid, what is seen, when it is solved, and how a failure is named."""

import collections

import mujoco
import numpy as np
import pytest
from tests.tasks.book_states import UP, attempt, look, pose_of, put_fork, stand, task

from retouch.robots.ur5e import command_of
from retouch.robots.ur5e_tick import AT_STOP
from retouch.sim.camera import Camera
from retouch.sim.world import Worlds
from retouch.tasks.book import AT_BIAS, GRAVITY, Layout
from retouch.tasks.book_scene import AT_SHELF, BOOKS, GAP, SEEN
from retouch.tasks.book_view import INSERTED, LIFTED

AWAY = (-0.30, 0.20)


def test_the_grid_is_four_cases_of_five_with_three_seen_and_two_unseen_each() -> None:
    cases = task().cases()
    groups = collections.Counter(case.name.split(":")[0] for case in cases)
    assert groups == {"one book far": 5, "one book near": 5, "two books far": 5, "two books near": 5}
    seen = collections.Counter(case.name.split(":")[0] for case in cases if case.seen)
    assert set(seen.values()) == {3}
    assert len({case.name for case in cases}) == 20
    assert len(SEEN) == 5
    for case in cases:
        used = [int(case.values[k]) for k in ("lower", "upper") if case.values[k] >= 0]
        assert case.seen == all(BOOKS[k].seen for k in used)
    unseen = {tuple(c.values[k] for k in ("lower", "upper")) for c in cases if not c.seen and c.values["upper"] >= 0}
    assert len(unseen) == 3


@pytest.mark.parametrize("case", range(20))
def test_attempts_begin_as_the_layout_says(case: int) -> None:
    lay, setting = Layout(), task().cases()[case]
    _, _, data = attempt(case, seed=case)
    view = look(data)
    assert [book.size for k in task().used(data) for book in [BOOKS[k]]] == [
        tuple(np.round(b.half * 2, 6)) for b in view.books
    ]
    left = -view.lower.pivot[0] - view.together
    low, high = lay.far if setting.values["far"] else lay.near
    assert low - 1e-6 <= left <= high + 1e-6
    depth, aside, above = view.in_book(view.lower)
    assert lay.tip_before[0] - 0.005 <= depth <= lay.tip_before[1] + 0.005
    assert abs(aside) < 0.04
    assert lay.tip_above[0] - 1e-6 <= above <= lay.tip_above[1] + 1e-6
    assert task().stages(data) == (False,) * 4
    assert not task().success(data)
    assert task().failure(data) == "ran out of time"


def test_without_a_case_books_are_seen_ones() -> None:
    data, counts = Worlds(task().physics, 1).reset(0), set()
    for seed in range(30):
        mujoco.mj_resetData(task().physics, data)
        task().reset(data, np.random.default_rng(seed))
        used = task().used(data)
        assert all(BOOKS[k].seen for k in used)
        counts.add(len(used))
    assert counts == {1, 2}


def test_an_attempt_follows_from_its_seed() -> None:
    worlds, _, one = attempt(12, seed=3)
    other, _, _ = attempt(12, seed=3)
    assert np.array_equal(worlds.state(0), other.state(0), equal_nan=True)
    assert not np.array_equal(one.qpos, attempt(12, seed=4)[2].qpos)


def test_what_is_seen_has_names_and_only_a_person_sees_the_truth() -> None:
    _, robot, data = attempt(11, seed=5)
    for _ in range(2):
        seen, true = task().observe(data), task().sight(data)
        assert seen.shape == (len(task().observation_names),)
        assert true.shape == (len(task().sight_names),)
        assert not [name for name in task().observation_names if name.startswith("contact")]
        off = look(data).in_world(np.array([*data.userdata[[AT_BIAS]], 0.0, data.userdata[AT_BIAS + 1]]), np.eye(3))
        bias = off.position - look(data).origin
        assert 0.0005 < np.linalg.norm(bias) < 0.008
        for book in (14, 21):
            assert np.allclose(seen[book : book + 3] - true[book : book + 3], bias, atol=1e-6)
        assert seen[35] - true[35] == pytest.approx(bias[2], abs=1e-6)
        assert np.array_equal(seen[:14], true[:14])
        for _ in range(5):
            robot.command(np.array([0]), task().hold(data)[None])


def test_the_arm_knows_where_the_prongs_are() -> None:
    """The tool centre point lies beside the flange's axis."""
    _, _, data = attempt(0)
    seen = task().sight(data)
    tool, reference = pose_of(seen[:7]), pose_of(seen[7:14])
    assert np.allclose(tool.position, reference.position, atol=1e-6)
    assert abs(tool.quat @ reference.quat) == pytest.approx(1.0, abs=1e-6)
    fork = task().physics.body("fork").id
    assert np.allclose(data.xpos[fork], tool.position, atol=1e-6)


def test_books_in_use_weigh_what_they_should_and_the_others_hang_still() -> None:
    _, robot, data = attempt(13, seed=1)
    used = task().used(data)
    before = data.qpos.copy()
    for _ in range(25):
        robot.command(np.array([0]), task().hold(data)[None])
    assert -data.actuator_force[AT_SHELF] == pytest.approx(-GRAVITY * sum(BOOKS[k].mass for k in used), rel=0.01) or (
        data.actuator_force[AT_SHELF] == pytest.approx(GRAVITY * sum(BOOKS[k].mass for k in used), rel=0.01)
    )
    for k in range(len(BOOKS)):
        at = int(task().physics.joint(f"book{k}").qposadr[0])
        assert np.allclose(data.qpos[at : at + 7], before[at : at + 7], atol=5e-4)
        if k not in used:
            assert np.array_equal(data.qpos[at : at + 7], before[at : at + 7])


def test_prongs_feel_the_board_below_them() -> None:
    _, robot, data = attempt(0)
    put_fork(data, -0.30, 0.006)
    down = look(data).in_world(np.array([-0.30, 0.0, -0.002]), np.array(look(data).reference_axes))
    for _ in range(60):
        before = task().reference_in_world(data)
        robot.command(np.array([0]), command_of(type(before)(down.position, before.quat))[None])
    force = task().contact_wrench(data)
    assert force[0] == pytest.approx(5.0, abs=1.2)
    assert np.abs(force[1:3]).max() < 0.5


# When it is solved.


@pytest.mark.parametrize("case", [0, 9, 10, 17])
def test_books_that_stand_at_the_side_with_the_fork_away_are_success(case: int) -> None:
    _, robot, data = attempt(case)
    put_fork(data, *AWAY)
    stand(data, off=0.002)
    assert task().stages(data) == (True,) * 4
    for _ in range(50):
        robot.command(np.array([0]), task().hold(data)[None])
    assert task().success(data)


def test_standing_while_the_fork_holds_them_is_not() -> None:
    _, _, data = attempt(0)
    stand(data)
    book = look(data).lower
    put_fork(data, -book.thickness - GAP + 0.004, 0.04, pitch=UP)
    assert task().stages(data) == (True, True, True, False)


@pytest.mark.parametrize(("off", "pitch"), [(0.03, UP), (0.0, UP - 0.15), (0.0, 0.6)])
def test_books_off_the_side_or_leaning_are_not(off: float, pitch: float) -> None:
    _, _, data = attempt(0)
    put_fork(data, *AWAY)
    stand(data, off, pitch)
    assert task().stages(data)[2:] == (False, False)


def test_one_of_two_is_not() -> None:
    _, _, data = attempt(10)
    put_fork(data, *AWAY)
    stand(data)
    upper = task().used(data)[1]
    data.qpos[int(task().physics.joint(f"book{upper}").qposadr[0]) + 2] += 0.1
    assert not task().success(data)


def test_moving_or_stopped_is_not() -> None:
    _, _, data = attempt(0)
    put_fork(data, *AWAY)
    stand(data)
    assert task().success(data)
    at = int(task().physics.joint("book0").dofadr[0])
    data.qvel[at + 4] = 0.5
    assert not task().success(data)
    data.qvel[at + 4] = 0.0
    data.userdata[AT_STOP] = 1.0
    assert not task().success(data)
    assert task().failure(data) == "stopped: force"


# How a failure is named.


def test_inserted_too_high() -> None:
    _, _, data = attempt(0)
    view = look(data)
    front = view.lower.at(-view.lower.depth / 2, 0.0, 0.0)
    for depth, high in ((0.03, view.lower.thickness + GAP + 0.01), (-0.001, 0.015)):
        put_fork(data, front[0] + depth, high, y=front[1])
        assert task().failure(data) == "inserted too high"
        assert task().stages(data)[0] is False


def test_between_the_books() -> None:
    _, _, data = attempt(10)
    lower = look(data).lower
    front = lower.at(-lower.depth / 2, 0.0, 0.0)
    put_fork(data, front[0] + 0.04, GAP + lower.thickness + GAP / 2, y=front[1])
    assert task().failure(data) == "between the books"
    assert task().stages(data)[0] is False
    put_fork(data, front[0] + INSERTED + 0.01, GAP / 2, y=front[1])
    assert task().stages(data) == (True, False, False, False)


def test_retracted_early() -> None:
    _, robot, data = attempt(0)
    put_fork(data, *AWAY)
    stand(data, off=0.01, pitch=1.2)
    assert look(data).lower.pitch > LIFTED
    for _ in range(60):
        robot.command(np.array([0]), task().hold(data)[None])
    assert abs(look(data).lower.pitch) < 0.1
    assert task().failure(data) == "retracted early"


def test_book_fell() -> None:
    _, _, data = attempt(0)
    put_fork(data, *AWAY)
    at = int(task().physics.joint("book0").qposadr[0])
    data.qpos[at + 2] -= 0.1
    assert task().failure(data) == "book fell"


def test_a_state_brings_everything_back() -> None:
    worlds, robot, data = attempt(11, seed=2)
    skill = task().skill(np.random.default_rng(0))
    for _ in range(150):
        robot.command(np.array([0]), skill.act(task().sight(data))[None])
    state, seen = worlds.state(0), task().observe(data)
    action = task().hold(data)

    def go_on() -> np.ndarray:
        for _ in range(20):
            robot.command(np.array([0]), action[None])
        return worlds.state(0)

    first = go_on()
    worlds.reset(0)
    worlds.set_state(0, state)
    assert np.array_equal(task().observe(data), seen)
    assert np.array_equal(go_on(), first, equal_nan=True)


@pytest.mark.parametrize("camera", ["side", "wrist"])
def test_cameras_see_the_books(camera: str) -> None:
    _, _, data = attempt(0)
    model = task().drawing
    drawn = mujoco.MjData(model)
    drawn.qpos[:] = data.qpos
    mujoco.mj_forward(model, drawn)
    picture = Camera(model, camera, 96, 72).look(drawn)
    bodies = model.geom_bodyid[picture.geom[picture.geom >= 0]]
    assert (bodies == model.body("book0").id).sum() > 60
    assert (bodies == model.body("fork").id).sum() > 10
