"""One control period of a UR5e under admittance control, compiled: nothing here returns to the interpreter.

Every tick of 2 ms: the reference goes on, the tool yields (control.admittance), the joints follow (control.kinematics),
a person pulls (control.hand), the physics steps, the sensors are read, the limits are watched, a record is written.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from retouch.control import admittance, hand, kinematics, osc
from retouch.robots import ur5e_arm
from retouch.robots.ur5e_arm import JOINTS, VELOCITY_LIMIT
from retouch.sim import native, poses
from retouch.sim import world as w
from retouch.sim.native import call, compiled_with, doubles, take

TICK = 0.002  # of the controller [s]


class Limits(NamedTuple):
    """Beyond any of these the robot stops within a tick and holds still.

    Attributes:
        force, torque: of what the tool touches, at the tool centre point [N], [N m].
        wrist_force, wrist_torque: of all that the wrist feels, the hand on the handle besides, at the same point.
        step, turn: of the reference in one tick [m], [rad].
        lag: of the arm behind what it is asked for [m].
    """

    force: float = 60.0
    torque: float = 8.0
    wrist_force: float = 100.0
    wrist_torque: float = 20.0
    step: float = 0.03
    turn: float = 0.2
    lag: float = 0.05


STOPS = (
    *("", "force", "torque", "reference jumped", "end of a joint", "arm lags behind", "command is not a number"),
    "told to stop",
)
"""Why a robot has stopped, by the code that its records have."""

ACTIONS = 24
"""Entries of a command; see the slices."""
BASE, REFERENCE, WRENCH, STIFF, DAMP = slice(0, 7), slice(7, 14), slice(14, 20), slice(20, 22), slice(22, 24)
"""The base policy's pose (kept beside the rest, without effect) and the pose asked for, both of the tool in world as
position and wxyz quaternion; the target wrench in the tool frame; stiffness; damping."""

RECORD = 52
"""Entries of one tick's record."""
TRACKS = {
    "base_reference": slice(0, 7),
    "reference": slice(7, 14),
    "asked_pose": slice(14, 21),
    "measured_pose": slice(21, 28),
    "wrist_wrench": slice(28, 34),
    "contact_wrench": slice(34, 40),
    "hand_wrench": slice(40, 46),
    "stiffness": slice(46, 48),
    "damping": slice(48, 50),
    "hand_holds": slice(50, 51),
    "stopped": slice(51, 52),
}
"""Which entries are what. Poses are in world, wrenches in the tool frame at the tool centre point."""

# What the controller remembers between ticks, in the model's user data: where each thing begins.
AT_POSITION, AT_TURN, AT_VELOCITY, AT_JOINTS = (
    0,
    3,
    12,
    18,
)  # of the pose asked for, and joints that hold it
AT_BASE, AT_REFERENCE = 24, 31
AT_WRIST, AT_CONTACT, AT_HAND = 38, 44, 50
AT_HANDLE, AT_HANDLE_TURN, AT_DRAWN, AT_HOLD, AT_STOP = 56, 59, 68, 74, 75
MEMORY = 76


class Sensing(NamedTuple):
    """What the tick has to know of the sensors, wrist first.

    Attributes:
        readings: int64[2, 2], where force and torque begin.
        tcp: float64[2, 3], from each to the tool centre point, in the tool frame [m].
        mass: float64[2], that hangs on each [kg].
        com: float64[2, 3], of it from the sensor, in the tool frame [m].
        gravity: [m/s^2].
    """

    readings: NDArray[np.int64]
    tcp: NDArray[np.float64]
    mass: NDArray[np.float64]
    com: NDArray[np.float64]
    gravity: float


@njit(cache=True, nogil=True)
def _felt(readings, which, turn, sensing, out):  # type: ignore[no-untyped-def]
    """The wrench from outside, float64[6], at the tool centre point, from what a sensor reads (parent on child)."""
    force, torque = sensing.readings[which]
    tcp, mass, com = sensing.tcp[which], sensing.mass[which], sensing.com[which]
    for k in range(3):
        out[k] = -readings[force + k] + sensing.gravity * mass * turn[6 + k]  # weight, in the tool frame, taken off
    for k in range(3):
        a, b = (k + 1) % 3, (k + 2) % 3
        weight_a, weight_b = -sensing.gravity * mass * turn[6 + a], -sensing.gravity * mass * turn[6 + b]
        out[3 + k] = (
            -readings[torque + k] - (com[a] * weight_b - com[b] * weight_a) - (tcp[a] * out[b] - tcp[b] * out[a])
        )


@compiled_with(osc, kinematics, admittance, poses)
@njit(cache=True, nogil=True)
def follow(memory, action, share, before, compliance, limits, scratch):  # type: ignore[no-untyped-def]
    """One tick of the law: the reference goes on, the tool yields. Returns a code of `STOPS`.

    Args:
        memory: float64[MEMORY]: the wrench felt at the wrist, what the reference and the pose asked for are; goes on.
        action: float64[ACTIONS].
        share: in (0, 1] of the way from `before` to the action's poses that is behind by the end of this tick.
        before: float64[14], the references, base and other, when the action came.
        scratch: float64[>=77], overwritten.
    """
    base, reference, wanted = scratch[0:7], scratch[7:14], scratch[14:23]
    velocity, turned, unturned = scratch[53:59], scratch[59:68], scratch[68:77]
    position, turn = memory[AT_POSITION:AT_TURN], memory[AT_TURN:AT_VELOCITY]
    poses.between(before[0:7], action[0:7], share, base)
    poses.between(before[7:14], action[7:14], share, reference)
    apart, dot = 0.0, 0.0
    for k in range(3):
        apart += (reference[k] - memory[AT_REFERENCE + k]) ** 2
    for k in range(3, 7):
        dot += reference[k] * memory[AT_REFERENCE + k]
    if apart > limits.step**2 or 2.0 * np.arccos(min(1.0, abs(dot))) > limits.turn:
        return 3.0
    poses.matrix_of_quat(reference[3:7], wanted)
    poses.matrix_of_quat(memory[AT_REFERENCE + 3 : AT_REFERENCE + 7], turned)
    for i in range(3):
        velocity[i] = (reference[i] - memory[AT_REFERENCE + i]) / compliance.period
        for j in range(3):
            unturned[3 * i + j] = turned[3 * j + i]
    kinematics.compose(wanted, unturned, turned)
    kinematics.rotation_vector(turned, velocity[3:6])
    for i in range(3):
        velocity[3 + i] /= compliance.period
    for k in range(7):
        memory[AT_BASE + k], memory[AT_REFERENCE + k] = base[k], reference[k]
    admittance.yield_to(
        memory[AT_WRIST:AT_CONTACT],
        action[14:20],
        reference[0:3],
        wanted,
        velocity,
        action[20:22],
        action[22:24],
        compliance,
        scratch[23:47],
        memory[AT_VELOCITY:AT_JOINTS],
        position,
        turn,
        scratch[47:53],
    )
    return 0.0


@compiled_with(osc, kinematics, admittance, poses, ur5e_arm)
@njit(cache=True, nogil=True)
def _ask(memory, action, share, before, chain, compliance, limits, ranges, scratch, solving, step):  # type: ignore[no-untyped-def]
    """One tick: the law, and the joints follow. Returns a code of `STOPS`."""
    position, turn, joints = memory[AT_POSITION:AT_TURN], memory[AT_TURN:AT_VELOCITY], memory[AT_JOINTS:AT_BASE]
    code = follow(memory, action, share, before, compliance, limits, scratch)
    if code != 0.0:
        return code
    there, there_turn, back, between, twist = (
        scratch[0:3],
        scratch[3:12],
        scratch[12:21],
        scratch[21:30],
        scratch[30:36],
    )
    jacobian = solving[0:6]
    kinematics.forward(joints, chain, scratch[36:96], there, there_turn, jacobian)
    for i in range(3):
        twist[i] = position[i] - there[i]
        for j in range(3):
            back[3 * i + j] = there_turn[3 * j + i]
    kinematics.compose(turn, back, between)
    kinematics.rotation_vector(between, twist[3:6])
    kinematics.step_towards(jacobian, twist, 1e-3, solving[6:19], step)
    for j in range(JOINTS):
        step[j] = min(max(step[j], -VELOCITY_LIMIT * TICK), VELOCITY_LIMIT * TICK)
        if not ranges[j, 0] < joints[j] + step[j] < ranges[j, 1]:
            return 4.0
    for j in range(JOINTS):
        joints[j] += step[j]
    return 0.0


@compiled_with(hand, kinematics, poses)
@njit(cache=True, nogil=True)
def _grip(grip, memory, position, turn, com, goal_turn, scratch, applied):  # type: ignore[no-untyped-def]
    """The hand, taking hold or letting go: force and torque on the handle, in world, about its centre of mass."""
    last, last_turn, drawn = memory[AT_HANDLE:AT_HANDLE_TURN], memory[AT_HANDLE_TURN:AT_DRAWN], memory[AT_DRAWN:AT_HOLD]
    if last_turn[0] ** 2 + last_turn[1] ** 2 + last_turn[2] ** 2 == 0.0:  # nobody has seen the handle yet
        for k in range(3):
            last[k] = position[k]
        for k in range(9):
            last_turn[k] = turn[k]
    pace = TICK / max(TICK, grip[14])
    if grip[0] > 0.5:
        memory[AT_HOLD] = min(1.0, memory[AT_HOLD] + pace)
        poses.matrix_of_quat(grip[4:8], goal_turn)
        hand.draw(grip, goal_turn, position, turn, last, last_turn, TICK, scratch, drawn)
    else:  # what was drawn last fades
        memory[AT_HOLD] = max(0.0, memory[AT_HOLD] - pace)
    for k in range(3):
        last[k] = position[k]
    for k in range(9):
        last_turn[k] = turn[k]
    for k in range(3):
        applied[k] = memory[AT_HOLD] * drawn[k]
    for k in range(3):
        a, b = (k + 1) % 3, (k + 2) % 3
        arm_a, arm_b = position[a] - com[a], position[b] - com[b]
        applied[3 + k] = memory[AT_HOLD] * drawn[3 + k] + arm_a * applied[b] - arm_b * applied[a]


@njit(cache=True, nogil=True)
def _hand_felt(memory, handle, tcp, turn, out):  # type: ignore[no-untyped-def]
    """The hand's wrench, float64[6], in the tool frame at the tool centre point."""
    hold, drawn = memory[AT_HOLD], memory[AT_DRAWN:AT_HOLD]
    for k in range(3):
        force, torque = 0.0, 0.0
        for i in range(3):
            a, b = (i + 1) % 3, (i + 2) % 3
            moment = (handle[a] - tcp[a]) * drawn[b] - (handle[b] - tcp[b]) * drawn[a]
            force += turn[3 * i + k] * drawn[i]
            torque += turn[3 * i + k] * (drawn[3 + i] + moment)
        out[k], out[3 + k] = hold * force, hold * torque


@njit(cache=True, nogil=True)
def beyond(memory, tcp, limits):  # type: ignore[no-untyped-def]
    """A code of `STOPS`: what is felt, or how far the arm, float64[3] in world, lags behind what it is asked for."""
    force, torque, wrist_force, wrist_torque, lag = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(3):
        force += memory[AT_CONTACT + k] ** 2
        torque += memory[AT_CONTACT + 3 + k] ** 2
        wrist_force += memory[AT_WRIST + k] ** 2
        wrist_torque += memory[AT_WRIST + 3 + k] ** 2
        lag += (memory[AT_POSITION + k] - tcp[k]) ** 2
    if not (force < limits.force**2 and wrist_force < limits.wrist_force**2):
        return 1.0
    if not (torque < limits.torque**2 and wrist_torque < limits.wrist_torque**2):
        return 2.0
    if not lag < limits.lag**2:
        return 5.0
    return 0.0


@compiled_with(native, osc, kinematics, admittance, hand, poses, w, ur5e_arm)
@njit(cache=True, nogil=True)
def period(  # type: ignore[no-untyped-def]
    counter, functions, model, addresses, actions, grips, records, substeps, places, sizes, sensing, feed_forward,
    ranges, chain, compliance, limits,
):  # fmt: skip
    """One control period of the worlds that `counter` gives, without returning to the interpreter."""
    step1, step2, kinematic = functions
    nu, nsite, nsensor, nbody, nmemory = sizes
    site, handle_site, handle_body = places
    scratch, solving, step, before = np.empty(96), np.empty((19, 6)), np.empty(6), np.empty(14)
    ticks = records.shape[1]
    for _ in range(addresses.shape[0]):
        row = take(counter)  # type: ignore[call-arg, var-annotated]
        if row >= addresses.shape[0]:  # type: ignore[unreachable]
            break
        at, action, grip = addresses[row], actions[row], grips[row]
        data = at[w.DATA]
        ctrl, memory = doubles(at[w.CTRL], nu), doubles(at[w.MEMORY], nmemory)
        readings = doubles(at[w.SENSORS], nsensor)
        positions, turns = doubles(at[w.SITE_XPOS], 3 * nsite), doubles(at[w.SITE_XMAT], 9 * nsite)
        tcp, turn = positions[3 * site : 3 * site + 3], turns[9 * site : 9 * site + 9]
        handle = positions[3 * handle_site : 3 * handle_site + 3]
        handle_turn = turns[9 * handle_site : 9 * handle_site + 9]
        handle_com = doubles(at[w.XIPOS], 3 * nbody)[3 * handle_body : 3 * handle_body + 3]
        applied = doubles(at[w.APPLIED], 6 * nbody)[6 * handle_body : 6 * handle_body + 6]
        for k in range(14):
            before[k] = memory[AT_BASE + k]
        for k in range(ACTIONS):
            if not np.isfinite(action[k]) and memory[AT_STOP] == 0.0:
                memory[AT_STOP] = 6.0
        for tick in range(ticks):
            if memory[AT_STOP] == 0.0:
                share = (tick + 1.0) / ticks
                memory[AT_STOP] = _ask(
                    memory, action, share, before, chain, compliance, limits, ranges, scratch, solving, step
                )
            for j in range(JOINTS):
                ctrl[j] = memory[AT_JOINTS + j]
                if memory[AT_STOP] == 0.0:
                    ctrl[j] += feed_forward[j] * step[j] / TICK
            _grip(grip, memory, handle, handle_turn, handle_com, scratch[0:9], scratch[9:30], applied)
            for _ in range(substeps):
                call(step1, model, data)
                call(step2, model, data)
            call(kinematic, model, data)  # where things are now; the sensors felt the way here
            _felt(readings, 0, turn, sensing, memory[AT_WRIST:AT_CONTACT])
            _felt(readings, 1, turn, sensing, memory[AT_CONTACT:AT_HAND])
            _hand_felt(memory, handle, tcp, turn, memory[AT_HAND:AT_HANDLE])
            if memory[AT_STOP] == 0.0:
                memory[AT_STOP] = beyond(memory, tcp, limits)
            record = records[row, tick]
            for k in range(14):
                record[k] = memory[AT_BASE + k]
            for k in range(3):
                record[14 + k], record[21 + k] = memory[AT_POSITION + k], tcp[k]
            poses.quat_of_matrix(memory[AT_TURN:AT_VELOCITY], record[17:21])
            poses.quat_of_matrix(turn, record[24:28])
            for k in range(18):
                record[28 + k] = memory[AT_WRIST + k]
            for k in range(4):
                record[46 + k] = action[20 + k]
            record[50], record[51] = grip[0], memory[AT_STOP]
        for k in range(6):
            applied[k] = 0.0
