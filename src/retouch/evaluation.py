"""Success rates: how often a policy solves its task, on initial states that every policy shares."""

from collections.abc import Callable
from itertools import islice

from retouch.outcomes import Evaluation, Purpose, attempt_seeds
from retouch.policies.protocol import Policy
from retouch.rollout import rollout
from retouch.tasks.base import Task


def evaluate(
    task: Task,
    policy: Policy,
    trials: int,
    purpose: Purpose = "test",
    *,
    stream: int = 0,
    start: int = 0,
    name: str = "",
    worlds: int = 48,
    workers: int = 1,
    each: Callable[[int], None] | None = None,
) -> Evaluation:
    """Success of a policy alone on `trials` initial states of a purpose, from number `start`.

    Args:
        each: hears how many are done.
    """
    seeds = list(islice(attempt_seeds(purpose, stream, start), trials))
    attempts = []
    for attempt in rollout(task, seeds, policy=policy, worlds=min(worlds, max(1, trials)), workers=workers):
        attempts.append(attempt)
        if each is not None:
            each(len(attempts))
    return Evaluation(
        name,
        purpose,
        tuple(seeds),
        tuple(attempt.outcome == "success" for attempt in attempts),
        tuple(attempt.steps for attempt in attempts),
    )
