"""How much faster than real time a core simulates the contact tasks: `.venv/bin/python benchmarks/contact_speed.py`.

Whole attempts of the scripted skill on cases drawn from each task's grid, at 500 Hz with physics steps of 2 ms. CPU
time is counted, so that other work beside it does not. Figures are simulated seconds per CPU second: of physics and
law, with the skill and the check of success besides, and with the wrist camera's pictures at 10 Hz as well. The table
goes to standard output, everything to benchmarks/results/contact_speed.json.
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import mujoco
import numpy as np

from retouch.policies.files import write_json
from retouch.sim.camera import Camera
from retouch.sim.world import Worlds
from retouch.tasks.contact import ContactTask
from retouch.tasks.registry import make

RESULT = Path(__file__).parent / "results" / "contact_speed.json"
WANTED = {"book-flipping": 20.0, "gear-insertion": 12.0, "cable-routing": 3.0, "belt-assembly": 2.0}
SIZES = (224, 96)
PICTURES = 10  # a second
MOST = 600  # steps of an attempt


class Timer:
    """CPU seconds, by what they were spent on."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._last = time.process_time()

    def skip(self) -> None:
        """Count from now."""
        self._last = time.process_time()

    def count(self, what: str) -> None:
        """What was done since the last call."""
        now = time.process_time()
        self.spent[what] = self.spent.get(what, 0.0) + now - self._last
        self._last = now


def measure(name: str, attempts: int, seed: int) -> dict[str, object]:
    """One task."""
    task = make(name)
    assert isinstance(task, ContactTask)
    worlds = Worlds(task.physics, 1)
    robot, data, slot, cases = task.robot(worlds), worlds.datas[0], np.array([0]), task.cases()
    model, drawn = task.drawing, mujoco.MjData(task.drawing)
    cameras = {size: Camera(model, task.observation_cameras[0], size, size) for size in SIZES}
    every = round(1 / (PICTURES * task.control_period))
    timer, steps, solved = Timer(), 0, 0
    for number in range(-1, attempts):  # the first one is thrown away: things are compiled
        if number == 0:
            timer, steps, solved = Timer(), 0, 0
        rng = np.random.default_rng([seed, number + 1])
        task.reset(worlds.reset(0), rng, cases[int(rng.integers(len(cases)))])
        skill, over = task.skill(rng), False
        timer.skip()
        for step in range(MOST if number >= 0 else every + 1):
            command = skill.act(task.sight(data))
            timer.count("skill")
            robot.command(slot, command[None])
            timer.count("physics and law")
            over = task.success(data) or task.over(data)
            timer.count("skill")
            if step % every == 0:
                for size, camera in cameras.items():
                    drawn.qpos[:], drawn.userdata[:] = data.qpos, data.userdata
                    mujoco.mj_kinematics(model, drawn)
                    mujoco.mj_comPos(model, drawn)
                    mujoco.mj_camlight(model, drawn)
                    camera.draw(drawn)
                    timer.count(f"{size}x{size}")
            steps += 1
            if over:
                break
        solved += task.success(data)
    simulated, spent = steps * task.control_period, timer.spent
    alone = spent["physics and law"]
    acting = alone + spent["skill"]
    return {
        "task": name,
        "wanted": WANTED[name],
        "physics and law": round(simulated / alone, 1),
        "with the skill": round(simulated / acting, 1),
        **{f"and {size}x{size}": round(simulated / (acting + spent[f"{size}x{size}"]), 1) for size in SIZES},
        "physics and law, tick [us]": round(alone / (steps * task.ticks) * 1e6, 1),
        "skill, step [us]": round(spent["skill"] / steps * 1e6, 1),
        **{
            f"picture {size}x{size} [us]": round(spent[f"{size}x{size}"] / simulated / PICTURES * 1e6) for size in SIZES
        },
        "attempts": attempts,
        "solved": int(solved),
        "simulated [s]": round(simulated, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", help="all four unless given")
    parser.add_argument("--attempts", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    load = os.getloadavg()[0]
    rows = [measure(name, args.attempts, args.seed) for name in args.tasks or WANTED]
    print(" | ".join(rows[0]))
    for row in rows:
        print(" | ".join(str(value) for value in row.values()))
    if not args.tasks:
        write_json(RESULT, {"mujoco": mujoco.__version__, "load before": round(load, 2), "rows": rows})


if __name__ == "__main__":
    main()
