"""Figures in trackio, in the place where it keeps all (TRACKIO_DIR): `trackio show --project retouch`.

A run that goes on is another one there.
"""

from collections.abc import Mapping
from contextlib import redirect_stdout
from contextvars import Context
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackio import Run

PROJECT = "retouch"
NAMED_BY = 4  # so many parts of a folder's path: of a policy, from its run on


def check() -> None:
    """See that trackio is installed; raises ImportError."""
    import trackio  # noqa: F401


def open(folder: Path, config: Mapping[str, Any]) -> "Trackio":
    """Keep a run of trackio's that is named by the folder."""
    return Trackio(folder, config)


class Trackio:
    """Tells a run of trackio's, which begins with the first figures."""

    def __init__(self, folder: Path, config: Mapping[str, Any]):
        self._name, self._config = "/".join(folder.absolute().parts[-NAMED_BY:]), config
        self._run: Run | None = None

    def __call__(self, step: int, figures: Mapping[str, float]) -> None:
        """Tell the figures of a step."""
        if self._run is None:
            self._run = self._begin()
        self._run.log(dict(figures), step=step)

    def _begin(self) -> "Run":
        import trackio

        def begin() -> "Run":
            return trackio.init(PROJECT, self._name, config=dict(self._config), auto_log_gpu=False, auto_log_cpu=False)

        with redirect_stdout(StringIO()):  # where our own figures go
            return Context().run(begin)  # elsewhere it would end the run that is told beside this one

    def close(self) -> None:
        """All has been told; waits until it is kept."""
        if self._run is not None:
            with redirect_stdout(StringIO()):
                self._run.finish()
