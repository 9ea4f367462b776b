"""A person's name can be taken out of a data set, and nothing else changes."""

import dataclasses
from pathlib import Path

import pytest

from retouch.cli import main
from retouch.episodes import Dataset, DatasetWriter, check, forget, merge, relabel
from retouch.errors import InputError


@pytest.fixture
def anns(tmp_path: Path, info, row) -> Path:
    path = tmp_path / "anns"
    with DatasetWriter.open(path, info) as writer:
        for operator, reason in (
            ("ann", "missed the shaft (marked by ann)"),
            ("joann", "annoyed"),
            ("ann.b", "solved"),
        ):
            episode = writer.begin(kind="corrected", seed=1, operator=operator, policy="p")
            episode.append(row(0))
            episode.commit("failure", reason)
        thrown = writer.begin(kind="corrected", seed=2, operator="ann", policy="p")
        thrown.append(row(0))
        thrown.discard("ann let it go")
    relabel(path, 2, "success", "ann took 'failure' back")
    return path


def test_the_name_is_gone_and_nothing_else(anns: Path) -> None:
    shared = anns.with_name("shared")
    merge([anns], shared)
    before = Dataset(anns)
    frames = [before.frames(e) for e in before.all_episodes]
    assert main(["data", "forget", str(anns), "ann", "operator-7"]) == 0
    after = Dataset(anns)
    assert [e.operator for e in after.all_episodes] == ["operator-7", "joann", "ann.b"]
    assert after.all_episodes[0].reason == "missed the shaft (marked by operator-7)"
    assert after.all_episodes[1] == before.all_episodes[1]  # whoever is called something alike stays who they are
    assert after.all_episodes[2].reason == "operator-7 took 'failure' back"
    for old, new in zip(before.all_episodes, after.all_episodes, strict=True):
        assert dataclasses.replace(new, operator=old.operator, reason=old.reason) == old
    for one, episode in zip(frames, after.all_episodes, strict=True):
        assert all((after.frames(episode)[name] == one[name]).all() for name in ("action", "step"))
    assert check(anns) == []
    left = [path for path in anns.rglob("*") if path.is_file() and b'"ann"' in path.read_bytes()]
    assert left == []
    assert Dataset(shared).all_episodes[0].operator == "ann"  # a data set of its own: it is to be asked, too
    assert forget(anns, "ann", "operator-7") == 0


@pytest.mark.parametrize(("name", "pseudonym"), [("ann", ""), ("ann", "a\nb"), ("", "x"), ("ann", "not ann")])
def test_what_is_no_pseudonym_is_refused(anns: Path, name: str, pseudonym: str) -> None:
    with pytest.raises(InputError):
        forget(anns, name, pseudonym)
    assert Dataset(anns).all_episodes[0].operator == "ann"
