import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from retouch.episodes import (
    ControlSource,
    Dataset,
    DatasetInfo,
    DatasetWriter,
    Feature,
    check,
    describe,
    repair,
    standard_features,
)
from retouch.errors import InputError, RetouchError, StoreError

FLOATS = {"allow_nan": False, "allow_infinity": False}


def test_rows_come_back(dataset: Path, row) -> None:
    episode = Dataset(dataset).episodes[0]
    frames = Dataset(dataset).frames(episode)
    rows = [row(step, ControlSource.OPERATOR if 4 <= step <= 6 else ControlSource.POLICY) for step in range(10)]
    for name in ("observation", "action", "policy_action", "sim_state", "success"):
        assert np.array_equal(frames[name], [r[name] for r in rows]), name
    assert frames["step"].tolist() == list(range(10))
    assert np.array_equal(frames["time_s"], np.arange(10) * 0.05)
    assert frames["intervention"].tolist() == [4 <= step <= 6 for step in range(10)]
    assert frames["control_source"].tolist() == [int(4 <= step <= 6) for step in range(10)]
    assert np.isnan(frames["operator_action"][:4]).all()
    assert np.isfinite(frames["operator_action"][4:7]).all()
    assert check(dataset) == []


def test_metadata_comes_back(dataset: Path) -> None:
    first, second, third = Dataset(dataset).episodes
    assert (first.number, second.number, third.number) == (0, 1, 2)
    assert (first.kind, first.outcome, first.reason) == ("corrected", "success", "the task's own test")
    assert (first.seed, first.operator, first.policy, first.round) == (7, "scripted:careful", "bc-rnn@1", None)
    assert (first.steps, second.steps, third.outcome, third.round) == (10, 12, "failure", 1)
    assert first.control_steps == {"policy": 7, "operator": 3, "both": 0, "none": 0}
    assert {"python", "numpy", "mujoco", "retouch"} <= set(first.versions)
    assert (dataset / "episodes" / first.name / "frames.parquet").is_file()
    assert list((dataset / "journal").iterdir()) == []


def any_row(info: DatasetInfo) -> st.SearchStrategy[dict[str, Any]]:
    def values(name: str, feature: Feature) -> st.SearchStrategy[Any]:
        floats = FLOATS if "float" in feature.dtype else None
        return hnp.arrays(feature.dtype, feature.shape, elements=floats)

    columns = {name: values(name, feature) for name, feature in info.features.items()}
    columns["control_source"] = st.sampled_from(ControlSource)
    columns["operator_action"] = st.none() | columns["operator_action"]
    del columns["step"]
    return st.fixed_dictionaries(columns)


EVERY_DTYPE = standard_features(2, 1, 3) | {
    f"a_{dtype}": Feature(dtype, shape)
    for dtype, shape in [
        ("bool", (3,)),
        ("int8", (1,)),
        ("int16", ()),
        ("int32", (2, 2)),
        ("int64", ()),
        ("uint8", (2, 1, 3)),
        ("uint16", (1,)),
        ("uint32", ()),
        ("uint64", (2,)),
        ("float32", ()),
        ("float64", (2, 3)),
    ]
}


@given(rows=st.lists(any_row(DatasetInfo("t", 0.1, EVERY_DTYPE)), min_size=1, max_size=4))
def test_any_row_round_trips_with_its_dtype(tmp_path_factory: pytest.TempPathFactory, rows: list) -> None:
    path = tmp_path_factory.mktemp("any") / "dataset"
    info = DatasetInfo("t", 0.1, EVERY_DTYPE)
    with DatasetWriter.open(path, info) as writer:
        episode = writer.begin(kind="rollout", seed=0)
        for row in rows:
            episode.append(row)
        number = episode.commit("success", "done").number
    frames = Dataset(path).frames(number)
    assert check(path) == []
    assert list(frames) == list(info.features)
    for name, feature in info.features.items():
        assert frames[name].dtype == feature.dtype, name
        assert frames[name].shape == (len(rows), *feature.shape), name
        if name == "step":
            continue
        nobody = np.full(feature.shape, np.nan, np.float32)
        expected = [nobody if row[name] is None else row[name] for row in rows]
        assert np.array_equal(frames[name], expected, equal_nan=name == "operator_action"), name


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"observation": np.array([1, 2, np.nan, 4, 5], np.float32)},
            r"step 1: observation is not finite: nan at \[2\]",
        ),
        ({"action": np.array([0, np.inf, 0])}, r"step 1: action is not finite: inf at \[1\]"),
        ({"action": np.array([0, 1e300, 0])}, r"step 1: action is not finite: inf at \[1\]"),
        ({"sim_state": np.array([0, 0, 0, -np.inf])}, r"step 1: sim_state is not finite"),
        ({"time_s": float("nan")}, r"step 1: time_s is not finite"),
        ({"policy_action": np.array([0, np.nan, 0])}, r"step 1: policy_action is neither finite nor NaN throughout"),
        ({"operator_action": np.array([0, 0, np.inf])}, r"step 1: operator_action is neither finite nor NaN"),
        ({"observation": np.zeros(4)}, r"step 1: observation has shape \(4,\), not \(5,\)"),
        ({"action": np.zeros((1, 3))}, r"step 1: action has shape \(1, 3\), not \(3,\)"),
        ({"success": np.zeros(2, bool)}, r"step 1: success has shape"),
        ({"success": 1.0}, r"step 1: success is bool"),
        ({"observation": None}, r"step 1: observation is missing"),
        ({"control_source": 4}, r"step 1: no control_source 4"),
        ({"control_source": np.int64(256)}, r"step 1: control_source does not fit int8"),
        ({"control_source": 300}, r"step 1: control_source is int8"),
        ({"step": 5}, r"step 1: it says that it is step 5"),
        ({"colour": 1}, r"step 1: no column 'colour'"),
    ],
)
def test_a_wrong_row_is_refused_and_changes_nothing(tmp_path: Path, info, row, values: dict, message: str) -> None:
    with DatasetWriter.open(tmp_path, info) as writer:
        episode = writer.begin(kind="rollout", seed=0)
        episode.append(row(0))
        with pytest.raises(InputError, match=message):
            episode.append(row(1) | values)
        episode.append(row(1))
        assert episode.commit("success", "done").steps == 2
    assert np.array_equal(Dataset(tmp_path).frames(0)["action"][1], row(1)["action"])
    assert check(tmp_path) == []


def test_an_exception_aborts_with_its_reason(tmp_path: Path, info, row) -> None:
    with pytest.raises(ZeroDivisionError), DatasetWriter.open(tmp_path, info) as writer:  # noqa: PT012
        episode = writer.begin(kind="rollout", seed=0)
        writer.begin(kind="rollout", seed=1)  # without steps: nothing to keep
        episode.append(row(0))
        raise ZeroDivisionError("by zero\nin a line")
    (aborted,) = Dataset(tmp_path).episodes
    assert (aborted.outcome, aborted.reason) == ("aborted", "ZeroDivisionError: by zero in a line")
    with DatasetWriter.open(tmp_path) as writer, writer.begin(kind="rollout", seed=0) as episode:
        episode.append(row(0))
    assert Dataset(tmp_path).episodes[1].reason == "nothing ended it"
    assert list((tmp_path / "journal").iterdir()) == []


def test_an_ended_episode_stays_ended(tmp_path: Path, info, row) -> None:
    writer = DatasetWriter.open(tmp_path, info)
    episode = writer.begin(kind="rollout", seed=0)
    with pytest.raises(InputError, match="without steps cannot be committed"):
        episode.commit("success", "done")
    episode.append(row(0))
    episode.commit("success", "done", note="extra")
    assert episode.closed
    for again in (lambda: episode.append(row(1)), lambda: episode.commit("success", "x"), episode.discard):
        with pytest.raises(InputError, match="has ended"):
            again()
    assert Dataset(tmp_path).episodes[0].extra == {"note": "extra"}


def test_discarded_episodes_leave_only_their_count(tmp_path: Path, info, row) -> None:
    with DatasetWriter.open(tmp_path, info) as writer:
        episode = writer.begin(kind="corrected", seed=0, operator="ann", policy="p")
        for step, source in enumerate((ControlSource.POLICY, ControlSource.OPERATOR, ControlSource.BOTH)):
            episode.append(row(step, source))
        episode.discard("the camera slipped")
        writer.begin(kind="rollout", seed=0).discard()
    assert Dataset(tmp_path).episodes == []
    summary = describe(tmp_path)
    assert (summary.discarded, summary.human_steps) == (1, 2)
    assert json.loads((tmp_path / "discarded.jsonl").read_text())["reason"] == "the camera slipped"
    assert list((tmp_path / "journal").iterdir()) == []


def test_wrong_metadata_leaves_no_journal(tmp_path: Path, info) -> None:
    writer = DatasetWriter.open(tmp_path, info)
    with pytest.raises(InputError, match="cannot be written as JSON"):
        writer.begin(kind="rollout", seed=0, gain=float("nan"))
    with pytest.raises(InputError, match="unknown kind of episode"):
        writer.begin(kind="practice", seed=0)
    assert list((tmp_path / "journal").iterdir()) == []


def test_a_dataset_keeps_its_task_and_columns(dataset: Path, info) -> None:
    with pytest.raises(InputError, match="its task is threading, not coffee"):
        DatasetWriter.open(dataset, DatasetInfo("coffee", 0.05, info.features))
    with pytest.raises(InputError, match="its column 'observation' is"):
        DatasetWriter.open(dataset, DatasetInfo("threading", 0.05, standard_features(6, 3, 4)))
    with pytest.raises(StoreError, match="no dataset in"):
        DatasetWriter.open(dataset / "nowhere")


def test_a_commit_that_fails_can_be_tried_again(tmp_path: Path, info, row, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = DatasetWriter.open(tmp_path, info)
    episode = writer.begin(kind="rollout", seed=0)
    episode.append(row(0))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match=r"cannot write .*: No space left on device") as caught:
            episode.commit("success", "done")
    assert "\n" not in str(caught.value)
    assert check(tmp_path) == []
    episode.append(row(1))
    assert episode.commit("success", "done").steps == 2
    assert check(tmp_path) == []


def test_errors_are_all_of_the_tree(tmp_path: Path, info) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RetouchError, match="cannot write"):
        DatasetWriter.open(tmp_path / "file", info)


def test_a_failed_abort_keeps_the_first_error(tmp_path: Path, info, row, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError) as caught:  # noqa: PT012
        patch.setattr(os, "fsync", lambda fd: None)
        with DatasetWriter.open(tmp_path, info).begin(kind="rollout", seed=0) as episode:
            episode.append(row(0))
            patch.setattr(os, "fsync", full)
            raise ZeroDivisionError
    assert "stays in its journal" in caught.value.__notes__[0]
    assert [e.steps for e in repair(tmp_path).recovered] == [1]
