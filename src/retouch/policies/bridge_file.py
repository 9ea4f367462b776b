"""How a policy that runs in another environment is named: `bridge:FILE.toml`, a file of whoever runs retouch.

command = ["../lerobot/.venv/bin/python", "{server}", "--torch", "cpu", "act:make", "checkpoint"]
timeout_s = 1.0

[observation]
"observation.state" = ["*"]
"""

import fnmatch
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from retouch.bridge.file import CommandFile, common, settings_of, slots, table, texts
from retouch.errors import InputError

PREFIX = "bridge:"


@dataclass(frozen=True, kw_only=True)
class BridgeFile(CommandFile):
    """What is started, how long it may take, and what it is told.

    Attributes:
        digest: SHA-256 of what is started and told: command, observation and environment. With other times or slots it
            is the same bridge.
        start_timeout_s: for the start, the reset of an episode and the first action of all.
        slots: most attempts at once; the policy is made for each, unless it is batched.
        observation: parts of an observation by name, each the names of its entries, with `*` and `?`; none where the
            policy takes it whole.
    """

    digest: str
    slots: int = 1
    observation: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises InputError where the file is not there, or is no bridge."""
        settings = settings_of(path, "bridge", ("slots", "observation"))
        given = common(path, settings, cls)
        observation = {
            name: texts(path, f"observation.{name}", patterns)
            for name, patterns in table(path, "observation", settings).items()
        }
        told = json.dumps([given["command"], list(observation.items()), given["environment"]], sort_keys=True)
        return cls(
            **given,
            digest=hashlib.sha256(told.encode()).hexdigest(),
            slots=slots(path, settings.get("slots", cls.slots)),
            observation=observation,
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
