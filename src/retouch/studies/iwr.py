"""The tables of paper 1 (IWR, section V) and what it lacks, as policies to be trained: who collected, what learns.

The primary metric of every table, declared here: success of the last averaged checkpoint on the test states, mean over
operators and training seeds; intervals by a bootstrap over operators, training seeds and initial states; differences
between methods paired by all three. Beside it the paper's own: the maximum over checkpoints (raw weights, selection
states), mean and deviation over training seeds.
"""

import dataclasses
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from retouch.counting import stream_of
from retouch.errors import InputError
from retouch.learning.config import TrainConfig
from retouch.learning.weights import Alpha, Method, method
from retouch.operators.profile import PROFILES, Profile, profile
from retouch.studies.jobs import Checkpoints, Collection, Job, Policy, Trials, in_order, task_digest

INTERVENING = ("hg-dagger", "iwr-nb", "iwr")
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


def _own(name: str, number: int) -> Cell:
    """A method on what it has collected."""
    return lambda operator, seed: operator.trained(method(name), operator.data(name, number), seed)


def _on(name: str, collector: str) -> Cell:
    """A method on what another has collected."""
    return lambda operator, seed: operator.trained(method(name), operator.data(collector, operator.scale.rounds), seed)


def _base(operator: Operator, seed: int) -> Policy:
    return operator.base(seed)


def _full(operator: Operator, seed: int) -> Policy:
    return operator.trained(FULL, (operator.demonstrations, operator.more_demonstrations), seed)


def _columns(rounds: int) -> list[str]:
    return [f"round {n}" for n in range(1, rounds)] + ["final"]


def by_rounds(name: str, title: str, people: People, paper: Paper) -> Table:
    """Every method, round after round, on its own data (Tables I and II)."""
    scale = people[0][0].scale
    cells: dict[tuple[str, str], Cell] = {("base", "final"): _base, ("full-demos", "final"): _full}
    for how in INTERVENING:
        for number, column in enumerate(_columns(scale.rounds), start=1):
            cells[how, column] = _own(how, number)
    return Table(name, title, people, cells, scale, paper)


def by_data(name: str, title: str, people: People, paper: Paper) -> Table:
    """Every method on every method's final data (Tables III and IV)."""
    cells = {(how, f"data of {who}"): _on(how, who) for who in INTERVENING for how in INTERVENING}
    return Table(name, title, people, cells, people[0][0].scale, paper)


def single_round(name: str, title: str, people: People, paper: Paper) -> Table:
    """One large round against several of the same size (end of section V-D)."""
    scale = people[0][0].scale

    def large(operator: Operator, seed: int) -> Policy:
        once = operator.interventions("iwr", 1, share=scale.share * scale.rounds)
        return operator.trained(method("iwr"), (operator.demonstrations, once), seed)

    cells: dict[tuple[str, str], Cell] = {
        ("base", "final"): _base,
        ("iwr, one large round", "final"): large,
        ("iwr", "final"): _own("iwr", scale.rounds),
    }
    return Table(name, title, people, cells, scale, paper)


def labels(name: str, title: str, people: People, paper: Paper) -> Table:
    """Initial demonstrations in D_R or in D_I, which the paper leaves open; on iwr's final data."""
    scale = people[0][0].scale

    def counted(where: str) -> Cell:
        how = method("iwr").replace(demonstrations_count_as=where)  # type: ignore[arg-type]
        return lambda operator, seed: operator.trained(how, operator.data("iwr", scale.rounds), seed)

    cells = {
        ("iwr", "final"): counted("rollout"),
        ("iwr, demonstrations in D_I", "final"): counted("interventions"),
        ("iwr-nb", "final"): _on("iwr-nb", "iwr"),
    }
    return Table(name, title, people, cells, scale, paper)


ALPHAS = (2.0, 4.0, 16.0, 32.0)


def alphas(name: str, title: str, people: People, paper: Paper) -> Table:
    """The weight of an intervention sample, around the balanced one; on iwr's final data."""
    scale = people[0][0].scale

    def weighted(alpha: Alpha) -> Cell:
        how = method("iwr").replace(alpha=alpha)
        return lambda operator, seed: operator.trained(how, operator.data("iwr", scale.rounds), seed)

    cells: dict[tuple[str, str], Cell] = {(f"alpha {alpha:g}", "final"): weighted(alpha) for alpha in ALPHAS}
    cells = {("iwr-nb", "final"): _on("iwr-nb", "iwr"), **cells, ("iwr", "final"): weighted("balanced")}
    return Table(name, title, people, cells, scale, paper)


def kinds_of_people() -> dict[str, Profile]:
    """`steady`, and people who differ from it in one thing; all of them demonstrate as `steady` does."""
    steady = profile("steady")
    hands = steady.intervening

    def differs(**changes: Any) -> Profile:
        return dataclasses.replace(steady, **changes)

    return {
        "steady": steady,
        "slow to react": differs(reaction_delay=1.2),
        "patient": differs(patience=8.0),
        "tolerant": differs(funnel_width=0.012, disturbance=0.05),
        "inattentive": differs(quality=0.5),
        "another style": differs(intervening=dataclasses.replace(hands, speed=1.0, detour=0.04)),
        "two styles": differs(intervening=dataclasses.replace(hands, detour=0.04, routes=2)),
        "hesitant hands": differs(intervening=dataclasses.replace(hands, hesitation_rate=0.5, hesitation_time=0.8)),
        "shaky hands": differs(intervening=dataclasses.replace(hands, tremor=0.3)),
        "hands back at once": differs(hand_back="aligned"),
        "never hands back": differs(hand_back="finish"),
    }


def kinds(name: str, title: str, people: People, paper: Paper) -> Table:
    """For which kind of person which method wins: all methods on what iwr has collected with each of them."""
    scale = people[0][0].scale
    cells: dict[tuple[str, str], Cell] = {}

    def on(how: str, who: Profile) -> Cell:
        def cell(operator: Operator, seed: int) -> Policy:
            other = dataclasses.replace(operator, person=who, demonstrator=operator.person)
            return other.trained(method(how), other.data("iwr", scale.rounds), seed)

        return cell

    for kind, who in kinds_of_people().items():
        named = dataclasses.replace(who, name=who.name if kind == "steady" else f"{who.name}, {kind}")
        cells |= {(how, kind): on(how, named) for how in INTERVENING}
    return Table(name, title, people, cells, scale, paper)


STEPS = 6000


def length(name: str, title: str, people: People, paper: Paper) -> Table:
    """Fixed epochs, as in the paper, against a fixed number of gradient steps; on iwr's final data."""
    scale = people[0][0].scale

    def fixed(how: str, steps: int | None) -> Cell:
        return lambda operator, seed: Policy(
            method(how),
            operator.data("iwr", scale.rounds),
            dataclasses.replace(scale.training, steps=steps, seed=seed),
        )

    cells = {(how, f"{scale.training.epochs} epochs"): fixed(how, None) for how in INTERVENING}
    cells |= {(how, f"{STEPS} steps"): fixed(how, STEPS) for how in INTERVENING}
    return Table(name, title, people, cells, scale, paper)


_TABLE_1 = {
    ("base", "final"): "58.0±9.2",
    ("full-demos", "final"): "76.7±2.3",
    ("hg-dagger", "round 1"): "57.3±9.5",
    ("hg-dagger", "round 2"): "62.7±5.0",
    ("hg-dagger", "final"): "75.3±8.1",
    ("iwr-nb", "round 1"): "76.0±6.9",
    ("iwr-nb", "round 2"): "72.0±3.5",
    ("iwr-nb", "final"): "74.7±1.2",
    ("iwr", "round 1"): "84.0±5.3",
    ("iwr", "round 2"): "90.7±3.1",
    ("iwr", "final"): "87.3±5.0",
}
_TABLE_2 = {
    ("base", "final"): "52.0±3.5",
    ("full-demos", "final"): "64.9±8.3",
    ("hg-dagger", "round 1"): "70.2±15.3",
    ("hg-dagger", "round 2"): "71.1±9.7",
    ("hg-dagger", "final"): "69.6±10.1",
    ("iwr", "round 1"): "79.6±8.9",
    ("iwr", "round 2"): "79.5±11.7",
    ("iwr", "final"): "87.5±9.4",
}
_TABLE_3 = {
    ("hg-dagger", "data of hg-dagger"): "75.3±8.1",
    ("hg-dagger", "data of iwr-nb"): "72.0±5.3",
    ("hg-dagger", "data of iwr"): "81.3±4.2",
    ("iwr-nb", "data of hg-dagger"): "80.0±1.4",
    ("iwr-nb", "data of iwr-nb"): "74.7±1.2",
    ("iwr-nb", "data of iwr"): "86.0±4.0",
    ("iwr", "data of hg-dagger"): "87.3±6.4",
    ("iwr", "data of iwr-nb"): "84.7±6.4",
    ("iwr", "data of iwr"): "87.3±5.0",
}
_TABLE_4 = {
    ("hg-dagger", "data of hg-dagger"): "69.6±10.1",
    ("hg-dagger", "data of iwr"): "71.6±16.1",
    ("iwr", "data of hg-dagger"): "85.6±6.5",
    ("iwr", "data of iwr"): "87.5±9.4",
}

Maker = Callable[[str, str, People, Paper], Table]
ONE, THREE = ("steady",), tuple(PROFILES)
TABLES: dict[str, tuple[Maker, str, str, tuple[str, ...], dict[tuple[str, str], str]]] = {
    "1": (by_rounds, "Table I: threading, one operator", "threading", ONE, _TABLE_1),
    "2": (by_rounds, "Table II: coffee machine, three operators", "coffee", THREE, _TABLE_2),
    "3": (by_data, "Table III: threading, every method on every method's data", "threading", ONE, _TABLE_3),
    "4": (by_data, "Table IV: coffee machine, every method on every method's data", "coffee", THREE, _TABLE_4),
    "rounds": (single_round, "Threading: one large round against three", "threading", ONE, {}),
    "rounds-coffee": (single_round, "Coffee machine: one large round against three", "coffee", ONE, {}),
    "alpha": (alphas, "Threading: the weight of an intervention sample", "threading", ONE, {}),
    "people": (kinds, "Threading: which method wins with whom", "threading", ONE, {}),
    "labels": (labels, "Threading: where the first demonstrations count", "threading", ONE, {}),
    "length": (length, "Threading: fixed epochs against fixed gradient steps", "threading", ONE, {}),
}


def table(name: str, scale: Scale, task: str | None = None, people: tuple[str, ...] | None = None) -> Table:
    """One of the tables, at some scale; `task` and `people` in place of its own.

    Raises:
        InputError: somebody is named twice, or other people where the table brings its own.
    """
    maker, title, own_task, own_people, paper = TABLES[name]
    task, names = task or own_task, people or own_people
    if len(set(names)) < len(names):
        raise InputError(f"everybody is named once, not {', '.join(names)}")
    if maker is kinds and names != own_people:
        raise InputError("this table brings its own people: leave --people out")
    if (task, names, scale.rounds) != (own_task, own_people, Scale().rounds):
        title, paper = f"{title} -- here: {task}, {', '.join(names)}, {scale.rounds} rounds", {}
    operators = tuple(
        tuple(Operator(task, profile(who), seed, scale) for seed in range(scale.collection_seeds)) for who in names
    )
    return maker(name, title, operators, paper)
