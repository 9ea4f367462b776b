"""LeRobotDataset v3: what an export looks like, and datasets by others, written by hand here."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retouch.episodes import ControlSource, Dataset, DatasetInfo
from retouch.errors import InputError
from retouch.formats import Choices, export_dataset, import_dataset, lerobot
from retouch.formats import lerobot_statistics as statistics

from .samples import described, record

DEMONSTRATIONS = Choices(kind="demonstration")


@pytest.fixture
def export(dataset: Path, tmp_path: Path) -> Path:
    export_dataset(dataset, "lerobot", tmp_path / "export")
    return tmp_path / "export"


def read(path: Path) -> Any:
    with pq.ParquetFile(path) as file:
        return file.read()


def test_only_the_action_is_an_action_and_only_what_is_seen_an_observation(export: Path) -> None:
    """lerobot makes outputs of all columns whose names begin with action, inputs of those with observation."""
    names = json.loads((export / "meta/info.json").read_text())["features"]
    assert [name for name in names if name.startswith("action")] == ["action"]
    assert [name for name in names if name.startswith("observation")] == [
        "observation.state",
        "observation.environment_state",
    ]
    assert {"policy_action", "operator_action", "intervention", "control_source"} <= names.keys()
    assert {"column.action_delay", "column.observation_age", "column.timestamp"} <= names.keys()
    assert names["observation.state"]["names"] == ["tool_x", "tool_y", "finger_left"]
    assert names["observation.environment_state"]["names"] == ["rod_x", "rod_y"]


def test_columns_are_laid_out_as_lerobot_reads_them(export: Path, dataset: Path) -> None:
    info = json.loads((export / "meta/info.json").read_text())
    assert (info["codebase_version"], info["fps"], info["splits"]) == ("v3.0", 20, {"train": "0:4"})
    table = read(export / "data/chunk-000/file-000.parquet")
    assert set(table.column_names) == set(info["features"])
    assert table.column("timestamp").type == pa.float32()
    frame = table.column("frame_index").to_numpy()
    np.testing.assert_array_equal(table.column("timestamp").to_numpy(), (frame / 20).astype(np.float32))
    np.testing.assert_array_equal(table.column("index").to_numpy(), np.arange(31))
    assert table.column("action").type == pa.list_(pa.float32(), 3)
    assert table.column("alone").type == pa.float64()
    tasks = read(export / "meta/tasks.parquet")
    assert tasks.to_pylist() == [{"task_index": 0, "task": "threading"}]
    assert json.loads(tasks.schema.metadata[b"pandas"])["index_columns"] == ["task"]
    episodes = read(export / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [(e["dataset_from_index"], e["dataset_to_index"]) for e in episodes] == [
        (0, 10),
        (10, 22),
        (22, 23),
        (23, 31),
    ]
    assert [(e["kind"], e["outcome"], e["seed"], e["round"]) for e in episodes] == [
        (e.kind, e.outcome, e.seed, e.round) for e in Dataset(dataset).episodes
    ]


def test_steps_go_into_a_new_file_where_one_is_full(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lerobot, "FILE_MB", 0)
    monkeypatch.setattr(lerobot, "CHUNK_FILES", 3)
    export_dataset(dataset, "lerobot", tmp_path / "out")
    files = sorted(str(p.relative_to(tmp_path / "out/data")) for p in (tmp_path / "out/data").glob("*/*"))
    assert files == [f"chunk-000/file-00{k}.parquet" for k in range(3)] + ["chunk-001/file-000.parquet"]
    import_dataset(tmp_path / "out", "lerobot", tmp_path / "back")
    assert [e.sha256 for e in Dataset(tmp_path / "back").episodes] == [e.sha256 for e in Dataset(dataset).episodes]


def test_statistics_are_json_and_those_of_all_steps(export: Path, dataset: Path) -> None:
    def no_nan(text: str) -> None:
        raise AssertionError(text)

    stats = json.loads((export / "meta/stats.json").read_text(), parse_constant=no_nan)
    arrays = Dataset(dataset).arrays(["action", "sim_state", "tick_wrench", "success"])
    for name, values in (("action", arrays["action"]), ("sim_state", arrays["sim_state"])):
        np.testing.assert_allclose(stats[name]["mean"], values.mean(axis=0), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(stats[name]["std"], values.std(axis=0), rtol=1e-4)
        np.testing.assert_array_equal(stats[name]["max"], values.max(axis=0))
        assert stats[name]["count"] == [31]
    assert len(stats["tick_wrench"]["q50"]) == 24
    assert stats["success"]["mean"] == pytest.approx([4 / 31])
    # These have NaN, for which JSON has no word.
    assert not {"policy_action", "operator_action"} & stats.keys()


def test_quantiles_are_near_those_of_the_values() -> None:
    values = np.random.default_rng(0).normal(size=(2000, 2)).astype(np.float32)
    stats = statistics.of_episode(values)
    for name, share in statistics.QUANTILES.items():
        np.testing.assert_allclose(stats[name], np.quantile(values, share, axis=0), atol=0.05)
    halves = [statistics.of_episode(values[:500]), statistics.of_episode(values[500:])]
    both = statistics.of_all(halves)
    np.testing.assert_allclose(both["std"], values.std(axis=0), rtol=1e-5)
    np.testing.assert_allclose(both["q10"], 0.25 * halves[0]["q10"] + 0.75 * halves[1]["q10"])


def test_a_rate_that_is_no_whole_number_is_refused(tmp_path: Path) -> None:
    info = described()
    record(tmp_path / "dataset", DatasetInfo(info.task, 0.03, info.features), (3,))
    with pytest.raises(InputError, match=r"whole frames a second, and 33\.3333 are not"):
        export_dataset(tmp_path / "dataset", "lerobot", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_column_that_somebody_took_out_is_said(export: Path, tmp_path: Path) -> None:
    info = json.loads((export / "meta/info.json").read_text())
    del info["features"]["tick_wrench"]
    (export / "meta/info.json").write_text(json.dumps(info))
    found = import_dataset(export, "lerobot", tmp_path / "back")
    assert found.left_out == ["the column tick_wrench: somebody has taken it out"]
    assert "tick_wrench" not in Dataset(tmp_path / "back").info.features


def test_what_lerobots_own_tools_leave_of_an_export_is_imported(export: Path, tmp_path: Path, dataset: Path) -> None:
    """Deleting drops our columns of the episodes and meta/retouch.json, merging makes nulls of NaN."""
    (export / "meta/retouch.json").unlink()
    data = export / "data/chunk-000/file-000.parquet"
    table = read(data)
    rows = [[None if np.isnan(v) else v for v in row] for row in table.column("operator_action").to_pylist()]
    place = table.column_names.index("operator_action")
    pq.write_table(table.set_column(place, "operator_action", pa.array(rows, pa.list_(pa.float32()))), data)
    episodes = export / "meta/episodes/chunk-000/file-000.parquet"
    plain = read(episodes).select(["episode_index", "length", "data/chunk_index", "data/file_index", "tasks"])
    pq.write_table(plain, episodes)
    found = import_dataset(export, "lerobot", tmp_path / "back", Choices(kind="corrected"))
    assert (found.episodes, found.outcomes) == (4, {"success": 4})  # by the column success
    before, after = Dataset(dataset), Dataset(tmp_path / "back")
    standard = ["observation", "action", "policy_action", "operator_action", "control_source", "success", "time_s"]
    for name, values in before.arrays(standard).columns.items():
        np.testing.assert_array_equal(after.arrays([name])[name], values, name)
    assert {"action_delay", "tick_wrench", "sim_state"} <= after.info.features.keys()


# By others.

STATE = np.random.default_rng(1).normal(size=(9, 2)).astype(np.float32)
ACTION = np.random.default_rng(2).normal(size=(9, 3)).astype(np.float32)
LENGTHS = (4, 5)


def foreign(folder: Path, tasks: tuple[str, ...] = ("stack",), **columns: tuple[str, list[int], Any]) -> Path:
    """Two episodes of 4 and 5 steps, as lerobot writes them; other columns by name: dtype, shape, values."""
    steps, episodes = sum(LENGTHS), len(LENGTHS)
    stored: dict[str, tuple[str, list[int], Any]] = {
        "observation.state": ("float32", [2], STATE.tolist()),
        "action": ("float32", [3], ACTION.tolist()),
        **{name.replace("__", "."): column for name, column in columns.items()},
    }
    features = {name: {"dtype": d, "shape": s, "names": None} for name, (d, s, _) in stored.items()}
    defaults = {name: {"dtype": d, "shape": [1], "names": None} for name, d in lerobot.DEFAULTS.items()}
    info = {"codebase_version": "v3.0", "fps": 10, "features": features | defaults, "data_path": lerobot.DATA_PATH}
    table: dict[str, Any] = {name: values for name, (_, _, values) in stored.items() if values is not None}
    table |= {
        "episode_index": np.repeat(range(episodes), LENGTHS),
        "frame_index": np.concatenate([np.arange(n) for n in LENGTHS]),
        "index": np.arange(steps),
        "timestamp": np.concatenate([np.arange(n) / 10 for n in LENGTHS]).astype(np.float32),
        "task_index": np.zeros(steps, int),
    }
    rows = {
        "episode_index": range(episodes),
        "length": LENGTHS,
        "tasks": [[tasks[k % len(tasks)]] for k in range(episodes)],
        "data/chunk_index": [0] * episodes,
        "data/file_index": [0] * episodes,
    }
    for name in ("data/chunk-000", "meta/episodes/chunk-000"):
        (folder / name).mkdir(parents=True)
    (folder / "meta/info.json").write_text(json.dumps(info))
    pq.write_table(pa.table(table), folder / "data/chunk-000/file-000.parquet")
    pq.write_table(pa.table(rows), folder / "meta/episodes/chunk-000/file-000.parquet")
    names = pa.table({"task_index": range(len(tasks)), "__index_level_0__": list(tasks)})
    pq.write_table(names, folder / "meta/tasks.parquet")
    return folder


def test_a_plain_dataset_of_demonstrations(tmp_path: Path) -> None:
    reward = [0.0, 0, 0, 0, 0, 0, 0, 1, 1]
    source = foreign(
        tmp_path / "source",
        next__reward=("float32", [1], reward),
        observation__images__top=("video", [3, 8, 8], None),
        note=("string", [1], ["a"] * 9),
        observation__age=("int64", [1], list(range(9))),
    )
    info = json.loads((source / "meta/info.json").read_text())
    info["features"]["next.reward"]["names"] = ["reward"]  # some have a name for a single value,
    info["features"]["action"]["names"] = {"motors": ["x", "y", "z"]}  # some a name for the names
    (source / "meta/info.json").write_text(json.dumps(info))
    found = import_dataset(source, "lerobot", tmp_path / "back", DEMONSTRATIONS)
    assert found.outcomes == {"failure": 1, "success": 1}
    assert found.left_out == [
        "the column observation.images.top: the store holds no video",
        "the column note: the store holds no string",
    ]
    back = Dataset(tmp_path / "back")
    assert (back.info.task, back.info.control_period_s) == ("stack", 0.1)
    assert [e.reason for e in back.episodes] == ["next_reward was never above 0", "next_reward was above 0"]
    assert back.episodes[1].extra == {"imported": {"format": "lerobot", "from": "source", "episode": 1}}
    arrays = back.arrays(["observation", "action", "operator_action", "policy_action", "control_source", "next_reward"])
    np.testing.assert_array_equal(arrays["observation"], np.c_[STATE, np.arange(9)])
    np.testing.assert_array_equal(arrays["action"], ACTION)
    np.testing.assert_array_equal(arrays["operator_action"], ACTION)
    assert np.isnan(arrays["policy_action"]).all()
    assert (arrays["control_source"] == ControlSource.OPERATOR).all()
    np.testing.assert_array_equal(arrays["next_reward"], reward)
    assert back.frames(1)["success"].tolist() == [False] * 4 + [True]


def test_interventions_of_others_say_who_acted(tmp_path: Path) -> None:
    taken = [False, False, True, True, False, False, False, False, False]
    source = foreign(tmp_path / "source", intervention=("bool", [1], taken))
    import_dataset(source, "lerobot", tmp_path / "back", Choices(kind="corrected", outcome="success"))
    arrays = Dataset(tmp_path / "back").arrays(["intervention", "control_source", "policy_action", "operator_action"])
    assert arrays["intervention"].tolist() == taken
    assert (arrays["control_source"] == np.where(taken, ControlSource.OPERATOR, ControlSource.POLICY)).all()
    np.testing.assert_array_equal(arrays["operator_action"][taken], ACTION[taken])
    np.testing.assert_array_equal(np.isnan(arrays["policy_action"]).all(axis=1), taken)


def test_of_several_tasks_one_is_taken(tmp_path: Path) -> None:
    source = foreign(tmp_path / "source", tasks=("stack", "pour"))
    with pytest.raises(InputError, match=r"several tasks: take one with --task \(pour; stack\)"):
        import_dataset(source, "lerobot", tmp_path / "back", DEMONSTRATIONS)
    import_dataset(source, "lerobot", tmp_path / "back", Choices("demonstration", "success", "pour"))
    back = Dataset(tmp_path / "back")
    assert (back.info.task, [e.steps for e in back.episodes]) == ("pour", [5])


def _edit(folder: Path, **changes: Any) -> None:
    path = folder / "meta/info.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _table(path: Path, **columns: Any) -> None:
    table = read(path)
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    pq.write_table(table, path)


DATA, EPISODES = "data/chunk-000/file-000.parquet", "meta/episodes/chunk-000/file-000.parquet"
BAD = {
    "it does not say what kind": lambda f: Choices(),
    "unknown kind of episode 'demo'": lambda f: Choices(kind="demo", outcome="success"),
    "neither successes nor rewards": lambda f: DEMONSTRATIONS,
    "does not say who acted": lambda f: Choices(kind="corrected", outcome="success"),
    "of version v2.1": lambda f: _edit(f, codebase_version="v2.1"),
    "fps is 0": lambda f: _edit(f, fps=0),
    "its features are not those of a LeRobotDataset": lambda f: _edit(f, features={"action": {"dtype": "float32"}}),
    "no column 'action'": lambda f: _edit(f, features={}),
    "data outside of the dataset: ../../x": lambda f: _edit(f, data_path="../../x"),
    "no path of data files": lambda f: _edit(f, data_path="{nothing}"),
    "not JSON": lambda f: (f / "meta/info.json").write_text("{"),
    "not a JSON object": lambda f: (f / "meta/info.json").write_text("3"),
    "tasks.parquet is missing": lambda f: (f / "meta/tasks.parquet").unlink(),
    "has no episodes": lambda f: (f / EPISODES).unlink(),
    f"{DATA} is missing": lambda f: (f / DATA).unlink(),
    f"{DATA}: ": lambda f: _cut(f / DATA),
    f"{EPISODES}: ": lambda f: _cut(f / EPISODES),
    "data/file_index are whole numbers": lambda f: _table(f / EPISODES, episode_index=[0, None]),
    "length, data/chunk_index": lambda f: _table(f / EPISODES, length=["a", "b"]),
    "5 steps of episode 1, 6 are told": lambda f: _table(f / EPISODES, length=[4, 6]),
    "frames of episode 1 are not numbered": lambda f: _table(f / DATA, frame_index=[0, 1, 2, 3, 1, 2, 3, 4, 5]),
    "action has lists of [2, 3] entries, not of 3": lambda f: _table(
        f / DATA, action=[[1.0] * 3] * 3 + [[1.0] * 2] * 6
    ),
    "action is not of shape [3]": lambda f: _table(f / DATA, action=[1.0] * 9),
    "step 0: action is not finite": lambda f: _table(f / DATA, action=[[1.0, 2.0, None]] * 9),
    "action has empty entries": lambda f: _table(f / DATA, action=[[1, 2, None]] * 9),
    "action is string, not numbers": lambda f: _table(f / DATA, action=[["a", "b", "c"]] * 9),
    "source, episode 1: step 4: action is not finite": lambda f: _table(
        f / DATA, action=[[1.0, 2.0, 3.0]] * 8 + [[np.nan, 2.0, 3.0]]
    ),
}


@pytest.mark.parametrize("hint", BAD)
def test_bad_input_is_one_clear_line_and_leaves_nothing(hint: str, tmp_path: Path) -> None:
    source = foreign(tmp_path / "source")
    choices = BAD[hint](source)
    if not isinstance(choices, Choices):
        choices = Choices("demonstration", "success")
    with pytest.raises(InputError) as caught:
        import_dataset(source, "lerobot", tmp_path / "back", choices)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
