"""Rotations and poses obey the axioms of their groups, and agree with each other's forms."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from retouch.geometry import (
    Pose,
    quat_about,
    quat_between,
    quat_from_matrix,
    quat_from_vector,
    quat_inverse,
    quat_multiply,
    quat_near,
    quat_rotate,
    quat_to_matrix,
    quat_to_vector,
    slerp,
)

IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])

numbers = st.floats(-1, 1)
vectors = st.tuples(numbers, numbers, numbers).map(np.array)


def unit(values: tuple[float, ...]) -> np.ndarray:
    return np.array(values) / np.linalg.norm(values)


quats = st.tuples(numbers, numbers, numbers, numbers).filter(lambda q: np.linalg.norm(q) > 0.1).map(unit)
directions = st.tuples(numbers, numbers, numbers).filter(lambda v: np.linalg.norm(v) > 0.1).map(unit)
poses = st.builds(Pose, vectors, quats)


def same_rotation(a: np.ndarray, b: np.ndarray, tolerance: float = 1e-9) -> bool:
    return min(np.abs(a - b).max(), np.abs(a + b).max()) < tolerance


def same_pose(a: Pose, b: Pose) -> bool:
    return same_rotation(a.quat, b.quat) and np.allclose(a.position, b.position, atol=1e-9)


@given(quats, quats, quats)
def test_rotations_are_a_group(a, b, c):
    assert np.allclose(quat_multiply(quat_multiply(a, b), c), quat_multiply(a, quat_multiply(b, c)))
    assert np.allclose(quat_multiply(a, IDENTITY), a)
    assert np.allclose(quat_multiply(IDENTITY, a), a)
    assert np.allclose(quat_multiply(a, quat_inverse(a)), IDENTITY)
    assert np.isclose(np.linalg.norm(quat_multiply(a, b)), 1.0)


@given(quats, quats, vectors)
def test_the_product_turns_by_the_right_factor_first(a, b, v):
    assert np.allclose(quat_rotate(quat_multiply(a, b), v), quat_rotate(a, quat_rotate(b, v)))


@given(quats, vectors)
def test_matrix_and_quaternion_turn_alike(q, v):
    matrix = quat_to_matrix(q)
    assert np.allclose(matrix @ v, quat_rotate(q, v))
    assert np.allclose(matrix @ matrix.T, np.eye(3))
    assert np.isclose(np.linalg.det(matrix), 1.0)


@given(quats)
def test_matrix_there_and_back(q):
    back = quat_from_matrix(quat_to_matrix(q))
    assert back[0] >= 0
    assert same_rotation(back, q)


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("angle", [math.pi, math.pi - 1e-9, -math.pi / 2, 1e-7])
def test_matrix_there_and_back_where_branches_meet(axis, angle):
    q = quat_about(np.eye(3)[axis], angle)
    assert same_rotation(quat_from_matrix(quat_to_matrix(q)), q)


@given(vectors)
def test_vector_there_and_back(v):
    v = 3.1 * v / max(1.0, float(np.linalg.norm(v)))
    assert np.allclose(quat_to_vector(quat_from_vector(v)), v, atol=1e-9)


@given(quats)
def test_a_rotation_vector_is_the_shortest(q):
    v = quat_to_vector(q)
    assert np.linalg.norm(v) <= math.pi + 1e-12
    assert np.allclose(v, quat_to_vector(-q)) or np.linalg.norm(v) > math.pi - 1e-6
    assert same_rotation(quat_from_vector(v), q)


@pytest.mark.parametrize("size", [0.0, 1e-12, 1e-9, 2e-9, 1e-6])
def test_small_rotations_lose_nothing(size):
    v = size * np.array([0.6, 0.0, 0.8])
    assert np.allclose(quat_to_vector(quat_from_vector(v)), v, rtol=1e-6, atol=0)


def test_quarter_turn_about_z():
    q = quat_about(np.array([0.0, 0.0, 1.0]), math.pi / 2)
    assert np.allclose(quat_rotate(q, np.array([1.0, 0.0, 0.0])), [0.0, 1.0, 0.0])


@given(quats, quats)
def test_near_picks_the_sign_and_keeps_the_rotation(q, reference):
    near = quat_near(q, reference)
    assert near @ reference >= 0
    assert same_rotation(near, q, 1e-15)


@given(directions, directions)
def test_between_turns_one_direction_into_the_other(a, b):
    assume(a @ b > -0.999)
    q = quat_between(a, b)
    assert np.allclose(quat_rotate(q, a), b, atol=1e-7)
    assert np.isclose(np.linalg.norm(quat_to_vector(q)), math.acos(np.clip(a @ b, -1, 1)), atol=1e-6)


@given(directions)
def test_between_opposite_directions(a):
    assert np.allclose(quat_rotate(quat_between(a, -a), a), -a, atol=1e-6)


@given(quats, quats, st.floats(0, 1))
def test_slerp_goes_the_shortest_way_at_constant_speed(a, b, fraction):
    whole = np.linalg.norm(quat_to_vector(quat_multiply(quat_inverse(a), b)))
    assume(whole < 3.1)
    part = np.linalg.norm(quat_to_vector(quat_multiply(quat_inverse(a), slerp(a, b, fraction))))
    assert np.isclose(part, fraction * whole, atol=1e-7)
    assert same_rotation(slerp(a, b, 0.0), a)
    assert same_rotation(slerp(a, b, 1.0), b)


@given(poses, poses, poses)
def test_poses_are_a_group(a, b, c):
    assert same_pose((a @ b) @ c, a @ (b @ c))
    assert same_pose(a @ Pose.identity(), a)
    assert same_pose(a @ a.inverse(), Pose.identity())
    assert same_pose(a.inverse() @ a, Pose.identity())


@given(poses, poses, vectors)
def test_poses_chain_as_their_points_do(a, b, point):
    assert np.allclose((a @ b).apply(point), a.apply(b.apply(point)))
    assert np.allclose(a.inverse().apply(a.apply(point)), point)


@given(poses)
def test_axes_are_the_columns_of_the_matrix(a):
    assert np.allclose(np.column_stack([a.axis(i) for i in range(3)]), quat_to_matrix(a.quat))


def test_a_pose_from_a_row_has_a_unit_quaternion():
    pose = Pose.from_vector(np.array([1.0, 2.0, 3.0, 0.0, 2.0, 0.0, 0.0]))
    assert pose.position.tolist() == [1, 2, 3]
    assert pose.quat.tolist() == [0, 1, 0, 0]
