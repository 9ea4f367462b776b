"""The tables of paper 1 (IWR, section V) and what it lacks, as policies to be trained: who collected, what learns.

The primary metric of every table, declared here: success of the last averaged checkpoint on the test states, mean over
operators and training seeds; intervals by a bootstrap over operators, training seeds and initial states; differences
between methods paired by all three. Beside it the paper's own: the maximum over checkpoints (raw weights, selection
states), mean and deviation over training seeds.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from retouch.errors import InputError, UnknownName
from retouch.learning.weights import Alpha, method
from retouch.operators.profile import PROFILES, Profile, profile
from retouch.studies import iwr_paper
from retouch.studies.grid import FULL, Cell, Paper, People, Table
from retouch.studies.interveners import Intervener, IwrScale
from retouch.studies.jobs import Policy

INTERVENING = ("hg-dagger", "iwr-nb", "iwr")


def _own(name: str, number: int) -> Cell:
    """A method on what it has collected."""
    return lambda operator, seed: operator.trained(method(name), operator.data(name, number), seed)


def _on(name: str, collector: str) -> Cell:
    """A method on what another has collected."""
    return lambda operator, seed: operator.trained(method(name), operator.data(collector, operator.scale.rounds), seed)


def _base(operator: Intervener, seed: int) -> Policy:
    return operator.base(seed)


def _full(operator: Intervener, seed: int) -> Policy:
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

    def large(operator: Intervener, seed: int) -> Policy:
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
        def cell(operator: Intervener, seed: int) -> Policy:
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


DEMONSTRATIONS = (10, 20, 40, 60, 120)


def demonstrations(name: str, title: str, people: People, paper: Paper) -> Table:
    """What more demonstrations alone would do, and cost; beside iwr after all its rounds."""
    scale = people[0][0].scale

    def base(number: int) -> Cell:
        return lambda operator, seed: dataclasses.replace(
            operator, scale=dataclasses.replace(scale, demonstrations=number)
        ).base(seed)

    numbers = sorted({*DEMONSTRATIONS, scale.demonstrations})
    cells: dict[tuple[str, str], Cell] = {(f"{number} demonstrations", "final"): base(number) for number in numbers}
    return Table(name, title, people, cells | {("iwr", "final"): _own("iwr", scale.rounds)}, scale, paper)


Maker = Callable[[str, str, People, Paper], Table]
ONE, THREE = ("steady",), tuple(PROFILES)
TABLES: dict[str, tuple[Maker, str, str, tuple[str, ...], dict[tuple[str, str], str]]] = {
    "1": (by_rounds, "Table I: threading, one operator", "threading", ONE, iwr_paper.TABLE_1),
    "2": (by_rounds, "Table II: coffee machine, three operators", "coffee", THREE, iwr_paper.TABLE_2),
    "3": (by_data, "Table III: threading, every method on every method's data", "threading", ONE, iwr_paper.TABLE_3),
    "4": (by_data, "Table IV: coffee machine, every method on every method's data", "coffee", THREE, iwr_paper.TABLE_4),
    "rounds": (single_round, "Threading: one large round against three", "threading", ONE, {}),
    "rounds-coffee": (single_round, "Coffee machine: one large round against three", "coffee", ONE, {}),
    "alpha": (alphas, "Threading: the weight of an intervention sample", "threading", ONE, {}),
    "people": (kinds, "Threading: which method wins with whom", "threading", ONE, {}),
    "demonstrations": (demonstrations, "Threading: how far demonstrations alone lead", "threading", ONE, {}),
    "labels": (labels, "Threading: where the first demonstrations count", "threading", ONE, {}),
    "length": (length, "Threading: fixed epochs against fixed gradient steps", "threading", ONE, {}),
}


def tables(
    names: tuple[str, ...], scale: IwrScale, tasks: tuple[str, ...] | None = None, people: tuple[str, ...] | None = None
) -> list[Table]:
    """Several of the tables, as `table` has them; of each task where other tasks are named."""
    return [table(name, scale, task, people) for name in names for task in tasks or (None,)]


def table(name: str, scale: IwrScale, task: str | None = None, people: tuple[str, ...] | None = None) -> Table:
    """One of the tables, at some scale; `task` and `people` in place of its own.

    Raises:
        UnknownName: there is no such table.
        InputError: somebody is named twice, or other people where the table brings its own.
    """
    if name not in TABLES:
        raise UnknownName("table", name, TABLES)
    maker, title, own_task, own_people, paper = TABLES[name]
    task, names = task or own_task, people or own_people
    if len(set(names)) < len(names):
        raise InputError(f"everybody is named once, not {', '.join(names)}")
    if maker is kinds and names != own_people:
        raise InputError("this table brings its own people: leave --people out")
    if (task, names, scale.rounds) != (own_task, own_people, IwrScale().rounds):
        title, paper = f"{title} -- here: {task}, {', '.join(names)}, {scale.rounds} rounds", {}
    operators = tuple(
        tuple(Intervener(task, profile(who), seed, scale) for seed in range(scale.collection_seeds)) for who in names
    )
    return maker(name, title, operators, paper)
