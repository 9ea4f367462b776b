from pathlib import Path

import pytest

from retouch.episodes import Dataset, check, exclude, include, relabel, trim, undo
from retouch.errors import InputError, StoreError, UnknownName


def test_excluded_episodes_are_left_out_and_come_back(dataset: Path) -> None:
    exclude(dataset, [0, 2], "blurred")
    assert [e.number for e in Dataset(dataset).episodes] == [1]
    assert [e.excluded for e in Dataset(dataset).all_episodes] == [True, False, True]
    include(dataset, [2])
    assert [e.number for e in Dataset(dataset).episodes] == [1, 2]
    undo(dataset)
    assert [e.number for e in Dataset(dataset).episodes] == [1]
    undo(dataset)  # both exclusions: they were one edit
    assert [e.number for e in Dataset(dataset).episodes] == [0, 1, 2]
    assert check(dataset) == []


def test_a_trim_keeps_the_steps_it_names(dataset: Path) -> None:
    whole = Dataset(dataset).frames(0)
    trim(dataset, 0, 1, 8)
    trim(dataset, 0, 3, 6)
    opened = Dataset(dataset)
    assert (opened.episodes[0].first_step, opened.episodes[0].steps) == (3, 4)
    assert opened.frames(0, ["step"])["step"].tolist() == [3, 4, 5, 6]
    assert (opened.frames(0)["action"] == whole["action"][3:7]).all()
    assert opened.arrays(["step"])["step"][:5].tolist() == [3, 4, 5, 6, 0]
    undo(dataset)
    assert Dataset(dataset).frames(0)["step"].tolist() == list(range(1, 9))
    for first, last in ((-1, 3), (4, 3), (0, 10)):
        with pytest.raises(InputError, match=r"has steps 0 to 9, not"):
            trim(dataset, 0, first, last)


def test_an_outcome_is_relabelled(dataset: Path) -> None:
    relabel(dataset, 2, "success", "the thread was through")
    third = Dataset(dataset).episodes[2]
    assert (third.outcome, third.reason) == ("success", "the thread was through")
    assert Dataset(dataset).recorded(2).outcome == "failure"
    with pytest.raises(UnknownName, match="unknown outcome"):
        relabel(dataset, 2, "fine", "so it seemed")


def test_an_undo_can_be_undone(dataset: Path) -> None:
    first = exclude(dataset, [0])
    exclude(dataset, [1])
    taken_back = undo(dataset, first.id)
    assert [e.number for e in Dataset(dataset).episodes] == [0, 2]
    undo(dataset, taken_back.id)
    assert [e.number for e in Dataset(dataset).episodes] == [2]


def test_wrong_edits_are_refused_and_leave_no_trace(dataset: Path) -> None:
    with pytest.raises(InputError, match="no edit to undo"):
        undo(dataset)
    with pytest.raises(InputError, match="no episode 7"):
        exclude(dataset, [0, 7])
    edit = exclude(dataset, [0])
    with pytest.raises(UnknownName, match=f"did you mean '{edit.id}'"):
        undo(dataset, edit.id[:-1])
    assert len(Dataset(dataset).edits) == 1


def test_what_was_recorded_never_changes(dataset: Path) -> None:
    def recorded() -> dict[Path, bytes]:
        return {f: f.read_bytes() for f in (dataset / "episodes").rglob("*") if f.is_file()}

    before = recorded()
    exclude(dataset, [0])
    trim(dataset, 1, 0, 3)
    relabel(dataset, 2, "aborted", "power")
    undo(dataset)
    assert recorded() == before
    assert len((dataset / "edits.jsonl").read_text().splitlines()) == 4


def test_a_torn_line_was_never_an_edit(dataset: Path) -> None:
    exclude(dataset, [0])
    edits = dataset / "edits.jsonl"
    whole = edits.read_bytes()
    edits.write_bytes(whole + whole[:20])
    assert [e.number for e in Dataset(dataset).episodes] == [1, 2]
    exclude(dataset, [1])
    assert [e.number for e in Dataset(dataset).episodes] == [2]
    edits.write_bytes(whole[:20] + b"\n" + whole)
    with pytest.raises(StoreError, match="line 1 is not JSON"):
        Dataset(dataset)
    assert any("line 1 is not JSON" in problem for problem in check(dataset))
