"""Robots by name, as people give it: `NAME` or `NAME:ADDRESS`. Nothing is imported before its robot is made.

Other packages bring robots through entry points of the group `retouch.robots`; each is called with the address, an
empty text where there is none, and gives a `protocol.Robot`:

    [project.entry-points."retouch.robots"]
    gofa = "their_package.gofa:robot"
"""

from retouch.plugins import brought, load
from retouch.robots.protocol import Robot

GROUP = "retouch.robots"

_TARGETS = {
    "lerobot": "retouch.robots.lerobot:robot",
    "ur": "retouch.robots.ur:robot",
    "ur5e-simulated": "retouch.robots.simulated:robot",
}


def targets() -> dict[str, str]:
    """Every name and what it stands for; a plug-in cannot take a name away from a robot of ours."""
    return {**brought(GROUP), **_TARGETS}


def make(named: str) -> Robot:
    """A robot, not yet connected.

    Raises:
        UnknownName: there is none of this name.
        InputError: the package that brings it is broken, or it wants an address, or none.
    """
    name, _, address = named.partition(":")
    made: Robot = load("robot", name, targets())(address)
    return made
