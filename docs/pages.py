"""Makes the pictures of every page in docs/pages, from a finished run: .venv/bin/python docs/pages.py runs/demo

From one that is learnt from pushes (runs/gear, by the README's command), those of a robot that is pushed. A real server
and Chromium; a phone with emulated AR and real touches.
"""

import shutil
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "server"), str(ROOT / "benchmarks")]

from browser import Phone, chromium
from people import Served

import session_tick
from retouch.run_folder import RunFolder
from retouch.server.station import for_person
from web_run import copied

OUT = Path(__file__).parent / "pages"


def keep(page: Page, name: str) -> None:
    """One picture, as WebP."""
    page.wait_for_timeout(700)
    page.screenshot(path=OUT / f"{name}.png")
    with Image.open(OUT / f"{name}.png") as picture:
        picture.convert("RGB").save(OUT / f"{name}.webp", quality=82, method=6)
    (OUT / f"{name}.png").unlink()
    print(name, flush=True)


def desktop(page: Page, server: Served) -> None:
    """The pages that need no robot."""
    page.goto(server.url)
    keep(page, "login")
    page.goto(f"{server.url}/#invite={server.invitation('anna')}")
    page.wait_for_timeout(1500)
    keep(page, "runs")
    page.goto(f"{server.url}/#/run/finished")
    keep(page, "run")
    page.goto(f"{server.url}/#/episodes/finished")
    keep(page, "episodes")
    episodes = page.request.get(f"{server.url}/api/runs/finished/episodes").json()
    episode = next(e for e in episodes if e["control_steps"]["operator"] > 20)
    page.goto(f"{server.url}/#/episode/finished/{episode['round']}/{episode['id']}")
    page.wait_for_timeout(6000)
    keep(page, "replay")


def at_work(page: Page, server: Served, dark: Page) -> None:
    """Watching, pausing, steering by keyboard and by phone."""
    page.goto(f"{server.url}/#/operate/threading-iwr")
    page.get_by_test_id("state").filter(has_text="ENDED").wait_for(timeout=30_000)
    page.keyboard.press("Space")
    page.wait_for_timeout(3000)
    keep(page, "operate-policy")
    page.keyboard.press("Space")
    keep(page, "operate-paused")
    page.get_by_text("Pair a phone").first.click()
    keep(page, "operate-pair")
    page.keyboard.press("Escape")
    url = page.request.post(f"{server.url}/api/pair", headers={"origin": server.url}).json()["url"]
    phone = Phone(page.context.browser, url)
    keep(phone.page, "phone-start")
    phone.begin()
    keep(phone.page, "phone-paused")
    phone.press()
    for k in range(20):
        phone.move((0.004 * k, 1.3, 0.0))
        phone.page.wait_for_timeout(50)
    keep(phone.page, "phone-you")
    for k in range(20):
        phone.move((0.08 - 0.004 * k, 1.3, 0.0))
        phone.page.wait_for_timeout(50)
    keep(page, "operate-you")
    phone.lift()
    phone.page.wait_for_timeout(500)
    keep(phone.page, "phone-policy")
    dark.goto(f"{server.url}/#/run/finished")
    keep(dark, "run-dark")
    page.get_by_text("Video", exact=True).first.click()
    page.wait_for_timeout(1500)
    keep(page, "operate-video")


def pushing(page: Page, server: Served) -> None:
    """A run of pushes; a policy that presses beside the shaft, and a phone that pushes it back."""
    page.goto(f"{server.url}/#invite={server.invitation('anna')}")
    page.wait_for_timeout(1500)
    page.goto(f"{server.url}/#/new")
    page.get_by_label("Task").select_option("gear-insertion")
    keep(page, "new-run")
    page.goto(f"{server.url}/#/run/finished")
    keep(page, "run-push")
    page.goto(f"{server.url}/#/operate/gear")
    page.get_by_test_id("state").filter(has_text="ENDED").wait_for(timeout=30_000)
    page.get_by_role("button", name="close", exact=True).first.click()
    url = page.request.post(f"{server.url}/api/pair", headers={"origin": server.url}).json()["url"]
    phone = Phone(page.context.browser, url)
    phone.begin()
    page.keyboard.press("Space")
    page.wait_for_timeout(4000)
    way = for_person([-1.0, 0.0, 0.0], page.evaluate("window.__retouch.azimuth"))
    pushes = phone.page.get_by_text("you push: 6 N")
    while not pushes.is_visible():  # again where a slow machine did not hear the hand
        if phone.fingers:
            phone.lift()
        phone.move((0.0, 1.3, 0.0))
        phone.press()
        phone.page.wait_for_timeout(400)
        for k in range(9):
            phone.move((0.002 * k * way[0], 1.3 + 0.002 * k * way[1], 0.002 * k * way[2]))
            phone.page.wait_for_timeout(60)
        phone.page.wait_for_timeout(400)
    keep(phone.page, "phone-push")
    keep(page, "operate-push")


def pushed(run: Path) -> None:
    """The pictures of a robot that is pushed."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        session_tick.prepare(Path(folder))
        shutil.copytree(run, Path(folder) / "finished")
        with closing(Served(Path(folder))) as server:
            pushing(browser.new_context(viewport={"width": 1280, "height": 800}).new_page(), server)


def main() -> None:
    OUT.mkdir(exist_ok=True)
    run = Path(sys.argv[1])
    if RunFolder.open(run).config.by_pushing:
        pushed(run)
        return
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        root = Path(folder) / "runs"
        shutil.copytree(run, root / "finished")
        copied(run, root / "threading-iwr")
        with closing(Served(root)) as server:
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            page = context.new_page()
            desktop(page, server)
            night = browser.new_context(
                viewport={"width": 1280, "height": 800}, color_scheme="dark", storage_state=context.storage_state()
            )
            at_work(page, server, night.new_page())


if __name__ == "__main__":
    main()
