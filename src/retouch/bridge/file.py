"""A person's file that names a command: what every kind of bridge has in it, and how it is read.

    command = ["../lerobot/.venv/bin/python", "{server}", "module:factory"]
    timeout_s = 1.0

A bridge starts a command. So it is only ever one that a person has named on a command line: a policy's folder, a data
set or a run may say which bridge it was made with, and never starts one.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retouch.errors import InputError, UnknownName

SERVER = "{server}"
COMMON = ("command", "timeout_s", "start_timeout_s", "environment")


@dataclass(frozen=True, kw_only=True)
class CommandFile:
    """What is started, and how long it may take.

    Attributes:
        path: of the file, absolute; its folder is the command's working directory.
        command: and its arguments; no shell sees them, and `{server}` stands for the path of the server's file.
        timeout_s: after which an answer comes too late, and the process is ended.
        start_timeout_s: likewise for the start, and whatever else may take as long.
        environment: variables that are set for it, beside ours (without PYTHONPATH and PYTHONHOME).
    """

    path: Path
    command: tuple[str, ...]
    timeout_s: float = 1.0
    start_timeout_s: float = 120.0
    environment: Mapping[str, str] = field(default_factory=dict)


def settings_of(path: Path, kind: str, allowed: Sequence[str]) -> dict[str, Any]:
    """What is in a file.

    Args:
        kind: what it is, for messages.
        allowed: its settings, beside the common ones.

    Raises InputError where the file is not there, is not TOML or has other settings.
    """
    try:
        settings = tomllib.loads(path.read_text())
    except OSError as error:
        raise InputError(f"no {kind} in {path}: {(error.strerror or str(error)).lower()}") from None
    except ValueError as error:
        raise InputError(f"{path} is no {kind}: {error}") from None
    for name in settings:
        if name not in (*COMMON, *allowed):
            raise UnknownName(f"setting in {path}", name, (*COMMON, *allowed))
    return settings


def common(path: Path, settings: Mapping[str, Any], made: type[CommandFile]) -> dict[str, Any]:
    """The attributes that every `CommandFile` has, with the defaults of one class of them. Raises InputError."""
    return {
        "path": path.absolute(),
        "command": texts(path, "command", settings.get("command")),
        "timeout_s": seconds(path, "timeout_s", settings.get("timeout_s", made.timeout_s)),
        "start_timeout_s": seconds(path, "start_timeout_s", settings.get("start_timeout_s", made.start_timeout_s)),
        "environment": {name: str(value) for name, value in table(path, "environment", settings).items()},
    }


def texts(path: Path, name: str, value: object) -> tuple[str, ...]:
    """A list of texts, at least one. Raises InputError."""
    if not isinstance(value, list) or not value or not all(isinstance(text, str) and text for text in value):
        raise InputError(f'{path}: {name} is a list of texts, such as ["python", "{SERVER}"], not {value!r}')
    return tuple(value)


def seconds(path: Path, name: str, value: object) -> float:
    """A time, at most a day [s]. Raises InputError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 86400:
        raise InputError(f"{path}: {name} is a time above 0 in seconds, not {value!r}")
    return float(value)


def table(path: Path, name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """A table of the settings, empty where there is none. Raises InputError."""
    value = settings.get(name, {})
    if not isinstance(value, dict):
        raise InputError(f"{path}: {name} is a table, not {value!r}")
    return value


def slots(path: Path, value: object) -> int:
    """How many attempts at once. Raises InputError."""
    if type(value) is not int or not 1 <= value <= 1000:
        raise InputError(f"{path}: slots is a number from 1 to 1000, not {value!r}")
    return value
