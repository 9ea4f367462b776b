"""What the server costs and how late it is: `.venv/bin/python benchmarks/bench_server.py --run runs/NAME`.

A real server, Chromium for what is drawn, sockets for more people. Everything on one machine, so that one clock dates a
message where it is made and where it is drawn. Figures go to benchmarks/results/bench_server.json.
"""

import argparse
import itertools
import os
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import httpx
import mujoco
import numpy as np
import psutil
import simplejpeg

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "server"))

from browser import chromium
from people import Person, Served

from retouch.policies.files import write_json
from retouch.processes.film import QUALITY
from retouch.processes.wire import SCENE_HEAD, STATES
from retouch.sim.camera import Camera
from retouch.sim.world import Worlds
from retouch.tasks.registry import make
from web_run import copied

RESULT = Path(__file__).parent / "results" / "bench_server.json"
PERIOD_MS = 50.0


def percentiles(values: np.ndarray) -> dict[str, float]:
    """p50, p95, p99 and the largest."""
    p50, p95, p99 = np.percentile(values, (50, 95, 99))
    return {k: round(float(v), 2) for k, v in {"p50": p50, "p95": p95, "p99": p99, "max": values.max()}.items()}


class Watcher:
    """A person who lets the policy act and starts the next attempt, in a thread of its own."""

    def __init__(self, server: Served, client: httpx.Client, cameras: list[dict]):
        self.person = Person(server, client, "/ws/session?run=watched&correct=take-over")
        self.person.reach(state="ENDED", needs="start")
        self.person.send({"type": "want", "scene": True, "cameras": cameras})
        self.ticks: list[tuple[int, int, float]] = []  # attempt, step, when
        self.stopped = False
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        person = self.person
        while not self.stopped:
            if person.status["needs"] is not None:
                person.send({"type": "mark", "id": str(time.monotonic()), "mark": "start"})
            person.listen_for(0.1)
            for _, scene in person.scenes:
                _, state, _, step, sent, *_ = SCENE_HEAD.unpack_from(scene)
                if STATES[state] == "POLICY":
                    self.ticks.append((person.status["attempt"]["number"], step, sent))
            person.scenes.clear()

    def stop(self) -> None:
        self.stopped = True
        self._thread.join()
        self.person.close()

    def jitter_ms(self) -> np.ndarray:
        """How much longer or shorter than a period the steps took; the first begins when somebody starts it."""
        pairs = itertools.pairwise(self.ticks)
        return np.array([abs(b[2] - a[2] - PERIOD_MS) for a, b in pairs if a[0] == b[0] and b[1] == a[1] + 1 > 1])


def sessions(server: Served) -> list[psutil.Process]:
    found = []
    for process in psutil.Process(server.process.pid).children():
        with suppress(psutil.NoSuchProcess):  # it has just ended
            found += [process] if "session" in " ".join(process.cmdline()) else []
    return found


def crowd(server: Served, clients: list[httpx.Client], people: int, cameras: list[dict], seconds: float) -> dict:
    """`people` at once: jitter of the control step, CPU and memory."""
    while sessions(server):  # of the figure before, which ends when nobody comes back to it
        time.sleep(0.1)
    while len(clients) < people:
        clients.append(server.client(f"person-{len(clients)}"))
    watchers = [Watcher(server, client, cameras) for client in clients[:people]]
    time.sleep(3.0)
    for watcher in watchers:
        watcher.ticks.clear()
    processes = [psutil.Process(server.process.pid), *sessions(server)]
    before, begin = [sum(p.cpu_times()[:2]) for p in processes], time.monotonic()
    time.sleep(seconds)
    spent = [sum(p.cpu_times()[:2]) - b for p, b in zip(processes, before, strict=True)]
    took = time.monotonic() - begin
    pss = [p.memory_full_info().pss / 1e6 for p in processes]
    for watcher in watchers:
        watcher.stop()
    return {
        "people": people,
        "cameras": len(cameras),
        "jitter_ms": percentiles(np.concatenate([w.jitter_ms() for w in watchers])),
        "server_cpu": round(spent[0] / took, 3),
        "session_cpu": round(float(np.mean(spent[1:])) / took, 3),
        "server_pss_mb": round(pss[0]),
        "session_pss_mb": round(float(np.mean(pss[1:]))),
    }


def drawn(server: Served, seconds: float) -> dict:
    """From a message being made to it being received and drawn, in the operator's page."""
    found = {}
    wall_minus_monotonic = 1000 * (time.time() - time.monotonic())
    with chromium() as browser:
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.goto(f"{server.url}/#invite={server.invitation('painter')}")
        page.wait_for_timeout(1000)
        page.goto(f"{server.url}/#/operate/watched")
        page.get_by_test_id("state").filter(has_text="ENDED").wait_for(timeout=30_000)
        for view, frames in (("3D", "frames"), ("Video", "pictures")):
            page.get_by_text(view, exact=True).first.click()
            page.wait_for_timeout(2000)
            late: dict[str, list[float]] = {"received": [], "submitted": [], "drawn": []}
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                if page.get_by_test_id("state").inner_text() != "POLICY":
                    page.keyboard.press("Space")
                page.evaluate(f"window.__retouch.{frames}.length = 0")
                page.wait_for_timeout(3000)
                for frame in page.evaluate(f"window.__retouch.{frames}"):
                    page_minus_monotonic = frame["wall"] - frame["drawn"] - wall_minus_monotonic
                    for event, values in late.items():
                        values.append(frame[event] + page_minus_monotonic - frame["sent"])
            found[view] = {f"{event}_ms": percentiles(np.array(values)) for event, values in late.items()}
        page.close()
    found["Video"]["of it drawing and packing_ms"] = percentiles(packing_ms())
    return found


def packing_ms(pictures: int = 200) -> np.ndarray:
    """How long a session takes to draw one picture and make a JPEG of it: a picture's time is that of its world."""
    task = make("threading")
    camera, data = Camera(task.drawing, task.cameras[0], 640, 480), Worlds(task.drawing, 1).datas[0]
    mujoco.mj_forward(task.drawing, data)
    took = []
    for _ in range(pictures):
        begin = time.monotonic()
        simplejpeg.encode_jpeg(camera.draw(data), quality=QUALITY, colorspace="RGB", colorsubsampling="420")
        took.append(1000 * (time.monotonic() - begin))
    return np.array(took[10:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True, help="a run whose base has been trained")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement")
    parser.add_argument("--people", type=int, nargs="*", default=[1, 2, 8, 16, 20], help="at once, scene only")
    parser.add_argument("--filmed", type=int, nargs="*", default=[1, 2, 4, 6, 8], help="at once, with a camera")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "runs"
        copied(args.run, root / "watched")
        server = Served(root, "--seats", "64")
        camera = {"name": "front", "width": 640, "height": 480, "hz": 20}
        result = {"command": "benchmarks/bench_server.py", "cores": os.cpu_count(), "load": os.getloadavg()[0]}
        try:
            result["page"] = drawn(server, args.seconds)
            print(result["page"], flush=True)
            result["people"] = []
            clients: list[httpx.Client] = []
            for cameras, crowds in (([], args.people), ([camera], args.filmed)):
                for people in crowds:
                    result["people"].append(crowd(server, clients, people, cameras, args.seconds))
                    print(result["people"][-1], flush=True)
        finally:
            server.close()
        write_json(RESULT, result)


if __name__ == "__main__":
    main()
