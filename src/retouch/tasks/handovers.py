"""States in which a person may be handed control of a task, and how often its scripted skill solves it from them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from retouch.errors import InputError
from retouch.geometry import Quaternion, Vector3
from retouch.sim.world import Worlds
from retouch.tasks.base import Task
from retouch.tasks.hand import REACHABLE

BATCH = 50
FINGERS = 0.02  # the middle of what is grasped may be so far outside of where the tool can go [m]
Observation = NDArray[np.float32]


class Handover(NamedTuple):
    """How one hand-over went: its kind, whether and after how many steps it was solved, and why it was not."""

    kind: str
    solved: bool
    steps: int
    reason: str


class Stage:
    """One world of a task, in which what comes before a hand-over is played."""

    def __init__(self, task: Task, data: mujoco.MjData, rng: np.random.Generator):
        self.task, self.rng, self.data = task, rng, data
        self.worlds = Worlds(task.physics, 1)
        self.robot = task.robot(self.worlds)
        self.inside = self.worlds.datas[0]
        mujoco.mj_copyData(self.inside, task.physics, data)

    def see(self) -> Observation:
        """What is seen now."""
        return self.task.sight(self.inside)

    def act(self, action: NDArray[np.float64]) -> None:
        """One step."""
        self.robot.command(np.array([0]), action[None])

    def rest(self, steps: int) -> None:
        """Let things settle, the arm holding still."""
        for _ in range(steps):
            self.act(self.task.hold(self.inside))

    def let_go(self) -> None:
        """Open the hand, the arm holding still."""
        for _ in range(12):
            self.act(np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0]))

    def skilled(self, most: int, until: Callable[[Observation], bool] = lambda seen: False) -> None:
        """Let the skill work for at most so many steps."""
        skill = self.task.skill(self.rng)
        for _ in range(most):
            observation = self.see()
            if until(observation) or self.task.success(self.inside):
                return
            self.act(skill.act(observation))

    def put(self, name: str, position: Vector3, quat: Quaternion) -> None:
        """Put a free body, given by its joint's name, somewhere [m]."""
        at = int(self.task.physics.joint(name).qposadr[0])
        self.inside.qpos[at : at + 3] = position
        self.inside.qpos[at + 3 : at + 7] = quat
        mujoco.mj_forward(self.task.physics, self.inside)

    def finish(self) -> None:
        """Hand the state over to the caller's data."""
        mujoco.mj_copyData(self.data, self.task.physics, self.inside)


Prelude = Callable[[Stage], None]


@dataclass(frozen=True)
class Handovers:
    """The hand-overs of a task.

    Attributes:
        kinds: what comes before each kind of hand-over, and how probable that kind is.
        unsolvable: why nobody can solve the task with this arm from what is seen, or None.
        horizon: steps after which one has failed.
    """

    kinds: Mapping[str, tuple[Prelude, float]]
    unsolvable: Callable[[Observation], str | None]
    horizon: int = 600


def outside(point: Vector3) -> bool:
    """Whether the fingers cannot get at a point, in the plane."""
    return any(p < low - FINGERS or p > high + FINGERS for p, (low, high) in zip(point[:2], REACHABLE, strict=True))


# What can come before a hand-over in any task.


def noise(stage: Stage, steps: int) -> None:
    """A wrong policy for a while: jerky, drifting, or stuck on one direction, playing with the gripper or not."""
    rng = stage.rng
    constant = rng.uniform(-1, 1, 7)
    keep, size = rng.choice((0.0, 0.6, 0.95)), rng.uniform(0.2, 1.0)
    drift = np.zeros(7)
    grip = float(rng.choice((-1.0, 0.0, 1.0, 2.0)))
    stuck = rng.random() < 0.3
    for _ in range(steps):
        drift = keep * drift + math.sqrt(1 - keep**2) * rng.standard_normal(7)
        action = size * (constant if stuck else drift)
        action[6] = drift[6] if grip == 2.0 else grip
        stage.act(action)


def disturbed(stage: Stage, let_go: float) -> None:
    """What is held is shaken, tilted, or, with probability `let_go`, let go and left."""
    rng = stage.rng
    choice = rng.random()
    if choice < 0.4:
        noise(stage, int(rng.integers(2, 12)))
    elif choice < 0.4 + let_go:
        stage.let_go()
        away = rng.uniform((-0.3, -0.3, 0.3), (0.3, 0.3, 1.0))
        for _ in range(int(rng.integers(0, 20))):
            stage.act(np.concatenate([away, np.zeros(3), [-1.0]]))
    else:
        tilt = np.concatenate([0.3 * rng.standard_normal(6), [1.0]])
        for _ in range(int(rng.integers(1, 10))):
            stage.act(tilt)


def stray(stage: Stage) -> None:
    """The hand is anywhere, in any posture that it gets into, closed or half open."""
    rng = stage.rng
    goal = rng.uniform((-0.32, -0.37, 0.81), (0.27, 0.37, 1.2))
    turn = rng.uniform(-1, 1, 3) * np.array([0.3, 0.3, 0.6])
    close = int(rng.integers(0, 11))
    for step in range(int(rng.integers(20, 50))):
        move = 2 * (goal - stage.see()[:3].astype(np.float64)) / 0.05
        stage.act(np.concatenate([move, turn if step < 15 else np.zeros(3), [1.0 if step < close else 0.0]]))


# Measuring.


def handovers_of(task: Task) -> Handovers:
    """The task's hand-overs.

    Raises:
        InputError: it has none.
    """
    found = task.handovers()
    if found is None:
        raise InputError(f"the task '{task.name}' does not say in which states it may be handed over")
    return found


def sample_handover(task: Task, data: mujoco.MjData, rng: np.random.Generator) -> str:
    """Put `data`, already reset, into a random state at which somebody takes over; says which kind it is."""
    kinds = handovers_of(task).kinds
    kind = str(rng.choice(list(kinds), p=[probability for _, probability in kinds.values()]))
    prepare_handover(task, kind, data, rng)
    return kind


def prepare_handover(task: Task, kind: str, data: mujoco.MjData, rng: np.random.Generator) -> None:
    """Put `data`, already reset, into a random state of one kind."""
    stage = Stage(task, data, rng)
    handovers_of(task).kinds[kind][0](stage)
    stage.finish()


def measure_handovers(task: Task, episodes: int = 500, seed: int = 0, workers: int = 2) -> list[Handover]:
    """Let the skill work from `episodes` random hand-overs; those that nobody can solve come with 0 steps."""
    handovers = handovers_of(task)
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
            reason = handovers.unsolvable(task.sight(worlds.datas[slot]))
            if task.over(worlds.datas[slot]):
                reason = reason or "the attempt is over"
            if reason is not None:
                outcome[slot] = Handover(kinds[slot], False, 0, reason)
        for step in range(1, handovers.horizon + 1):
            live = np.array([s for s in range(count) if outcome[s] is None], dtype=np.int64)
            if not len(live):
                break
            robot.command(live, np.array([skills[s].act(task.sight(worlds.datas[s])) for s in live]))
            for s in live:
                if task.success(worlds.datas[s]):
                    outcome[s] = Handover(kinds[s], True, step, "")
        for s in range(count):
            results.append(outcome[s] or Handover(kinds[s], False, handovers.horizon, skills[s].stage))
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
