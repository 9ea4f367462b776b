"""States of the threading task in which a person may be handed control, and how often the skill solves it from them.

python -m retouch.tasks.threading_handovers 500
"""

import math
import sys
from collections.abc import Callable
from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from retouch.geometry import quat_about, quat_from_vector, quat_multiply
from retouch.sim.scene import TABLE_TOP
from retouch.sim.world import Worlds
from retouch.tasks.threading import Threading
from retouch.tasks.threading_recover import REACHABLE, post_grip, within_reach
from retouch.tasks.threading_scene import UP, Observation, place
from retouch.tasks.threading_view import View

HORIZON = 600
BATCH = 50
FINGERS = 0.02  # a handle's middle may be so far outside of where the tool can go [m]


class Handover(NamedTuple):
    """How one hand-over went: its kind, whether and after how many steps it was solved, and why it was not."""

    kind: str
    solved: bool
    steps: int
    reason: str


def unsolvable(observation: Observation) -> str | None:
    """Why nobody can solve the task with this arm from here, or None."""
    view = View(observation)
    if view.handle[2] < TABLE_TOP - 0.005:
        return "the rod has fallen off the table"
    if view.ring[2] < TABLE_TOP - 0.005:
        return "the stand has fallen off the table"
    if _outside(view.handle) and not view.held:
        return "the rod lies out of reach"
    if _outside(view.ring) and (view.upright or not within_reach(post_grip(view))):
        return "the stand is out of reach"
    return None


def _outside(point: NDArray[np.float64]) -> bool:
    return any(p < low - FINGERS or p > high + FINGERS for p, (low, high) in zip(point[:2], REACHABLE, strict=True))


class _Bench:
    """One world of the task to play a prelude in."""

    def __init__(self, task: Threading, data: mujoco.MjData, rng: np.random.Generator):
        self.task, self.rng, self.data = task, rng, data
        self.worlds = Worlds(task.physics, 1)
        self.robot = task.robot(self.worlds)
        self.inside = self.worlds.datas[0]
        mujoco.mj_copyData(self.inside, task.physics, data)

    def see(self) -> View:
        """What is seen now."""
        return View(self.task.observe(self.inside))

    def act(self, action: NDArray[np.float64]) -> None:
        """One step."""
        self.robot.command(np.array([0]), np.clip(action, -1, 1)[None])

    def rest(self, steps: int) -> None:
        """Let things settle, the arm holding still."""
        for _ in range(steps):
            self.act(np.zeros(7))

    def skilled(self, most: int, until: Callable[[View], bool] = lambda view: False) -> None:
        """Let the skill work for at most so many steps."""
        skill = self.task.skill(self.rng)
        for _ in range(most):
            observation = self.task.observe(self.inside)
            if until(View(observation)) or self.task.success(self.inside):
                return
            self.act(skill.act(observation))

    def finish(self) -> None:
        """Hand the state over to the caller's data."""
        mujoco.mj_copyData(self.data, self.task.physics, self.inside)


def sample_handover(task: Threading, data: mujoco.MjData, rng: np.random.Generator) -> str:
    """Put `data`, already reset, into a random state at which somebody takes over; says which kind it is."""
    kinds: dict[str, Callable[[_Bench], None]] = {
        "interrupted": _interrupted,
        "dropped rod": _dropped,
        "moved stand": _moved,
        "tipped stand": _tipped,
        "half inserted": _half_inserted,
        "stray hand": _stray,
    }
    kind = str(rng.choice(list(kinds), p=(0.3, 0.15, 0.15, 0.12, 0.16, 0.12)))
    bench = _Bench(task, data, rng)
    kinds[kind](bench)
    bench.finish()
    return kind


def _noise(bench: _Bench, steps: int) -> None:
    """A wrong policy for a while: jerky, drifting, or stuck on one direction, playing with the gripper or not."""
    rng = bench.rng
    constant = rng.uniform(-1, 1, 7)
    keep, size = rng.choice((0.0, 0.6, 0.95)), rng.uniform(0.2, 1.0)
    drift = np.zeros(7)
    grip = float(rng.choice((-1.0, 0.0, 1.0, 2.0)))
    stuck = rng.random() < 0.3
    for _ in range(steps):
        drift = keep * drift + math.sqrt(1 - keep**2) * rng.standard_normal(7)
        action = size * (constant if stuck else drift)
        action[6] = drift[6] if grip == 2.0 else grip
        bench.act(action)


def _interrupted(bench: _Bench) -> None:
    bench.skilled(int(bench.rng.integers(0, 180)))
    _noise(bench, int(bench.rng.integers(4, 60)))


def _dropped(bench: _Bench) -> None:
    """The rod falls from somewhere above the table, the hand anywhere."""
    rng, task = bench.rng, bench.task
    bench.skilled(int(rng.integers(0, 20)))
    at = task._rod
    bench.inside.qpos[at : at + 3] = rng.uniform((-0.25, -0.30, 0.92), (0.20, 0.30, 1.10))
    quat = rng.standard_normal(4)
    bench.inside.qpos[at + 3 : at + 7] = quat / np.linalg.norm(quat)
    if rng.random() < 0.25:  # standing on its handle
        bench.inside.qpos[at + 2] = TABLE_TOP + 0.1005
        bench.inside.qpos[at + 3 : at + 7] = quat_multiply(
            quat_about(UP, rng.uniform(-3, 3)), quat_about(np.array([0.0, 1.0, 0.0]), -math.pi / 2)
        )
    mujoco.mj_forward(task.physics, bench.inside)
    bench.rest(25)


def _before_moving(bench: _Bench) -> None:
    """The rod lies on the table, or is carried."""
    if bench.rng.random() < 0.5:
        bench.skilled(200, lambda view: view.held and view.lifted)
        bench.skilled(int(bench.rng.integers(0, 40)))
    else:
        bench.skilled(int(bench.rng.integers(0, 20)))


def _clear_place(bench: _Bench) -> tuple[float, float, float]:
    """Somewhere on the table, away from the hand and the rod."""
    view = bench.see()
    spot = np.array([0.0, -0.15])
    for _ in range(100):
        spot = bench.rng.uniform((-0.22, -0.30), (0.20, 0.30))
        points = [view.tool, view.handle, view.rod, view.rod + 0.06 * view.rod_axes[:, 0]]
        if all(np.linalg.norm(spot - p[:2]) > 0.14 for p in points):
            break
    return float(spot[0]), float(spot[1]), TABLE_TOP


def _moved(bench: _Bench) -> None:
    """The stand is somewhere else, turned by any angle or a little."""
    _before_moving(bench)
    rng, inside, at = bench.rng, bench.inside, bench.task._stand
    spread = float(rng.choice((0.3, 3.14)))
    place(inside, at, _clear_place(bench), math.pi / 2 + rng.uniform(-spread, spread))
    mujoco.mj_forward(bench.task.physics, inside)
    bench.rest(5)


def _tipped(bench: _Bench) -> None:
    """The stand lies on its side."""
    _before_moving(bench)
    rng, inside, at = bench.rng, bench.inside, bench.task._stand
    x, y, z = _clear_place(bench)
    way = rng.uniform(-math.pi, math.pi)
    lean = quat_from_vector(rng.uniform(1.2, 1.7) * np.array([math.cos(way), math.sin(way), 0.0]))
    inside.qpos[at : at + 3] = (x, y, z + 0.08)
    inside.qpos[at + 3 : at + 7] = quat_multiply(lean, quat_about(UP, rng.uniform(-math.pi, math.pi)))
    mujoco.mj_forward(bench.task.physics, inside)
    bench.rest(25)


def _half_inserted(bench: _Bench) -> None:
    """The rod is in the ring: held, shaken, or let go."""
    rng = bench.rng
    depth = rng.uniform(0.003, 0.045)
    bench.skilled(400, lambda view: view.threaded and view.funnel[2] < -depth)
    choice = rng.random()
    if choice < 0.4:
        _noise(bench, int(rng.integers(2, 12)))
    elif choice < 0.8:
        for _ in range(12):
            bench.act(np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0]))
        away = rng.uniform((-0.3, -0.3, 0.3), (0.3, 0.3, 1.0))
        for _ in range(int(rng.integers(0, 20))):
            bench.act(np.concatenate([away, np.zeros(3), [-1.0]]))
    else:
        tilt = np.concatenate([0.3 * rng.standard_normal(6), [1.0]])
        for _ in range(int(rng.integers(1, 10))):
            bench.act(tilt)


def _stray(bench: _Bench) -> None:
    """The hand is anywhere, in any posture that it gets into, closed or half open."""
    rng = bench.rng
    goal = rng.uniform((-0.32, -0.37, 0.81), (0.27, 0.37, 1.2))
    turn = rng.uniform(-1, 1, 3) * np.array([0.3, 0.3, 0.6])
    close = int(rng.integers(0, 11))
    for step in range(int(rng.integers(20, 50))):
        move = 2 * (goal - bench.see().tool) / 0.05
        bench.act(np.concatenate([move, turn if step < 15 else np.zeros(3), [1.0 if step < close else 0.0]]))


def measure_handovers(task: Threading, episodes: int = 500, seed: int = 0, workers: int = 2) -> list[Handover]:
    """Let the skill work from `episodes` random hand-overs; those that nobody can solve come with 0 steps."""
    results: list[Handover] = []
    batch = min(BATCH, episodes)
    worlds = Worlds(task.physics, batch, workers)
    robot = task.robot(worlds)
    for first in range(0, episodes, batch):
        count = min(batch, episodes - first)
        rngs = [np.random.default_rng([seed, first + slot]) for slot in range(count)]
        kinds = []
        for slot, rng in enumerate(rngs):
            data = worlds.reset(slot)
            task.reset(data, rng)
            kinds.append(sample_handover(task, data, rng))
        skills = [task.skill(rng) for rng in rngs]
        outcome: list[Handover | None] = [None] * count
        for slot in range(count):
            reason = unsolvable(task.observe(worlds.datas[slot]))
            if reason is not None:
                outcome[slot] = Handover(kinds[slot], False, 0, reason)
        for step in range(1, HORIZON + 1):
            live = np.array([s for s in range(count) if outcome[s] is None], dtype=np.int64)
            if not len(live):
                break
            robot.command(live, np.array([skills[s].act(task.observe(worlds.datas[s])) for s in live]))
            for s in live:
                if task.success(worlds.datas[s]):
                    outcome[s] = Handover(kinds[s], True, step, "")
        for s in range(count):
            results.append(outcome[s] or Handover(kinds[s], False, HORIZON, skills[s].stage))
    return results


def table(results: list[Handover]) -> str:
    """Solved out of solvable, mean steps and reasons, by kind."""
    lines = []
    for kind in [*sorted({r.kind for r in results}), "all"]:
        some = [r for r in results if kind in (r.kind, "all")]
        fair = [r for r in some if r.steps]
        solved = [r for r in fair if r.solved]
        steps = np.mean([r.steps for r in solved]) if solved else math.nan
        lines.append(
            f"{kind:14s} {len(solved):4d}/{len(fair):4d}  {steps:5.0f} steps  {len(some) - len(fair)} unsolvable"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    found = measure_handovers(Threading(), int(sys.argv[1]) if len(sys.argv) > 1 else 500)
    print(table(found))
    for number, one in enumerate(found):
        if not one.solved:
            print(number, *one)
