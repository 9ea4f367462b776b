"""Tasks as people name them: a registered one, `gym:ID`, or `gym:FILE.toml` for one of another interpreter."""

from collections.abc import Iterator
from contextlib import contextmanager

from retouch.tasks.base import Task
from retouch.tasks.environment_file import EnvironmentFile, environment_path
from retouch.tasks.registry import make


@contextmanager
def attempted(name: str) -> Iterator[Task]:
    """A task for as long as the block lasts.

    The name is one that a person has given: a file's command is started. What a data set or a run says goes to `make`.

    Raises InputError or UnknownName where there is no such task, EnvironmentStopped where it cannot be started.
    """
    path = environment_path(name)
    if path is None:
        yield make(name)
        return
    from retouch.tasks.served import ServedTask

    with ServedTask(EnvironmentFile.read(path)) as task:
        yield task
