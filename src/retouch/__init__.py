"""Improve a robot's manipulation policy by correcting it while it runs.

Importing this package is quick and pulls in neither torch nor MuJoCo: the public names below are imported when they
are first used.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

# Public name -> the module that defines it.
_PUBLIC = {
    "CorruptEpisode": "retouch.errors",
    "InputError": "retouch.errors",
    "MissingExtra": "retouch.errors",
    "PolicyError": "retouch.errors",
    "RetouchError": "retouch.errors",
    "RobotError": "retouch.errors",
    "StoreError": "retouch.errors",
    "UnknownName": "retouch.errors",
    "diagnose": "retouch.doctor",
}

__all__ = ["__version__", *sorted(_PUBLIC)]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'retouch' has no attribute '{name}'")
    value = getattr(importlib.import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
