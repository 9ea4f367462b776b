"""What a person at a terminal sees: progress with time left, tables, one clear line for an error."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console, JustifyMethod
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text


class _RichStage:
    def __init__(self, bar: Progress, task: TaskID):
        self._bar, self._task = bar, task

    def at(self, done: float, note: str = "") -> None:
        """Move the bar."""
        self._bar.update(self._task, completed=done, note=note)


class Terminal:
    """Progress on standard error, results on standard output; with `as_json` the only output is one JSON document."""

    def __init__(self, as_json: bool = False):
        self.as_json = as_json
        self._err = Console(stderr=True)
        self._out = Console()

    @contextmanager
    def stage(self, title: str, total: float) -> Iterator[_RichStage]:
        """A bar with time left while one long step runs; a line when it is done where there is no terminal."""
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
        )
        with Progress(*columns, console=self._err, transient=False) as bar:
            task = bar.add_task(title, total=total, note="")
            yield _RichStage(bar, task)
            bar.update(task, completed=total)

    def say(self, message: str) -> None:
        """One line for the person, on standard error."""
        self._err.print(message, highlight=False, soft_wrap=True, markup=False)

    def table(
        self, title: str, header: Sequence[str], rows: Sequence[Sequence[str]], justify: JustifyMethod = "right"
    ) -> None:
        """A table on standard output, unless JSON is wanted; `justify` holds from the second column on."""
        if self.as_json:
            return
        table = Table(title=Text(title), title_justify="left")
        for k, name in enumerate(header):
            table.add_column(Text(name), justify="left" if k == 0 else justify)
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self._out.print(table)

    def line(self, message: str) -> None:
        """One line of the result, unless JSON is wanted."""
        if not self.as_json:
            self._out.print(message, highlight=False, soft_wrap=True, markup=False)

    def result(self, document: Any) -> None:
        """The whole result, for machines."""
        if self.as_json:
            json.dump(document, sys.stdout, indent=2, default=str, allow_nan=False)
            sys.stdout.write("\n")
