"""Gear insertion in figures: `.venv/bin/python benchmarks/gear_insertion.py`.

Who succeeds on the test grid with what it sees and feels, from hand-overs, how near the bore must be to find the shaft,
what clearance and penetration are, and how fast it runs. Figures go to benchmarks/results/gear_insertion.json and, as
tables, to standard output. Minutes on one core.
"""

import itertools
import math
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.tasks.test_gear import TASK, Attempt, at_shaft

from retouch.policies.files import write_json
from retouch.robots.ur5e_tick import TRACKS
from retouch.sim.world import Worlds
from retouch.tasks.gear_scene import NEIGHBOUR_TOP, PITCH_RADIUS, SHAFT_LENGTH
from retouch.tasks.gear_skill import CLEAR
from retouch.tasks.gear_view import View
from retouch.tasks.handovers import measure_handovers

Sees = Callable[[object], NDArray[np.float32]]
REPEATS, HANDOVERS = 5, 500


class Straight:
    """By position alone: over the shaft as it is seen, teeth as they are seen, and straight down."""

    def __init__(self) -> None:
        self._down = False

    def act(self, seen: NDArray[np.float32]) -> NDArray[np.float64]:
        """The next command."""
        view = View(seen)
        over = view.lateral < 0.0003 and view.tilt < 0.01 and view.height < SHAFT_LENGTH + 0.015
        self._down = self._down or over
        yaw = view.yaw - (view.mismatch / PITCH_RADIUS if view.height > NEIGHBOUR_TOP else 0.0)
        goal = view.upright(np.array([0.0, 0.0, -0.010 if self._down else SHAFT_LENGTH + 0.010]), yaw)
        return TASK.towards(seen, goal, False)


def felt(data: object) -> NDArray[np.float32]:
    """What a policy sees, and the wrench."""
    return np.concatenate([TASK.observe(data), TASK.contact_wrench(data).astype(np.float32)])  # type: ignore[arg-type]


def grid(sees: Sees, straight: bool) -> dict[str, object]:
    """How attempts on the test grid end, `REPEATS` of every case."""
    worlds = Worlds(TASK.physics, 1)
    robot, data = TASK.robot(worlds), worlds.datas[0]
    ends: Counter[str] = Counter()
    seen: Counter[bool] = Counter()
    steps, force, deepest = [], 0.0, 0.0
    for repeat, (number, case) in itertools.product(range(REPEATS), enumerate(TASK.cases())):
        rng = np.random.default_rng([repeat, number])
        TASK.reset(worlds.reset(0), rng, case)
        acting = Straight() if straight else TASK.skill(rng)
        for step in range(1, TASK.horizon + 1):  # noqa: B007  the last one is kept
            record = robot.command(np.array([0]), acting.act(sees(data))[None])[0]
            force = max(force, float(np.linalg.norm(record[:, TRACKS["contact_wrench"]][:, :3], axis=1).max()))
            deepest = max(deepest, -float(min(data.contact.dist, default=0.0)))
            if TASK.success(data) or TASK.over(data):
                break
        end = TASK.failure(data) or "inserted"
        ends[end] += 1
        seen[case.seen] += end == "inserted"
        steps.append(step)
    return {
        "attempts": sum(ends.values()),
        "ends": dict(ends.most_common()),
        "inserted, boards seen and unseen": [seen[True], seen[False]],
        "median steps": float(np.median(steps)),
        "peak force N": force,
        "deepest mm": 1000 * deepest,
    }


def catch(attempts: int = 12) -> dict[str, float]:
    """Share of gears that slip onto the shaft when pressed down beside its axis, by how far [mm]."""
    found = {}
    for far in (0.6, 0.9, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.2):
        on = 0
        for number in range(attempts):
            way = 2 * math.pi * number / attempts
            x, y = 0.001 * far * math.cos(way), 0.001 * far * math.sin(way)
            attempt = Attempt(number).lead((x, y, CLEAR), 110).lead((x, y, SHAFT_LENGTH - 0.012), 60)
            on += TASK.stages(attempt.data)[1]
        found[f"{far:.1f}"] = on / attempts
    return found


def clearance() -> dict[str, float]:
    """How far a gear on the shaft goes sideways, pulled with little and with much force [mm]."""
    found = {}
    for pull in (0.002, 0.005, 0.012):
        attempt, far = at_shaft(6).lead((0, 0, SHAFT_LENGTH - 0.010), 60), []
        for way in np.arange(0, 2 * math.pi, math.pi / 6):
            attempt.lead((pull * math.cos(way), pull * math.sin(way), SHAFT_LENGTH - 0.010), 40)
            far.append(1000 * attempt.gear[0])
        found[f"about {1000 * pull:.0f} N"] = float(np.max(far))
    return found


def speed(worlds_count: int = 16, steps: int = 105) -> dict[str, float]:
    """Simulated seconds per CPU second, the whole robot, images off: attempts of the skill, and pressing."""
    worlds = Worlds(TASK.physics, worlds_count)
    robot, every = TASK.robot(worlds), np.arange(worlds_count)
    skills = []
    for slot in every:
        rng = np.random.default_rng(slot)
        TASK.reset(worlds.reset(slot), rng)
        skills.append(TASK.skill(rng))

    def commands() -> NDArray[np.float64]:
        return np.array([skill.act(TASK.sight(data)) for skill, data in zip(skills, worlds.datas, strict=True)])

    robot.command(every, commands())
    begin, physics = time.process_time(), 0.0
    for _ in range(steps):
        asked = commands()
        inside = time.process_time()
        robot.command(every, asked)
        physics += time.process_time() - inside
    simulated, taken = worlds_count * steps * TASK.control_period, time.process_time() - begin
    pressed = Attempt(2).lead((0.003, 0, CLEAR), 120).lead((0.003, 0, SHAFT_LENGTH - 0.010), 60)
    still = TASK.hold(pressed.data)[None]
    inside = time.process_time()
    for _ in range(500):
        pressed.robot.command(np.array([0]), still)
    return {
        "attempts, with the skill": simulated / taken,
        "attempts, simulation": simulated / physics,
        "pressing on the shaft": 500 * TASK.control_period / (time.process_time() - inside),
    }


def main() -> None:
    """Measure, print and keep."""
    found: dict[str, object] = {"speed": speed(), "catch": catch(), "clearance_mm": clearance()}
    found["grid"] = {
        "skill": grid(TASK.sight, straight=False),  # type: ignore[arg-type]
        "skill, on what a policy sees, feeling": grid(felt, straight=False),
        "skill, on what a policy sees": grid(TASK.observe, straight=False),  # type: ignore[arg-type]
        "straight down, on what a policy sees": grid(TASK.observe, straight=True),  # type: ignore[arg-type]
    }
    results = measure_handovers(TASK, episodes=HANDOVERS, workers=1)
    found["handovers"] = {
        kind: [sum(r.solved for r in results if kind in (r.kind, "all")), sum(kind in (r.kind, "all") for r in results)]
        for kind in [*sorted({r.kind for r in results}), "all"]
    }
    write_json(ROOT / "benchmarks" / "results" / "gear_insertion.json", found)
    for name, figures in found.items():
        print(name)
        for key, value in figures.items():  # type: ignore[attr-defined]
            print(f"    {key}: {value}")


if __name__ == "__main__":
    main()
