"""An episode as a recording, read back by rerun's own reader."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.formats.samples import described, record
from tests.pressing import Pressing

from retouch.cli import main
from retouch.collection import collect
from retouch.counting import Target
from retouch.episodes import Dataset, DatasetInfo, trim
from retouch.operators.profile import profile
from retouch.operators.scripted import ScriptedPerson
from retouch.tasks import registry
from retouch.tasks.base import Task
from retouch.tasks.registry import make

STEPS = 6


def collected(task: Task, path: Path) -> Dataset:
    """The first steps of one demonstration."""
    person = ScriptedPerson(profile("steady"))
    collect(task, person, "demonstrate", path, Target(episodes=1, max_attempts=1), horizon=STEPS)
    return Dataset(path)


class Recording:
    """What a file holds: a table an entity, those that hold for the whole episode apart."""

    def __init__(self, path: Path):
        chunk = pytest.importorskip("rerun.chunk", reason="rerun is not installed: pip install 'retouch[rerun]'")
        self.tables, self.static = {}, {}
        for part in chunk.RrdReader(path).stream():
            where = self.static if part.is_static else self.tables
            table = part.to_record_batch()
            assert where.setdefault(part.entity_path, table) is table
            assert len(table) == part.num_rows

    def column(self, entity: str, name: str) -> np.ndarray:
        values = self.tables[entity].column(name)
        return np.array([np.array(row).squeeze(0) if len(row) == 1 else row for row in values.to_pylist()])

    def seconds(self, entity: str) -> np.ndarray:
        return self.tables[entity].column("time").cast("int64").to_numpy() / 1e9


@pytest.fixture
def out(tmp_path: Path) -> Path:
    pytest.importorskip("rerun", reason="rerun is not installed: pip install 'retouch[rerun]'")
    return tmp_path / "made" / "episode.rrd"


def test_what_is_felt_is_there_at_every_tick(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry._targets, "pressing", "tests.pressing:Pressing")
    frames = collected(Pressing(), tmp_path / "data").frames(0)
    capsys.readouterr()
    assert main(["data", "show", str(tmp_path / "data"), "0", "--rerun", str(out)]) == 0
    assert "left out" not in capsys.readouterr().out
    found = Recording(out)
    for entity, track in (("tool", "measured_pose"), ("reference", "reference"), ("base_reference", "base_reference")):
        pose = frames[f"tick_{track}"].reshape(-1, 7)
        np.testing.assert_array_equal(found.column(f"/world/{entity}", "Transform3D:translation"), pose[:, :3])
        np.testing.assert_array_equal(
            found.column(f"/world/{entity}", "Transform3D:quaternion"), np.roll(pose[:, 3:], -1, axis=1)
        )
    for who in ("contact", "hand"):
        wrench = frames[f"tick_{who}_wrench"].reshape(-1, 6)
        np.testing.assert_array_equal(found.column(f"/{who}_wrench", "Scalars:scalars"), wrench)
        arrow = found.column(f"/world/tool/{who}_force", "Arrows3D:vectors")
        np.testing.assert_allclose(arrow, 0.01 * wrench[:, :3], rtol=1e-6)
    ticks = frames["tick_measured_pose"].shape[1]
    np.testing.assert_allclose(found.seconds("/contact_wrench"), 0.002 * np.arange(1, STEPS * ticks + 1), atol=1e-9)
    np.testing.assert_allclose(found.seconds("/action"), frames["time_s"], atol=1e-9)


def test_a_scene_is_drawn_and_its_bodies_move(tmp_path: Path, out: Path) -> None:
    task = make("threading")
    dataset = collected(task, tmp_path / "data")
    frames = dataset.frames(0)
    out.parent.mkdir()
    out.write_text("an older one")
    assert main(["data", "show", str(tmp_path / "data"), "0", "--rerun", str(out)]) == 0
    assert list(out.parent.iterdir()) == [out]
    found = Recording(out)
    tool = found.column("/world/tool", "Transform3D:translation")
    seen = [task.tool_pose(row).position for row in frames["observation"]]
    np.testing.assert_allclose(tool, seen, atol=1e-6)
    rod = found.column("/world/bodies/rod", "Transform3D:translation")
    at = [task.observation_names.index(f"rod_{axis}") for axis in "xyz"]
    np.testing.assert_allclose(rod, frames["observation"][:, at], atol=1e-5)
    pictures = found.tables["/camera/front"]
    assert pictures.column("step").to_pylist() == [0, 2, 4]
    for blob in pictures.column("EncodedImage:blob").to_pylist():
        with Image.open(io.BytesIO(bytes(blob[0]))) as image:
            assert (image.format, image.size) == ("JPEG", (320, 240))
            assert np.ptp(np.asarray(image)) > 100
    assert found.column("/control_source", "StateChange:state").tolist() == ["operator"]
    text = found.static["/episode"].column("TextDocument:text").to_pylist()[0][0]
    assert "- operator: scripted:steady\n" in text
    assert "- task: threading\n" in text


def test_who_acted_changes_and_a_trimmed_episode_is_trimmed(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    info = described()
    features = {name: feature for name, feature in info.features.items() if name != "sim_state"}
    path = record(tmp_path / "data", DatasetInfo("unheard of", 0.05, features))
    trim(path, 1, 2, 9)
    assert main(["data", "show", str(path), "1", "--rerun", str(out)]) == 0
    said = capsys.readouterr().out
    assert said.count("left out: ") == 3
    found, frames = Recording(out), Dataset(path).frames(1)
    assert found.column("/control_source", "StateChange:state").tolist() == ["policy", "operator", "policy"]
    assert found.tables["/control_source"].column("step").to_pylist() == [2, 4, 7]
    for name in ("action", "policy_action", "operator_action"):
        np.testing.assert_array_equal(found.column(f"/{name}", "Scalars:scalars"), frames[name])
    assert found.static["/action"].column("SeriesLines:names").to_pylist() == [["x", "y", "gripper"]]


def test_without_rerun_one_line_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    record(tmp_path / "data", described())
    monkeypatch.setitem(sys.modules, "rerun", None)
    monkeypatch.delitem(sys.modules, "retouch.report.recording", raising=False)
    assert main(["data", "show", str(tmp_path / "data"), "0", "--rerun", str(tmp_path / "episode.rrd")]) == 2
    assert capsys.readouterr().err == "retouch: 'rerun-sdk' is not installed: pip install 'retouch[rerun]'\n"
    assert not (tmp_path / "episode.rrd").exists()
