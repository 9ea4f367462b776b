"""Versions of everything that shapes an episode."""

import platform
from importlib.metadata import version

from retouch.policies.protocol import Versioned


def versions(*parts: object) -> dict[str, str]:
    """Of everything that shapes an episode, among it what its policy and its task know of their own."""
    names = ("retouch", "mujoco", "numpy", "numba", "torch")
    found = {"python": platform.python_version(), **{name: version(name) for name in names}}
    for part in parts:
        if isinstance(part, Versioned):
            found |= part.versions
    return found
