import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from retouch.episodes import Dataset, DatasetInfo, DatasetWriter, EpisodeWriter, check, files, journal, repair
from retouch.errors import StoreError


def begun(path: Path, info: DatasetInfo, row, steps: int) -> EpisodeWriter:
    episode = DatasetWriter.open(path, info).begin(kind="rollout", seed=3)
    for step in range(steps):
        episode.append(row(step))
    return episode


def die(episode: EpisodeWriter) -> Path:
    """Lets go of the journal as the death of the process does."""
    episode._journal.close()
    return episode._journal.path


def test_a_running_episode_is_left_alone(tmp_path: Path, info, row) -> None:
    episode = begun(tmp_path, info, row, 2)
    summary = repair(tmp_path)
    assert (summary.running, summary.recovered, summary.removed) == ([episode.id], [], [])
    assert check(tmp_path) == []
    assert episode.commit("success", "done").steps == 2


@pytest.mark.parametrize("torn", [0, 1, 50])
def test_a_dead_writers_rows_come_back(tmp_path: Path, info, row, torn: int) -> None:
    path = die(begun(tmp_path, info, row, 4))
    with path.open("ab") as file:
        file.write(bytes(torn))
    assert "its writer died" in check(tmp_path)[0]
    (recovered,) = repair(tmp_path).recovered
    assert (recovered.outcome, recovered.steps, recovered.seed) == ("aborted", 4, 3)
    assert recovered.reason.startswith(f"the writer died (process {os.getpid()} on ")
    assert np.array_equal(Dataset(tmp_path).frames(0)["action"], [row(step)["action"] for step in range(4)])
    assert check(tmp_path) == []
    assert repair(tmp_path).recovered == []


def test_a_tail_of_zeros_is_not_rows(tmp_path: Path, info, row) -> None:
    path = die(begun(tmp_path, info, row, 4))
    with path.open("ab") as file:
        file.write(bytes(2000))
    assert [episode.steps for episode in repair(tmp_path).recovered] == [4]


def test_journals_without_rows_are_removed(tmp_path: Path, info, row) -> None:
    path = die(begun(tmp_path, info, row, 0))
    torn = path.with_name("00aa.rows")
    torn.write_text('{"episode": {"id"')
    os.utime(torn, (0, 0))
    assert repair(tmp_path).removed == sorted([f"journal/{path.name}", "journal/00aa.rows"])
    assert Dataset(tmp_path).episodes == []


def test_a_journal_that_is_being_created_is_left_alone(tmp_path: Path, info, row) -> None:
    DatasetWriter.open(tmp_path, info)
    new = tmp_path / "journal" / "00aa.rows"
    with files.locked(tmp_path):
        new.touch()
        assert not journal.is_dead(new)
        assert check(tmp_path) == []
        waiting = threading.Thread(target=repair, args=(tmp_path,))
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        assert new.exists()
    waiting.join(10)


def test_a_writer_that_died_before_the_header_leaves_nothing(tmp_path: Path, info, row) -> None:
    DatasetWriter.open(tmp_path, info)
    (tmp_path / "journal" / "00aa.rows").touch()
    assert repair(tmp_path).removed == ["journal/00aa.rows"]


def test_a_writer_on_another_machine_needs_a_quiet_journal(tmp_path: Path, info, row) -> None:
    path = die(begun(tmp_path, info, row, 2))
    line, rows = path.read_bytes().split(b"\n", 1)
    header = json.loads(line)
    header["owner"]["host"] = "elsewhere"
    path.write_bytes(json.dumps(header).encode() + b"\n" + rows)
    assert repair(tmp_path).running == [path.stem]
    os.utime(path, (0, 0))
    (recovered,) = repair(tmp_path).recovered
    assert recovered.reason.endswith("on elsewhere)")


def test_an_unreadable_journal_stays_and_is_named(tmp_path: Path, info, row) -> None:
    path = die(begun(tmp_path, info, row, 2))
    path.write_bytes(b"nonsense\n" + path.read_bytes())
    (line,) = repair(tmp_path).unreadable
    assert path.name in line
    assert "\n" not in line
    assert path.exists()


def test_left_over_folders_are_removed(dataset: Path, info) -> None:
    aside = dataset / "journal" / "00aa.new"
    aside.mkdir()
    (aside / "frames.parquet").touch()
    stale, fresh = dataset / ".cache" / "new-1", dataset / ".cache" / "new-2"
    stale.mkdir(parents=True)
    fresh.mkdir()
    os.utime(stale, (0, 0))
    assert "left over" in check(dataset)[0]
    assert repair(dataset).removed == [".cache/new-1", "journal/00aa.new"]
    assert fresh.exists()
    assert check(dataset) == []


def test_a_forked_child_does_not_keep_a_dead_writer_alive(tmp_path: Path, info, row) -> None:
    episode = begun(tmp_path, info, row, 2)
    begins, ends = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ends[1])
        os.write(begins[1], b"x")
        os.read(ends[0], 1)
        os._exit(0)
    os.read(begins[0], 1)
    alive = journal.is_dead(episode._journal.path)
    dead = journal.is_dead(die(episode))
    for end in (*begins, *ends):
        os.close(end)
    os.waitpid(child, 0)
    assert (alive, dead) == (False, True)


def test_check_finds_what_was_changed(dataset: Path) -> None:
    first, second, third = (dataset / "episodes" / e.name for e in Dataset(dataset).episodes)
    frames = bytearray((first / "frames.parquet").read_bytes())
    frames[-1] ^= 1
    (first / "frames.parquet").write_bytes(frames)
    document = json.loads((second / "episode.json").read_text())
    (second / "episode.json").write_text(json.dumps(document | {"steps": 13}))
    (third / "frames.parquet").unlink()
    (dataset / "episodes" / "notes.txt").touch()
    problems = check(dataset)
    assert len(problems) == 4
    assert any(first.name in p and "its hash differs" in p for p in problems)
    assert any(second.name in p and "12 steps, episode.json says 13" in p for p in problems)
    assert any(third.name in p and "No such file" in p for p in problems)
    assert any("notes.txt: not an episode's folder" in p for p in problems)
    assert not any("\n" in p for p in problems)


def test_check_finds_wrong_values(dataset: Path, info) -> None:
    import hashlib

    from retouch.episodes.frames import encode_frames

    opened = Dataset(dataset)
    folder = dataset / "episodes" / opened.episodes[0].name
    for column, value, message in [
        ("action", np.nan, "action is not finite at step 3"),
        ("step", 7, "not numbered"),
        ("control_source", 9, "control_source is not one"),
        ("control_source", 3, "steps by control source"),
    ]:
        frames = opened.frames(1)
        frames = {name: values[:10].copy() for name, values in frames.items()}
        frames[column][3] = value
        data = encode_frames(frames, info.features)
        (folder / "frames.parquet").write_bytes(data)
        document = json.loads((folder / "episode.json").read_text())
        document["sha256"] = {"frames.parquet": hashlib.sha256(data).hexdigest()}
        (folder / "episode.json").write_text(json.dumps(document))
        assert [message in problem for problem in check(dataset)] == [True], message


def test_what_is_no_dataset_cannot_be_repaired(tmp_path: Path) -> None:
    for function in (repair, check):
        with pytest.raises(StoreError, match="no dataset in"):
            function(tmp_path)
