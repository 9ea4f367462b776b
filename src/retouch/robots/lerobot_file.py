"""How a LeRobot robot is named: `lerobot:FILE.toml`, a file of whoever runs retouch.

command = ["../lerobot/.venv/bin/python", "{server}", "so101:arm"]
period_s = 0.033

[action]
"shoulder_pan.pos" = { low = -90, high = 90, rate = 60, unit = "degree" }
"gripper.pos" = { low = 2, high = 98, rate = 100, unit = "percent" }
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from retouch.bridge.file import CommandFile, common, seconds, settings_of, table
from retouch.errors import InputError, UnknownName
from retouch.robots.protocol import Bounds, Entry

UNITS = {"": 1.0, "degree": math.pi / 180.0, "percent": 0.01}  # of ours [rad], [1], in one of theirs


@dataclass(frozen=True, kw_only=True)
class LeRobotFile(CommandFile):
    """What is started, and what the robot is allowed.

    Attributes:
        timeout_s: for every answer, and so for every command of the robot's own.
        start_timeout_s: for the process to start and the robot to connect.
        period_s: from one action to the next.
        bounds: an entry for each of the robot's action features, in the file's order and our units.
        scales: float of ours in one of lerobot's, for each entry.
        rests: of the entries that are no positions, by name: what they are where the robot stands, in lerobot's units.
    """

    timeout_s: float = 0.5
    start_timeout_s: float = 60.0
    period_s: float = 1.0 / 30.0
    bounds: Bounds
    scales: tuple[float, ...]
    rests: dict[str, float]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises InputError where the file is not there, or does not say what the robot is allowed."""
        settings = settings_of(path, "robot", ("period_s", "silence_s", "age_s", "action"))
        allowed = table(path, "action", settings)
        if not allowed:
            raise InputError(f"{path}: [action] says what each of the robot's action features may be")
        entries, scales, rests = [], [], {}
        for name in allowed:
            given = table(path, name, allowed)
            scale = UNITS[_unit(path, name, given.pop("unit", ""))]
            numbers = _numbers(path, name, given)
            if "rest" in numbers:
                rests[name] = numbers["rest"]
            scales.append(scale)
            entries.append(Entry(name, *(scale * numbers[limit] for limit in ("low", "high", "rate"))))
        bounds = Bounds(
            tuple(entries),
            silence=seconds(path, "silence_s", settings.get("silence_s", Bounds.silence)),
            age=seconds(path, "age_s", settings.get("age_s", Bounds.age)),
        )
        return cls(
            **common(path, settings, cls),
            period_s=seconds(path, "period_s", settings.get("period_s", cls.period_s)),
            bounds=bounds,
            scales=tuple(scales),
            rests=rests,
        )


def _unit(path: Path, name: str, value: object) -> str:
    if value not in UNITS:
        raise InputError(f'{path}: the unit of {name} is "degree" or "percent", or left out, not {value!r}')
    return str(value)


def _numbers(path: Path, name: str, given: dict[str, Any]) -> dict[str, float]:
    """What a feature may be, and where it rests, in lerobot's units."""
    for key, value in given.items():
        if key not in ("low", "high", "rate", "rest"):
            raise UnknownName(f"limit of {name} in {path}", key, ("low", "high", "rate", "rest", "unit"))
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise InputError(f"{path}: {key} of {name} is a number, not {value!r}")
    missing = [key for key in ("low", "high", "rate") if key not in given]
    if missing:
        raise InputError(f"{path}: {name} has no {missing[0]}: low, high and rate (a second) are due")
    if not given["low"] < given["high"] or given["rate"] <= 0:
        raise InputError(f"{path}: {name} goes from low to a higher high, at a rate above 0")
    if not given["low"] <= given.get("rest", given["low"]) <= given["high"]:
        raise InputError(f"{path}: {name} rests at {given['rest']}, which it may not be")
    return {key: float(value) for key, value in given.items()}
