"""Tasks by name. Nothing is imported before its task is made. Other packages bring theirs: `plugins`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from retouch.errors import InputError
from retouch.plugins import brought, load

if TYPE_CHECKING:
    from retouch.tasks.base import Task

GROUP, GROUP_YIELDING = "retouch.tasks", "retouch.yielding_tasks"
ENVIRONMENT = "gym:"
SERVED = re.compile(rf"{ENVIRONMENT}(?P<file>.+\.toml)(?P<digest>@[0-9a-f]+)?", re.DOTALL)
"""One of another interpreter: as typed, a file that names a command; as kept, with a hash of what was started."""

_targets = {
    "belt-assembly": "retouch.tasks.belt:BeltAssembly",
    "book-flipping": "retouch.tasks.book:BookFlipping",
    "cable-routing": "retouch.tasks.cable:CableRouting",
    "coffee": "retouch.tasks.coffee:Coffee",
    "gear-insertion": "retouch.tasks.gear:GearInsertion",
    "threading": "retouch.tasks.threading:Threading",
}

YIELDING = frozenset({"belt-assembly", "book-flipping", "cable-routing", "gear-insertion"})
"""Tasks of ours with a robot that yields: its policies say where to be, others how to move."""


def register(name: str, target: str) -> None:
    """Make a task known for this process.

    Args:
        name: what it is asked for by.
        target: `package.module:Class`, imported when the task is first made.

    Raises:
        InputError: the name stands for another task already, or `target` has another form.
    """
    module, colon, attribute = target.partition(":")
    if not (module and colon and attribute):
        raise InputError(f"task '{name}': '{target}' is not of the form 'package.module:Class'")
    before = targets().get(name, target)
    if before != target:
        raise InputError(f"task '{name}' is {before} already and cannot be {target} too")
    _targets[name] = target


def targets() -> dict[str, str]:
    """Every name and what it stands for; a plug-in cannot take a name away from a task that is known already."""
    return {**brought(GROUP), **brought(GROUP_YIELDING), **_targets}


def yields(name: str) -> bool:
    """Whether a task's robot yields; its policies say where to be, others how to move."""
    return name in YIELDING or name in brought(GROUP_YIELDING)


def names() -> tuple[str, ...]:
    """Every name that a task can be made by, in alphabetical order."""
    return tuple(sorted(targets()))


def known(name: str) -> bool:
    """Whether there is, or may be, a task of this name: an environment is looked for when it is made."""
    return name in targets() or name.startswith(ENVIRONMENT)


def make(name: str, **options: Any) -> Task:
    """A task by name; `options` go to its class.

    `gym:ID` is an environment of Gymnasium's. One of another interpreter is never made here: see `tasks.named`.

    Raises:
        UnknownName: no task has this name.
        InputError: the package that brings the task is broken, Gymnasium has no such environment, or a command would
            have to be started for it.
        MissingExtra: it is Gymnasium's, which is not installed.
    """
    if SERVED.fullmatch(name):
        raise InputError(
            f"{name} runs in another interpreter, by a command that starts only for who names its file: "
            f"retouch collect, evaluate or improve {ENVIRONMENT}FILE.toml"
        )
    if name.startswith(ENVIRONMENT):
        from retouch.tasks.environment import EnvironmentTask

        return EnvironmentTask(name.removeprefix(ENVIRONMENT))
    task: Task = load("task", name, targets())(**options)
    return task
