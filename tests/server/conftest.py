"""A server with a run whose base policy has been trained, and somebody at work there."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from retouch.collection import collect
from retouch.counting import Target
from retouch.learning.config import TrainConfig
from retouch.operators.profile import profile
from retouch.operators.scripted import ScriptedPerson
from retouch.rounds import Run
from retouch.run_folder import ImproveConfig

from .people import Person, Served


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with one, `short`, that waits for interventions: nobody expects much of its policy."""
    root = tmp_path_factory.mktemp("runs")
    config = ImproveConfig(
        operator="web",
        demonstrations=2,
        rounds=2,
        share=0.05,
        training=TrainConfig(steps=20, checkpoints=1),
        checkpoint_trials=0,
        test_trials=2,
        workers=1,
    )
    run = Run(root / "short", config)
    person = ScriptedPerson(profile("steady"))
    collect(run.task, person, "demonstrate", run.data(0), Target(episodes=2), horizon=800, worlds=2)
    run.run(0)
    return root


@pytest.fixture
def server(trained: Path, tmp_path: Path) -> Iterator[Served]:
    root = tmp_path / "runs"
    shutil.copytree(trained, root)
    served = Served(root)
    yield served
    served.close()


@pytest.fixture
def anna(server: Served) -> Iterator[Person]:
    """At work at the run, before the first attempt."""
    person = Person(server, server.client("anna"), "/ws/session?run=short&correct=take-over")
    person.reach(state="ENDED", needs="start")
    yield person
    person.close()
