"""How often something solves a contact-rich task over its whole grid of cases, and how it fails.

from retouch.tasks.book import BookFlipping
from retouch.tasks.cases import measure_cases, table

print(table(measure_cases(BookFlipping(), repeats=10)))
"""

import collections
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from retouch.robots.ur5e_tick import TRACKS
from retouch.sim.world import Worlds
from retouch.tasks.base import Skill
from retouch.tasks.contact import Case, ContactTask


class Rollout(NamedTuple):
    """How one rollout went.

    Attributes:
        case: of the grid.
        failure: how it failed; empty when it was solved.
        steps: it took.
        force: most that the tool felt of what it touched [N].
    """

    case: Case
    failure: str
    steps: int
    force: float


def measure_cases(
    task: ContactTask,
    make: Callable[[np.random.Generator], Skill] | None = None,
    *,
    repeats: int = 1,
    seed: int = 0,
    observed: bool = False,
) -> list[Rollout]:
    """Roll out over the whole grid, `repeats` times with other draws within each case.

    Args:
        make: a skill for one attempt; the task's own unless given.
        observed: it goes by what a policy sees, not by what a person sees and feels.
    """
    make, rollouts = make or task.skill, []
    worlds = Worlds(task.physics, 1)
    robot, data, slot = task.robot(worlds), worlds.datas[0], np.array([0])
    for number, case in enumerate(case for _ in range(repeats) for case in task.cases()):
        rng = np.random.default_rng([seed, number])
        worlds.reset(0)
        task.reset(data, rng, case)
        skill, steps, force = make(rng), 0, 0.0
        while steps < task.horizon and not task.success(data) and not task.over(data):
            action = skill.act(task.observe(data) if observed else task.sight(data))
            felt = robot.command(slot, action[None])[0][:, TRACKS["contact_wrench"]]
            force = max(force, float(np.linalg.norm(felt[:, :3], axis=1).max()))
            steps += 1
        failure = "" if task.success(data) else task.failure(data)
        rollouts.append(Rollout(case, failure, steps, force))
    return rollouts


def table(rollouts: list[Rollout]) -> str:
    """Solved of all, mean steps and failures: by group of cases, of seen and unseen ones, and altogether."""
    lines = []
    groups = list(dict.fromkeys(r.case.name.split(":")[0] for r in rollouts))
    for group in [*groups, "seen", "unseen", "all"]:
        some = [r for r in rollouts if group in (r.case.name.split(":")[0], "seen" if r.case.seen else "unseen", "all")]
        if not some:
            continue
        solved = [r for r in some if not r.failure]
        why = collections.Counter(r.failure for r in some if r.failure)
        named = ", ".join(f"{name} {count}" for name, count in why.most_common())
        steps = np.mean([r.steps for r in some])
        lines.append(f"{group:16s} {len(solved):4d}/{len(some):4d}  {steps:5.0f} steps  {named}".rstrip())
    return "\n".join(lines)
