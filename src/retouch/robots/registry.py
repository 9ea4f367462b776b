"""Robots by name, as people give it: `NAME` or `NAME:ADDRESS`. Nothing is imported before its robot is made.

Other packages bring robots through entry points of the group `retouch.robots`; each is called with the address, an
empty text where there is none, and gives a `protocol.Robot`:

    [project.entry-points."retouch.robots"]
    gofa = "their_package.gofa:robot"
"""

import functools
import importlib
from importlib.metadata import entry_points

from retouch.errors import InputError, UnknownName
from retouch.robots.protocol import Robot

GROUP = "retouch.robots"

_TARGETS = {
    "ur": "retouch.robots.ur:robot",
    "ur5e-simulated": "retouch.robots.simulated:robot",
}


def targets() -> dict[str, str]:
    """Every name and what it stands for; a plug-in cannot take a name away from a robot of ours."""
    return {**{entry.name: entry.value for entry in entry_points(group=GROUP)}, **_TARGETS}


def make(named: str) -> Robot:
    """A robot, not yet connected.

    Raises:
        UnknownName: there is none of this name.
        InputError: the package that brings it is broken, or it wants an address, or none.
    """
    name, _, address = named.partition(":")
    known = targets()
    if name not in known:
        raise UnknownName("robot", name, known)
    module, _, attribute = known[name].partition(":")
    try:
        factory = functools.reduce(getattr, attribute.split("."), importlib.import_module(module))
    except (ImportError, AttributeError) as error:
        raise InputError(f"robot '{name}' cannot be loaded from {known[name]}: {error}") from error
    made: Robot = factory(address)  # type: ignore[operator]
    return made
