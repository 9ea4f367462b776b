"""The simulated Sawyer: what an action means, and limits that hold whatever the action."""

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retouch.errors import RobotError
from retouch.geometry import quat_from_matrix, quat_inverse, quat_multiply, quat_to_vector
from retouch.robots.sawyer import FINGER_CLOSED, FINGER_OPEN, HOME, LINKS, Sawyer, add_sawyer
from retouch.sim.scene import Scene
from retouch.sim.world import Worlds
from retouch.tasks.threading import Threading

TORQUE = np.array([link.torque for link in LINKS])
SPEED = np.array([link.velocity for link in LINKS])
LOWER, UPPER = np.array([link.lower for link in LINKS]), np.array([link.upper for link in LINKS])
CORNERS = np.array([[-0.35, -0.4, 0.80], [0.3, 0.4, 1.25]])
STROKE = FINGER_CLOSED - FINGER_OPEN
TASK = Threading()


@pytest.fixture(scope="module")
def free_model() -> mujoco.MjModel:
    """The arm on its own: nothing to touch."""
    scene = Scene("arm", visuals=False)
    add_sawyer(scene)
    return scene.compile()


class Alone:
    """One arm at its home posture."""

    def __init__(self, model: mujoco.MjModel, joints=HOME, **settings):
        self.worlds = Worlds(model, 1)
        self.robot = Sawyer(self.worlds, **settings)
        self.data = self.worlds.reset(0)
        self.robot.place(self.data, np.array(joints))
        mujoco.mj_forward(model, self.data)

    def act(self, action, ticks: int = 1) -> None:
        for _ in range(ticks):
            self.robot.command(np.array([0]), np.asarray(action, float)[np.newaxis])

    @property
    def position(self) -> np.ndarray:
        return self.data.site_xpos[self.robot.tool_site].copy()

    @property
    def quat(self) -> np.ndarray:
        return quat_from_matrix(self.data.site_xmat[self.robot.tool_site].reshape(3, 3))


def moved(model: mujoco.MjModel, action, ticks: int = 1) -> np.ndarray:
    arm = Alone(model)
    before = arm.position
    arm.act(action, ticks)
    return arm.position - before


# What an action means.


@pytest.mark.parametrize(("far", "drift"), [(0.0, 1e-4), (0.02, 1e-3), (0.3, 5e-3)])
def test_no_action_holds_the_pose_against_gravity(free_model, far, drift):
    """Five seconds; what drift there is comes with the null space going home, so from far away there is more."""
    arm = Alone(free_model, np.array(HOME) + far * np.array([1.0, 0.7, -1.0, -0.7, 1.0, 1.0, -1.0]))
    position, quat = arm.position, arm.quat
    arm.act(np.zeros(7), 100)
    assert np.linalg.norm(arm.position - position) < drift
    assert np.linalg.norm(quat_to_vector(quat_multiply(quat_inverse(quat), arm.quat))) < 10 * drift


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_shift_moves_along_its_axis_only(free_model, axis, sign):
    action = np.zeros(7)
    action[axis] = 0.2 * sign
    arm = Alone(free_model)
    before, quat = arm.position, arm.quat
    arm.act(action, 4)
    shift = arm.position - before
    assert sign * shift[axis] > 0.005
    assert np.abs(np.delete(shift, axis)).max() < 0.25 * abs(shift[axis])
    assert np.linalg.norm(quat_to_vector(quat_multiply(arm.quat, quat_inverse(quat)))) < 0.02


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_turn_turns_about_its_axis_in_world(free_model, axis, sign):
    action = np.zeros(7)
    action[3 + axis] = 0.2 * sign
    arm = Alone(free_model)
    before, quat = arm.position, arm.quat
    arm.act(action, 4)
    turn = quat_to_vector(quat_multiply(arm.quat, quat_inverse(quat)))
    assert sign * turn[axis] > 0.05
    assert np.abs(np.delete(turn, axis)).max() < 0.25 * abs(turn[axis])
    assert np.linalg.norm(arm.position - before) < 0.015


def test_the_goal_is_the_achieved_pose_plus_the_action(free_model):
    """A long period reaches the goal of one action; the next one starts from where the arm then is."""
    arm = Alone(free_model, control_period=4.0)
    before = arm.position
    arm.act([0.5, -0.5, 0.5, 0, 0, 0, 0])
    assert np.allclose(arm.position - before, [0.025, -0.025, 0.025], atol=5e-4)
    reached = arm.position
    arm.act([0.5, 0, 0, 0, 0, 0, 0])
    assert np.allclose(arm.position - reached, [0.025, 0, 0], atol=5e-4)


def test_a_turn_of_one_action_is_half_a_radian(free_model):
    arm = Alone(free_model, control_period=4.0)
    quat = arm.quat
    arm.act([0, 0, 0, 0, 0, 1, 0])
    assert np.allclose(quat_to_vector(quat_multiply(arm.quat, quat_inverse(quat))), [0, 0, 0.5], atol=0.01)


def test_a_goal_is_not_carried_over_from_tick_to_tick(free_model):
    """robosuite's semantics: what a tick has not reached is forgotten."""
    arm = Alone(free_model)
    before = arm.position
    arm.act([0.2, 0, 0, 0, 0, 0, 0])
    arm.act(np.zeros(7), 40)
    assert (arm.position - before)[0] < 0.009  # of the 10 mm that were asked for


def test_actions_are_clipped_to_one(free_model):
    assert np.array_equal(moved(free_model, [7, -9, 30, 2, -3, 5, 4]), moved(free_model, [1, -1, 1, 1, -1, 1, 1]))
    assert not np.array_equal(moved(free_model, [1, -1, 1, 1, -1, 1, 1]), moved(free_model, [0.9, -1, 1, 1, -1, 1, 1]))


def test_the_gripper_goes_by_sign_and_closes_in_ten_actions(free_model):
    arm = Alone(free_model)
    fingers = arm.robot.finger_joints
    for tick in range(1, 11):
        arm.act([0, 0, 0, 0, 0, 0, 0.01 if tick % 2 else 1.0])
        assert np.allclose(arm.data.ctrl[7:9], FINGER_OPEN + 0.1 * tick * STROKE)
    arm.act([0, 0, 0, 0, 0, 0, 1], 4)
    assert np.allclose(arm.data.qpos[fingers], FINGER_CLOSED, atol=5e-4)
    arm.act(np.zeros(7), 5)
    assert np.allclose(arm.data.ctrl[7:9], FINGER_CLOSED)
    arm.act([0, 0, 0, 0, 0, 0, -1], 9)
    assert not np.allclose(arm.data.ctrl[7:9], FINGER_OPEN)
    arm.act([0, 0, 0, 0, 0, 0, -1], 5)
    assert np.allclose(arm.data.qpos[fingers], FINGER_OPEN, atol=5e-4)


# What is refused.


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 6])
def test_an_action_that_is_not_finite_moves_nothing(bad, place):
    worlds = Worlds(TASK.physics, 3, 2)
    robot = TASK.robot(worlds)
    for slot in range(3):
        TASK.reset(worlds.reset(slot), np.random.default_rng(slot))
    before = [worlds.state(slot) for slot in range(3)]
    actions = np.full((3, 7), 0.5)
    actions[2, place] = bad
    with pytest.raises(RobotError, match="finite"):
        robot.command(np.arange(3), actions)
    assert all(np.array_equal(worlds.state(slot), before[slot]) for slot in range(3))


@pytest.mark.parametrize(
    ("slots", "shape"), [([0, 1], (1, 7)), ([0], (1, 6)), ([0], (7,)), ([0, 0], (2, 7)), ([-1], (1, 7)), ([2], (1, 7))]
)
def test_commands_that_do_not_fit_move_nothing(slots, shape):
    worlds = Worlds(TASK.physics, 2)
    robot = TASK.robot(worlds)
    before = worlds.state(0)
    with pytest.raises(RobotError):
        robot.command(np.array(slots), np.zeros(shape))
    assert np.array_equal(worlds.state(0), before)


def test_no_command_is_a_command():
    worlds = Worlds(TASK.physics, 2, 2)
    TASK.robot(worlds).command(np.zeros(0, dtype=np.int64), np.zeros((0, 7)))


def test_a_model_that_does_not_begin_with_the_arm_is_refused():
    scene = Scene("wrong", visuals=False)
    body = scene.free_body("first")
    scene.touch(body, "sphere", (0.1,), mass=1.0)
    add_sawyer(scene)
    with pytest.raises(RobotError, match="first"):
        Sawyer(Worlds(scene.compile(), 1))


# Limits, whatever the action.


def worst(actions: np.ndarray, control_period: float = 0.05, seed: int = 0, model=None) -> dict[str, float]:
    """The furthest that worlds went under `actions`, float64[ticks, worlds, 7]: limits are at 1 or 0."""
    count = actions.shape[1]
    worlds = Worlds(model or TASK.physics, count, 2)
    robot = Sawyer(worlds, control_period)
    for slot in range(count):
        data, rng = worlds.reset(slot), np.random.default_rng(seed + slot)
        if model is None:
            TASK.reset(data, rng)
        else:
            robot.place(data, np.array(HOME) + 0.02 * rng.standard_normal(7))
            mujoco.mj_forward(model, data)
    out = {"torque": 0.0, "speed": 0.0, "outside": 0.0, "beyond": -np.inf, "fingers": -np.inf}
    for tick in actions:
        robot.command(np.arange(count), tick)
        for data in worlds.datas:
            tool, fingers = data.site_xpos[robot.tool_site], data.qpos[robot.finger_joints]
            q = data.qpos[:7]
            seen = {
                "torque": np.abs(data.qfrc_actuator[:7] / TORQUE).max(),
                "speed": np.abs(data.qvel[:7] / SPEED).max(),
                "outside": max((CORNERS[0] - tool).max(), (tool - CORNERS[1]).max()),
                "beyond": max((LOWER - q).max(), (q - UPPER).max()),
                "fingers": max((FINGER_OPEN - fingers).max(), (fingers - FINGER_CLOSED).max()),
            }
            out = {name: max(out[name], float(seen[name])) for name in out}
            assert np.array_equal(np.clip(data.ctrl[:7], -TORQUE, TORQUE), data.ctrl[:7])
    assert all(warning.number == 0 for data in worlds.datas for warning in data.warning)
    return out


def hold(figures: dict[str, float]) -> None:
    """What is left when the arm hits the table at full speed; in free space limits hold to the letter, see above."""
    assert figures["torque"] <= 1.0
    assert figures["speed"] <= 1.15
    assert figures["outside"] <= 0.04
    assert figures["beyond"] <= 0.01
    assert figures["fingers"] <= 0.005


def adversaries(ticks: int, per_kind: int = 4) -> np.ndarray:
    rng = np.random.default_rng(3)
    columns = []
    for _ in range(per_kind):
        corner = rng.choice([-1.0, 1.0], 7)
        period = rng.integers(1, 8)
        alternating = np.where((np.arange(ticks) // period % 2)[:, None], corner, -corner)
        down = np.tile([*rng.uniform(-1, 1, 2), -1, 0, 0, 0, corner[6]], (ticks, 1))
        turning = np.tile([*rng.choice([-1.0, 0, 1.0], 6), 1], (ticks, 1))
        columns += [
            rng.uniform(-1, 1, (ticks, 7)),
            rng.choice([-1.0, 1.0], (ticks, 7)),
            1e6 * rng.standard_normal((ticks, 7)),
            alternating,
            np.tile(corner, (ticks, 1)),
            down,
            turning,
        ]
    return np.stack(columns, axis=1)


def test_limits_hold_to_the_letter_in_free_space(free_model):
    figures = worst(adversaries(100), model=free_model)
    assert figures["torque"] <= 1.0
    assert 0.99 < figures["speed"] <= 1.005  # they are reached, or this would show nothing
    assert -0.001 < figures["outside"] <= 0.005
    assert figures["beyond"] <= 0.0
    assert figures["fingers"] <= 1e-4


def test_limits_hold_under_adversaries():
    hold(worst(adversaries(100)))


def test_limits_hold_inside_a_tick_too():
    """Ticks of seven substeps look at phases that whole control periods do not show."""
    hold(worst(np.repeat(adversaries(20, 2), 4, axis=0), control_period=0.014, seed=50))


runs = st.lists(
    st.tuples(st.integers(1, 15), st.tuples(*[st.sampled_from([-1.0, 0.0, 1.0])] * 7)), min_size=3, max_size=8
)


@settings(max_examples=25)
@given(runs)
def test_limits_hold_under_any_saturated_runs(parts):
    hold(worst(np.concatenate([np.tile(action, (length, 1, 1)) for length, action in parts])))


def test_published_figures():
    model = TASK.physics
    assert np.isclose(sum(link.mass for link in LINKS), 17.0862)
    for number, link in enumerate(LINKS):
        assert np.isclose(model.body(f"link{number}").mass[0], link.mass)
        assert model.joint(f"joint{number}").range.tolist() == [link.lower, link.upper]
        assert model.actuator(f"motor{number}").forcerange.tolist() == [-link.torque, link.torque]
    assert TORQUE.tolist() == [80, 80, 40, 40, 9, 9, 9]
    assert SPEED.tolist() == [1.74, 1.328, 1.957, 1.957, 3.485, 3.485, 4.545]
