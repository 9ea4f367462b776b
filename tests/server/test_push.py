"""A person pushes from afar: through the real pages in Chromium, and as sockets."""

import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from retouch.collection import collect
from retouch.counting import Target, stream_of
from retouch.episodes import Dataset, check
from retouch.episodes.schema import ControlSource
from retouch.evaluation import evaluate
from retouch.operators.profile import profile
from retouch.operators.pushing import LIMIT
from retouch.operators.scripted import ScriptedPerson
from retouch.outcomes import attempt_seeds
from retouch.rollout import rollout
from retouch.run_folder import RunFolder, usual
from retouch.server.app import PAGES
from retouch.server.station import for_person
from retouch.sim.world import Worlds
from retouch.tasks.gear import GearInsertion
from tests.beside import beside, plug_in

from .browser import CHROMIUM, Phone, persists, resumes
from .people import Person, Served, until

ASIDE = np.array([0.006, 0.0, 0.0])  # where the policy goes, from the shaft, in world [m]
SLOW_S = 120.0  # of patience with a machine that has much else to do
SEED = next(attempt_seeds("collect", stream_of(0, 1)))  # of a session's first attempt
MISSING = next(
    (
        why
        for why, there in {
            "the pages are not built: make pages": (PAGES / "index.html").is_file(),
            "no Chromium on this machine: make browser": CHROMIUM is not None,
        }.items()
        if not there
    ),
    "",
)
in_a_browser = pytest.mark.skipif(bool(MISSING), reason=MISSING)


@pytest.fixture(scope="module")
def gears(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of gear insertion that wait for corrections of one policy: by take-over `alone`, by pushing `pushed`."""
    root, task = tmp_path_factory.mktemp("runs"), GearInsertion()
    config = replace(usual(task.name), operator="web", demonstrations=1)
    run = RunFolder(root / "alone", config)
    collect(task, ScriptedPerson(profile("steady")), "demonstrate", run.data(0), Target(episodes=1), worlds=1)
    data = Worlds(task.physics, 1).reset(0)
    task.reset(data, np.random.default_rng([SEED, 0]))
    policy = beside(task, data, ASIDE, run.policy(0, 0))
    (attempt,) = rollout(task, [SEED], policy=policy, worlds=1)
    assert (attempt.outcome, attempt.reason) == ("failure", "missed the shaft")
    evaluate(task, policy, 1, "test").save(run.evaluation(0, 0))
    other = RunFolder(root / "pushed", replace(config, method="compliant-residual", corrected=2))
    shutil.copytree(run.folder, other.folder, dirs_exist_ok=True, ignore=lambda *_: ["run.json"])
    return root


@pytest.fixture
def server(gears: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    for name, value in plug_in(tmp_path / "plug-in").items():
        monkeypatch.setenv(name, value)
    shutil.copytree(gears, tmp_path / "runs")
    with closing(Served(tmp_path / "runs")) as served:
        yield served


def operate(page: Page, server: Served, run: str) -> Locator:
    """The banner of a session that is ready."""
    page.goto(f"{server.url}/#/operate/{run}")
    banner = page.get_by_test_id("state")
    expect(banner).to_contain_text("ENDED", timeout=30_000)
    return banner


def paired(page: Page, browser: Browser) -> Phone:
    phone = Phone(browser, page.evaluate("fetch('/api/pair', {method: 'POST'}).then(r => r.json()).then(d => d.url)"))
    phone.begin()
    return phone


def episodes(server: Served, run: str) -> Dataset:
    return Dataset(server.root / run / "data" / "round-1")


def lets_run(desktop: Page, banner: Locator, steps: int) -> None:
    """Watch the policy for so many steps, and resume where a slow machine paused it."""
    end = time.monotonic() + SLOW_S
    while steps_done(desktop) < steps:
        assert time.monotonic() < end, f"waited in vain: {banner.inner_text()}"
        if banner.inner_text() == "PAUSED":
            desktop.keyboard.press("Space")
        desktop.wait_for_timeout(200)


def takes_hold(phone: Phone, banner: Locator) -> None:
    """Press, and again where it was not heard."""

    def press() -> None:
        phone.lifts_all()
        phone.press()
        expect(banner).to_contain_text("YOU PUSH", timeout=3000)

    persists(press, phone.lifts_all)


def buzzes(phone: Phone) -> list[list[int]]:
    """What the phone's motor was asked for because of a contact, so far: on and off in turn [ms]."""
    found: list[list[int]] = phone.page.evaluate("window.__phone.vibrations.filter(v => v.length === 8)")
    return found


def steps_done(page: Page) -> int:
    return int(page.locator(".banner-attempt small").inner_text().removeprefix("of "))


@in_a_browser
def test_a_push_on_the_phone_turns_a_failure_into_a_success(server: Served, desktop: Page, browser: Browser) -> None:
    # Alone, for as long as the task gives: it fails, and the failure has its name.
    banner = operate(desktop, server, "alone")
    desktop.keyboard.press("Space")
    expect(banner).to_contain_text("POLICY")
    lets_run(desktop, banner, GearInsertion.horizon)
    desktop.keyboard.press("Backspace")
    until(lambda: len(episodes(server, "alone").episodes) == 1)
    (alone,) = episodes(server, "alone").episodes
    assert (alone.outcome, alone.reason) == ("failure", "missed the shaft (marked by anna)")
    assert alone.control_steps["policy"] == alone.steps

    # The same initial state and policy, and somebody who pushes sideways until the gear goes down.
    banner = operate(desktop, server, "pushed")
    phone = paired(desktop, browser)
    expect(phone.page.get_by_role("button", name="PUSH", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(phone.page.get_by_text("GRIP")).to_have_count(0)  # this robot has no gripper
    desktop.keyboard.press("Space")
    expect(banner).to_contain_text("POLICY")
    lets_run(desktop, banner, 200)
    expect(phone.page.get_by_role("img", name="The policy is heading down")).to_be_visible()
    takes_hold(phone, banner)
    expect(phone.page.locator("h1")).to_contain_text("PUSH")
    millimetres, end = 0, time.monotonic() + 120
    while (said := banner.inner_text()) != "ENDED" and time.monotonic() < end:
        # Not heard in time by a machine that is too slow; or pushed past the shaft: let go, and again.
        if said == "PAUSED" or millimetres == 60:
            millimetres = 0
            takes_hold(phone, banner)
        if millimetres == 0:
            azimuth = desktop.evaluate("window.__retouch.azimuth")
            way = np.array(for_person((-ASIDE / np.linalg.norm(ASIDE)).tolist(), azimuth))
        millimetres += 2
        phone.move(np.array([0.0, 1.3, 0.0]) + 0.001 * millimetres * way)
        phone.page.wait_for_timeout(60)
    phone.lift()
    until(lambda: len(episodes(server, "pushed").episodes) == 1)
    (pushed,) = episodes(server, "pushed").episodes
    assert (pushed.outcome, pushed.reason, pushed.seed) == ("success", "solved", alone.seed)
    assert pushed.control_steps["both"] > 20
    assert pushed.control_steps["operator"] == 0
    frames = episodes(server, "pushed").frames(pushed)
    runs = frames["control_source"] != ControlSource.NONE
    np.testing.assert_array_equal(frames["action"][runs], frames["policy_action"][runs])
    force = np.linalg.norm(frames["tick_hand_wrench"][..., :3], axis=-1)
    on = frames["control_source"] == ControlSource.BOTH
    assert 5.0 < force[on].max() <= LIMIT[0] + 1e-3
    assert force[: np.flatnonzero(on)[0]].max() == 0.0
    before = frames["observation"][: np.flatnonzero(on)[0]]
    np.testing.assert_array_equal(before, episodes(server, "alone").frames(alone)["observation"][: len(before)])
    assert check(episodes(server, "pushed").path) == []
    assert max(on for on, *_ in buzzes(phone)) > 40  # of every 60 ms, as it presses with 20 N
    assert phone.complaints == []
    phone.context.close()


@in_a_browser
def test_the_way_of_holding_is_chosen_remembered_and_shared_by_all_devices(
    server: Served, desktop: Page, browser: Browser
) -> None:
    banner = operate(desktop, server, "pushed")
    push, take = (desktop.get_by_role("button", name=name, exact=True) for name in ("Push", "Take over"))
    expect(push).to_have_attribute("aria-pressed", "true")
    desktop.keyboard.press("Space")
    expect(banner).to_contain_text("POLICY")

    def holds(shown: str) -> None:
        desktop.keyboard.down("a")
        expect(banner).to_have_text(shown)
        desktop.wait_for_timeout(300)
        desktop.keyboard.up("a")
        expect(banner).to_contain_text("POLICY")

    persists(lambda: holds("YOU PUSH"), lambda: resumes(desktop))
    desktop.keyboard.press("p")
    expect(take).to_have_attribute("aria-pressed", "true")
    persists(lambda: holds("YOU"), lambda: resumes(desktop))
    desktop.reload()
    expect(take).to_have_attribute("aria-pressed", "true", timeout=30_000)
    expect(desktop.get_by_label("Status")).to_contain_text("0 / 2")
    desktop.keyboard.press("x")
    until(lambda: len(episodes(server, "pushed").all_episodes) == 1)
    (episode,) = episodes(server, "pushed").all_episodes
    assert min(episode.control_steps[who] for who in ("policy", "both", "operator")) > 0
    operate(desktop, server, "alone")  # which is corrected in another way: there nothing was chosen yet
    expect(push).to_have_attribute("aria-pressed", "true")


@in_a_browser
def test_a_phone_that_is_closed_while_it_pushes_stops_the_robot(
    server: Served, desktop: Page, browser: Browser
) -> None:
    banner = operate(desktop, server, "pushed")
    phone = paired(desktop, browser)
    takes_hold(phone, banner)
    phone.move((0.03, 1.3, 0.0))
    desktop.wait_for_timeout(400)
    phone.context.close()
    expect(banner).to_contain_text("PAUSED")
    desktop.wait_for_timeout(1000)  # in which it lets go of the handle
    steps = steps_done(desktop)
    desktop.wait_for_timeout(700)
    expect(banner).to_contain_text("PAUSED")
    assert steps_done(desktop) == steps


def test_what_a_client_is_told_while_it_pushes(server: Served) -> None:
    person = Person(server, server.client("anna"), "/ws/session?run=pushed&correct=delta")
    with closing(person):
        person.reach(state="ENDED", needs="start", can_push=True, correct="delta", complete=False)
        assert person.status["progress"] == {"done": 0, "target": 2, "unit": "attempts", "corrected": 0}
        person.send({"type": "view", "azimuth": 0.0})
        assert person.mark("start")["ok"]
        person.listen(lambda: person.status["attempt"]["steps"] > 150)
        assert person.status["contact_n"] > 5.0
        right, up, towards = person.status["heading"]
        assert up < -0.005  # it presses down
        assert abs(right) < 0.002
        assert abs(towards) < 0.002
        person.push(0.6, (0.03, 0.0, 0.0))
        person.reach(state="PUSH")
        assert person.status["push_n"] == pytest.approx(12.0, abs=0.1)
        right, up, towards = person.status["push"]
        assert right > 10.0
        assert abs(up) < 1.0
        assert abs(towards) < 1.0
        for _ in range(3):
            person.hold(held=False, push=True)
        person.reach(state="POLICY", push_n=0.0)
        assert person.mark("discard")["ok"]
        person.reach(state="ENDED", safe=1)
