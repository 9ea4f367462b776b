"""The study of paper 2: who learns from what, and a small one as people run it."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from retouch.errors import InputError, UnknownName
from retouch.studies.crdagger import OBSERVED, UPDATES, tables
from retouch.studies.crdagger_paper import AFTER_ALL, ONE_BATCH, PUSHED, SMALL_BATCHES, TAKEN
from retouch.studies.grid import Table
from retouch.studies.jobs import Policy
from retouch.studies.pushers import PushingScale
from retouch.studies.worker import Order

SCALE = PushingScale(training_seeds=2, trials=5)


def one(scale: PushingScale = SCALE, *, figure: str = "", table: str = "", task: str = "gear-insertion") -> Table:
    (made,) = tables((figure,) if figure else (), (table,) if table else (), scale, (task,))
    return made


def policy(table: Table, row: str, column: str, seed: int = 0) -> Policy:
    return table.policies(row, column)[0][0][seed]


def test_all_methods_of_a_way_learn_from_the_same_corrections_of_the_same_base() -> None:
    table = one(figure="6")
    base = policy(table, "base", "-", 0)
    assert policy(table, "base", "-", 1) == base
    for name in (PUSHED, TAKEN, OBSERVED):
        corrections = {policy(table, how, name, seed).data[-1] for how in UPDATES for seed in (0, 1)}
        (collected,) = corrections
        assert (collected.policy, collected.episodes) == (base, 50)
        for how in UPDATES:
            learnt = policy(table, how, name)
            assert learnt.base == (None if how == "retrain" else base)
            assert (base.data[0] in learnt.data) == (how == "retrain")
    ways = {name: policy(table, "retrain", name).data[-1] for name in (PUSHED, TAKEN, OBSERVED)}
    assert len({collected.stream for collected in ways.values()}) == 1  # from the same initial states
    assert [collected.way for collected in ways.values()] == ["delta", "take-over", "observe"]
    assert len({job for job in table.jobs if isinstance(job, Policy)}) == 1 + 2 * 3 * len(UPDATES)


def test_a_small_batch_corrects_what_the_ones_before_it_made() -> None:
    table = one(figure="7")
    for row in (SMALL_BATCHES, "20 + 3 x 10, each trained anew on all"):
        last, collected = policy(table, row, AFTER_ALL, 1), []
        for n in range(1, 4):
            made = policy(table, row, f"after {sum((20, 10, 10)[:n])}")
            following = policy(table, row, f"after {sum((20, 10, 10)[: n + 1])}" if n < 3 else AFTER_ALL)
            assert following.data[-1].policy == made
            collected.append(made.data[-1])
        if row == SMALL_BATCHES:
            assert [part.episodes for part in last.data] == [10]
            assert last.start == policy(table, row, "after 40", 1)  # which is gone on with, seed by seed
        else:
            assert (list(last.data[:3]), last.start) == (collected, None)
            assert [part.episodes for part in last.data] == [20, 10, 10, 10]
    again = policy(table, "the same data, no correction is right where nobody corrected", AFTER_ALL)
    assert again.data == policy(table, "20 + 3 x 10, each trained anew on all", AFTER_ALL).data
    assert again.training.corrections.uncorrected == "nothing"
    assert table.compared_with((SMALL_BATCHES, "after 20")) == (ONE_BATCH, AFTER_ALL)


def test_everything_is_compared_with_one_cell_of_figure_6() -> None:
    table = one(figure="6")
    best = ("compliant-residual", PUSHED)
    assert table.compared_with(best) is None
    assert {table.compared_with(cell) for cell in table.cells if cell != best} == {best}


def test_what_is_taken_away_is_taken_from_the_same_policy() -> None:
    table = one(table="halves")
    rest = policy(table, "compliant-residual", "-")
    for row, what in (("tried without its force input", "force"), ("tried without its wrench output", "wrench")):
        assert policy(table, row, "-") == rest
        assert table.without[row, "-"] == what
    foreseen = policy(table, "corrected by one who foresees", "-").data[0]
    assert (foreseen.policy, foreseen.person != rest.data[0].person) == (rest.base, True)


def test_the_papers_choices_and_numbers() -> None:
    told = one(table="1", task="book-flipping")
    with_it, without = (policy(told, f"{word} the base's action", "-") for word in ("with", "without"))
    book = policy(one(figure="6", task="book-flipping"), "compliant-residual", PUSHED)
    assert book == with_it != without
    belt = policy(one(figure="6", task="belt-assembly"), "compliant-residual", PUSHED)
    assert belt.training.corrections.marked_whole == 15
    assert [part.episodes for part in (book.base.data[0], belt.base.data[0])] == [150, 405]
    assert one(figure="6", task="book-flipping").paper["compliant-residual", PUSHED] == "100"
    for other in (PushingScale(corrected=5), PushingScale(demonstrations=20)):
        assert one(other, figure="6", task="book-flipping").paper == {}
    (hasty,) = tables(("6",), (), SCALE, ("book-flipping",), ("hasty",))
    assert hasty.paper == {}
    asked = dataclasses.replace(SCALE.training.corrections, marked_whole=5)
    mine = dataclasses.replace(SCALE, training=dataclasses.replace(SCALE.training, corrections=asked))
    assert (
        policy(one(mine, figure="6", task="belt-assembly"), "residual", PUSHED).training.corrections.marked_whole == 5
    )


@pytest.mark.parametrize(
    ("figures", "names", "tasks", "error", "said"),
    [
        ((), (), None, InputError, "name a figure"),
        (("8",), (), None, UnknownName, "8"),
        ((), ("2",), None, UnknownName, "2"),
        (("6",), (), ("threading",), UnknownName, "threading"),
    ],
)
def test_a_study_that_cannot_be(figures, names, tasks, error, said) -> None:
    with pytest.raises(error, match=said):
        tables(figures, names, SCALE, tasks)


def test_a_worker_knows_the_same_jobs() -> None:
    order = Order("cr-dagger", SCALE, ("1",), ("7",), ("gear-insertion",))
    again = Order.from_text(order.to_text())
    assert again == order
    assert again.jobs() == order.jobs()


def test_a_small_study(tmp_path: Path) -> None:
    small = {"demonstrations": 2, "corrected": 1, "training-seeds": 2, "trials": 2, "grid": 1, "training.steps": 5}
    scale = [part for name, value in small.items() for part in (f"--{name}", str(value))]
    asked = ["--table", "1", "--task", "gear-insertion", "--training.checkpoints", "1"]
    command = [sys.executable, "-m", "retouch", "study", "cr-dagger", *asked, *scale]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "jobs"), "--write", str(tmp_path / "written")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads((tmp_path / "written" / "cr-table-1-gear-insertion.json").read_text())
    for cell in document["cells"]:
        assert cell["trials"] == 4
        assert cell["grid"][3] == 40
        stages = [name for name, _ in cell["felt"]["stages"]]
        assert stages == ["over the shaft", "on the shaft", "teeth mated", "inserted"]
        assert cell["felt"]["stages"][-1][1] == cell["success"][0]
        assert cell["felt"]["jerk_median"] > 0
    assert (tmp_path / "written" / "cr-table-1-gear-insertion.svg").exists()
    assert "Table 1: the base's action as an input" in (tmp_path / "jobs" / "study.html").read_text().replace(
        "&#x27;", "'"
    )
