"""What the belt's hook feels before the small pulley is missed: `.venv/bin/python benchmarks/belt_felt.py`.

The scripted skill, which feels, leads the loop down behind the small pulley and sweeps it over, with the board seen
aside by a known distance: across the line of the pulleys, or along it. For each: how often the belt comes over the
small pulley with the first sweep, and the largest force on the hook, over 0.1 s, before that and in it, up to where
the belt is over or its loop is past the pulley beside it.
"""

import argparse
import os
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

from retouch.geometry import quat_to_matrix
from retouch.policies.files import write_json
from retouch.sim.world import Worlds
from retouch.tasks.base import Manner
from retouch.tasks.belt import BeltAssembly
from retouch.tasks.belt_scene import SMALL_FLANGE
from retouch.tasks.belt_view import View

RESULTS = Path(__file__).parent / "results"
ASIDE = (0.0, 0.004, 0.008, 0.012, 0.016, 0.020)  # [m]
SPEED, STEPS, AVERAGED = 0.6, 400, 5  # the scripted people's, 8 s, 0.1 s


def sweep(task: BeltAssembly, worlds: Worlds, aside: np.ndarray, seed: int) -> tuple[bool, float, float]:
    """One descent and its first sweep: whether the belt came over, the largest force before it, and in it [N]."""
    robot, data = task.robot(worlds), worlds.reset(0)
    task.reset(data, np.random.default_rng([seed, 0]))
    turn = quat_to_matrix(task.board_in_world(data).quat)
    skill = task.skill(np.random.default_rng(seed), Manner(speed=SPEED))
    before: list[np.ndarray] = []
    within: list[np.ndarray] = []
    over = False
    for _ in range(STEPS):
        sight = task.sight(data)
        view = View(sight)
        over = view.over_small
        past = view.belt[np.argmin(view.belt[:, 2])][0] > view.small[0] + SMALL_FLANGE
        sight[14:17] += (turn @ aside).astype(np.float32)
        command = skill.act(sight)
        if over or past or (within and skill.stage != "sweep"):
            break
        robot.command(np.array([0]), command[None])
        (within if skill.stage == "sweep" else before).append(task.contact_wrench(data)[:3])
    return over, largest(before), largest(within)


def largest(forces: list[np.ndarray]) -> float:
    """Of a running mean [N]."""
    if len(forces) < AVERAGED:
        return 0.0
    mean = np.array([np.convolve(axis, np.full(AVERAGED, 1 / AVERAGED), "valid") for axis in np.array(forces).T])
    return float(np.linalg.norm(mean, axis=0).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=10, help="of each distance, half of them to either side")
    args = parser.parse_args()
    task = BeltAssembly()
    worlds, rows = Worlds(task.physics, 1), []
    for name, way in (("across", np.array([0.0, 1.0, 0.0])), ("along", np.array([1.0, 0.0, 0.0]))):
        for far in ASIDE:
            found = [sweep(task, worlds, (-1) ** k * far * way, k) for k in range(args.repeats)]
            over, before, within = (np.array(column) for column in zip(*found, strict=True))
            row = {
                "way": name,
                "mm": round(1000 * far),
                "over": int(over.sum()),
                "of": len(found),
                "before_n": [round(float(v), 2) for v in (np.median(before), before.max())],
                "in_sweep_n": {
                    word: [round(float(v), 2) for v in (np.median(within[which]), within[which].max())]
                    for word, which in (("over", over), ("missed", ~over))
                    if which.any()
                },
            }
            rows.append(row)
            print(row, flush=True)
    write_json(RESULTS / "belt_felt.json", {"rows": rows})


if __name__ == "__main__":
    main()
