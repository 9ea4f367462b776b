"""trackio, on this machine: its own command says what it keeps, and a run and its trainings are told side by side."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("trackio", reason="trackio is not installed: pip install 'retouch[trackio]'")

ROOT = Path(__file__).parents[2]
RUN = """
import sys
from pathlib import Path

from retouch.rounds import Run
from retouch.tracking import Tracking
from tests.tracking.test_tracking import CONFIG

Run(Path(sys.argv[1]), CONFIG, tracking=Tracking(("trackio",))).run()
"""


@pytest.fixture
def command(tmp_path):
    """Runs Python where trackio, which looks at its environment once, keeps everything in a folder of the test's."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TRACKIO_", "HF_"))}
    environment |= {"TRACKIO_DIR": str(tmp_path / "kept"), "HF_HOME": str(tmp_path / "home")}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "src")])

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        assert "arning" not in done.stderr  # all that goes wrong in trackio is one
        return done.stdout

    return run


def kept(command, run):
    """What trackio has of a run: figure -> the steps that it was told of, and its values."""

    def asked(*what):
        return json.loads(command("-m", "trackio.cli", *what, "--project", "retouch", "--run", run, "--json"))

    found = {name: asked("get", "metric", "--metric", name)["values"] for name in asked("list", "metrics")["metrics"]}
    return {name: [(row["step"], row["value"]) for row in rows] for name, rows in found.items()}


def test_a_run_and_its_training_are_kept_as_they_are_in_lines_of_json(command, tmp_path):
    assert command("-c", RUN, "runs/improve") == ""
    runs = json.loads(command("-m", "trackio.cli", "list", "runs", "--project", "retouch", "--json"))["runs"]
    assert sorted(runs)[:2] == ["improve/policies/round-0/seed-0", "improve/policies/round-1/seed-0"]
    (name,) = (run for run in runs if "policies" not in run)
    assert name.endswith(f"{tmp_path.name}/runs/improve")
    for run, folder in ((name, "runs/improve"), (runs[0], "runs/improve/policies/round-0/seed-0")):
        told = {}
        for line in map(json.loads, (tmp_path / folder / "metrics.jsonl").read_text().splitlines()):
            step = line.pop("step")
            for figure, value in line.items():
                told.setdefault(figure, []).append((step, value))
        assert kept(command, run) == told
