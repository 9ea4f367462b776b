"""What people see and touch: the built pages in Chromium, against the real server."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from retouch.episodes import Dataset
from retouch.episodes.schema import ControlSource
from retouch.server.app import PAGES

from .browser import CHROMIUM, Phone, persists, resumes
from .people import Served, until

pytestmark = [
    pytest.mark.skipif(not (PAGES / "index.html").is_file(), reason="the pages are not built: make pages"),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: make browser"),
]


def operate(page: Page, server: Served) -> None:
    page.goto(f"{server.url}/#/operate/short")
    expect(banner(page)).to_contain_text("ENDED", timeout=20_000)


def banner(page: Page):
    return page.get_by_test_id("state")


def round_1(server: Served) -> Dataset:
    return Dataset(server.root / "short" / "data" / "round-1")


def test_a_newcomer_logs_in_takes_over_by_keyboard_and_marks_success(server: Served, desktop: Page) -> None:
    assert "invite" not in desktop.url
    expect(desktop.get_by_text("short").first).to_be_visible()
    operate(desktop, server)
    desktop.keyboard.press("Space")
    expect(banner(desktop)).to_contain_text("POLICY")
    desktop.wait_for_timeout(500)
    desktop.keyboard.press("Space")
    expect(banner(desktop)).to_contain_text("PAUSED")
    desktop.keyboard.press("Space")
    expect(banner(desktop)).to_contain_text("POLICY")

    def takes_over() -> None:
        desktop.keyboard.down("w")
        expect(banner(desktop)).to_contain_text("YOU")
        desktop.wait_for_timeout(600)
        desktop.keyboard.up("w")
        expect(banner(desktop)).to_contain_text("POLICY")

    persists(takes_over, lambda: resumes(desktop))
    desktop.keyboard.press("Enter")
    expect(banner(desktop)).to_contain_text("ENDED")
    until(lambda: len(round_1(server).episodes) == 1)
    (episode,) = round_1(server).episodes
    frames = round_1(server).frames(episode)
    by_hand = frames["control_source"] == ControlSource.OPERATOR
    assert by_hand.sum() > 5
    assert frames["action"][by_hand][:, :3].any()
    desktop.goto(f"{server.url}/#/episodes/short")
    expect(desktop.get_by_role("row").filter(has_text="marked by anna")).to_have_count(1)


def test_a_phone_is_paired_takes_over_and_gives_back(server: Served, desktop: Page, browser: Browser) -> None:
    operate(desktop, server)
    url = desktop.evaluate("fetch('/api/pair', {method: 'POST'}).then(r => r.json()).then(d => d.url)")
    phone = Phone(browser, url)
    phone.begin()
    assert "pair" not in phone.page.url
    desktop.keyboard.press("Space")
    expect(banner(desktop)).to_contain_text("POLICY")

    def takes_over() -> None:
        phone.press()
        expect(banner(desktop)).to_contain_text("YOU")
        for k in range(20):
            phone.move((0.01 * k, 1.3, 0.0))
            phone.page.wait_for_timeout(30)
        expect(phone.page.locator("h1")).to_contain_text("YOU")
        expect(desktop.get_by_text("WebRTC").first).to_be_visible()
        phone.lift()
        expect(banner(desktop)).to_contain_text("POLICY")

    def makes_ready() -> None:
        phone.lifts_all()
        phone.move((0.0, 1.3, 0.0))
        resumes(desktop)

    persists(takes_over, makes_ready)
    desktop.keyboard.press("Enter")
    until(lambda: len(round_1(server).episodes) == 1)
    frames = round_1(server).frames(round_1(server).episodes[0])
    by_hand = frames["control_source"] == ControlSource.OPERATOR
    assert by_hand.sum() > 8
    assert phone.complaints == []
    phone.context.close()


@pytest.mark.parametrize("how", ["hidden", "closed"])
def test_a_phone_that_goes_away_stops_the_robot(server: Served, desktop: Page, browser: Browser, how: str) -> None:
    operate(desktop, server)
    url = desktop.evaluate("fetch('/api/pair', {method: 'POST'}).then(r => r.json()).then(d => d.url)")
    phone = Phone(browser, url)
    phone.begin()

    def takes_over() -> None:
        phone.press()
        expect(banner(desktop)).to_contain_text("YOU")

    persists(takes_over, phone.lifts_all)
    if how == "hidden":
        phone.page.evaluate(
            "Object.defineProperty(document, 'visibilityState', {value: 'hidden'});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
    else:
        phone.context.close()
    expect(banner(desktop)).to_contain_text("PAUSED")
    expect(
        desktop.get_by_text(re.compile("the phone is gone|nothing was heard from you", re.IGNORECASE)).first
    ).to_be_visible()
    desktop.wait_for_timeout(500)
    expect(banner(desktop)).to_contain_text("PAUSED")  # and nothing goes on by itself
