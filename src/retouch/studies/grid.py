"""A table of a study as the policies in its cells: people collect, methods learn, row after row."""

import dataclasses
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from retouch.counting import stream_of
from retouch.errors import InputError
from retouch.learning.config import TrainConfig
from retouch.learning.weights import Method, method
from retouch.operators.profile import Profile
from retouch.studies.jobs import Checkpoints, Collection, Job, Policy, Trials, in_order, task_digest

FULL = method("full-demos")


@dataclass(frozen=True)
class Scale:
    """How large a study is; the defaults are the paper's, but for more fresh states.

    Attributes:
        demonstrations: that an operator begins with.
        share: of the base's samples that a round adds as interventions.
        rounds: of intervention.
        training_seeds: policies of every cell.
        collection_seeds: independent collections of every operator.
        trials: fresh initial states that report.
        checkpoint_trials: states that every checkpoint is tried on, for the paper's metric.
        training: of every policy.
    """

    demonstrations: int = 30
    share: float = 0.33
    rounds: int = 3
    training_seeds: int = 3
    collection_seeds: int = 1
    trials: int = 200
    checkpoint_trials: int = 50
    training: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        for name in ("demonstrations", "rounds", "training_seeds", "collection_seeds", "trials"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not (0 < self.share < math.inf and self.checkpoint_trials >= 0):
            raise InputError("share must be a number above 0, and checkpoint_trials at least 0")


@dataclass(frozen=True)
class Operator:
    """One scripted person at one task: collects, and has policies of their own.

    Attributes:
        task: name.
        person: who.
        seed: of collecting.
        scale: of the study.
        demonstrator: who demonstrates, when not the same.
    """

    task: str
    person: Profile
    seed: int
    scale: Scale
    demonstrator: Profile | None = None

    @cached_property
    def demonstrations(self) -> Collection:
        """What the base policy learns from."""
        number = self.scale.demonstrations
        first = self._collection(0, episodes=number, max_attempts=10 * number)
        return first if self.demonstrator is None else dataclasses.replace(first, person=self.demonstrator)

    @cached_property
    def more_demonstrations(self) -> Collection:
        """As many samples once more."""
        more = self._collection(1, share=1.0, base=self.demonstrations)
        return more if self.demonstrator is None else dataclasses.replace(more, person=self.demonstrator)

    @functools.cache  # noqa: B019  operators live as long as a study
    def interventions(self, name: str, number: int, share: float | None = None) -> Collection:
        """Of round `number` on the policies of a method; every method's first round is on the same base."""
        before = self.base(0) if number == 1 else self.trained(method(name), self.data(name, number - 1), 0)
        share = self.scale.share if share is None else share
        return self._collection(number, share=share, base=self.demonstrations, policy=before)

    def data(self, name: str, number: int) -> tuple[Collection, ...]:
        """What a method has collected up to a round."""
        return (self.demonstrations, *(self.interventions(name, n) for n in range(1, number + 1)))

    def base(self, seed: int) -> Policy:
        """The policy that everybody begins with."""
        return self.trained(FULL, (self.demonstrations,), seed)

    def trained(self, how: Method, data: tuple[Collection, ...], seed: int) -> Policy:
        """A policy on some data."""
        return Policy(how, data, dataclasses.replace(self.scale.training, seed=seed))

    def _collection(
        self,
        number: int,
        episodes: int | None = None,
        share: float | None = None,
        base: Collection | None = None,
        policy: Policy | None = None,
        max_attempts: int = 1000,
    ) -> Collection:
        return Collection(
            task=self.task,
            task_digest=task_digest(self.task),
            person=self.person,
            stream=stream_of(self.seed, number),
            policy=policy,
            episodes=episodes,
            share=share,
            base=base,
            max_attempts=max_attempts,
            number=number,
        )


Cell = Callable[[Operator, int], Policy]  # the policy of an operator and a training seed
People = tuple[tuple[Operator, ...], ...]
Paper = dict[tuple[str, str], str]


@dataclass(frozen=True)
class Table:
    """A table of policies.

    Attributes:
        name, title: of the table.
        paper: the paper's figures, row and column to text.
        people: for each scripted person, an operator for each of their collections; all are averaged.
        cells: row and column to the policies there.
        reference: row that the other rows of a column are compared with.
        scale: of the study.
    """

    name: str
    title: str
    people: tuple[tuple[Operator, ...], ...]
    cells: dict[tuple[str, str], Cell]
    scale: Scale
    paper: Paper = field(default_factory=dict)
    reference: str = "iwr"

    @property
    def rows(self) -> list[str]:
        """Names, in order."""
        return list(dict.fromkeys(row for row, _ in self.cells))

    @property
    def columns(self) -> list[str]:
        """Names, in order."""
        return list(dict.fromkeys(column for _, column in self.cells))

    def policies(self, row: str, column: str) -> list[list[list[Policy]]]:
        """Of a cell: for every person, for each of their collections, one a training seed."""
        cell, seeds = self.cells[row, column], range(self.scale.training_seeds)
        return [[[cell(operator, seed) for seed in seeds] for operator in person] for person in self.people]

    @property
    def everybody(self) -> list[str]:
        """Names of the people."""
        return [person[0].person.name for person in self.people]

    def trials(self, policy: Policy) -> Trials:
        """The job that finds the primary figure of a policy."""
        return Trials(policy, self.scale.trials)

    def checkpoints(self, policy: Policy) -> Checkpoints | None:
        """The job that finds the paper's figure; None where the study leaves it out."""
        return Checkpoints(policy, self.scale.checkpoint_trials) if self.scale.checkpoint_trials else None

    @cached_property
    def jobs(self) -> list[Job]:
        """All that must be done, in order."""
        policies = [p for cell in self.cells for who in self.policies(*cell) for each in who for p in each]
        wanted: list[Job] = [self.trials(policy) for policy in policies]
        wanted += [job for job in map(self.checkpoints, policies) if job is not None]
        return in_order(wanted)
