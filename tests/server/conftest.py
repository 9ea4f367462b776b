"""A server with a run whose base policy has been trained, somebody at work there, and their browser."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from retouch.collection import collect
from retouch.counting import Target
from retouch.learning.config import TrainConfig
from retouch.operators.profile import profile
from retouch.operators.scripted import ScriptedPerson
from retouch.rounds import Run
from retouch.run_folder import ImproveConfig

from .browser import chromium, complaints
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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def desktop(server: Served, browser: Browser) -> Iterator[Page]:
    """Logged in by the link, with every request seen."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    wrong, asked = complaints(page), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{server.url}/#invite={server.invitation('anna')}")
    expect(page.get_by_text("anna").first).to_be_visible()
    yield page
    assert wrong == []
    assert {url for url in asked if not url.startswith((server.url, "blob:", "data:"))} == set()
    context.close()


@pytest.fixture
def anna(server: Served) -> Iterator[Person]:
    """At work at the run, before the first attempt."""
    person = Person(server, server.client("anna"), "/ws/session?run=short&correct=take-over")
    person.reach(state="ENDED", needs="start")
    yield person
    person.close()
