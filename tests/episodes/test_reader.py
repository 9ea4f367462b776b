import errno
import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retouch.episodes import Dataset, DatasetWriter, arrays, describe, exclude, show, trim
from retouch.errors import CorruptEpisode, InputError, StoreError


def test_arrays_are_the_frames_one_after_the_other(dataset: Path) -> None:
    opened = Dataset(dataset)
    for chosen in (None, [2, 0], opened.episodes[1:]):
        got = opened.arrays(["action", "success", "sim_state"], chosen)
        episodes = opened.episodes if chosen is None else [opened.episode(which) for which in chosen]
        assert got.episode_ids == [episode.id for episode in episodes]
        assert got.lengths.tolist() == [episode.steps for episode in episodes]
        for name, column in got.columns.items():
            assert isinstance(column, np.memmap)
            assert not column.flags.writeable
            for episode, start, length in zip(episodes, got.starts, got.lengths, strict=True):
                assert np.array_equal(column[start : start + length], opened.frames(episode)[name]), name


def test_arrays_are_made_once(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Dataset(dataset).arrays(["action"])
    read: list[list[str]] = []
    frames = Dataset.frames

    def spy(self: Dataset, episode, columns=None):
        read.append(list(columns))
        return frames(self, episode, columns)

    monkeypatch.setattr(Dataset, "frames", spy)
    Dataset(dataset).arrays(["action"])
    assert read == []
    Dataset(dataset).arrays(["observation", "action"])
    assert read == [["observation"]] * 3
    trim(dataset, 0, 0, 4)
    assert len(Dataset(dataset).arrays(["action"])) == 25
    assert read[3:] == [["action"]] * 3


def test_the_cache_keeps_the_latest_choices(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "KEPT", 2)
    opened = Dataset(dataset)
    first = opened.arrays(["action"], [0])
    for chosen in ([1], [2], [0, 1]):
        opened.arrays(["action"], chosen)
    assert len(list((dataset / ".cache").iterdir())) == 2
    assert np.array_equal(first["action"], opened.frames(0)["action"])  # still mapped


def test_no_episodes_make_empty_arrays(dataset: Path) -> None:
    empty = Dataset(dataset).arrays(["action", "success"], [])
    assert (len(empty), empty["action"].shape, empty["action"].dtype) == (0, (0, 3), np.float32)
    assert empty["success"].dtype == bool


def test_a_full_disk_while_caching_is_one_clear_line(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(StoreError, match="No space left on device"):
            Dataset(dataset).arrays(["action"])
    assert len(Dataset(dataset).arrays(["action"])) == 30


def test_episodes_are_found_by_number_id_and_name(dataset: Path) -> None:
    opened = Dataset(dataset)
    second = opened.episodes[1]
    assert all(opened.episode(which) == second for which in (1, "1", second.id, second.name, second))
    with pytest.raises(InputError, match=r"no episode 9 in .* \(numbers 0 to 2\)"):
        opened.frames(9)
    with pytest.raises(InputError, match="no column 'colour'"):
        opened.frames(0, ["colour"])
    with pytest.raises(InputError, match="no column 'colour'"):
        opened.arrays(["colour"])


def test_what_is_not_a_dataset_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no dataset in"):
        Dataset(tmp_path)
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(StoreError, match="not JSON"):
        Dataset(tmp_path)


def test_damaged_frames_are_named(dataset: Path) -> None:
    opened = Dataset(dataset)
    frames = dataset / "episodes" / opened.episodes[0].name / "frames.parquet"
    data = frames.read_bytes()
    for damaged in (data[:200], data[:-20], b"", data[:500] + bytes(300) + data[800:]):
        frames.write_bytes(damaged)
        with pytest.raises(CorruptEpisode, match=r"frames\.parquet"):
            opened.frames(0)
    pq.write_table(pa.table({"step": pa.array([0], pa.int64())}), frames)
    with pytest.raises(CorruptEpisode, match="the column 'step' is int64, not int32"):
        opened.frames(0, ["step"])
    with pytest.raises(CorruptEpisode, match="the column 'action' is missing"):
        opened.frames(0, ["action"])
    frames.unlink()
    with pytest.raises(StoreError, match="No such file"):
        opened.frames(0)


def test_a_store_of_version_1_stays_readable(tmp_path: Path) -> None:
    """Written by hand as version 1 has it: this test never changes, whatever later versions do."""
    folder = tmp_path / "episodes" / "000004-00ff00ff00"
    folder.mkdir(parents=True)
    vector = {"dtype": "float32", "shape": [2], "names": ["x", "y"]}
    scalars = {
        "step": "int32",
        "time_s": "float64",
        "control_source": "int8",
        "intervention": "bool",
        "success": "bool",
    }
    features = {name: {"dtype": dtype, "shape": [], "names": None} for name, dtype in scalars.items()}
    features |= dict.fromkeys(("observation", "action", "policy_action", "operator_action"), vector)
    (tmp_path / "dataset.json").write_text(
        json.dumps({"schema_version": 1, "task": "coffee", "control_period_s": 0.05, "features": features, "extra": {}})
    )
    (folder / "episode.json").write_text(
        '{"id": "00ff00ff00", "kind": "demonstration", "outcome": "success", "reason": "done", "seed": 5, '
        '"operator": "ann", "policy": null, "round": 2, "started_at": "2026-01-02T03:04:05.678+00:00", "steps": 2, '
        '"versions": {"retouch": "0.1.0"}, "extra": {"table": "low"}, "sha256": {}, "schema_version": 1, '
        '"control_steps": {"policy": 0, "operator": 2, "both": 0, "none": 0}}'
    )
    field = pa.list_(pa.field("element", pa.float32(), nullable=False), 2)
    columns = {
        "step": pa.array([0, 1], pa.int32()),
        "time_s": pa.array([0.0, 0.05]),
        "control_source": pa.array([1, 1], pa.int8()),
        "intervention": pa.array([True, True]),
        "success": pa.array([False, True]),
    }
    for k, name in enumerate(("observation", "action", "policy_action", "operator_action")):
        columns[name] = pa.array([[k, 1], [k, 2]], field)
    pq.write_table(pa.table(columns), folder / "frames.parquet", compression="zstd")

    opened = Dataset(tmp_path)
    (episode,) = opened.episodes
    assert (opened.info.task, opened.info.features["action"].names) == ("coffee", ("x", "y"))
    assert (episode.number, episode.seed, episode.round, episode.extra) == (4, 5, 2, {"table": "low"})
    assert opened.frames(episode, ["action"])["action"].tolist() == [[1, 1], [1, 2]]
    assert len(opened.arrays(["success"])) == 2


def test_describe_counts(dataset: Path) -> None:
    trim(dataset, 1, 5, 11)
    exclude(dataset, [0])
    summary = describe(dataset)
    assert (summary.episodes, summary.excluded, summary.steps) == (2, 1, 15)
    assert summary.outcomes == {"corrected": {"success": 1, "failure": 1}}
    assert summary.control_steps == {"policy": 10, "operator": 5, "both": 0, "none": 0}
    assert (summary.human_steps, summary.human_steps_in_successes) == (9, 2)
    assert summary.operators == {"scripted:careful": 1, "scripted:slow": 1}
    assert (summary.policies, summary.rounds) == ({"bc-rnn@1": 2}, {1: 2})
    assert summary.duration_s == pytest.approx(0.75)
    files = [f for f in dataset.rglob("*") if f.is_file() and ".cache" not in f.parts]
    assert summary.size_bytes == sum(f.stat().st_size for f in files)


def test_show_says_who_acted(dataset: Path) -> None:
    trim(dataset, 0, 2, 5)
    shown = show(dataset, 0)
    assert [(s.control_source, s.first_step, s.last_step) for s in shown.segments] == [
        ("policy", 2, 3),
        ("operator", 4, 5),
    ]
    assert (shown.recorded_steps, shown.info.steps, shown.interventions) == (10, 4, 1)
    assert [edit.action for edit in shown.edits] == ["trim"]


def test_a_dataset_shows_the_moment_of_its_opening(dataset: Path, record) -> None:
    before = Dataset(dataset)
    with DatasetWriter.open(dataset) as writer:
        record(writer)
    assert len(before.episodes) == 3
    assert len(Dataset(dataset).episodes) == 4
