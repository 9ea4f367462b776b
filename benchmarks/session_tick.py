"""How late the control steps of a person's session begin: `.venv/bin/python benchmarks/session_tick.py`.

A real server, and people at gear insertion (20 ms a step) whose policy presses beside the shaft; with `--policy FOLDER`
a trained one, whose chunks of waypoints are thought out beside the loop; of a residual that is every step of its own as
well. The session itself says how late its steps began; the figures are of windows of 500 steps, in
benchmarks/results/session_tick.json (with a trained policy session_tick_waypoints.json). Ten minutes of one of them:

    .venv/bin/python benchmarks/session_tick.py --windows 60 --only pushing --policy FOLDER --to NAME.json
"""

import argparse
import os
import shutil
import sys
import tempfile
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.beside import beside, plug_in
from tests.server.people import Person, Served

from retouch.collection import collect
from retouch.counting import Target, stream_of
from retouch.evaluation import evaluate
from retouch.operators.profile import profile
from retouch.operators.scripted import ScriptedPerson
from retouch.outcomes import attempt_seeds
from retouch.policies.checkpoint import load_policy
from retouch.policies.files import write_json
from retouch.run_folder import RunFolder, usual
from retouch.sim.world import Worlds
from retouch.tasks.gear import GearInsertion

RESULTS = Path(__file__).parent / "results"
WINDOW = 500  # steps
CAMERA = {"name": "wrist", "width": 320, "height": 240, "hz": 20}


def prepare(root: Path, trained: Path | None = None) -> None:
    """A run that waits for corrections of a policy."""
    task = GearInsertion()
    config = replace(usual(task.name), method="compliant-residual", operator="web", demonstrations=1)
    run = RunFolder(root / "gear", config)
    collect(task, ScriptedPerson(profile("steady")), "demonstrate", run.data(0), Target(episodes=1), worlds=1)
    data = Worlds(task.physics, 1).reset(0)
    task.reset(data, np.random.default_rng([next(attempt_seeds("collect", stream_of(0, 1))), 0]))
    if trained is None:
        policy = beside(task, data, np.array([0.006, 0.0, 0.0]), run.policy(0, 0))
    else:
        shutil.copytree(trained, run.policy(0, 0))
        policy = load_policy(run.policy(0, 0))
    evaluate(task, policy, 1, "test").save(run.evaluation(0, 0))
    os.environ |= plug_in(root / ".plug-in")


class Walk:
    """One person's way from attempt to attempt; `steps` have been made in all."""

    def __init__(self, person: Person):
        self.person, self.steps = person, 0
        self._last, self._marks = (0, 0), 0

    def goes_on(self, seconds: float) -> None:
        """Listen so long, count, and start what waits for it."""
        self.person.listen_for(seconds)
        self.person.scenes.clear()
        attempt = self.person.status["attempt"]
        number, steps = attempt["number"], attempt["steps"]
        self.steps += max(0, steps - (self._last[1] if number == self._last[0] else 0))
        self._last = number, steps
        if self.person.status["needs"] == "start":
            self._marks += 1
            self.person.send({"type": "mark", "id": f"start-{self._marks}", "mark": "start"})


def measure(server: Served, name: str, people: int, cameras: list[dict], pushes: bool, windows: int) -> dict:
    """`people` at once, each in a session of their own."""
    late: list[tuple[float, float, float]] = []
    with ExitStack() as stack:
        clients = [server.client(f"{name}-{k}") for k in range(people)]
        crowd = [Person(server, client, "/ws/session?run=gear&correct=delta") for client in clients]
        while any(person.status.get("needs") != "start" for person in crowd):
            for person in crowd:
                person.listen_for(0.02)
        for person in crowd:
            stack.enter_context(closing(person))
            person.send({"type": "want", "scene": True, "cameras": cameras})
        walks = [Walk(person) for person in crowd]
        steps = WINDOW  # the first window is thrown away: things are loaded
        while len(late) < windows * people:
            steps += WINDOW
            while min(walk.steps for walk in walks) < steps:
                for walk in walks:
                    if pushes:
                        walk.person.hold(push=True)
                    walk.goes_on(0.014 / people)
            late += [tuple(person.status["late_ms"]) for person in crowd]
    found = np.array(late)
    return {
        "people": people,
        "cameras": len(cameras),
        "pushes": pushes,
        "p50_ms": round(float(np.median(found[:, 0])), 2),
        "p99_ms": round(float(np.median(found[:, 1])), 2),
        "worst_p99_ms": round(float(found[:, 1].max()), 2),
        "latest_ms": round(float(found[:, 2].max()), 2),
        "windows": len(found),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=4, help="of 500 steps each")
    parser.add_argument("--policy", type=Path, help="folder of a trained policy of gear insertion")
    parser.add_argument("--only", choices=("watching", "pushing", "filmed", "two"), help="one of the rows, with --to")
    parser.add_argument("--to", help="name of the file of results")
    args = parser.parse_args()
    if args.only is not None and args.to is None:
        parser.error("--only needs --to: the usual file has all rows")
    root = Path(tempfile.mkdtemp())
    rows = []
    before = os.getloadavg()[0]
    prepare(root, args.policy)
    with closing(Served(root, "--seats", "2")) as server:
        for name, people, cameras, pushes in (
            ("watching", 1, [], False),
            ("pushing", 1, [], True),
            ("filmed", 1, [CAMERA], True),
            ("two", 2, [], True),
        ):
            if args.only not in (None, name):
                continue
            rows.append({"what": name, **measure(server, name, people, cameras, pushes, args.windows)})
            print(rows[-1], flush=True)
    shutil.rmtree(root)
    name = args.to or ("session_tick.json" if args.policy is None else "session_tick_waypoints.json")
    write_json(RESULTS / name, {"cores": os.cpu_count(), "load_before": round(before, 2), "rows": rows})


if __name__ == "__main__":
    main()
