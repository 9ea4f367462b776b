"""How the UR5e yields and presses: `.venv/bin/python benchmarks/compliance.py`.

A stick with a springy tip: pushed by a hand in the air; pressed on a rigid table at 5 cm/s, left there, and dragged at
10 cm/s, over stiffness, tip and friction. And what a tick of the controller costs. Figures go to
benchmarks/results/compliance.json and, as tables, to standard output.
"""

import itertools
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.robots.test_ur5e import HIGH, a_push, run, track, way
from tests.robots.ur5e_scene import START, robot

from retouch.policies.files import write_json
from retouch.robots.ur5e import command_of
from retouch.robots.ur5e_arm import pointing_down

STIFFNESS, TIPS, FRICTIONS = (200.0, 500.0, 1000.0, 2000.0), (5000.0, 10000.0, 20000.0), (0.3, 0.6, 1.0)
DEEP = START - np.array([0.0, 0.0, 0.04])  # 2 cm below the table's top


def press(stiffness: float, tip: float, friction: float) -> dict[str, float]:
    """Newtons: the peak on the way down, the mean and what still swings at rest, and the same while dragged."""
    arm, compliant = robot(tip=tip, friction=friction), {"stiffness": (stiffness, 70.0)}
    down = run(arm, way(START, DEEP, 0.05), **compliant)
    still = run(arm, [pointing_down(DEEP)] * 150, **compliant)[-250:]
    drag = run(arm, way(DEEP, DEEP + np.array([0.2, 0.0, 0.0]), 0.1), **compliant)[-500:]
    force = {name: track(rows, "contact_wrench")[:, 2] for name, rows in (("down", down), ("still", still))}
    sliding = track(drag, "contact_wrench")[:, 2]
    trend = np.polyval(np.polyfit(np.arange(len(sliding)), sliding, 3), np.arange(len(sliding)))
    return {
        "stiffness": stiffness,
        "tip": tip,
        "friction": friction,
        "peak": float(-force["down"].min()),
        "steady": float(-force["still"].mean()),
        "steady_deviation": float(force["still"].std()),
        "sliding": float(-sliding.mean()),
        "sliding_deviation": float((sliding - trend).std()),
        "stopped": float(track(drag, "stopped")[-1, 0]),
    }


def push() -> dict[str, float]:
    """Millimetres that 10 N at the handle move the tool, and what is left of it two seconds after."""
    found = {}
    for name, direction in (("along x", (1, 0, 0)), ("along y", (0, 1, 0)), ("upwards", (0, 0, 1))):
        arm, hold = robot(start=HIGH), [pointing_down(HIGH)] * 100
        run(arm, hold, a_push(arm, 10.0 * np.array(direction)), stiffness=(1000.0, 500.0))
        found[name] = 1000 * float((arm.measured(arm.worlds.datas[0]).position - HIGH) @ direction)
        run(arm, hold)
        found[f"{name}, left"] = 1000 * float(np.linalg.norm(arm.measured(arm.worlds.datas[0]).position - HIGH))
    return found


def speed() -> dict[str, float]:
    """Microseconds of a tick with its physics and of the physics alone, and simulated seconds per CPU second."""
    import mujoco

    arm, data = robot(start=HIGH), None
    command, slot = command_of(pointing_down(HIGH))[None], np.array([0])
    arm.command(slot, command)
    ours, bare = [], []
    for _ in range(20):
        begin = time.process_time()
        for _ in range(100):
            arm.command(slot, command)
        ours.append((time.process_time() - begin) / (100 * arm.ticks))
        data = arm.worlds.datas[0]
        begin = time.process_time()
        mujoco.mj_step(arm.worlds.model, data, nstep=1000)
        bare.append((time.process_time() - begin) / 1000)
    tick, physics = 1e6 * float(np.median(ours)), 1e6 * float(np.median(bare))
    return {"tick": tick, "mj_step": physics, "controller": tick - physics, "real time": 2000.0 / tick}


def main() -> None:
    """Measure, print and keep."""
    found = {"push_mm": push(), "speed_us": speed()}
    found["contact_newtons"] = rows = [press(*setting) for setting in itertools.product(STIFFNESS, TIPS, FRICTIONS)]
    write_json(ROOT / "benchmarks" / "results" / "compliance.json", found)
    print({name: round(value, 4) for name, value in found["push_mm"].items()})
    print({name: round(value, 2) for name, value in found["speed_us"].items()})
    names = list(rows[0])
    print("| " + " | ".join(names) + " |\n|" + "---|" * len(names))
    for row in rows:
        print("| " + " | ".join(f"{value:.3g}" for value in row.values()) + " |")


if __name__ == "__main__":
    main()
