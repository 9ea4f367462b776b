"""Collecting episodes into a data set: demonstrations, or a policy that a person corrects.

A collection is a sequence of attempts with seeds of its own. It goes on from where the data set ends, so one that was
killed and is run again has the same episodes as one that ran through.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from retouch.control.hand import GRIP
from retouch.counting import Tally, Target, next_attempt, one_at_a_time, tally
from retouch.episodes.reader import Dataset
from retouch.episodes.repair import forget_unfinished
from retouch.episodes.schema import DatasetInfo, Feature, picture_features, standard_features
from retouch.episodes.writer import DatasetWriter, EpisodeWriter
from retouch.errors import InputError
from retouch.operators.correction import Operator
from retouch.operators.way import Way
from retouch.outcomes import attempt_seeds
from retouch.policies.protocol import Policy
from retouch.progress import SILENT, Progress
from retouch.rollout import WAYPOINT_NAMES, WAYPOINTS, Attempt, rollout
from retouch.tasks.base import Task
from retouch.versions import versions

WATCHED = 5  # attempts of a policy for each that may be demonstrated, before whoever observes it gives up
HORIZON_OF_PEOPLE = 2  # times the task's: a person is given the time to finish


def dataset_info(task: Task, pictures: int = 0) -> DatasetInfo:
    """The description of a data set of this task, with square pictures of so many pixels, or none.

    Raises InputError where the task has no camera for them.
    """
    if pictures and not task.observation_cameras:
        raise InputError(f"the task {task.name} has no camera that policies look through: collect without pictures")
    features = standard_features(
        len(task.observation_names),
        len(task.action_names),
        task.worlds(1).state_size,
        observation_names=task.observation_names,
        action_names=task.action_names,
    )
    for name, at in task.tick_tracks.items():  # what is faster than a step: a row a tick of the controller
        features[f"tick_{name}"] = Feature("float32", (task.ticks, at.stop - at.start))
    if task.ticks:
        features["grip"] = Feature("float64", (GRIP,))
        features["policy_waypoints"] = Feature("float32", (WAYPOINTS, len(WAYPOINT_NAMES)), WAYPOINT_NAMES)
    for camera in task.observation_cameras if pictures else ():
        features |= picture_features(camera, pictures)
    return DatasetInfo(task.name, task.control_period, features)


def collect(
    task: Task,
    operator: Operator,
    way: Way,
    out: Path,
    target: Target,
    *,
    policy: Policy | None = None,
    policy_name: str | Callable[[], str] | None = None,
    stream: int = 0,
    round_number: int = 0,
    horizon: int | None = None,
    pictures: int = 0,
    worlds: int = 8,
    workers: int = 1,
    progress: Progress = SILENT,
    title: str = "collecting",
) -> Tally:
    """Add attempts to the data set in `out` until the target is reached.

    Failures are stored too, and left out of training by default.

    Args:
        policy_name: of the policy, written into every episode; asked for when an attempt begins, where it may change.
        way: how the operator corrects. To `observe` is to demonstrate from initial states at which the policy fails.
        stream: which sequence of initial states; see `attempt_seeds`.
        round_number: written into every episode.
        horizon: steps of an attempt; people may take longer than a policy is given.
        pictures: size of those that are recorded of the task's observation cameras [pixels]; 0 for none.

    Returns:
        What the data set holds afterwards; `reached` says whether the target was met within `max_attempts`.

    Raises:
        PolicyStopped: the policy has died or is late: what was running is kept as aborted, and done again next time.
        EnvironmentStopped: likewise of an environment of another interpreter.
    """
    kind = "demonstration" if way in ("demonstrate", "observe") else "corrected"
    store = DatasetWriter.open(out, dataset_info(task, pictures), versions=versions(policy, task))
    with one_at_a_time(out), store:
        forget_unfinished(out)
        dataset = Dataset(out)
        one = {"kind": kind, "operator": operator.name, "round": round_number}
        _same_collection(dataset, one if callable(policy_name) else one | {"policy": policy_name})
        counted, first = tally(dataset), next_attempt(dataset)

        def record(_: int, seed: int) -> EpisodeWriter:
            return store.begin(
                kind=kind,
                seed=seed,
                operator=operator.name,
                policy=policy_name() if callable(policy_name) else policy_name,
                round=round_number,
            )

        goal = float(target.samples if target.samples is not None else target.episodes or 0)
        if counted.reached(target) or first >= target.max_attempts:
            return counted
        with progress.stage(title, goal) as stage:
            seeds, doing = attempt_seeds("collect", stream, start=first), way
            if way == "observe":
                assert policy is not None
                watched = islice(_after_the_last(dataset, stream), WATCHED * target.max_attempts)
                seeds = where_it_fails(task, policy, watched, worlds=worlds, workers=workers)
                doing = "demonstrate"  # the policy goes on thinking, in the shadow, and what it says is recorded
            for attempt in rollout(
                task,
                seeds,
                policy=policy,
                operator=operator,
                way=doing,
                horizon=horizon,
                worlds=worlds,
                workers=workers,
                record=record,
                pictures=pictures,
            ):
                assert isinstance(attempt.recorder, EpisodeWriter)
                attempt.recorder.commit(attempt.outcome, attempt.reason, **noted(attempt))
                counted.add(attempt.outcome == "success", attempt.steps, attempt.human_steps, attempt.force)
                done = counted.human_steps if target.samples is not None else counted.successes
                stage.at(min(done, goal), f"{counted.attempts} attempts, {counted.successes} solved")
                if counted.reached(target):
                    return counted
                if first + attempt.number + 1 >= target.max_attempts:
                    progress.say(
                        f"warning: {title} stopped after {target.max_attempts} attempts short of its target "
                        f"({done:.0f} of {goal:.0f}): little is left to correct, or the person cannot solve the task"
                    )
                    return counted
    progress.say(f"warning: {title} ended: the policy hardly fails, there is too little to show it")
    return counted


def where_it_fails(
    task: Task, policy: Policy, seeds: Iterable[int], *, worlds: int = 8, workers: int = 1
) -> Iterator[int]:
    """Those of the initial states at which a policy alone fails: what a person who watches would show it next."""
    for attempt in rollout(task, seeds, policy=policy, worlds=worlds, workers=workers):
        if attempt.outcome != "success":
            yield attempt.seed


def _after_the_last(dataset: Dataset, stream: int) -> Iterator[int]:
    """Initial states from the one after the last that was used."""
    used = [episode.seed for episode in dataset.all_episodes if episode.seed is not None]
    first = next(attempt_seeds("collect", stream))
    return attempt_seeds("collect", stream, start=max(used) - first + 1 if used else 0)


def _same_collection(dataset: Dataset, wanted: dict[str, Any]) -> None:
    """A folder holds one collection: mixing two would be noticed by nobody."""
    for episode in dataset.all_episodes:
        for name, value in wanted.items():
            found = getattr(episode, name)
            if found != value:
                raise InputError(
                    f"{dataset.path} holds episodes with {name} {found}, not {value}: choose another folder"
                )


def noted(attempt: Attempt) -> dict[str, Any]:
    """What is kept of an attempt besides its steps and outcome: why the person acted, and the largest force felt."""
    found: dict[str, Any] = {"causes": [[step, cause] for step, cause in attempt.causes]}
    return found | {"force": attempt.force} if attempt.force else found


class InMemory:
    """A recorder that keeps an attempt's rows, for films and replays."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def append(self, row: dict[str, Any]) -> None:
        """Keep one step."""
        self.rows.append(row)

    def forget(self) -> None:
        """Drop them."""
        self.rows.clear()

    def column(self, name: str) -> np.ndarray:
        """One column over all steps."""
        return np.array([row[name] for row in self.rows])
