"""What lerobot itself makes of our exports, and we of its datasets. `make peers` installs it and runs this."""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.formats.samples import described, record

from retouch.episodes import Dataset, check
from retouch.formats import Choices, export_dataset, import_dataset

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / "benchmarks/peers/.venv-lerobot/bin/python"
pytestmark = pytest.mark.skipif(
    not (PYTHON.parents[1] / ".installed").exists(),
    reason="lerobot is not installed beside us: make -C benchmarks/peers .venv-lerobot/.installed (6 GB)",
)


def lerobot(*arguments: str | Path) -> Any:
    """What the peer prints last."""
    command = [str(part) for part in (PYTHON, HERE / "lerobot_peer.py", *arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("data") / "dataset", described(), (10, 12, 8))


@pytest.fixture(scope="module")
def export(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "lerobot"
    export_dataset(dataset, "lerobot", out)
    return out


def test_lerobot_plays_an_export_and_computes_the_same_statistics(export: Path, dataset: Path) -> None:
    found = lerobot("check", export)
    assert (found["episodes"], found["frames"], found["fps"], found["task"]) == (3, 30, 20, "threading")
    assert found["outcomes"] == ["success"] * 3
    difference, of = found["largest_relative_difference"]
    assert difference < 1e-5, of
    assert found["statistics_left_out"] == ["operator_action", "policy_action"]
    assert found["statistics_left_out_are_nan"]
    arrays = Dataset(dataset).arrays(["action", "sim_state", "tick_wrench", "policy_action"])
    for name, values in arrays.columns.items():
        assert found["sums"][name] == pytest.approx(np.nansum(values.astype(float)), rel=1e-12), name


def test_no_column_of_provenance_becomes_an_input_or_output(export: Path) -> None:
    assert lerobot("check", export)["policy_features"] == {
        "observation.state": ["STATE", 3],
        "observation.environment_state": ["ENV", 2],
        "action": ["ACTION", 3],
    }


def test_lerobot_trains_act_on_an_export(export: Path) -> None:
    found = lerobot("train", export, "--steps", "10")
    assert found["inputs"] == ["observation.environment_state", "observation.state"]
    assert len(found["losses"]) == 10
    assert np.isfinite(found["losses"]).all()


def test_what_lerobot_recorded_is_imported(tmp_path: Path) -> None:
    made = lerobot("make", tmp_path / "made")
    found = import_dataset(tmp_path / "made", "lerobot", tmp_path / "back", Choices(kind="demonstration"))
    assert (found.episodes, found.steps, found.outcomes) == (3, made["frames"], {"success": 2, "failure": 1})
    assert found.left_out == ["the column observation.images.front: the store holds no image"]
    assert check(tmp_path / "back") == []
    arrays = Dataset(tmp_path / "back").arrays(["observation", "action"])
    for name, values in arrays.columns.items():
        assert values.astype(float).sum() == pytest.approx(made["sums"][name], rel=1e-12)


def test_what_lerobots_tools_make_of_an_export_is_imported(export: Path, dataset: Path, tmp_path: Path) -> None:
    """Deleting drops what is said of the episodes, merging keeps it."""
    made = lerobot("merge", export)
    assert (made["less"], made["episodes"]) == (2, 5)
    import_dataset(made["folder"], "lerobot", tmp_path / "back", Choices(kind="corrected"))
    before, after = Dataset(dataset).episodes, Dataset(tmp_path / "back").episodes
    assert [e.steps for e in after] == [10, 12, 8, 12, 8]
    for was, now in zip(before, after, strict=False):
        assert (now.id, now.kind, now.seed, now.extra) == (was.id, was.kind, was.seed, was.extra)
    assert {e.kind for e in after[3:]} == {"corrected"}
    for column in ("action", "operator_action", "policy_action", "control_source", "sim_state", "tick_wrench"):
        values = Dataset(tmp_path / "back").arrays([column])[column]
        recorded = Dataset(dataset).arrays([column])[column].reshape(30, *values.shape[1:])
        np.testing.assert_array_equal(values[:30], recorded, column)
        np.testing.assert_array_equal(values[30:], values[10:30], column)
