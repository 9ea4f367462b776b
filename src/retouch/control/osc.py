"""Operational-space control of a 7-joint arm (Khatib 1987), with robosuite's OSC_POSE semantics.

Pure compiled arithmetic on arrays: no MuJoCo, no allocation. Position and orientation are decoupled, the null space is
drawn to a posture. Torques, joint ranges, joint speeds and the workspace keep their limits whatever is asked for: of
all accelerations that keep them, the arm takes the one nearest to what was asked for, in the metric of its inertia
(Gauss' principle of least constraint).
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Gains(NamedTuple):
    """What the law is tuned by.

    Attributes:
        stiffness: of the task-space error [1/s^2], positions and orientations alike.
        damping: of the task-space velocity [1/s].
        posture_stiffness, posture_damping: of the null space [1/s^2], [1/s].
        posture: float64[7], where the null space is drawn to [rad].
        torque_limit: float64[7] [N m].
        velocity_limit: float64[7] [rad/s].
        lower, upper: float64[7], joint limits [rad].
        workspace: float64[2, 3], lower and upper corner of where the tool may be, in world [m].
        joint_approach, workspace_approach: fastest speed towards a limit, by distance to it [1/s].
        barrier_time: time in which a speed may reach its limit [s].
    """

    stiffness: float
    damping: float
    posture_stiffness: float
    posture_damping: float
    posture: Array
    torque_limit: Array
    velocity_limit: Array
    lower: Array
    upper: Array
    workspace: Array
    joint_approach: float
    workspace_approach: float
    barrier_time: float


@njit(cache=True, nogil=True)
def cholesky(matrix: Array, size: int, factor: Array) -> None:
    """Lower triangular `factor` with factor factor^T = matrix, float64[size, size], both lower triangles."""
    for i in range(size):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                factor[i, i] = np.sqrt(max(total, 1e-12))
            else:
                factor[i, j] = total / factor[j, j]


@njit(cache=True, nogil=True)
def solve(factor: Array, size: int, vector: Array) -> None:
    """Solve factor factor^T x = vector in place, float64[size]."""
    for i in range(size):
        total = vector[i]
        for k in range(i):
            total -= factor[i, k] * vector[k]
        vector[i] = total / factor[i, i]
    for i in range(size - 1, -1, -1):
        total = vector[i]
        for k in range(i + 1, size):
            total -= factor[k, i] * vector[k]
        vector[i] = total / factor[i, i]


@njit(cache=True, nogil=True)
def rotate_by_vector(rotation_vector: Array, rotation: Array, out: Array) -> None:
    """out = Exp(rotation_vector) rotation: a turn in the fixed frame. float64[3] [rad], float64[9], float64[9]."""
    angle = np.sqrt(rotation_vector[0] ** 2 + rotation_vector[1] ** 2 + rotation_vector[2] ** 2)
    if angle < 1e-12:
        for i in range(9):
            out[i] = rotation[i]
        return
    x, y, z = rotation_vector[0] / angle, rotation_vector[1] / angle, rotation_vector[2] / angle
    c, s = np.cos(angle), np.sin(angle)
    t = 1.0 - c
    turn = (
        (t * x * x + c, t * x * y - s * z, t * x * z + s * y),
        (t * x * y + s * z, t * y * y + c, t * y * z - s * x),
        (t * x * z - s * y, t * y * z + s * x, t * z * z + c),
    )
    for i in range(3):
        for j in range(3):
            out[3 * i + j] = turn[i][0] * rotation[j] + turn[i][1] * rotation[3 + j] + turn[i][2] * rotation[6 + j]


@njit(cache=True, nogil=True)
def torques(
    q: Array,
    dq: Array,
    inertia: Array,
    bias: Array,
    contact: Array,
    jacobian: Array,
    position: Array,
    rotation: Array,
    goal_position: Array,
    goal_rotation: Array,
    gains: Gains,
    scratch: Array,
    out: Array,
) -> None:
    """Joint torques that draw the tool to its goal.

    Args:
        q, dq: float64[>=7], joint positions [rad] and velocities [rad/s].
        inertia: float64[7, 7], lower triangle.
        bias: float64[>=7], gravity, Coriolis and centrifugal torques [N m].
        contact: float64[7], torques of what the arm touches [N m], as far as known; only the limits use it.
        jacobian: float64[6, 7], of the tool in world: linear rows first.
        position, goal_position: float64[3], tool in world [m].
        rotation, goal_rotation: float64[9], tool in world, row-major.
        scratch: float64[>=83, 7], overwritten.
        out: float64[7], the torques [N m], within the limits.
    """
    factor = scratch[0:7]
    weighted = scratch[7:13]  # row r: M^-1 J_r^T
    mobility = scratch[13:19]  # J M^-1 J^T
    block = scratch[19:25]
    wrench = scratch[25]
    pose_torque = scratch[26]
    vector = scratch[27]

    cholesky(inertia, 7, factor)
    for r in range(6):
        for j in range(7):
            weighted[r, j] = jacobian[r, j]
        solve(factor, 7, weighted[r])
    for r in range(6):
        for s in range(r + 1):
            total = 0.0
            for j in range(7):
                total += jacobian[r, j] * weighted[s, j]
            mobility[r, s] = total
            mobility[s, r] = total

    # Task-space acceleration: a spring to the goal and damping, for position and orientation (sine of the angle).
    for k in range(3):
        linear = 0.0
        angular = 0.0
        for j in range(7):
            linear += jacobian[k, j] * dq[j]
            angular += jacobian[3 + k, j] * dq[j]
        a, b = (k + 1) % 3, (k + 2) % 3
        error = 0.0
        for column in range(3):
            error += 0.5 * (
                rotation[3 * a + column] * goal_rotation[3 * b + column]
                - rotation[3 * b + column] * goal_rotation[3 * a + column]
            )
        wrench[k] = gains.stiffness * (goal_position[k] - position[k]) - gains.damping * linear
        wrench[3 + k] = gains.stiffness * error - gains.damping * angular

    # Decoupled: each half is weighted by its own operational-space inertia.
    for half in range(2):
        o = 3 * half
        damping = 1e-3 * (mobility[o, o] + mobility[o + 1, o + 1] + mobility[o + 2, o + 2]) / 3.0
        for i in range(3):
            for j in range(3):
                block[i, j] = mobility[o + i, o + j]
            block[i, i] += damping
            vector[i] = wrench[o + i]
        cholesky(block, 3, scratch[29:32])
        solve(scratch[29:32], 3, vector)
        for i in range(3):
            wrench[o + i] = vector[i]

    # Null space: N^T M (kp (posture - q) - kd dq) with N = I - M^-1 J^T Lambda J.
    for i in range(7):
        vector[i] = gains.posture_stiffness * (gains.posture[i] - q[i]) - gains.posture_damping * dq[i]
    for i in range(7):
        total = 0.0
        for j in range(7):
            total += (inertia[i, j] if j <= i else inertia[j, i]) * vector[j]
        pose_torque[i] = total
    damping = 0.0
    for i in range(6):
        damping += mobility[i, i]
    for i in range(6):
        for j in range(6):
            block[i, j] = mobility[i, j]
        block[i, i] += 1e-8 * damping  # more would leak posture into the task
        total = 0.0
        for j in range(7):
            total += weighted[i, j] * pose_torque[j]
        vector[i] = total
    cholesky(block, 6, scratch[29:35])
    solve(scratch[29:35], 6, vector)
    for j in range(7):
        total = bias[j] + pose_torque[j]
        for r in range(6):
            total += jacobian[r, j] * (wrench[r] - vector[r])
        out[j] = total

    _hold_limits(q, dq, inertia, bias, contact, jacobian, position, gains, scratch, out)


@njit(cache=True, nogil=True)
def _hold_limits(
    q: Array,
    dq: Array,
    inertia: Array,
    bias: Array,
    contact: Array,
    jacobian: Array,
    position: Array,
    gains: Gains,
    scratch: Array,
    out: Array,
) -> None:
    """Bend `out` so that torques, joint ranges and speeds and the tool's workspace stay within their limits.

    The limits are seventeen rows: the tool's three axes in world, seven torques, seven joints.
    """
    factor, weighted, acceleration = scratch[0:7], scratch[7:13], scratch[28]
    low, high, pushes = scratch[40:43].ravel(), scratch[43:46].ravel(), scratch[46:49].ravel()
    rows, moves = scratch[49:66], scratch[66:83]
    bent = False
    for i in range(7):
        low[3 + i] = -gains.torque_limit[i] - bias[i] + contact[i]
        high[3 + i] = gains.torque_limit[i] - bias[i] + contact[i]
        acceleration[i] = out[i] - bias[i] + contact[i]
        bent = bent or abs(out[i]) > gains.torque_limit[i]
    solve(factor, 7, acceleration)
    for k in range(3):
        speed, now = 0.0, 0.0
        for j in range(7):
            speed += jacobian[k, j] * dq[j]
            now += jacobian[k, j] * acceleration[j]
        low[k] = (gains.workspace_approach * (gains.workspace[0, k] - position[k]) - speed) / gains.barrier_time
        high[k] = (gains.workspace_approach * (gains.workspace[1, k] - position[k]) - speed) / gains.barrier_time
        bent = bent or now < low[k] or now > high[k]
    for i in range(7):
        limit = gains.velocity_limit[i]
        slowest = max(-limit, min(0.0, gains.joint_approach * (gains.lower[i] - q[i])))
        fastest = min(limit, max(0.0, gains.joint_approach * (gains.upper[i] - q[i])))
        low[10 + i] = (slowest - dq[i]) / gains.barrier_time
        high[10 + i] = (fastest - dq[i]) / gains.barrier_time
        bent = bent or acceleration[i] < low[10 + i] or acceleration[i] > high[10 + i]
    if not bent:
        return

    for i in range(7):
        for j in range(7):
            unit = 1.0 if i == j else 0.0
            rows[3 + i, j] = inertia[i, j] if j <= i else inertia[j, i]
            moves[3 + i, j] = unit
            rows[10 + i, j] = unit
            moves[10 + i, j] = unit
        solve(factor, 7, moves[10 + i])
    for k in range(3):
        for j in range(7):
            rows[k, j] = jacobian[k, j]
            moves[k, j] = weighted[k, j]
    _nearest(rows, moves, low, high, pushes, acceleration)
    for i in range(7):
        total = bias[i] - contact[i]
        for j in range(7):
            total += rows[3 + i, j] * acceleration[j]
        out[i] = min(max(total, -gains.torque_limit[i]), gains.torque_limit[i])


@njit(cache=True, nogil=True)
def _nearest(rows: Array, moves: Array, low: Array, high: Array, pushes: Array, x: Array) -> None:
    """Move `x` to the nearest point with low <= rows x <= high, in the metric whose inverse maps `rows` to `moves`.

    Gauss-Seidel over the pushes of the rows (Hildreth 1957); where rows contradict each other, later ones win.
    """
    count, size = rows.shape
    for row in range(count):
        pushes[row] = 0.0
    for _ in range(30):
        moved = 0.0
        for row in range(count):
            now, mobility = 0.0, 1e-9
            for j in range(size):
                now += rows[row, j] * x[j]
                mobility += rows[row, j] * moves[row, j]
            over = min(pushes[row] + (high[row] - now) / mobility, 0.0)
            under = max(pushes[row] + (low[row] - now) / mobility, 0.0)
            change = over + under - pushes[row]
            if change != 0.0:
                pushes[row] += change
                moved = max(moved, abs(change) * mobility)
                for j in range(size):
                    x[j] += change * moves[row, j]
        if moved < 1e-3:
            break
