"""The control law against plain numpy with inverse matrices on the Sawyer's dynamics, and its limits on their own."""

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retouch.control import osc
from retouch.geometry import quat_from_vector, quat_to_matrix
from retouch.robots.sawyer import HOME, LINKS, add_sawyer
from retouch.sim.scene import Scene

LIMITS = {
    name: np.array([getattr(link, name) for link in LINKS], float) for name in ("torque", "velocity", "lower", "upper")
}
WIDE = np.array([[-9.0] * 3, [9.0] * 3])


class Arm:
    """The Sawyer's dynamics at one posture, as the law sees them."""

    def __init__(self, joints: np.ndarray, velocity: np.ndarray):
        scene = Scene("arm", visuals=False)
        add_sawyer(scene)
        model = scene.compile()
        data = mujoco.MjData(model)
        data.qpos[:7], data.qvel[:7] = joints, velocity
        mujoco.mj_forward(model, data)
        full = np.zeros((model.nv, model.nv))
        mujoco.mj_fullM(model, data, full)
        site = model.site("tool").id
        jacobian = np.zeros((6, model.nv))
        mujoco.mj_jacSite(model, data, jacobian[:3], jacobian[3:], site)
        self.q, self.dq = joints.copy(), velocity.copy()
        self.inertia = np.ascontiguousarray(full[:7, :7])
        self.jacobian = np.ascontiguousarray(jacobian[:, :7])
        self.bias = data.qfrc_bias[:7].copy()
        self.position = data.site_xpos[site].copy()
        self.rotation = data.site_xmat[site].copy()

    def mobility(self, rows: slice) -> np.ndarray:
        j = self.jacobian[rows]
        return j @ np.linalg.inv(self.inertia) @ j.T

    def law(self, goal_position, goal_rotation, contact=None, **changes) -> np.ndarray:
        gains = osc.Gains(**(GAINS | changes))
        out = np.empty(7)
        contact = np.zeros(7) if contact is None else contact
        osc.torques(
            self.q, self.dq, np.tril(self.inertia), self.bias, contact, self.jacobian,
            self.position, self.rotation, goal_position, goal_rotation, gains, np.full((83, 7), np.nan), out,
        )  # fmt: skip
        return out

    def acceleration(self, torque: np.ndarray) -> np.ndarray:
        return np.linalg.solve(self.inertia, torque - self.bias)


GAINS = {
    "stiffness": 150.0,
    "damping": 2 * 150.0**0.5,
    "posture_stiffness": 10.0,
    "posture_damping": 2 * 10.0**0.5,
    "posture": np.array(HOME),
    "torque_limit": LIMITS["torque"],
    "velocity_limit": LIMITS["velocity"],
    "lower": LIMITS["lower"],
    "upper": LIMITS["upper"],
    "workspace": WIDE,
    "joint_approach": 4.0,
    "workspace_approach": 12.0,
    "barrier_time": 0.006,
}
FREE = {
    "torque_limit": np.full(7, 1e9),
    "velocity_limit": np.full(7, 1e9),
    "lower": np.full(7, -1e9),
    "upper": np.full(7, 1e9),
    "workspace": 1e9 * WIDE,
}

offsets = st.tuples(*[st.floats(-0.3, 0.3)] * 7).map(np.array)
speeds = st.tuples(*[st.floats(-0.3, 0.3)] * 7).map(np.array)
shifts = st.tuples(*[st.floats(-0.05, 0.05)] * 3).map(np.array)
turns = st.tuples(*[st.floats(-0.28, 0.28)] * 3).map(np.array)


def turned(rotation: np.ndarray, vector: np.ndarray) -> np.ndarray:
    return (quat_to_matrix(quat_from_vector(vector)) @ rotation.reshape(3, 3)).ravel()


def reference(arm: Arm, goal_position: np.ndarray, goal_rotation: np.ndarray) -> np.ndarray:
    """robosuite's formulas, in matrices."""
    j, m = arm.jacobian, arm.inertia
    inverse = np.linalg.inv(m)
    velocity = j @ arm.dq
    now, goal = arm.rotation.reshape(3, 3), goal_rotation.reshape(3, 3)
    error = 0.5 * sum(np.cross(now[:, k], goal[:, k]) for k in range(3))
    kp, kd = GAINS["stiffness"], GAINS["damping"]
    force = np.linalg.inv(j[:3] @ inverse @ j[:3].T) @ (kp * (goal_position - arm.position) - kd * velocity[:3])
    moment = np.linalg.inv(j[3:] @ inverse @ j[3:].T) @ (kp * error - kd * velocity[3:])
    whole = np.linalg.inv(j @ inverse @ j.T)
    null = np.eye(7) - inverse @ j.T @ whole @ j
    posture = m @ (GAINS["posture_stiffness"] * (GAINS["posture"] - arm.q) - GAINS["posture_damping"] * arm.dq)
    return arm.bias + j.T @ np.concatenate([force, moment]) + null.T @ posture


@settings(max_examples=40)
@given(offsets, speeds, shifts, turns)
def test_torques_are_those_of_the_formulas(offset, speed, shift, turn):
    arm = Arm(np.array(HOME) + offset, speed)
    if np.linalg.eigvalsh(arm.mobility(slice(0, 6))).min() < 1e-2:
        return  # near a singularity the law is damped and the formulas are not
    goal = arm.position + shift, turned(arm.rotation, turn)
    expected = reference(arm, *goal)
    assert np.allclose(arm.law(*goal, **FREE), expected, atol=0.02 * np.abs(expected - arm.bias).max() + 1e-3)


def test_a_push_of_the_position_does_not_come_with_a_moment():
    arm = Arm(np.array(HOME), np.zeros(7))
    shift = np.array([0.02, -0.03, 0.01])
    torque = arm.law(arm.position + shift, arm.rotation, **FREE) - arm.bias
    wrench = np.linalg.lstsq(arm.jacobian.T, torque, rcond=None)[0]
    assert np.abs(wrench[3:]).max() < 1e-6
    assert np.allclose(arm.jacobian[:3] @ arm.acceleration(torque + arm.bias), 150 * shift, rtol=0.01)


def test_a_turn_does_not_come_with_a_force():
    arm = Arm(np.array(HOME), np.zeros(7))
    turn = np.array([0.1, 0.0, -0.1])
    torque = arm.law(arm.position, turned(arm.rotation, turn), **FREE) - arm.bias
    wrench = np.linalg.lstsq(arm.jacobian.T, torque, rcond=None)[0]
    assert np.abs(wrench[:3]).max() < 1e-6
    size = np.linalg.norm(turn)
    expected = 150 * np.sin(size) * turn / size
    assert np.allclose(arm.jacobian[3:] @ arm.acceleration(torque + arm.bias), expected, atol=0.01 * 150 * size)


@settings(max_examples=20)
@given(offsets)
def test_the_posture_does_not_move_the_tool(offset):
    arm = Arm(np.array(HOME) + offset, np.zeros(7))
    acceleration = arm.acceleration(arm.law(arm.position, arm.rotation, **FREE))
    if np.linalg.eigvalsh(arm.mobility(slice(0, 6))).min() < 1e-2:
        return
    assert np.abs(arm.jacobian @ acceleration).max() < 1e-4 * np.abs(offset).max() + 1e-9


def test_the_posture_moves_the_elbow_back():
    arm = Arm(np.array(HOME), np.zeros(7))
    elbow = np.linalg.svd(arm.jacobian)[2][6]
    arm.q += 0.1 * elbow
    torque = arm.law(arm.position, arm.rotation, **FREE)
    assert arm.acceleration(torque) @ elbow < -0.5


@settings(max_examples=40)
@given(offsets, st.tuples(*[st.floats(-1, 1)] * 7).map(np.array), st.tuples(*[st.floats(-5, 5)] * 3).map(np.array))
def test_torques_stay_in_range_whatever_is_asked(offset, speed, far):
    arm = Arm(np.array(HOME) + offset, speed * LIMITS["velocity"])
    torque = arm.law(arm.position + far, turned(arm.rotation, far))
    assert np.all(np.abs(torque) <= LIMITS["torque"])


@settings(max_examples=40)
@given(offsets, shifts)
def test_accelerations_keep_speeds_and_workspace(offset, far):
    """With torque to spare, each limit is kept by the acceleration that reaches it within the barrier's time."""
    arm = Arm(np.array(HOME) + offset, np.zeros(7))
    workspace = np.array([arm.position - 0.001, arm.position + 0.001])
    slow = np.full(7, 0.02)
    torque = arm.law(
        arm.position + far, arm.rotation, torque_limit=np.full(7, 1e6), workspace=workspace, velocity_limit=slow
    )
    acceleration = arm.acceleration(torque)
    assert np.all(np.abs(acceleration) * GAINS["barrier_time"] <= 1.01 * slow)
    speed = arm.jacobian[:3] @ acceleration * GAINS["barrier_time"]
    assert np.all(np.abs(speed) <= 1.01 * 12.0 * 0.001)


def test_a_joint_at_its_end_stop_is_not_driven_on():
    arm = Arm(np.array(HOME), np.zeros(7))
    upper = LIMITS["upper"].copy()
    upper[3] = arm.q[3]
    goal = arm.position + np.array([-0.2, 0.0, 0.0])  # towards the base: the elbow would fold
    assert arm.acceleration(arm.law(goal, arm.rotation))[3] > 1.0
    assert arm.acceleration(arm.law(goal, arm.rotation, upper=upper))[3] < 1e-3


def test_what_the_arm_touches_counts_towards_its_limits():
    arm = Arm(np.array(HOME), np.zeros(7))
    push = np.zeros(7)
    push[3] = 10.0
    upper = LIMITS["upper"].copy()
    upper[3] = arm.q[3]
    torque = arm.law(arm.position, arm.rotation, contact=push, upper=upper)
    assert arm.acceleration(torque + push)[3] < 1e-3


@given(turns)
def test_rotations_are_of_the_fixed_frame(turn):
    rotation = quat_to_matrix(quat_from_vector(np.array([0.3, -0.2, 0.9]))).ravel()
    out = np.empty(9)
    osc.rotate_by_vector(turn, rotation, out)
    assert np.allclose(out, turned(rotation, turn), atol=1e-12)


@pytest.mark.parametrize("size", [1, 3, 7])
def test_solve_undoes_the_product(size):
    rng = np.random.default_rng(size)
    a = rng.standard_normal((size, size))
    matrix = a @ a.T + np.eye(size)
    expected = rng.standard_normal(size)
    factor, x = np.empty((size, size)), matrix @ expected
    osc.cholesky(np.tril(matrix), size, factor)
    osc.solve(factor, size, x)
    assert np.allclose(x, expected)
