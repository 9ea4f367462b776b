"""A policy served from another environment is corrected in the real pages, and its process is killed meanwhile."""

import os
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from retouch.episodes import Dataset
from retouch.episodes.schema import ControlSource
from retouch.learning.config import TrainConfig
from retouch.policies.bridge_file import BridgeFile
from retouch.rounds import Run
from retouch.run_folder import ImproveConfig, RunFolder
from retouch.server.app import PAGES
from tests.policies.served import bridge

from .browser import CHROMIUM, persists, resumes
from .people import Person, Served, until

SESSION = "/ws/session?run=served&correct=take-over"


@pytest.fixture(scope="module")
def based(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bridge, and a run of it that waits for corrections."""
    root = tmp_path_factory.mktemp("based")
    file = bridge(root, "leaves_its_number")
    config = ImproveConfig(
        operator="web",
        base_policy=f"bridge:{file}",
        base_digest=BridgeFile.read(file).digest,
        demonstrations=0,
        corrected=1,
        rounds=1,
        training=TrainConfig(steps=20, checkpoints=1),
        checkpoint_trials=0,
        test_trials=1,
        workers=1,
    )
    Run(root / "runs" / "served", config, bridges=[file]).run(0)
    return root


@pytest.fixture
def copied(based: Path, tmp_path: Path) -> Path:
    shutil.copytree(based, tmp_path / "based")
    return tmp_path / "based"


@pytest.fixture
def server(copied: Path) -> Iterator[Served]:
    served = Served(copied / "runs", "--bridge", str(copied / "straight.toml"))
    yield served
    served.close()


def round_1(server: Served) -> Dataset:
    return Dataset(server.root / "served" / "data" / "round-1")


def kill(server: Served) -> None:
    """The policy's process, as whoever tidies up a GPU would."""
    os.kill(int((server.root.parent / "process").read_text()), signal.SIGKILL)


def banner(page: Page):
    return page.get_by_test_id("state")


@pytest.mark.skipif(not (PAGES / "index.html").is_file(), reason="the pages are not built: make pages")
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: make browser")
def test_it_is_corrected_and_killed_and_nothing_is_lost(server: Served, desktop: Page) -> None:
    def takes_over() -> None:
        desktop.keyboard.down("w")
        expect(banner(desktop)).to_contain_text("YOU")
        desktop.wait_for_timeout(600)
        desktop.keyboard.up("w")
        expect(banner(desktop)).to_contain_text("POLICY")

    desktop.goto(f"{server.url}/#/operate/served")
    expect(banner(desktop)).to_contain_text("ENDED", timeout=30_000)
    desktop.keyboard.press("Space")
    expect(banner(desktop)).to_contain_text("POLICY")
    persists(takes_over, lambda: resumes(desktop))
    kill(server)
    said = desktop.get_by_text("the policy served by straight.toml was killed (SIGKILL)").first
    expect(said).to_be_visible(timeout=10_000)
    expect(said).to_contain_text("what was recorded of the attempt is kept as aborted")
    desktop.screenshot(path=os.environ.get("RETOUCH_SHOT") or server.root / "killed.png")

    (episode,) = round_1(server).all_episodes
    assert (episode.outcome, episode.operator) == ("aborted", "anna")
    assert "was killed (SIGKILL)" in episode.reason
    assert episode.policy is not None
    assert episode.policy.startswith("bridge:straight.toml@")
    assert episode.versions["bridge"] == "1"
    rows = round_1(server).frames(episode)
    assert len(rows["step"]) == episode.steps
    by_hand = rows["control_source"] == ControlSource.OPERATOR
    assert by_hand.sum() > 5
    assert (rows["control_source"] == ControlSource.POLICY).any()
    assert np.isfinite(rows["action"]).all()

    desktop.goto(f"{server.url}/#/runs/served")
    desktop.goto(f"{server.url}/#/operate/served")  # with a new process
    expect(banner(desktop)).to_contain_text("ENDED", timeout=30_000)
    desktop.keyboard.press("Space")
    expect(banner(desktop)).to_contain_text("POLICY")
    persists(takes_over, lambda: resumes(desktop))
    desktop.keyboard.press("Enter")
    until(lambda: len(round_1(server).all_episodes) == 2)
    assert round_1(server).all_episodes[1].outcome == "success"


@pytest.mark.skipif(not (PAGES / "index.html").is_file(), reason="the pages are not built: make pages")
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: make browser")
def test_a_new_run_begins_with_it(server: Served, desktop: Page) -> None:
    demonstrations = desktop.get_by_role("spinbutton", name=re.compile("^Demonstrations"))
    desktop.get_by_role("link", name="New run").click()
    desktop.get_by_label("Name").fill("mine")
    expect(demonstrations).to_be_visible()
    desktop.get_by_role("combobox", name="Base policy").select_option("straight.toml")
    expect(demonstrations).to_have_count(0)
    desktop.get_by_role("combobox", name=re.compile("^Task")).select_option("threading")
    methods = desktop.get_by_role("combobox", name=re.compile("^Method"))
    expect(methods.locator("option")).to_have_text(["hg-dagger", "iwr-nb", "iwr"])
    expect(methods).to_have_value("iwr")
    desktop.get_by_role("spinbutton", name="Attempts").fill("3")
    desktop.screenshot(path=os.environ.get("RETOUCH_SHOT") or server.root / "new.png")
    desktop.get_by_role("button", name="Create the run").click()
    until(lambda: (server.root / "mine" / "run.json").is_file())
    made = RunFolder.open(server.root / "mine").config
    assert made.base_policy == f"bridge:{server.root.parent / 'straight.toml'}"
    assert (made.demonstrations, made.corrected) == (0, 3)
    refused = server.client("bob").post("/api/runs", json={"name": "x", "base": "../other.toml"})
    assert refused.status_code == 404
    assert "unknown bridge" in refused.json()["error"]


def test_a_server_starts_nothing_that_it_was_not_given(copied: Path) -> None:
    (copied / "process").unlink()
    served = Served(copied / "runs")
    with closing(served), closing(Person(served, served.client("anna"), SESSION)) as anna:
        gone = anna.hear("gone")
        assert "which a run does not start by itself" in gone["why"]
        assert gone["again"] is False
    assert not (copied / "process").exists()


def test_the_next_round_learns_from_it(server: Served) -> None:
    client = server.client("anna")
    with closing(Person(server, client, SESSION)) as anna:
        anna.reach(state="ENDED", needs="start")
        assert anna.status["progress"] == {"done": 0, "target": 1, "unit": "attempts", "corrected": 0}
        anna.mark("start")
        anna.steer(1.5)
        anna.mark("success")
        until(lambda: len(round_1(server).all_episodes) == 1)
    assert client.post("/api/runs/served/train").status_code == 202

    def trained() -> bool:
        found = client.get("/api/runs/served").json()
        assert found["training"] is None or found["training"]["state"] == "running", found["training"]
        return len(found["rounds"]) == 2 and found["rounds"][1]["result"] is not None

    until(trained, 120)
