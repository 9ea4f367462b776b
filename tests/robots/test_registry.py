"""Robots by name, and what the doctor says of them."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.robots.plain_arm import PlainArm

from retouch import plugins
from retouch.cli import main
from retouch.errors import InputError, UnknownName
from retouch.robots import registry
from retouch.robots.guard import Guard


@pytest.fixture(autouse=True)
def afresh() -> Iterator[None]:
    plugins.brought.cache_clear()
    yield
    plugins.brought.cache_clear()


def test_an_unknown_name_is_told_with_those_there_are() -> None:
    with pytest.raises(UnknownName, match=r"unknown robot 'ur5e-simulate'; did you mean 'ur5e-simulated'\?"):
        registry.make("ur5e-simulate")


def test_a_simulated_robot_has_no_address() -> None:
    with pytest.raises(InputError, match="has no address"):
        registry.make("ur5e-simulated:10.0.0.2")


class _Entry:
    name, value = "plain", "tests.robots.test_registry:plain"


def plain(address: str) -> Guard:
    arm = PlainArm()
    arm.name = f"plain at {address}"
    return Guard(arm)


def test_another_package_brings_a_robot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "entry_points", lambda group: [_Entry] if group == registry.GROUP else [])
    assert registry.make("plain:10.0.0.2:30004").name == "plain at 10.0.0.2:30004"


def test_a_broken_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Entry, "value", "tests.robots.test_registry:missing")
    monkeypatch.setattr(plugins, "entry_points", lambda group: [_Entry])
    with pytest.raises(InputError, match="robot 'plain' cannot be loaded from tests"):
        registry.make("plain")


def test_naming_robots_imports_none_of_them() -> None:
    code = (
        "import sys, retouch.robots.registry as r; r.targets();"
        "print([m for m in ('mujoco', 'numba', 'torch', 'rtde_control') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_the_doctor_says_what_a_robot_measures_and_moves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--robot", "ur5e-simulated", "--json"])
    found = {row["subject"]: row["detail"] for row in json.loads(capsys.readouterr().out)}
    assert set(found) == {"joints", "tool in world", "wrench in tool", "stands"}
    assert found["stands"] == "it is not armed yet"
    assert [float(x) for x in found["tool in world"].split()[:3]] == pytest.approx([0.0, 0.1, 0.95], abs=2e-4)


def test_the_doctor_runs_every_check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(_Entry, "value", "tests.robots.test_registry:plain")
    monkeypatch.setattr(plugins, "entry_points", lambda group: [_Entry])
    main(["doctor", "--robot", "plain", "--move", "--json"])
    rows = json.loads(capsys.readouterr().out)
    assert {row["level"] for row in rows} == {"ok", "note"}
    assert len(rows) > 14


def test_the_doctor_tells_a_fault(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(_Entry, "value", "tests.robots.test_registry:plain")
    monkeypatch.setattr(plugins, "entry_points", lambda group: [_Entry])
    monkeypatch.setattr(PlainArm, "send", lambda self, action: None)
    assert main(["doctor", "--robot", "plain", "--move"]) == 1
    said = capsys.readouterr()
    assert "it was told to go" in " ".join(said.out.split())
    assert "does not do what it must" in said.err


def test_moving_is_of_a_robot(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--move"]) == 2
    assert "--move goes with --robot NAME" in capsys.readouterr().err
