"""robosuite's Lift, in robosuite's own environment, evaluated and corrected from here: the files of examples/robosuite.

`make peers` installs it and runs this.
"""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.policies.served import toml

from retouch.cli import main
from retouch.collection import collect
from retouch.counting import Target
from retouch.episodes.reader import Dataset
from retouch.errors import EnvironmentStopped
from retouch.evaluation import evaluate
from retouch.operators.expert import Expert
from retouch.policies.bridge_file import BridgeFile
from retouch.policies.named import serving
from retouch.rollout import rollout
from retouch.tasks.environment_file import EnvironmentFile
from retouch.tasks.served import ServedTask

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / "benchmarks/peers/.venv-robosuite/bin/python"
pytestmark = pytest.mark.skipif(
    not (PYTHON.parents[1] / ".installed").exists(),
    reason="robosuite is not installed beside us: make -C benchmarks/peers .venv-robosuite/.installed",
)


class Drifts:
    """A policy that lets the arm drift."""

    observation_dim, action_dim = 60, 7

    def session(self, slots: int) -> "Drifts":
        return self

    def reset(self, slot: int, seed: int) -> None:
        pass

    forget = reset

    def act(self, slots: np.ndarray, observations: np.ndarray) -> np.ndarray:
        return np.full((len(slots), 7), 0.1, np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The example, with these interpreters in its files."""
    for name in ("lift.py", "lifts.py"):
        shutil.copy(ROOT / "examples/robosuite" / name, tmp_path)
    for name, python, what in (("lift", PYTHON, "lift:Lift"), ("lifts", sys.executable, "lifts:Lifts")):
        (tmp_path / f"{name}.toml").write_text(toml({"command": [str(python), "{server}", what], "slots": 2}))
    return tmp_path


def test_an_attempt_depends_on_its_seed_alone(folder: Path) -> None:
    with ServedTask(EnvironmentFile.read(folder / "lift.toml")) as task:
        assert (len(task.observation_names), len(task.action_names)) == (60, 7)
        assert (task.horizon, task.control_period) == (100, 0.05)
        assert task.versions["environment.robosuite"] == "1.5.2"
        assert task.versions["environment.numpy"] != np.__version__
        with serving(BridgeFile.read(folder / "lifts.toml"), task) as (lifts, _):
            steps = [evaluate(task, lifts, 4, worlds=worlds).steps for worlds in (1, 2)]
        assert steps[0] == steps[1]
        assert len(set(steps[0])) > 1


def test_it_is_corrected_by_a_policy_that_knows_better(folder: Path) -> None:
    with ServedTask(EnvironmentFile.read(folder / "lift.toml")) as task:
        alone = [attempt.outcome for attempt in rollout(task, range(2), policy=Drifts(), horizon=40)]
        with serving(BridgeFile.read(folder / "lifts.toml"), task) as (lifts, name):
            expert, target = Expert(lifts, name), Target(episodes=2)
            collect(task, expert, "take-over", folder / "data", target, policy=Drifts(), policy_name="drifts")
    assert alone == ["failure"] * 2
    for episode in Dataset(folder / "data").episodes:
        assert episode.outcome == "success"
        assert episode.control_steps["policy"] > 0
        assert episode.versions["environment.mujoco"] != episode.versions["mujoco"]


def test_when_it_is_killed_what_is_finished_stays(folder: Path) -> None:
    with ServedTask(EnvironmentFile.read(folder / "lift.toml")) as task:

        class Kills(Drifts):
            asked = 0

            def act(self, slots: np.ndarray, observations: np.ndarray) -> np.ndarray:
                self.asked += 1
                if self.asked == 6:
                    os.kill(task._started[0].process_id, signal.SIGKILL)
                return super().act(slots, observations)

        with serving(BridgeFile.read(folder / "lifts.toml"), task) as (lifts, name):
            collect(task, Expert(lifts, name), "demonstrate", folder / "data", Target(episodes=1), worlds=1)
        with pytest.raises(EnvironmentStopped, match=r"the environment served by lift.toml was killed \(SIGKILL\)"):
            collect(task, Expert(Kills(), name), "demonstrate", folder / "data", Target(episodes=2), worlds=1)
    finished, aborted = Dataset(folder / "data").all_episodes
    assert finished.outcome == "success"
    assert (aborted.outcome, aborted.steps) == ("aborted", 5)


def test_from_the_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evaluated = ["evaluate", f"gym:{folder / 'lift.toml'}", f"bridge:{folder / 'lifts.toml'}", "--episodes", "4"]
    assert main([*evaluated, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rate"] == 1.0
