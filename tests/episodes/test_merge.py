"""Data sets made of others: nothing copied, nothing lost, edits that can still be undone."""

import dataclasses
import json
from pathlib import Path

import pytest

from retouch.cli import main
from retouch.episodes import Dataset, DatasetWriter, check, exclude, relabel, trim, undo
from retouch.episodes.merge import merge
from retouch.errors import InputError


@pytest.fixture
def other(tmp_path: Path, info, record) -> Path:
    """Another data set of the same task: a demonstration, and a failure of somebody else."""
    path = tmp_path / "other"
    with DatasetWriter.open(path, info) as writer:
        record(writer, kind="demonstration", policy=None, operator="ann")
        record(writer, outcome="failure", operator="bob")
    return path


def test_two_become_one_that_shares_their_files(dataset: Path, other: Path, tmp_path: Path) -> None:
    exclude(dataset, [0], "blurred")
    trim(other, 1, 2, 5)
    out = tmp_path / "both"
    merge([dataset, other], out)
    made, sources = Dataset(out), [*Dataset(dataset).all_episodes, *Dataset(other).all_episodes]
    assert check(out) == []
    assert [e.number for e in made.all_episodes] == list(range(5))
    assert made.all_episodes == [dataclasses.replace(e, number=n) for n, e in enumerate(sources)]
    for episode, source in zip(made.all_episodes, sources, strict=True):
        where = dataset if source in Dataset(dataset).all_episodes else other
        mine, theirs = (root / "episodes" / e.name / "frames.parquet" for root, e in ((out, episode), (where, source)))
        assert mine.samefile(theirs)
    undo(out)  # the trim, which was the last
    assert Dataset(out).episodes[-1].steps == 10
    assert Dataset(other).episodes[-1].steps == 4  # the other data set is as it was
    undo(out)
    assert not Dataset(out).all_episodes[0].excluded


def test_what_is_in_both_is_there_once(dataset: Path, tmp_path: Path) -> None:
    merge([dataset], tmp_path / "same")
    merge([dataset, tmp_path / "same"], tmp_path / "both")
    assert [e.id for e in Dataset(tmp_path / "both").all_episodes] == [e.id for e in Dataset(dataset).all_episodes]


def test_what_one_half_took_back_stays_done_in_the_other(dataset: Path, tmp_path: Path) -> None:
    exclude(dataset, [0, 2], "blurred")
    ids = [e.id for e in Dataset(dataset).all_episodes]
    left, right = tmp_path / "left", tmp_path / "right"
    merge([dataset], left, lambda episode: episode.id == ids[0])
    merge([dataset], right, lambda episode: episode.id != ids[0])
    undo(right)
    merge([left, right], tmp_path / "both")
    assert [e.excluded for e in Dataset(tmp_path / "both").all_episodes] == [True, False, False]


def test_an_episode_of_two_minds_is_refused(dataset: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    merge([dataset], copy)
    exclude(copy, [1])
    with pytest.raises(InputError, match="edited differently"):
        merge([dataset, copy], tmp_path / "both")
    with pytest.raises(InputError, match="is inside"):
        merge([dataset], dataset / "more")


def test_some_of_them(dataset: Path, other: Path, tmp_path: Path, capsys) -> None:
    relabel(dataset, 1, "failure", "it fell")
    trim(dataset, 2, 0, 3)
    arguments = [str(dataset), str(other), "--out", str(tmp_path / "some"), "--outcome", "failure", "--json"]
    assert main(["data", "filter", *arguments]) == 0
    some = Dataset(tmp_path / "some")
    assert {e.outcome for e in some.episodes} == {"failure"}
    assert {e.operator for e in some.episodes} == {"scripted:careful", "scripted:slow", "bob"}
    assert [e.steps for e in some.episodes] == [12, 4, 10]
    arguments = [str(tmp_path / "some"), "--out", str(tmp_path / "bobs"), "--operator", "bob"]
    assert main(["data", "filter", *arguments]) == 0
    assert [e.operator for e in Dataset(tmp_path / "bobs").episodes] == ["bob"]
    assert Dataset(tmp_path / "bobs").edits == []  # those that concern nobody here have stayed behind
    capsys.readouterr()
    assert main(["data", "filter", str(other), "--out", str(tmp_path / "none"), "--kind", "rollout"]) == 2
    assert "no episode" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_what_does_not_go_together_is_refused(dataset: Path, other: Path, info, tmp_path: Path, record) -> None:
    with pytest.raises(InputError, match="is there already"):
        merge([dataset], other)
    coffee = tmp_path / "coffee"
    with DatasetWriter.open(coffee, dataclasses.replace(info, task="coffee")) as writer:
        record(writer)
    with pytest.raises(InputError, match="its task is coffee, not threading"):
        merge([dataset, coffee], tmp_path / "out")
    assert main(["data", "merge", str(dataset), str(coffee), "--out", str(tmp_path / "out")]) == 2
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_what_a_method_would_draw(dataset: Path, capsys) -> None:
    """Of the two solved episodes of 10 and 12 steps a person took three each."""
    told = {}
    for method in ("iwr", "iwr-nb", "hg-dagger"):
        capsys.readouterr()
        assert main(["data", "weights", str(dataset), "--method", method, "--json"]) == 0
        told[method] = json.loads(capsys.readouterr().out)
    drawn = {name: {s["label"]: s["drawn"] for s in one["samples"]} for name, one in told.items()}
    assert drawn["iwr"] == {"demonstration": 0.0, "policy": 0.5, "intervention": 0.5}
    assert drawn["iwr-nb"] == pytest.approx({"demonstration": 0.0, "policy": 16 / 22, "intervention": 6 / 22})
    assert drawn["hg-dagger"] == {"demonstration": 0.0, "policy": 0.0, "intervention": 1.0}
    counted = {s["label"]: (s["steps"], s["samples"]) for s in told["hg-dagger"]["samples"]}
    assert counted == {
        "demonstration": (0, 0),
        "policy": (16, 0),
        "intervention": (6, 6),
    }
    assert main(["data", "weights", str(dataset), "--method", "residual"]) == 2
