"""Runs as the pages show and make them, without a server."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retouch.episodes import ControlSource, DatasetInfo, DatasetWriter, standard_features
from retouch.errors import InputError
from retouch.outcomes import Evaluation
from retouch.rounds import PeopleNeeded, Run
from retouch.server.catalogue import Catalogue
from retouch.tasks.registry import YIELDING

TAKING_OVER = ["full-demos", "hg-dagger", "iwr-nb", "iwr"]
PUSHING = ["retrain", "finetune", "finetune-kl", "residual", "compliant-residual"]


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue(tmp_path)


def test_only_methods_that_suit_the_robot_are_offered(catalogue: Catalogue) -> None:
    options = catalogue.options()
    tasks = {task["name"]: task for task in options["tasks"]}
    for name in ("threading", "coffee"):
        assert (tasks[name]["methods"], tasks[name]["demonstrations"]) == (TAKING_OVER, 30)
    for name in YIELDING:
        assert (tasks[name]["methods"], tasks[name]["demonstrations"]) == (TAKING_OVER + PUSHING, 150)
    ways = {method["name"]: method["correct"] for method in options["methods"]}
    assert ways == dict.fromkeys(PUSHING, "delta") | dict.fromkeys(TAKING_OVER, "take-over") | {
        "full-demos": "demonstrate"
    }


@pytest.mark.parametrize("name", PUSHING)
def test_what_learns_from_pushes_needs_a_robot_that_can_be_pushed(catalogue: Catalogue, name: str) -> None:
    made = catalogue.create("gear", {"task": "gear-insertion", "method": name, "corrected": 7, "rounds": 2})
    assert (made.config.operator, made.config.training.type, made.config.corrected) == ("web", "diffusion", 7)
    assert [made.way(number) for number in range(3)] == ["demonstrate", "delta", "delta"]
    for wishes in ({"task": "coffee"}, {}):  # without a task it is threading
        with pytest.raises(InputError, match=r"can be pushed.*choose full-demos, hg-dagger, iwr-nb, iwr$"):
            catalogue.create("other", {"method": name, **wishes})
    assert catalogue.names() == ["gear"]


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"task": "coffee", "method": "iwrr"}, r"did you mean 'iwr'|valid: full-demos, hg-dagger, iwr, iwr-nb\)"),
        ({"task": "gear-insertion", "rounds": True}, "rounds is a whole number, not True"),
        ({"task": "gears"}, "unknown task 'gears'"),
        ({"task": "gear-insertion", "method": "residual", "corrected": 0}, "corrected must be at least 1, not 0"),
        ({"task": "gear-insertion", "method": "residual", "corrected": 10_001}, "corrected is at most 10000"),
        ({"task": "gear-insertion", "method": "residual", "corrected": 0.5}, "corrected is a whole number, not 0.5"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(catalogue: Catalogue, wishes: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        catalogue.create("run", wishes)
    assert catalogue.names() == []


def record(path: Path, source: ControlSource, outcome: str = "success", kind: str = "corrected") -> None:
    """One more episode of ten steps, somebody acting in the last half of it."""
    names = ("x", "y", "gripper")
    info = DatasetInfo("gear-insertion", 0.02, standard_features(4, 3, 5, action_names=names))
    nothing = np.zeros(3, np.float32)
    row = {
        "observation": np.zeros(4, np.float32),
        "action": nothing,
        "policy_action": nothing,
        "sim_state": np.zeros(5),
    }
    with DatasetWriter.open(path, info) as writer:
        episode = writer.begin(kind=kind, seed=1, operator="anna", policy=None, round=1)
        for step in range(10):
            acting = source if step >= 5 else ControlSource.POLICY
            episode.append(row | {"operator_action": None, "control_source": acting, "success": False})
        episode.commit(outcome, "as a test")


def test_a_round_of_pushes_is_of_solved_attempts_and_tells_how_many_were_corrected(catalogue: Catalogue) -> None:
    wishes = {"task": "gear-insertion", "method": "residual", "demonstrations": 1, "corrected": 3, "rounds": 1}
    run = catalogue.create("gear", wishes)

    def shown(number: int) -> dict[str, Any]:
        found: dict[str, Any] = catalogue.describe("gear")["rounds"][number]
        return found

    assert shown(0)["correct"] == "demonstrate"
    assert shown(0)["progress"] == {"done": 0, "target": 1, "unit": "episodes", "corrected": 0}
    record(run.data(0), ControlSource.BOTH, kind="demonstration")
    assert shown(0)["complete"]
    Evaluation("base", "test", (1,), (False,), (10,)).save(run.evaluation(0, 0))
    assert shown(1)["correct"] == "delta"
    for outcome, source in itertools.product(("success", "failure"), (ControlSource.BOTH, ControlSource.POLICY)):
        record(run.data(1), source, outcome)
    assert shown(1)["progress"] == {"done": 2, "target": 3, "unit": "attempts", "corrected": 1}
    assert (shown(1)["complete"], catalogue.describe("gear")["can_train"]) == (False, False)
    with pytest.raises(PeopleNeeded, match=r"round 1 of .* needs 1 solved attempts more: collect them with"):
        Run(run.folder, run.config).collect(1)
    record(run.data(1), ControlSource.OPERATOR)  # a take-over is a correction, too
    assert shown(1)["progress"] == {"done": 3, "target": 3, "unit": "attempts", "corrected": 2}
    assert (shown(1)["complete"], catalogue.describe("gear")["can_train"]) == (True, True)


def test_a_round_of_take_overs_is_of_samples(catalogue: Catalogue) -> None:
    run = catalogue.create("gear", {"task": "gear-insertion", "method": "iwr", "demonstrations": 1, "share": 0.8})
    record(run.data(0), ControlSource.OPERATOR, kind="demonstration")
    record(run.data(1), ControlSource.BOTH)
    record(run.data(1), ControlSource.OPERATOR, "failure")
    assert run.how_far(1) == {"done": 5, "target": 4, "unit": "samples", "corrected": 1}
