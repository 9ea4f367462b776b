"""Saying how far a long step is, without knowing who listens."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, runtime_checkable


@runtime_checkable
class Stage(Protocol):
    """One long step under way."""

    def at(self, done: float, note: str = "") -> None:
        """`done` of the total is finished."""


@runtime_checkable
class Progress(Protocol):
    """Whoever listens."""

    def stage(self, title: str, total: float) -> AbstractContextManager[Stage]:
        """A context in which one long step runs."""

    def say(self, message: str) -> None:
        """One line worth keeping."""


class _SilentStage:
    def at(self, done: float, note: str = "") -> None:
        """Nothing."""


class Silent:
    """Nobody listens."""

    @contextmanager
    def stage(self, title: str, total: float) -> Iterator[_SilentStage]:
        """Nothing is shown."""
        yield _SilentStage()

    def say(self, message: str) -> None:
        """Nothing."""


SILENT = Silent()
