"""An episode as a figure."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from tests.pressing import Pressing
from tests.tiny import tiny

from retouch import cli
from retouch.collection import collect
from retouch.counting import Target
from retouch.operators.profile import profile
from retouch.operators.scripted import ScriptedPerson


def drawn(data: Path, out: Path) -> str:
    assert cli.main(["data", "show", str(data), "0", "--plot", str(out)]) == 0
    root = ET.fromstring(out.read_text())
    return " ".join(element.text or "" for element in root.iter() if element.tag.endswith("text"))


def test_a_task_that_is_felt_shows_poses_and_forces(tmp_path: Path) -> None:
    person = ScriptedPerson(profile("steady"))
    collect(Pressing(), person, "demonstrate", tmp_path / "data", Target(episodes=1))
    text = drawn(tmp_path / "data", tmp_path / "episode.svg")
    for said in ("tool in world, mm", "contact, tool frame, N", "hand's force", "person acts"):
        assert said in text


def test_what_is_no_svg_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["data", "show", str(tmp_path), "0", "--plot", str(tmp_path / "episode.png")]) == 2
    assert f"--plot draws an SVG file: say {tmp_path / 'episode.svg'}, not" in capsys.readouterr().err
    assert not (tmp_path / "episode.png").exists()


def test_any_other_shows_its_actions(tmp_path: Path) -> None:
    collect(tiny(), ScriptedPerson(profile("steady")), "demonstrate", tmp_path / "data", Target(episodes=1))
    text = drawn(tmp_path / "data", tmp_path / "episode.svg")
    assert "gripper" in text
    assert "person acts" in text
