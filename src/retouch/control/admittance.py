"""Admittance control (CR-DAgger, section 3.1): the tool yields to forces about a reference as a mass on a spring does.

    e = T^-1 T_reference Exp(-w / K)    M dv/dt = c (K e + clip(D (v_r - s))) + wrench - D (v - s)    T <- T Exp(v dt)

T is the pose that the arm is asked for, `w` a wrench that the tool shall feel: it presses with it; c <= 1 is such that
c K e is no more than the spring's bound. Damping is against the reference's own velocity v_r, so that in the air the
tool does not trail behind it; of that velocity, `s` is what the tool already follows. The rest pulls with at most the
same bound again, and less the further the reference is away: one that runs does not drag along a tool that is held up.
All in the tool frame: forces first [N], then torques [N m]. A wrench is that of the environment on the tool, at the
tool centre point.
Pure compiled arithmetic on arrays: no MuJoCo, no allocation.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from retouch.control import kinematics, osc
from retouch.control.kinematics import compose, rotation_vector
from retouch.control.osc import rotate_by_vector
from retouch.sim.native import compiled_with

Array = NDArray[np.float64]


class Compliance(NamedTuple):
    """What the law is tuned by; each is for translation and rotation.

    Attributes:
        mass: that the tool seems to have [kg], [kg m^2].
        spring_limit: largest force and torque of the spring [N], [N m].
        speed_limit: [m/s], [rad/s].
        period: of a tick [s].
    """

    mass: tuple[float, float]
    spring_limit: tuple[float, float]
    speed_limit: tuple[float, float]
    period: float


def critical_damping(stiffness: float, mass: float, ratio: float = 1.0) -> float:
    """Damping [N s/m] or [N m s] with which a free tool comes to rest without swinging, times `ratio`."""
    return float(2.0 * ratio * np.sqrt(stiffness * mass))


@compiled_with(osc, kinematics)
@njit(cache=True, nogil=True)
def yield_to(
    wrench: Array,
    target_wrench: Array,
    reference_position: Array,
    reference_turn: Array,
    reference_velocity: Array,
    stiffness: Array,
    damping: Array,
    compliance: Compliance,
    scratch: Array,
    velocity: Array,
    position: Array,
    turn: Array,
    spring: Array,
) -> None:
    """One tick of the law.

    Args:
        wrench: float64[6], on the tool, in the tool frame.
        target_wrench: float64[6], that the tool shall feel; without effect in a direction without stiffness.
        reference_position, reference_turn: float64[3], float64[9], in world.
        reference_velocity: float64[6], in world [m/s], [rad/s]; without effect where there is no stiffness.
        stiffness: float64[2] [N/m], [N m/rad]; 0 lets go.
        damping: float64[2] [N s/m], [N m s].
        scratch: float64[>=24], overwritten.
        velocity: float64[6], of the tool in its own frame [m/s], [rad/s]; goes on.
        position, turn: float64[3], float64[9]: the pose asked for, in world; goes on.
        spring: float64[6], how the reference pulled: the spring, and what its motion adds.
    """
    inverse, between, vector, moved = scratch[0:9], scratch[9:18], scratch[18:21], scratch[21:24]

    # The spring: from the pose asked for to where the reference and the target wrench want it, in the tool frame.
    for i in range(3):
        for j in range(3):
            inverse[3 * i + j] = turn[3 * j + i]
    for i in range(3):
        away = 0.0
        for j in range(3):
            away += inverse[3 * i + j] * (reference_position[j] - position[j])
        spring[i] = away
    compose(inverse, reference_turn, between)
    if stiffness[0] > 0.0:
        for i in range(3):
            for j in range(3):
                spring[i] -= between[3 * i + j] * target_wrench[j] / stiffness[0]
    if stiffness[1] > 0.0:
        for i in range(3):
            vector[i] = -target_wrench[3 + i] / stiffness[1]
        # between <- between Exp(vector): a turn in the reference's own frame is R Exp(v) = Exp(R v) R
        for i in range(3):
            moved[i] = between[3 * i] * vector[0] + between[3 * i + 1] * vector[1] + between[3 * i + 2] * vector[2]
        rotate_by_vector(moved, between, inverse)
        rotation_vector(inverse, vector)
    else:
        rotation_vector(between, vector)
    for i in range(3):
        spring[3 + i] = vector[i]

    # The mass: half by half, a pull of bounded strength, and damping taken implicitly so that any of it is stable.
    for half in range(2):
        o, speed, along = 3 * half, 0.0, 0.0
        for i in range(3):
            moved[i] = 0.0
            if stiffness[half] > 0.0:
                for j in range(3):
                    moved[i] += turn[3 * j + i] * reference_velocity[o + j]
            speed += moved[i] ** 2
            along += moved[i] * velocity[o + i]
        followed = min(1.0, max(0.0, along / max(1e-12, speed)))
        norm = 0.0
        for i in range(3):
            spring[o + i] *= stiffness[half]
            norm += spring[o + i] ** 2
        limit = compliance.spring_limit[half]
        scale = min(1.0, limit / max(1e-12, np.sqrt(norm)))
        ahead = damping[half] * (1.0 - followed)
        ahead = min(ahead, limit / max(1e-12, np.sqrt(speed)))
        gain = compliance.period / compliance.mass[half]
        norm = 0.0
        for i in range(3):
            spring[o + i] = scale * (spring[o + i] + ahead * moved[i])
            velocity[o + i] += gain * (spring[o + i] + wrench[o + i] + damping[half] * followed * moved[i])
            velocity[o + i] /= 1.0 + gain * damping[half]
            norm += velocity[o + i] ** 2
        scale = min(1.0, compliance.speed_limit[half] / max(1e-12, np.sqrt(norm)))
        for i in range(3):
            velocity[o + i] *= scale

    # The pose goes on by the velocity: T Exp(v dt).
    for i in range(3):
        vector[i], moved[i] = 0.0, 0.0
        for j in range(3):
            vector[i] += turn[3 * i + j] * velocity[j] * compliance.period
            moved[i] += turn[3 * i + j] * velocity[3 + j] * compliance.period
    for i in range(3):
        position[i] += vector[i]
    rotate_by_vector(moved, turn, inverse)
    for i in range(9):
        turn[i] = inverse[i]
