"""How the reference of a robot that yields goes on towards a target: evenly, so that nothing jumps."""

from retouch.geometry import Pose, quat_from_vector, quat_inverse, quat_multiply, quat_to_vector
from retouch.tasks.vectors import capped

PERIOD = 0.02  # of a command [s]
TRANSIT, TURNING = 0.10, 0.8  # of a hand that is in no hurry [m/s], [rad/s]


def nearer(reference: Pose, target: Pose, speed: float = TRANSIT, turning: float = TURNING) -> Pose:
    """The reference of one command later, on its way to a target [m/s], [rad/s]."""
    turn = quat_to_vector(quat_multiply(target.quat, quat_inverse(reference.quat)))
    return Pose(
        reference.position + capped(target.position - reference.position, speed * PERIOD),
        quat_multiply(quat_from_vector(capped(turn, turning * PERIOD)), reference.quat),
    )
