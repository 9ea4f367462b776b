"""How a policy that runs in another environment is named: `bridge:FILE.toml`, a file of whoever runs retouch.

    command = ["../lerobot/.venv/bin/python", "{server}", "--torch", "cpu", "act:make", "checkpoint"]
    timeout_s = 1.0

    [observation]
    "observation.state" = ["*"]

A bridge starts a command. So it is only ever one that a person has named on a command line: a policy's folder, a data
set or a run may say which bridge it was made with, and never starts one.
"""

import fnmatch
import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from retouch.errors import InputError, UnknownName

PREFIX = "bridge:"
SERVER = "{server}"
SETTINGS = ("command", "timeout_s", "start_timeout_s", "slots", "observation", "environment")


@dataclass(frozen=True)
class BridgeFile:
    """What is started, how long it may take, and what it is told.

    Attributes:
        path: of the file, absolute; its folder is the command's working directory.
        digest: SHA-256 of what is started and told: command, observation and environment. With other times or slots it
            is the same bridge.
        command: and its arguments; no shell sees them, and `{server}` stands for the path of `bridge_server.py`.
        timeout_s: after which an answer comes too late, and the policy is stopped.
        start_timeout_s: likewise for the start, the reset of an episode and the first action of all.
        slots: most attempts at once; the policy is made for each, unless it is batched.
        observation: parts of an observation by name, each the names of its entries, with `*` and `?`; none where the
            policy takes it whole.
        environment: variables that are set for it, beside ours (without PYTHONPATH and PYTHONHOME).
    """

    path: Path
    digest: str
    command: tuple[str, ...]
    timeout_s: float = 1.0
    start_timeout_s: float = 120.0
    slots: int = 1
    observation: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises InputError where the file is not there, or is no bridge."""
        try:
            settings = tomllib.loads(path.read_text())
        except OSError as error:
            raise InputError(f"no bridge in {path}: {(error.strerror or str(error)).lower()}") from None
        except ValueError as error:
            raise InputError(f"{path} is no bridge: {error}") from None
        for name in settings:
            if name not in SETTINGS:
                raise UnknownName(f"setting in {path}", name, SETTINGS)
        command = _texts(path, "command", settings.get("command"))
        observation = {
            name: _texts(path, f"observation.{name}", patterns)
            for name, patterns in _table(path, "observation", settings).items()
        }
        environment = {name: str(value) for name, value in _table(path, "environment", settings).items()}
        told = json.dumps([command, list(observation.items()), environment], sort_keys=True)
        return cls(
            path.absolute(),
            hashlib.sha256(told.encode()).hexdigest(),
            command,
            _seconds(path, "timeout_s", settings.get("timeout_s", cls.timeout_s)),
            _seconds(path, "start_timeout_s", settings.get("start_timeout_s", cls.start_timeout_s)),
            _slots(path, settings.get("slots", cls.slots)),
            observation,
            environment,
        )

    @property
    def name(self) -> str:
        """For episodes and people: which file, and what it starts."""
        return f"{PREFIX}{self.path.name}@{self.digest[:12]}"

    def parts(self, names: Sequence[str]) -> dict[str, list[int]] | None:
        """Which entries of an observation make each of its parts; None where it is taken whole.

        Raises InputError where a pattern fits nothing that there is.
        """
        found: dict[str, list[int]] = {}
        for part, patterns in self.observation.items():
            found[part] = []
            for pattern in patterns:
                entries = [i for i, name in enumerate(names) if fnmatch.fnmatchcase(name, pattern)]
                if not entries:
                    raise InputError(f"{self.path}: '{pattern}' fits nothing that is observed ({', '.join(names)})")
                found[part] += [i for i in entries if i not in found[part]]
        return found or None


def bridge_path(policy: str) -> Path | None:
    """The file that a policy's name says, where it is a bridge's."""
    return Path(policy.removeprefix(PREFIX)) if policy.startswith(PREFIX) else None


def _texts(path: Path, name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(text, str) and text for text in value):
        raise InputError(f'{path}: {name} is a list of texts, such as ["python", "{SERVER}"], not {value!r}')
    return tuple(value)


def _seconds(path: Path, name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 86400:
        raise InputError(f"{path}: {name} is a time above 0 in seconds, not {value!r}")
    return float(value)


def _slots(path: Path, value: object) -> int:
    if type(value) is not int or not 1 <= value <= 1000:
        raise InputError(f"{path}: slots is a number from 1 to 1000, not {value!r}")
    return value


def _table(path: Path, name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    value = settings.get(name, {})
    if not isinstance(value, dict):
        raise InputError(f"{path}: {name} is a table, not {value!r}")
    return value
