"""Success rates: how often a policy solves its task, on initial states that every policy shares."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import cast

import mujoco
import numpy as np

from retouch.outcomes import Evaluation, Purpose, attempt_seeds
from retouch.policies.protocol import Policy
from retouch.rollout import Attempt, rollout
from retouch.tasks.base import Task
from retouch.tasks.contact import Case, ContactTask

BLOCK = 50  # attempts between two looks at the interval


def evaluate(
    task: Task,
    policy: Policy,
    trials: int,
    purpose: Purpose = "test",
    *,
    until_width: float | None = None,
    stream: int = 0,
    cases: Sequence[Case] = (),
    name: str = "",
    worlds: int = 48,
    workers: int = 1,
    each: Callable[[int], None] | None = None,
) -> Evaluation:
    """Success of a policy alone on the first `trials` initial states of a purpose.

    Args:
        until_width: stop, between two blocks of 50, when the 95 % interval is no wider.
        cases: of a contact-rich task, in turn, e.g. its whole test grid; any of those that were demonstrated without.
        each: hears how many are done.
    """
    block = trials if until_width is None else BLOCK
    seeds = attempt_seeds(purpose, stream)
    found = Evaluation(name, purpose, (), (), ())

    def in_its_case(number: int, data: mujoco.MjData, rng: np.random.Generator) -> None:
        cast(ContactTask, task).reset(data, rng, cases[(found.trials + number) % len(cases)])

    while found.trials < trials and not (until_width is not None and found.width <= until_width):
        some = list(islice(seeds, min(block, trials - found.trials)))
        attempts: list[Attempt] = []
        for attempt in rollout(
            task,
            some,
            policy=policy,
            worlds=min(worlds, len(some)),
            workers=workers,
            lay_out=in_its_case if cases else None,
        ):
            attempts.append(attempt)
            if each is not None:
                each(found.trials + len(attempts))
        found += Evaluation(
            name,
            purpose,
            tuple(some),
            tuple(attempt.outcome == "success" for attempt in attempts),
            tuple(attempt.steps for attempt in attempts),
            tuple(attempt.reason for attempt in attempts),
            tuple(attempt.stages for attempt in attempts),
            tuple(attempt.force for attempt in attempts) if task.ticks else (),
            tuple(attempt.jerk for attempt in attempts) if task.ticks else (),
        )
    return found
