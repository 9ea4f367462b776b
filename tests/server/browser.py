"""Real pages in a real browser (Debian's Chromium), and a phone whose AR is emulated and whose touch is real."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

WEB = Path(__file__).parents[2] / "web"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Two pages on one screen, both in use.
    "--disable-renderer-backgrounding",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
]
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
    "ignore_https_errors": True,
}


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; what a page complains of fails the test."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def complaints(page: Page) -> list[str]:
    """Filled with what goes wrong in a page."""
    found: list[str] = []
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("console", lambda said: found.append(said.text) if said.type == "error" else None)
    return found


def persists(act: Callable[[], None], make_ready: Callable[[], None]) -> None:
    """Act, and again where it failed, up to five times in all: as a person does whom a slow machine did not hear.

    Args:
        act: what the person does, and what should come of it.
        make_ready: what they do before they try again.
    """
    for _ in range(4):
        try:
            return act()
        except AssertionError:
            make_ready()
    return act()


def resumes(page: Page) -> None:
    """On an operator's page: every key is let go, and a robot that is paused goes on."""
    for key in "wasd":
        page.keyboard.up(key)
    if page.get_by_test_id("state").inner_text().startswith("PAUSED"):
        page.keyboard.press("Space")


class Phone:
    """A phone that has opened a pairing link.

    Args:
        ar: whether its browser has WebXR.
    """

    def __init__(self, browser: Browser, url: str, ar: bool = True):
        self.context: BrowserContext = browser.new_context(**PHONE)
        if ar:
            for script in (WEB / "node_modules/iwer/build/iwer.min.js", WEB / "tests/emulated_phone.js"):
                self.context.add_init_script(path=script)
        self.page = self.context.new_page()
        self.complaints = complaints(self.page)
        self.page.goto(url)
        self._touch = self.context.new_cdp_session(self.page)
        self.fingers: dict[int, tuple[float, float]] = {}

    def begin(self) -> None:
        """Tap START, and be ready to hold."""
        self.page.get_by_text("START", exact=True).tap()
        self.page.locator("[data-hold]").first.wait_for()

    def press(self, selector: str = "[data-hold]", finger: int = 0) -> None:
        """Put a finger down."""
        box = self.page.locator(selector).first.bounding_box()
        assert box is not None
        self.fingers[finger] = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self._send("touchStart", [self._point(f) for f in self.fingers])

    def lift(self, finger: int = 0) -> None:
        """Take it away."""
        point = self._point(finger)
        del self.fingers[finger]
        self._send("touchEnd", [point] if self.fingers else [])

    def lifts_all(self) -> None:
        """Take every finger away."""
        for finger in list(self.fingers):
            self.lift(finger)

    def tap(self, selector: str, finger: int = 1) -> None:
        """A short touch with another finger."""
        self.press(selector, finger)
        self.page.wait_for_timeout(40)
        self.lift(finger)

    def move(self, position: Any, quat: Any = (1.0, 0.0, 0.0, 0.0)) -> None:
        """Where the phone is: metres and wxyz."""
        self.page.evaluate("([p, q]) => window.__phone.setPose(p, q)", [list(position), list(quat)])

    def _point(self, finger: int) -> dict[str, float]:
        x, y = self.fingers[finger]
        return {"id": finger, "x": x, "y": y}

    def _send(self, kind: str, points: list[dict[str, float]]) -> None:
        self._touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
