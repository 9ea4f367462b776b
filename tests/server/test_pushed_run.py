"""A run that is learnt from pushes, made and gone through in the real pages: base, pushes, residual, pushes on top."""

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from retouch.episodes import Dataset, check
from retouch.episodes.schema import ControlSource
from retouch.policies.checkpoint import read_info
from retouch.robots.ur5e_tick import BASE, REFERENCE, WRENCH

from .browser import persists, resumes
from .people import Served
from .test_push import in_a_browser

TRAINED_S = 240.0  # of patience with a training on a machine that has much else to do
TINY = {"hidden": 16, "channels": [4, 4, 4, 4, 4]}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "runs").mkdir()
    with closing(Served(tmp_path / "runs")) as served:
        yield served


def make_tiny(run: Path) -> None:
    """A run that the page has made, with policies that are trained and tried in seconds."""
    document = json.loads((run / "run.json").read_text())
    config = document["config"]
    config["test_trials"] = 1
    config["training"] |= {"steps": 60, "batch": 32, "checkpoints": 1}
    config["training"]["diffusion"] |= {"hidden": 64}
    config["training"]["residual"] |= TINY
    (run / "run.json").write_text(json.dumps(document))


def number(page: Page, label: str) -> Locator:
    """A field of a new run."""
    return page.get_by_role("spinbutton", name=re.compile(f"^{label}"))


def train(page: Page, row: int) -> None:
    """Press Train, and wait until the policy of the round in a row of the table has been tried."""
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_role("row").nth(row).get_by_text("n = 1")).to_be_visible(timeout=1000 * TRAINED_S)


def push_and_solve(page: Page, server: Served, round_number: int) -> Dataset:
    """Push the policy for a while by keyboard, and mark a success: the data set of the round."""
    page.get_by_role("link", name="Operate", exact=True).click()
    banner = page.get_by_test_id("state")
    expect(banner).to_contain_text("ENDED", timeout=60_000)
    expect(page.get_by_role("button", name="Push", exact=True)).to_have_attribute("aria-pressed", "true")
    panel = page.get_by_label("Status")
    expect(panel).to_contain_text("Solved attempts0 / 1")
    page.keyboard.press("Space")
    expect(banner).to_contain_text("POLICY")
    expect(page.get_by_text("Hold to push.")).to_be_visible()

    def push() -> None:
        page.keyboard.down("a")
        expect(banner).to_have_text("YOU PUSH")
        page.wait_for_timeout(700)
        page.keyboard.up("a")
        expect(banner).to_contain_text("POLICY")

    persists(push, lambda: resumes(page))
    page.keyboard.press("Enter")
    expect(panel).to_contain_text("Solved attempts ✓ complete1 / 1")
    expect(panel).to_contain_text("1 of them corrected")
    dataset = Dataset(server.root / "mine" / "data" / f"round-{round_number}")
    assert len(dataset.episodes) == 1
    page.get_by_role("link", name="Train it on the run’s page").click()
    return dataset


def pushed(dataset: Dataset) -> dict[str, np.ndarray]:
    """Its only episode, which was pushed and is sound."""
    assert check(dataset.path) == []
    frames = dataset.frames(dataset.episodes[0])
    on = frames["control_source"] == ControlSource.BOTH
    assert on.sum() > 10
    assert np.linalg.norm(frames["tick_hand_wrench"][on][..., :3], axis=-1).max() > 3.0
    np.testing.assert_array_equal(frames["action"][on], frames["policy_action"][on])
    return frames


@in_a_browser
def test_a_run_of_pushes_is_made_and_gone_through(server: Served, desktop: Page) -> None:
    # Only what suits the robot is offered, and what a round collects follows the method.
    desktop.goto(f"{server.url}/#/new")
    methods = desktop.get_by_label("Method").locator("option")
    desktop.get_by_label("Task").select_option("coffee")
    expect(methods).to_have_text(["full-demos", "hg-dagger", "iwr-nb", "iwr"])
    expect(number(desktop, "Share")).to_be_visible()
    expect(number(desktop, "Attempts")).to_have_count(0)
    desktop.get_by_label("Task").select_option("gear-insertion")
    expect(desktop.get_by_label("Method")).to_have_value("compliant-residual")
    expect(methods).to_have_count(9)
    expect(number(desktop, "Demonstrations")).to_have_value("150")
    expect(desktop.get_by_text("learns, by what the tool feels, to move and press as you did")).to_be_visible()
    expect(number(desktop, "Share")).to_have_count(0)
    desktop.get_by_label("Name").fill("mine")
    for label, value in {"Demonstrations": "1", "Attempts": "1", "Rounds": "2"}.items():
        number(desktop, label).fill(value)
    desktop.get_by_role("button", name="Create the run").click()
    expect(desktop.get_by_role("heading", name="mine")).to_be_visible()
    make_tiny(server.root / "mine")

    # The base, by a scripted person's demonstration; then it is pushed.
    train(desktop, row=1)
    expect(desktop.get_by_role("row").nth(2)).to_contain_text("0 / 1 attempts, 0 corrected")
    first = push_and_solve(desktop, server, 1)
    assert first.episodes[0].policy == "policies/round-0/seed-0"
    alone = pushed(first)["policy_action"]
    np.testing.assert_array_equal(alone[:, REFERENCE], alone[:, BASE])

    # The residual that learns from it, and a person who pushes on top of both.
    expect(desktop.get_by_role("row").nth(2)).to_contain_text("1 / 1 attempts, 1 corrected")
    train(desktop, row=2)
    assert read_info(server.root / "mine/policies/round-1/seed-0").type == "residual"
    second = push_and_solve(desktop, server, 2)
    assert second.episodes[0].policy == "policies/round-1/seed-0"
    both = pushed(second)["policy_action"]
    assert (both[:, REFERENCE] != both[:, BASE]).any(axis=1).mean() > 0.5
    assert both[:, WRENCH].any()

    # What was done can be played: who acted is told of every step.
    desktop.get_by_role("link", name="Episodes").click()
    desktop.get_by_role("row").nth(1).get_by_role("link").first.click()
    expect(desktop.get_by_label("Replay").get_by_text("both").first).to_be_visible(timeout=60_000)
