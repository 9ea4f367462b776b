"""The arm's kinematics against MuJoCo's, and steps of the joints that go where they should."""

import mujoco
import numpy as np
import pytest
from tests.robots.ur5e_scene import TOOL, model

from retouch.control import kinematics
from retouch.geometry import quat_from_vector, quat_to_matrix

CHAIN_SCRATCH = 60


def forward(joints: np.ndarray, chain: kinematics.Chain) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    position, turn, jacobian = np.empty(3), np.empty(9), np.empty((6, 6))
    kinematics.forward(joints, chain, np.empty(CHAIN_SCRATCH), position, turn, jacobian)
    return position, turn.reshape(3, 3), jacobian


def test_it_is_where_the_simulation_is() -> None:
    from retouch.robots.ur5e_arm import chain

    physics = model()
    data, rng = mujoco.MjData(physics), np.random.default_rng(0)
    site, arm = physics.site("tcp").id, chain(TOOL)
    linear, angular = np.zeros((3, physics.nv)), np.zeros((3, physics.nv))
    for _ in range(20):
        data.qpos[:6] = rng.uniform(-3, 3, 6)
        mujoco.mj_forward(physics, data)
        mujoco.mj_jacSite(physics, data, linear, angular, site)
        position, turn, jacobian = forward(data.qpos[:6].copy(), arm)
        np.testing.assert_allclose(position, data.site_xpos[site], atol=1e-12)
        np.testing.assert_allclose(turn, data.site_xmat[site].reshape(3, 3), atol=1e-12)
        np.testing.assert_allclose(jacobian, np.vstack([linear, angular])[:, :6], atol=1e-12)


def test_a_step_does_what_is_asked_away_from_singularities() -> None:
    from retouch.robots.ur5e import POSTURE
    from retouch.robots.ur5e_arm import chain

    joints, arm, rng = np.array(POSTURE), chain(TOOL), np.random.default_rng(1)
    _, _, jacobian = forward(joints, arm)
    out = np.empty(6)
    for _ in range(20):
        twist = rng.normal(0, 1e-3, 6)
        kinematics.step_towards(jacobian, twist, 1e-4, np.empty((13, 6)), out)
        np.testing.assert_allclose(jacobian @ out, twist, atol=1e-6)
    stretched = np.zeros(6)  # the arm is straight: no step along it is possible
    _, _, jacobian = forward(stretched, arm)
    kinematics.step_towards(jacobian, np.full(6, 1e-3), 1e-3, np.empty((13, 6)), out)
    assert np.abs(out).max() < 1.0


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-5, 0.5, 2.0, 3.1, np.pi])
def test_rotation_vectors(angle: float) -> None:
    rng = np.random.default_rng(2)
    for _ in range(10):
        axis = rng.normal(size=3)
        vector, out = angle * axis / np.linalg.norm(axis), np.empty(3)
        turn = quat_to_matrix(quat_from_vector(vector))
        kinematics.rotation_vector(turn.ravel(), out)
        again = quat_to_matrix(quat_from_vector(out))
        np.testing.assert_allclose(again, turn, atol=1e-7)
        if angle < 3.0:
            np.testing.assert_allclose(out, vector, atol=1e-7)
