"""Versions of everything that shapes an episode."""

import platform
from importlib.metadata import version


def versions() -> dict[str, str]:
    """Of everything that shapes an episode."""
    names = ("retouch", "mujoco", "numpy", "numba", "torch")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
