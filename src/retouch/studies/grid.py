"""A table of a study as the policies in its cells: people collect, methods learn, row after row."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from retouch.counting import stream_of
from retouch.errors import InputError
from retouch.learning.weights import method
from retouch.operators.profile import Profile
from retouch.studies.jobs import Checkpoints, Collection, Job, Policy, Trials, in_order, task_digest

FULL = method("full-demos")


@dataclass(frozen=True)
class Scale:
    """How large a study is.

    Attributes:
        training_seeds: policies of every cell.
        collection_seeds: independent collections of every operator.
        trials: fresh initial states that report.
        checkpoint_trials: states that every checkpoint is tried on, for the paper's metric; 0 leaves it out.
    """

    training_seeds: int = 3
    collection_seeds: int = 1
    trials: int = 200
    checkpoint_trials: int = 50

    def __post_init__(self) -> None:
        for name in ("training_seeds", "collection_seeds", "trials"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.checkpoint_trials < 0:
            raise InputError(f"checkpoint_trials must be at least 0, not {self.checkpoint_trials}")


@dataclass(frozen=True)
class Operator:
    """One scripted person at one task: collects, and has policies of their own.

    Attributes:
        task: name.
        person: who.
        seed: of collecting.
        demonstrator: who demonstrates, when not the same.
    """

    task: str
    person: Profile
    seed: int
    demonstrator: Profile | None = field(default=None, kw_only=True)

    def demonstrated(self, episodes: int) -> Collection:
        """So many whole demonstrations, what the base policy learns from."""
        first = self.collection(0, episodes=episodes, max_attempts=10 * episodes)
        return first if self.demonstrator is None else dataclasses.replace(first, person=self.demonstrator)

    def collection(self, number: int, **what: Any) -> Collection:
        """Of round `number`; `what` as `Collection` has it."""
        return Collection(
            task=self.task,
            task_digest=task_digest(self.task),
            person=self.person,
            stream=stream_of(self.seed, number),
            number=number,
            **what,
        )


Cell = Callable[[Any, int], Policy]  # the policy of an operator of the study and a training seed
People = tuple[tuple[Any, ...], ...]  # for each scripted person, an operator of the study for each of their collections
Paper = dict[tuple[str, str], str]


@dataclass(frozen=True)
class Table:
    """A table of policies.

    Attributes:
        name, title: of the table.
        people: for each scripted person, an operator for each of their collections; all are averaged.
        cells: row and column to the policies there.
        scale: of the study.
        paper: the paper's figures, row and column to text.
        reference: row that the other rows of a column are compared with.
        reference_column: where one cell is compared with all others, its column.
        without: what is taken from the policies of a cell when they are tried.
        grid: how many attempts each policy has on the cases of its task's test grid; 0 for a task without.
        kind: what the name is of.
    """

    name: str
    title: str
    people: People
    cells: Mapping[tuple[str, str], Cell]
    scale: Scale
    paper: Paper = field(default_factory=dict)
    reference: str = "iwr"
    reference_column: str | None = None
    without: Mapping[tuple[str, str], str] = field(default_factory=dict)
    grid: int = 0
    kind: Literal["table", "cr-table", "cr-figure"] = "table"

    @property
    def rows(self) -> list[str]:
        """Names, in order."""
        return list(dict.fromkeys(row for row, _ in self.cells))

    @property
    def columns(self) -> list[str]:
        """Names, in order."""
        return list(dict.fromkeys(column for _, column in self.cells))

    def compared_with(self, cell: tuple[str, str]) -> tuple[str, str] | None:
        """The cell that another is compared with; None for that one itself, and where there is none."""
        against = (self.reference, cell[1] if self.reference_column is None else self.reference_column)
        return against if against in self.cells and against != cell else None

    def policies(self, row: str, column: str) -> list[list[list[Policy]]]:
        """Of a cell: for every person, for each of their collections, one a training seed."""
        cell, seeds = self.cells[row, column], range(self.scale.training_seeds)
        return [[[cell(operator, seed) for seed in seeds] for operator in person] for person in self.people]

    @property
    def everybody(self) -> list[str]:
        """Names of the people."""
        return [person[0].person.name for person in self.people]

    def trials(self, policy: Policy, without: str = "") -> Trials:
        """The job that finds the primary figure of a policy."""
        return Trials(policy, self.scale.trials, without)

    def on_grid(self, policy: Policy, without: str = "") -> Trials | None:
        """The job that tries it on the task's test grid; None where there is none."""
        return Trials(policy, self.grid, without, grid=True) if self.grid else None

    def checkpoints(self, policy: Policy) -> Checkpoints | None:
        """The job that finds the paper's figure; None where the study leaves it out."""
        return Checkpoints(policy, self.scale.checkpoint_trials) if self.scale.checkpoint_trials else None

    @cached_property
    def jobs(self) -> list[Job]:
        """All that must be done, in order."""
        wanted: list[Job | None] = []
        for cell in self.cells:
            less = self.without.get(cell, "")
            policies = [p for who in self.policies(*cell) for each in who for p in each]
            wanted += [self.trials(policy, less) for policy in policies]
            wanted += [self.on_grid(policy, less) for policy in policies]
            wanted += [self.checkpoints(policy) for policy in policies]
        return in_order(job for job in wanted if job is not None)
