"""What other packages bring, by entry points: found by name, imported when it is asked for.

    [project.entry-points."retouch.tasks"]
    stacking = "their_package.stacking:Stacking"

Groups: `retouch.tasks` (a class of `tasks.base.Task`), `retouch.yielding_tasks` (one of `tasks.contact.ContactTask`),
`retouch.policies` (a type of policy, `policies.checkpoint`),
`retouch.profiles` (a scripted person, `operators.profile.Profile`), `retouch.operators` (called without arguments, it
makes an `operators.correction.Operator`), `retouch.robots` (called with an address, it makes a
`robots.protocol.Robot`).
"""

import functools
import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from retouch.errors import InputError, UnknownName


@functools.cache
def brought(group: str) -> dict[str, str]:
    """Name to `package.module:attribute` of everything that other packages bring to a group."""
    return {entry.name: entry.value for entry in entry_points(group=group)}


def load(kind: str, name: str, targets: Mapping[str, str]) -> Any:
    """What a name stands for.

    Args:
        kind: what it is, for messages.
        targets: every name, and where it is.

    Raises:
        UnknownName: nothing has this name.
        InputError: the package that brings it is broken.
    """
    if name not in targets:
        raise UnknownName(kind, name, targets)
    module, _, attribute = targets[name].partition(":")
    try:
        return functools.reduce(getattr, attribute.split("."), importlib.import_module(module))
    except (ImportError, AttributeError) as error:
        raise InputError(f"{kind} '{name}' cannot be loaded from {targets[name]}: {error}") from error
