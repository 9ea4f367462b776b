"""How an environment of another interpreter is named: `gym:FILE.toml`, a file of whoever runs retouch.

    command = ["../robosuite/.venv/bin/python", "{server}", "lift:make"]
    slots = 2

Data sets and runs hold the name `gym:FILE.toml@HASH`, which says what it was and starts nothing.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from retouch.bridge.file import CommandFile, common, settings_of, slots
from retouch.tasks.registry import ENVIRONMENT, SERVED


@dataclass(frozen=True, kw_only=True)
class EnvironmentFile(CommandFile):
    """What is started, and how long it may take.

    Attributes:
        digest: SHA-256 of what is started: command and environment variables. With other times or slots it is the same.
        timeout_s: as of any command; longer, as nothing but an attempt waits for a simulation.
        start_timeout_s: for the start, the reset of an attempt and the first step of all.
        slots: most attempts at once, each in a process of its own.
    """

    digest: str
    timeout_s: float = 10.0
    slots: int = 1

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises InputError where the file is not there, or names no environment."""
        settings = settings_of(path, "environment", ("slots",))
        given = common(path, settings, cls)
        started = json.dumps([given["command"], given["environment"]], sort_keys=True)
        digest = hashlib.sha256(started.encode()).hexdigest()
        return cls(**given, digest=digest, slots=slots(path, settings.get("slots", cls.slots)))

    @property
    def name(self) -> str:
        """Of the task: which file, and what it starts."""
        return f"{ENVIRONMENT}{self.path.name}@{self.digest[:12]}"


def environment_path(task: str) -> Path | None:
    """The file that a task's name says, where it is an environment's of another interpreter."""
    found = SERVED.fullmatch(task)
    return Path(found["file"]) if found and not found["digest"] else None


def kept_as(task: str) -> str:
    """What data sets and runs call the task that a person names so. Raises InputError where its file is none."""
    path = environment_path(task)
    return task if path is None else EnvironmentFile.read(path).name
