"""Figures of a run as it goes on: in `metrics.jsonl` always, and by those trackers that were asked for.

with Tracking(("tensorboard",)).follow(Path("policy")) as figures:
    figures(step, {"loss": 0.1})

A run that goes on tells some steps again; from the first of them on, what was told before is replaced.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from retouch.errors import MissingExtra, UnknownName

if TYPE_CHECKING:
    from retouch.learning.loop import TrainProgress

METRICS = "metrics.jsonl"
TRACKERS = ("tensorboard", "trackio", "wandb")
"""Names of trackers: of the module here, of the library, and of the extra that installs it."""


class Tracker(Protocol):
    """Where figures go."""

    def __call__(self, step: int, figures: Mapping[str, float]) -> None:
        """Tell the figures of a step, which is never below the one before."""

    def close(self) -> None:
        """All has been told."""


class Backend(Protocol):
    """A module of this package that keeps figures by a library."""

    def check(self) -> None:
        """See that figures can be kept.

        Raises:
            ImportError: the library is not installed.
            InputError: something else is missing.
        """

    def open(self, folder: Path, config: Mapping[str, Any]) -> Tracker:
        """Keep the figures of what happens in a folder; nothing is written before the first of them."""


@dataclass(frozen=True)
class Tracking:
    """Which trackers a person has asked for, beside `metrics.jsonl`.

    Raises:
        UnknownName: there is no such tracker.
        MissingExtra: its library is not installed.
        InputError: it cannot be used as it is.
    """

    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.names:
            if name not in TRACKERS:
                raise UnknownName("tracker", name, TRACKERS)
            try:
                _backend(name).check()
            except ImportError as error:
                raise MissingExtra(error.name or name, name) from None

    @contextmanager
    def follow(self, folder: Path, config: Mapping[str, Any] | None = None) -> Iterator["Figures"]:
        """What takes the figures of what happens in a folder, for as long as the block lasts.

        Args:
            folder: where they are kept.
            config: for people to read beside them, as JSON.
        """
        from retouch.tracking.jsonl import JsonLines

        with ExitStack() as stack:
            trackers: list[Tracker] = [JsonLines(folder / METRICS)]
            trackers += [_backend(name).open(folder, config or {}) for name in dict.fromkeys(self.names)]
            for tracker in trackers:
                stack.callback(tracker.close)
            yield Figures(tuple(trackers))


@dataclass(frozen=True)
class Figures:
    """Tells several trackers the same."""

    trackers: tuple[Tracker, ...]

    def __call__(self, step: int, figures: Mapping[str, float]) -> None:
        """Tell the figures of a step."""
        for tracker in self.trackers:
            tracker(step, figures)

    def training(self, at: "TrainProgress") -> None:
        """Tell where a training is."""
        self(at.step, {"loss": at.loss, "epoch": at.epoch, "steps_per_second": at.steps_per_second})


def _backend(name: str) -> Backend:
    backend: Backend = import_module(f"retouch.tracking.{name}")
    return backend
