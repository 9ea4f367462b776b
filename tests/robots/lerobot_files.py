"""Files that name LeRobot robots, and what was done to such a robot."""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "lerobot_counterpart"
ACTION = {
    "shoulder.pos": {"low": -30, "high": 30, "rate": 60, "unit": "degree"},
    "elbow.pos": {"low": -30, "high": 30, "rate": 60, "unit": "degree"},
    "gripper.pos": {"low": 0, "high": 100, "rate": 200, "unit": "percent"},
}


def lerobot_file(
    folder: Path, factory: str = "arms:arm", *, python: str | Path = sys.executable, **settings: Any
) -> Path:
    """A file that names a robot of `lerobot_counterpart`, with time for machines that are busy with other things.

    Args:
        python: the interpreter; another one than ours is lerobot's own.
        settings: beside those that there are, or in their place.
    """
    ours = python == sys.executable
    given = {
        "command": [str(python), "{server}", factory],
        "timeout_s": 2.0,
        "period_s": 0.02,
        "silence_s": 0.6,
        "age_s": 0.3,
        "environment": {"PYTHONPATH": str(HERE)} if ours else {},
        "action": ACTION,
    }
    if not ours:
        (folder / "arms.py").write_text((HERE / "arms.py").read_text())
    path = folder / "arm.toml"
    path.write_text(toml(given | settings))
    return path


def toml(content: dict[str, Any]) -> str:
    """Tables of texts, numbers, lists and tables."""
    plain = [f"{name} = {json.dumps(value)}" for name, value in content.items() if not isinstance(value, dict)]
    tables = [f"[{name}]\n" + "\n".join(f'"{n}" = {inline(v)}' for n, v in value.items())
              for name, value in content.items() if isinstance(value, dict)]  # fmt: skip
    return "\n".join([*plain, *tables]) + "\n"


def inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {json.dumps(v)}" for name, v in value.items()) + " }"
    return json.dumps(value)


def log(folder: Path) -> list[dict[str, Any]]:
    """What was done to the robot whose file is in a folder, in order."""
    path = folder / "log.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
