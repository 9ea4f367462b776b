"""Out and back again, in both formats: what comes back, and what an export says that it leaves out."""

import dataclasses
import json
import os
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from retouch.cli import main
from retouch.episodes import Dataset, check, exclude, relabel, trim
from retouch.episodes.files import write_durably
from retouch.errors import InputError, StoreError
from retouch.formats import Choices, Format, exchange, export_dataset, import_dataset

FORMATS = get_args(Format)
pytestmark = pytest.mark.parametrize("format", FORMATS)


@pytest.fixture(autouse=True)
def _peers_library(format: Format) -> None:
    if format == "robomimic":
        pytest.importorskip("h5py", reason="h5py is not installed: pip install 'retouch[robomimic]'")


def test_a_dataset_comes_back_to_the_bit(dataset: Path, tmp_path: Path, format: Format) -> None:
    exported = export_dataset(dataset, format, tmp_path / "out")
    imported = import_dataset(tmp_path / "out", format, tmp_path / "back")
    assert exported == imported
    assert dataclasses.astuple(exported) == (4, 31, {"success": 3, "failure": 1}, [])
    before, after = Dataset(dataset), Dataset(tmp_path / "back")
    assert after.info == before.info
    # Ids, seeds, versions, notes and the hashes of the files with the steps.
    assert [e.to_json() for e in after.episodes] == [e.to_json() for e in before.episodes]
    assert check(tmp_path / "back") == []


def test_what_edits_leave_is_exported_and_what_is_lost_is_said(dataset: Path, tmp_path: Path, format: Format) -> None:
    exclude(dataset, [0])
    trim(dataset, 1, 3, 9)
    relabel(dataset, 3, "success", "it was in")
    found = export_dataset(dataset, format, tmp_path / "out")
    assert found.left_out == [
        "1 excluded episode(s)",
        "5 step(s) trimmed off 1 episode(s); steps are numbered from 0 again",
        "the history of 3 edit(s): what they leave is exported, not that they were made",
    ]
    import_dataset(tmp_path / "out", format, tmp_path / "back")
    before, after = Dataset(dataset), Dataset(tmp_path / "back")
    assert [e.steps for e in after.episodes] == [7, 1, 8]
    assert [(e.outcome, e.reason) for e in after.episodes][2] == ("success", "it was in")
    assert (after.edits, after.episodes[0].first_step) == ([], 0)
    for was, now in zip(before.episodes, after.episodes, strict=True):
        assert now.id == was.id
        frames = after.frames(now)
        for name, values in before.frames(was).items():
            if name == "step":
                values = values - values[0]
            np.testing.assert_array_equal(frames[name], values, name)


def test_proposals_that_nobody_made_are_left_out_and_come_back_as_nan(
    dataset: Path, tmp_path: Path, format: Format
) -> None:
    exclude(dataset, [1, 2, 3])
    assert exchange.never_given(Dataset(dataset)) == {"policy_action", "policy_waypoints"}
    export_dataset(dataset, format, tmp_path / "out")
    import_dataset(tmp_path / "out", format, tmp_path / "back")
    frames = Dataset(tmp_path / "back").frames(0)
    assert np.isnan(frames["policy_action"]).all()
    assert np.isnan(frames["policy_waypoints"]).all()


def test_no_target_is_written_over(dataset: Path, tmp_path: Path, format: Format) -> None:
    for target in (tmp_path / "file", tmp_path / "folder", tmp_path / "link"):
        if target.name == "file":
            target.write_text("precious")
        elif target.name == "folder":
            target.mkdir()
        else:
            target.symlink_to("nowhere")
        for do in (export_dataset, import_dataset):
            source = dataset
            if do is import_dataset:
                source = tmp_path / f"export-{target.name}"
                export_dataset(dataset, format, source)
            with pytest.raises(InputError, match="is there already"):
                do(source, format, target)
    assert (tmp_path / "file").read_text() == "precious"
    assert list((tmp_path / "folder").iterdir()) == []


def test_nothing_is_left_of_what_fails(
    dataset: Path, tmp_path: Path, format: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_dataset(dataset, format, tmp_path / "out")
    there = sorted(tmp_path.iterdir())

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(exchange, "_sync", full)
    with pytest.raises(StoreError, match="No space left on device"):
        export_dataset(dataset, format, tmp_path / "again")
    with pytest.raises(StoreError, match="No space left on device"):
        import_dataset(tmp_path / "out", format, tmp_path / "back")
    assert sorted(tmp_path.iterdir()) == there


def test_a_dataset_without_episodes_is_not_exported(dataset: Path, tmp_path: Path, format: Format) -> None:
    exclude(dataset, [0, 1, 2, 3])
    with pytest.raises(InputError, match="no episodes to export"):
        export_dataset(dataset, format, tmp_path / "out")


def test_the_commands_say_what_they_did(
    dataset: Path, tmp_path: Path, format: Format, capsys: pytest.CaptureFixture[str]
) -> None:
    exclude(dataset, [3])
    out, back = str(tmp_path / "out"), str(tmp_path / "back")
    assert main(["data", "export", str(dataset), "--format", format, "--out", out]) == 0
    said = capsys.readouterr().out
    assert "3 episodes (3 success), 23 steps written to" in said
    assert "left out: 1 excluded episode(s)" in said
    assert main(["data", "import", out, "--format", format, "--out", back, "--task", "mine", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 23
    assert Dataset(back).info.task == "mine"
    assert main(["data", "export", str(dataset), "--format", format, "--out", out]) == 2
    assert capsys.readouterr().err == f"retouch: {out} is there already: choose another place\n"


def test_a_source_that_is_not_one_is_one_clear_line(
    tmp_path: Path, format: Format, capsys: pytest.CaptureFixture[str]
) -> None:
    empty, text = tmp_path / "empty", tmp_path / "text"
    empty.mkdir()
    write_durably(text, b"something else")
    for source in (tmp_path / "nowhere", empty, text):
        arguments = ["data", "import", str(source), "--format", format, "--out", str(tmp_path / "back")]
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("retouch: ")
        assert str(source) in err
        assert err.count("\n") == 1
    assert not (tmp_path / "back").exists()


def test_choices_are_checked(dataset: Path, tmp_path: Path, format: Format) -> None:
    export_dataset(dataset, format, tmp_path / "out")
    with pytest.raises(InputError, match="unknown outcome 'sucess'; did you mean 'success'"):
        import_dataset(tmp_path / "out", format, tmp_path / "back", Choices(outcome="sucess"))
