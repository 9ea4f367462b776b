"""What arms that yield are allowed: those that take a command as the simulated UR5e does (`ur5e.command_of`)."""

from retouch.robots.protocol import Bounds, Entry
from retouch.robots.ur5e_tick import BASE, REFERENCE

POSE = ("x", "y", "z", "qw", "qx", "qy", "qz")
Corner = tuple[float, float, float]


def bounds_of(
    low: Corner,
    high: Corner,
    *,
    speed: tuple[float, float] = (0.25, 1.0),
    force: float = 60.0,
    torque: float = 8.0,
    target: tuple[float, float] = (20.0, 2.0),
    stiffness: tuple[float, float] = (2000.0, 200.0),
    damping: tuple[float, float] = (1000.0, 50.0),
    silence: float = 0.2,
    age: float = 0.1,
) -> Bounds:
    """The bounds of a command, in the order of the slices of `ur5e_tick`.

    Args:
        low, high: corners of the workspace of the tool centre point, in world [m].
        speed: of the reference [m/s], [rad/s].
        force, torque: most that the tool may feel [N], [N m].
        target: most that it may be asked to feel [N], [N m].
        stiffness: most of it [N/m], [N m/rad].
        damping: most of it [N s/m], [N m s].
        silence, age: as of `Bounds` [s].
    """
    place = [*zip(low, high, strict=True), *[(-1.001, 1.001)] * 4]
    poses = [Entry(f"{of}.{n}", *ends) for of in ("base", "reference") for n, ends in zip(POSE, place, strict=True)]
    wrench = [Entry(f"target.{k}{n}", -target[i], target[i]) for i, k in enumerate("ft") for n in "xyz"]
    spring = [Entry(f"stiffness.{n}", 0.0, most) for n, most in zip(("linear", "angular"), stiffness, strict=True)]
    damper = [Entry(f"damping.{n}", 0.0, most) for n, most in zip(("linear", "angular"), damping, strict=True)]
    return Bounds(
        (*poses, *wrench, *spring, *damper), (BASE.start, REFERENCE.start), speed, force, torque, silence, age
    )
