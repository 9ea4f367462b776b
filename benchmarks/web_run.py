"""A run for people to work at, made of one whose base has been trained."""

import json
import shutil
from pathlib import Path
from typing import Any

from retouch.policies.files import write_json

PARTS = ("data/round-0", "policies/round-0", "evaluations/round-0")


def copied(run: Path, to: Path, **changes: Any) -> Path:
    """The base of `run` as a run in `to`, whose next round people collect; `changes` are of its configuration."""
    for part in PARTS:
        shutil.copytree(run / part, to / part)
    document = json.loads((run / "run.json").read_text())
    document["config"] |= {"operator": "web", "checkpoint_trials": 0, **changes}
    write_json(to / "run.json", document)
    return to
