"""Versions of everything that shapes an episode."""

import platform
from importlib.metadata import version

from retouch.policies.protocol import Versioned


def versions(policy: object = None) -> dict[str, str]:
    """Of everything that shapes an episode, the policy's own among it where it knows any."""
    names = ("retouch", "mujoco", "numpy", "numba", "torch")
    own = policy.versions if isinstance(policy, Versioned) else {}
    return {"python": platform.python_version(), **{name: version(name) for name in names}, **own}
