"""Success rates: how often a policy solves its task, on initial states that every policy shares."""

from collections.abc import Callable
from itertools import islice

from retouch.outcomes import Evaluation, Purpose, attempt_seeds
from retouch.policies.protocol import Policy
from retouch.rollout import rollout
from retouch.tasks.base import Task

BLOCK = 50  # attempts between two looks at the interval


def evaluate(
    task: Task,
    policy: Policy,
    trials: int,
    purpose: Purpose = "test",
    *,
    until_width: float | None = None,
    stream: int = 0,
    name: str = "",
    worlds: int = 48,
    workers: int = 1,
    each: Callable[[int], None] | None = None,
) -> Evaluation:
    """Success of a policy alone on the first `trials` initial states of a purpose.

    Args:
        until_width: stop, between two blocks of 50, when the 95 % interval is no wider.
        each: hears how many are done.
    """
    block = trials if until_width is None else BLOCK
    seeds = attempt_seeds(purpose, stream)
    found = Evaluation(name, purpose, (), (), ())
    while found.trials < trials and not (until_width is not None and found.width <= until_width):
        some = list(islice(seeds, min(block, trials - found.trials)))
        attempts = []
        for attempt in rollout(task, some, policy=policy, worlds=min(worlds, len(some)), workers=workers):
            attempts.append(attempt)
            if each is not None:
                each(found.trials + len(attempts))
        found = Evaluation(
            name,
            purpose,
            (*found.seeds, *some),
            (*found.successes, *(attempt.outcome == "success" for attempt in attempts)),
            (*found.steps, *(attempt.steps for attempt in attempts)),
        )
    return found
