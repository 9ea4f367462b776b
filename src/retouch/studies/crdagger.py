"""The figures and the table of paper 2 (CR-DAgger, sections 4.3 to 4.5, A.1) and what it lacks, as policies to be
trained: who collected by which way, what learns.

The primary metric, declared here: success of the last averaged checkpoint on the test states, which are drawn as in the
demonstrations; mean over people, collections and training seeds; intervals by a bootstrap over these and the states,
differences paired by all of them. The base is one, whatever the training seed. Beside it success on the cases of the
paper's test grid, which holds what nobody demonstrated.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from retouch.errors import InputError, UnknownName
from retouch.learning.weights import method
from retouch.operators.profile import profile
from retouch.operators.way import Way
from retouch.studies.crdagger_paper import (
    AFTER_ALL,
    ALONE,
    ATTEMPTS,
    DEMONSTRATIONS,
    FIGURE_6,
    FIGURE_7,
    ONE_BATCH,
    PUSHED,
    SMALL_BATCHES,
    TABLE_1,
    TAKEN,
)
from retouch.studies.grid import Cell, Table
from retouch.studies.jobs import Collection, Policy
from retouch.studies.pushers import AS_PUBLISHED, Pusher, PushingScale
from retouch.tasks.registry import YIELDING

COMPLIANT = "compliant-residual"
UPDATES = ("retrain", "finetune", "finetune-kl", "residual", COMPLIANT)
OBSERVED = "observe, then collect"
WAYS: dict[str, Way] = {PUSHED: "delta", TAKEN: "take-over", OBSERVED: "observe"}


def _base(operator: Pusher, seed: int) -> Policy:
    return operator.base


def _updated(how: str, way: Way = "delta", **differs: Any) -> Cell:
    """A method on one collection, with what differs from the paper's residual."""
    return lambda operator, seed: operator.updated(method(how), (operator.corrections(way),), seed, **differs)


def ways_and_updates(table: Callable[..., Table], task: str) -> Table:
    """Ways of correcting by methods of updating (figure 6)."""
    cells: dict[tuple[str, str], Cell] = {("base", ALONE): _base}
    cells |= {(how, name): _updated(how, way) for name, way in WAYS.items() for how in UPDATES}
    made = table("6", "Figure 6: ways of correcting, methods of updating", cells, FIGURE_6, "cr-figure")
    return dataclasses.replace(made, reference_column=PUSHED)


BATCHES = (20, 10, 10, 10)


def batches_and_sampling(table: Callable[..., Table], task: str) -> Table:
    """One large batch against small ones, and which samples are drawn more often (figure 7).

    The paper's small batches go on training on each new batch; what is trained anew on all of them is its remedy.
    """

    def batch(operator: Pusher, number: int, acting: Policy) -> Collection:
        return operator.corrections("delta", number, acting, BATCHES[number - 1])

    def going_on(operator: Pusher, seed: int, rounds: int) -> Policy:
        if rounds == 0:
            return operator.base
        acting = going_on(operator, 0, rounds - 1)
        start = going_on(operator, seed, rounds - 1) if rounds > 1 else None
        return operator.updated(method(COMPLIANT), (batch(operator, rounds, acting),), seed, start=start)

    def so_far(operator: Pusher, rounds: int) -> tuple[Collection, ...]:
        """Batches, each collected on what was trained anew on all before it."""
        if rounds == 0:
            return ()
        acting = anew(operator, 0, rounds - 1)
        return (*so_far(operator, rounds - 1), batch(operator, rounds, acting))

    def anew(operator: Pusher, seed: int, rounds: int, **differs: Any) -> Policy:
        if rounds == 0:
            return operator.base
        return operator.updated(method(COMPLIANT), so_far(operator, rounds), seed, **differs)

    def after(train: Callable[..., Policy], rounds: int, **differs: Any) -> Cell:
        return lambda operator, seed: train(operator, seed, rounds, **differs)

    cells: dict[tuple[str, str], Cell] = {(ONE_BATCH, AFTER_ALL): _updated(COMPLIANT)}
    for row, train in ((SMALL_BATCHES, going_on), ("20 + 3 x 10, each trained anew on all", anew)):
        cells |= {(row, f"after {sum(BATCHES[:n])}"): after(train, n) for n in range(1, len(BATCHES))}
        cells[row, AFTER_ALL] = after(train, len(BATCHES))
    last = after(anew, len(BATCHES), corrections={"uncorrected": "nothing"})
    cells["the same data, no correction is right where nobody corrected", AFTER_ALL] = last
    cells["one batch, sampled evenly", AFTER_ALL] = _updated(COMPLIANT, corrections={"dense": "none"})
    cells["one batch, more around the start", AFTER_ALL] = _updated(COMPLIANT, corrections={"dense": "around"})
    made = table("7", "Figure 7: batches and sampling", cells, FIGURE_7, "cr-figure")
    return dataclasses.replace(made, reference=ONE_BATCH, reference_column=AFTER_ALL)


def base_action(table: Callable[..., Table], task: str) -> Table:
    """Whether a residual is told what the base is about to do (table 1)."""
    cells: dict[tuple[str, str], Cell] = {
        (f"{word} the base's action", ALONE): _updated(COMPLIANT, residual={"base_action": told})
        for word, told in (("with", True), ("without", False))
    }
    made = table("1", "Table 1: the base's action as an input", cells, TABLE_1)
    return dataclasses.replace(made, reference="with the base's action")


MARKED = "15 episodes marked whole, other uncorrected steps left out"


def halves(table: Callable[..., Table], task: str) -> Table:
    """What a compliant residual is worth without one of its halves, and with other labels or people."""
    pushed = _updated(COMPLIANT)

    def foreseen(operator: Pusher, seed: int) -> Policy:
        """Corrected before anything is touched: by one who minds a tenth of the sideways error."""
        name = f"{operator.person.name}, foreseeing"
        sharp = dataclasses.replace(
            operator.person,
            name=name,
            funnel_width=operator.person.funnel_width / 10,
            funnel_slope=operator.person.funnel_slope / 10,
        )
        other = dataclasses.replace(operator, person=sharp, demonstrator=operator.person)
        return pushed(other, seed)

    cells: dict[str, Cell] = {
        "base": _base,
        COMPLIANT: pushed,
        "force in, pose out": _updated(COMPLIANT, residual={"wrench": False}),
        "no force in, pose and wrench out": _updated(COMPLIANT, residual={"force": False}),
        "no force in, pose out": _updated("residual"),
        "tried without its force input": pushed,
        "tried without its wrench output": pushed,
        "label: the hand's force / K": _updated(COMPLIANT, corrections={"labels": "hand"}),
        "no force in, the hand's force / K": _updated("residual", corrections={"labels": "hand"}),
        "wrench smoothed over 1 s, centred": _updated(COMPLIANT, corrections={"smoothing": 1.0, "centred": True}),
        MARKED: _updated(COMPLIANT, corrections={"marked_whole": 15, "uncorrected": "left-out"}),
        "flow-matching head": _updated(COMPLIANT, residual={"head": "flow"}),
        "corrected by one who foresees": foreseen,
    }
    for how in ("retrain", "finetune"):
        cells |= {how: _updated(how), f"{how}, virtual targets": _updated(how, virtual_targets=True)}
    if AS_PUBLISHED.get(task, {}).get("corrections"):  # what is compared with has them already
        del cells[MARKED]
    made = table("halves", "Force in, wrench out, labels and people", {(row, ALONE): c for row, c in cells.items()})
    without = {("tried without its force input", ALONE): "force", ("tried without its wrench output", ALONE): "wrench"}
    return dataclasses.replace(made, without=without)


NUMBERS = (20, 40, 80, 150, 300)


def demonstrations(table: Callable[..., Table], task: str) -> Table:
    """From how good a base on a residual helps: the base and the compliant residual over the demonstrations."""

    def after(number: int, cell: Cell) -> Cell:
        def smaller(operator: Pusher, seed: int) -> Policy:
            scale = dataclasses.replace(operator.scale, demonstrations=number)
            return cell(dataclasses.replace(operator, scale=scale), seed)

        return smaller

    rows: dict[str, Cell] = {"base": _base, COMPLIANT: _updated(COMPLIANT)}
    cells = {(row, f"{n} demonstrations"): after(n, cell) for n in NUMBERS for row, cell in rows.items()}
    return table("demonstrations", "Over the demonstrations of the base", cells)


Maker = Callable[[Callable[..., Table], str], Table]
PAPERS_TASKS = ("book-flipping", "belt-assembly")
FIGURES: dict[str, tuple[Maker, tuple[str, ...]]] = {
    "6": (ways_and_updates, PAPERS_TASKS),
    "7": (batches_and_sampling, ("book-flipping",)),
}
TABLES: dict[str, tuple[Maker, tuple[str, ...]]] = {
    "1": (base_action, PAPERS_TASKS),
    "halves": (halves, ("gear-insertion",)),
    "demonstrations": (demonstrations, ("gear-insertion",)),
}


def tables(
    figures: tuple[str, ...],
    names: tuple[str, ...],
    scale: PushingScale,
    tasks: tuple[str, ...] | None = None,
    people: tuple[str, ...] | None = None,
) -> list[Table]:
    """Figures and tables at some scale, one for each task; `tasks` and `people` in place of their own.

    Raises:
        UnknownName: a figure, table or task that there is not.
        InputError: nothing is asked for, or somebody is named twice.
    """
    if not figures and not names:
        raise InputError(f"name a figure ({', '.join(FIGURES)}) or a table ({', '.join(TABLES)})")
    who = people or ("steady",)
    if len(set(who)) < len(who):
        raise InputError(f"everybody is named once, not {', '.join(who)}")
    for task in tasks or ():
        if task not in YIELDING:
            raise UnknownName("task of a robot that yields", task, YIELDING)
    found = []
    for kind, known, asked in (("figure", FIGURES, figures), ("table", TABLES, names)):
        for name in asked:
            if name not in known:
                raise UnknownName(kind, name, known)
            maker, own = known[name]
            found += [maker(functools.partial(_table, task, scale, who), task) for task in tasks or own]
    return found


def _table(
    task: str,
    scale: PushingScale,
    who: tuple[str, ...],
    name: str,
    title: str,
    cells: dict[tuple[str, str], Cell],
    paper: dict[str, dict[tuple[str, str], str]] | None = None,
    kind: Any = "cr-table",
) -> Table:
    """With everybody who collects."""
    people = tuple(
        tuple(Pusher(task, profile(one), seed, scale) for seed in range(scale.collection_seeds)) for one in who
    )
    as_there = scale.corrected == PushingScale().corrected and who == ("steady",)
    as_there = as_there and scale.demonstrations in (None, DEMONSTRATIONS[task])
    ours = (paper or {}).get(task, {}) if as_there else {}
    grid = scale.grid * ATTEMPTS[task]
    return Table(f"{name}-{task}", f"{title}; {task}", people, cells, scale, ours, COMPLIANT, grid=grid, kind=kind)
