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
from retouch.studies.crdagger_paper import ATTEMPTS, FIGURE_6, FIGURE_7, PUSHED, TABLE_1, TAKEN
from retouch.studies.grid import Cell, Table
from retouch.studies.jobs import Collection, Policy
from retouch.studies.pushers import Pusher, PushingScale
from retouch.tasks.registry import YIELDING

COMPLIANT = "compliant-residual"
UPDATES = ("retrain", "finetune", "finetune-kl", "residual", COMPLIANT)
OBSERVED = "observe, then collect"
WAYS: dict[str, Way] = {PUSHED: "delta", TAKEN: "take-over", OBSERVED: "observe"}
ALONE = "-"  # the column of what nobody corrected, or of a table without columns
AFTER_ALL = "after all"


def _base(operator: Pusher, seed: int) -> Policy:
    return operator.base


def _updated(how: str, way: Way = "delta", **differs: Any) -> Cell:
    """A method on one collection, with what differs from the paper's residual."""
    return lambda operator, seed: operator.updated(method(how), (operator.corrections(way),), seed, **differs)


def ways_and_updates(table: Callable[..., Table], task: str) -> Table:
    """Ways of correcting by methods of updating (figure 6)."""
    cells: dict[tuple[str, str], Cell] = {("base", ALONE): _base}
    cells |= {(how, name): _updated(how, way) for name, way in WAYS.items() for how in UPDATES}
    return table("6", "Figure 6: ways of correcting, methods of updating", cells, FIGURE_6, "cr-figure")


BATCHES = (20, 10, 10, 10)


def batches_and_sampling(table: Callable[..., Table], task: str) -> Table:
    """One large batch against a small one after the other, and which samples are drawn more often (figure 7)."""

    def in_batches(operator: Pusher, seed: int, rounds: int, **differs: Any) -> tuple[tuple[Collection, ...], Policy]:
        """What was collected in the first so many batches, each on the policy that the batches before it made."""
        if rounds == 0:
            return (), operator.base
        data, acting = in_batches(operator, 0, rounds - 1, **differs)
        data = (*data, operator.corrections("delta", rounds, acting, BATCHES[rounds - 1]))
        return data, operator.updated(method(COMPLIANT), data, seed, **differs)

    def after(rounds: int, **differs: Any) -> Cell:
        return lambda operator, seed: in_batches(operator, seed, rounds, **differs)[1]

    def again(operator: Pusher, seed: int) -> Policy:
        """On the data of all batches: what the residual that ran said itself is no label."""
        data = in_batches(operator, 0, len(BATCHES))[0]
        return operator.updated(method(COMPLIANT), data, seed, corrections={"uncorrected": "nothing"})

    small = "20, then 3 x 10"
    cells: dict[tuple[str, str], Cell] = {("one batch of 50", AFTER_ALL): _updated(COMPLIANT)}
    cells |= {(small, f"after {sum(BATCHES[:n])}"): after(n) for n in range(1, len(BATCHES))}
    cells[small, AFTER_ALL] = after(len(BATCHES))
    cells[f"{small}; uncorrected steps teach nothing", AFTER_ALL] = again
    cells["one batch, sampled evenly", AFTER_ALL] = _updated(COMPLIANT, corrections={"dense": "none"})
    cells["one batch, more around the start", AFTER_ALL] = _updated(COMPLIANT, corrections={"dense": "around"})
    made = table("7", "Figure 7: batches and sampling", cells, FIGURE_7, "cr-figure")
    return dataclasses.replace(made, reference="one batch of 50")


def base_action(table: Callable[..., Table], task: str) -> Table:
    """Whether a residual is told what the base is about to do (table 1)."""
    cells: dict[tuple[str, str], Cell] = {
        (f"{word} the base's action", ALONE): _updated(COMPLIANT, residual={"base_action": told})
        for word, told in (("with", True), ("without", False))
    }
    made = table("1", "Table 1: the base's action as an input", cells, TABLE_1)
    return dataclasses.replace(made, reference="with the base's action")


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
        "uncorrected steps: 15 episodes marked whole": _updated(COMPLIANT, corrections={"marked_whole": 15}),
        "flow-matching head": _updated(COMPLIANT, residual={"head": "flow"}),
        "corrected by one who foresees": foreseen,
    }
    made = table("halves", "Force in, wrench out, labels and people", {(row, ALONE): c for row, c in cells.items()})
    without = {("tried without its force input", ALONE): "force", ("tried without its wrench output", ALONE): "wrench"}
    return dataclasses.replace(made, without=without)


DEMONSTRATIONS = (20, 40, 80, 150, 300)


def demonstrations(table: Callable[..., Table], task: str) -> Table:
    """From how good a base on a residual helps: the base and the compliant residual over the demonstrations."""

    def after(number: int, cell: Cell) -> Cell:
        def smaller(operator: Pusher, seed: int) -> Policy:
            scale = dataclasses.replace(operator.scale, demonstrations=number)
            return cell(dataclasses.replace(operator, scale=scale), seed)

        return smaller

    rows: dict[str, Cell] = {"base": _base, COMPLIANT: _updated(COMPLIANT)}
    cells = {(row, f"{n} demonstrations"): after(n, cell) for n in DEMONSTRATIONS for row, cell in rows.items()}
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
    ours = (paper or {}).get(task, {}) if scale.corrected == PushingScale().corrected else {}
    grid = scale.grid * ATTEMPTS[task]
    return Table(f"{name}-{task}", f"{title}; {task}", people, cells, scale, ours, COMPLIANT, grid=grid, kind=kind)
