"""Training, evaluating and reporting the rounds of a run that are collected, for a server to watch.

python -m retouch.processes.training RUN ROUND [BRIDGE ...]      prints a line of JSON whenever something has changed
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from retouch.errors import RetouchError
from retouch.policies.torch_setup import single_thread
from retouch.processes.wire import write_line
from retouch.report.run import write_report
from retouch.rounds import Run
from retouch.run_folder import RunFolder

EVERY_S = 0.2


class Lines:
    """Progress as lines of JSON."""

    def __init__(self, out: BinaryIO):
        self._out = out
        self._last = 0.0

    @contextmanager
    def stage(self, title: str, total: float) -> Iterator["_Stage"]:
        """One long step."""
        self.tell({"type": "progress", "stage": title, "done": 0.0, "note": ""}, always=True)
        yield _Stage(self, title, total)

    def say(self, message: str) -> None:
        """One line worth keeping."""
        self.tell({"type": "said", "message": message}, always=True)

    def tell(self, message: dict[str, Any], always: bool = False) -> None:
        """Print a line, now and then."""
        if always or time.monotonic() - self._last > EVERY_S:
            self._last = time.monotonic()
            write_line(self._out, message)


class _Stage:
    def __init__(self, lines: Lines, title: str, total: float):
        self._lines, self._title, self._total = lines, title, total

    def at(self, done: float, note: str = "") -> None:
        """`done` of the total is finished."""
        share = min(1.0, done / self._total) if self._total else 1.0
        self._lines.tell({"type": "progress", "stage": self._title, "done": share, "note": note})


def main() -> int:
    """Do what the command line says."""
    single_thread()
    lines = Lines(sys.stdout.buffer)
    try:
        folder, last = Path(sys.argv[1]), int(sys.argv[2])
        run = Run(folder, RunFolder.open(folder).config, lines, bridges=[Path(bridge) for bridge in sys.argv[3:]])
        results = run.run(last)
        lines.tell({"type": "progress", "stage": "the report", "done": 0.0, "note": ""}, always=True)
        write_report(run, results)
    except RetouchError as error:
        lines.tell({"type": "failed", "error": str(error)}, always=True)
        return 1
    except BrokenPipeError:  # the server is gone; what was saved is kept, and the next one goes on from there
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
