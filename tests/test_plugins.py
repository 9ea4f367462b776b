"""What another package brings by its entry points: the example's task and person, and an operator of a test's own."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from retouch import plugins
from retouch.errors import InputError, UnknownName
from retouch.operators.correction import Replace, Sight
from retouch.operators.named import operator
from retouch.operators.profile import profile
from retouch.policies.checkpoint import policy_type
from retouch.rollout import rollout

from .examples import EXAMPLES, installed

EXAMPLE = EXAMPLES / "lift"


class Still:
    """An operator who holds everything still."""

    name, repeatable = "still", True

    def session(self, task: object, seed: int, way: str) -> "Still":
        return self

    def correct(self, sight: Sight) -> Replace:
        return Replace(np.zeros(7))


@pytest.fixture
def brings(monkeypatch: pytest.MonkeyPatch):
    def bring(group: str, **targets: str) -> None:
        monkeypatch.setattr(plugins, "brought", lambda asked: targets if asked == group else {})
        for module in ("retouch.operators.named", "retouch.operators.profile", "retouch.policies.checkpoint"):
            monkeypatch.setattr(sys.modules[module], "brought", plugins.brought)

    return bring


def test_the_example_is_a_task_of_under_a_hundred_lines() -> None:
    lines = (EXAMPLE / "retouch_lift.py").read_text().splitlines()
    assert sum(bool(line.strip()) for line in lines) < 100


def test_the_example_is_demonstrated_learnt_and_corrected(tmp_path: Path) -> None:
    """From the command line, as a newcomer would."""
    environment = installed(tmp_path, "lift")

    def retouch(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "retouch", *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    found = json.loads(retouch("collect", "lift", "--episodes", "6", "--out", "demos", "--json"))
    assert (found["attempts"], found["successes"]) == (6, 6)
    retouch("train", "demos", "--steps", "20", "--checkpoints", "1", "--out", "base")
    assert 0 <= json.loads(retouch("evaluate", "lift", "base", "--episodes", "2", "--json"))["rate"] <= 1
    corrected = (
        "--correct",
        "take-over",
        "--policy",
        "base",
        "--profile",
        "sleepy",
        "--episodes",
        "1",
        "--max-attempts",
        "4",
    )
    assert json.loads(retouch("collect", "lift", *corrected, "--out", "round", "--json"))["corrected"] == 1


def test_an_operator_of_another_package_corrects(brings) -> None:
    from retouch.tasks.registry import make

    brings("retouch.operators", still="tests.test_plugins:Still")
    attempt = next(rollout(make("threading"), [0], operator=operator("still"), way="demonstrate", horizon=3))
    assert attempt.human_steps == 3
    with pytest.raises(UnknownName, match=r"unknown operator 'stil'; did you mean 'still'\?"):
        operator("stil")


def test_what_is_brought_but_is_not_what_it_should_be(brings) -> None:
    brings("retouch.profiles", wrong="tests.test_plugins:EXAMPLE")
    with pytest.raises(InputError, match=r"profile 'wrong': tests\.test_plugins:EXAMPLE is no .*Profile"):
        profile("wrong")
    brings("retouch.operators", wrong="tests.test_plugins:Path")
    with pytest.raises(InputError, match=r"operator 'wrong': tests\.test_plugins:Path makes no .*Operator"):
        operator("wrong")
    brings("retouch.policies", gone="tests.test_plugins:Nobody")
    with pytest.raises(InputError, match=r"policy type 'gone' cannot be loaded from tests\.test_plugins:Nobody"):
        policy_type("gone")


def test_nobody_takes_our_names_away(brings) -> None:
    brings("retouch.profiles", steady="tests.test_plugins:EXAMPLE")
    assert profile("steady").name == "steady"
