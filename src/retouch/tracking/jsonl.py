"""Figures as lines of JSON: the step, then each figure by its name. What is not a number is null."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from retouch.errors import RetouchError
from retouch.policies.files import write_atomically


class JsonLines:
    """Adds to a file, from the first step on that it does not have to the letter."""

    def __init__(self, path: Path):
        self._path = path
        self._there = path.read_text().splitlines(keepends=True) if path.exists() else []
        self._file: TextIO | None = None

    def __call__(self, step: int, figures: Mapping[str, float]) -> None:
        """Write a line, which is in the file when this returns.

        Raises:
            RetouchError: the file is there and has been damaged.
        """
        numbers = {name: value if math.isfinite(value) else None for name, value in figures.items()}
        line = json.dumps({"step": step, **numbers}) + "\n"
        if self._file is None:
            if line in self._there:
                return
            write_atomically(self._path, "".join(self._before(step)).encode())
            self._file = self._path.open("a")
        self._file.write(line)
        self._file.flush()

    def close(self) -> None:
        """All has been told."""
        if self._file is not None:
            self._file.close()

    def _before(self, step: int) -> list[str]:
        """The lines of the steps before one; a last line that a killed writer left in part is none."""
        try:
            return [line for line in self._there if line.endswith("\n") and json.loads(line)["step"] < step]
        except (ValueError, KeyError, TypeError) as error:
            raise RetouchError(f"{self._path} is damaged ({error}): delete it to go on") from None
