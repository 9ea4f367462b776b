"""Two people at once in two browsers, for half an hour: `.venv/bin/python benchmarks/soak.py --run runs/NAME`.

Each watches, takes over by keyboard for moments, and marks. At the end every attempt that was marked is in the data set
under the right name, each operator's samples are his own, and no process has grown. Figures go to
benchmarks/results/soak.json.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "server"))

from browser import CHROMIUM, FLAGS, chromium, complaints
from people import Served

from retouch.episodes import Dataset, check
from retouch.policies.files import write_json
from web_run import copied

RESULT = Path(__file__).parent / "results" / "soak.json"
KEYS = {"anna": "w", "ben": "s"}  # so that what one does cannot be taken for what the other did
VIEWS = {"anna": "3D", "ben": "Video"}


class Operator:
    """One person in a browser window of their own."""

    def __init__(self, browser, server: Served, name: str):
        self.name, self.random = name, random.Random(name)
        self.page: Page = browser.new_context(viewport={"width": 1024, "height": 700}).new_page()
        self.complaints = complaints(self.page)
        self.page.goto(f"{server.url}/#invite={server.invitation(name)}")
        self.page.wait_for_timeout(1000)
        self.page.goto(f"{server.url}/#/operate/soaked")
        self.marks: Counter[str] = Counter()
        self.until("ENDED")
        self.page.get_by_text(VIEWS[name], exact=True).first.click()

    @property
    def state(self) -> str:
        return self.page.get_by_test_id("state").inner_text()

    def until(self, state: str) -> None:
        self.page.get_by_test_id("state").filter(has_text=state).wait_for(timeout=60_000)

    def act(self) -> None:
        """One short thing to do."""
        state = self.state
        if state in ("ENDED", "PAUSED"):
            self.page.keyboard.press("Space")
        elif state == "POLICY":
            wish = self.random.random()
            if wish < 0.5:
                self.page.keyboard.down(KEYS[self.name])
                self.page.wait_for_timeout(300)
                self.page.keyboard.up(KEYS[self.name])
                self.page.wait_for_timeout(300)
            elif wish < 0.56:
                self.page.keyboard.press("Enter")
            elif wish < 0.62:
                self.page.keyboard.press("Backspace")


def sizes(server: Served) -> dict[str, float]:
    """Memory of the server and of each session [MB]."""
    root = psutil.Process(server.process.pid)
    found = {"server": root.memory_full_info().pss / 1e6}
    for k, child in enumerate(sorted(root.children(), key=lambda p: p.pid)):
        found[f"session-{k}"] = child.memory_full_info().pss / 1e6
    found["files"] = float(root.num_fds())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True, help="a run whose base has been trained")
    parser.add_argument("--minutes", type=float, default=30.0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "runs"
        copied(args.run, root / "soaked", share=10.0)
        server = Served(root)
        try:
            with chromium() as one:
                other = one.browser_type.launch(executable_path=CHROMIUM, args=FLAGS)
                people = [Operator(one, server, "anna"), Operator(other, server, "ben")]
                end, samples, told = time.monotonic() + 60 * args.minutes, [], 0.0
                while time.monotonic() < end:
                    for person in people:
                        person.act()
                    if time.monotonic() - told > 30:
                        told = time.monotonic()
                        samples.append(sizes(server))
                        print(f"{(end - told) / 60:.1f} min left", samples[-1], flush=True)
                other.close()
                wrong = {person.name: person.complaints for person in people if person.complaints}
        finally:
            server.close()
        write_json(RESULT, judged(root / "soaked" / "data" / "round-1", samples, args.minutes, wrong, server.said))
    print(RESULT.read_text())


def judged(path: Path, samples: list[dict], minutes: float, wrong: dict, said: str) -> dict:
    """What came of it."""
    dataset = Dataset(path)
    assert check(path) == []
    by_operator = {name: [e for e in dataset.all_episodes if e.operator == name] for name in KEYS}
    forwards = {}  # actions along x while the person acted: one only ever goes one way, the other the other way
    for name, episodes in by_operator.items():
        frames = [dataset.frames(episode, ["action", "intervention"]) for episode in episodes]
        forwards[name] = np.concatenate([f["action"][f["intervention"], 0] for f in frames])
    way = {name: float(np.sign(along.sum())) for name, along in forwards.items()}
    assert way["anna"] == -way["ben"] != 0
    strangers = sum(int((way[name] * along < -0.2).sum()) for name, along in forwards.items())
    warm = samples[2:]
    growth = {
        name: round(float(np.polyfit(range(len(warm)), [s[name] for s in warm], 1)[0]) * 120, 2)
        for name in set.intersection(*(set(s) for s in warm))
    }
    seeds = [e.seed for e in dataset.all_episodes]
    return {
        "command": "benchmarks/soak.py",
        "minutes": minutes,
        "cores": os.cpu_count(),
        "episodes": {name: len(episodes) for name, episodes in by_operator.items()},
        "steps_of_people": {n: sum(e.control_steps["operator"] for e in e_) for n, e_ in by_operator.items()},
        "steps_of_the_other": strangers,
        "initial_states_twice": len(seeds) - len(set(seeds)),
        "first": samples[0],
        "last": samples[-1],
        "growth_per_hour": growth,
        "complaints_of_pages": wrong,
        "server_said": said.splitlines()[1:],
    }


if __name__ == "__main__":
    main()
