"""A robot that is not of our simulation, in a package of a lab's own: demonstrated to, learnt from, pushed."""

import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from retouch.episodes import Dataset, check
from retouch.episodes.schema import ControlSource
from retouch.policies.checkpoint import read_info
from tests.examples import installed

from .people import Person, Served, until
from .test_pushed_run import TRAINED_S, make_tiny


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    (tmp_path / "runs").mkdir()
    monkeypatch.setattr(os, "environ", installed(tmp_path, "cell"))
    with closing(Served(tmp_path / "runs")) as served:
        yield served


def train(person_client, round_number: int) -> dict:
    """Train the run, and what it has come to."""
    assert person_client.post("/api/runs/mine/train").status_code in (200, 202)

    def trained() -> bool:
        return person_client.get("/api/runs/mine").json()["training"] is None

    until(trained, TRAINED_S)
    found: dict = person_client.get("/api/runs/mine").json()["rounds"][round_number]
    assert found["policy"]
    return found


def test_a_lab_s_own_arm_is_demonstrated_to_learnt_from_and_pushed(server: Served) -> None:
    client = server.client("anna")
    offered = {task["name"]: task for task in client.get("/api/options").json()["tasks"]}
    assert "compliant-residual" in offered["cell"]["methods"]
    wishes = {"task": "cell", "method": "compliant-residual", "demonstrator": "web"}
    made = client.post("/api/runs", json={"name": "mine", "demonstrations": 1, "corrected": 1, "rounds": 1, **wishes})
    assert made.status_code in (200, 201), made.text
    make_tiny(server.root / "mine")

    with closing(Person(server, client, "/ws/session?run=mine&correct=demonstrate")) as anna:
        anna.reach(state="ENDED", needs="start")
        anna.steer(2.0)
        anna.hold(1, held=False)
        anna.reach(state="PAUSED")
        assert anna.mark("success")["ok"]
        anna.reach(complete=True)
    shown = Dataset(server.root / "mine/data/round-0")
    frames = shown.frames(shown.episodes[0])
    assert (frames["control_source"] == ControlSource.OPERATOR).sum() > 50
    moved = frames["tick_measured_pose"][-1, -1, :3] - frames["tick_measured_pose"][0, 0, :3]
    assert np.linalg.norm(moved) > 0.02

    base = train(client, 0)
    assert base["result"] is None  # nobody was there to try it

    with closing(Person(server, client, "/ws/session?run=mine&correct=delta")) as anna:
        anna.reach(state="ENDED", needs="start")
        assert anna.mark("start")["ok"]
        anna.reach(state="POLICY")
        anna.push(1.5, (0.0, 0.03, 0.0))
        anna.hold(1, held=False, push=True)
        anna.reach(state="POLICY")
        assert anna.mark("success")["ok"]
        anna.reach(complete=True)
    data = Dataset(server.root / "mine/data/round-1")
    assert check(data.path) == []
    frames = data.frames(data.episodes[0])
    pushed = frames["control_source"] == ControlSource.BOTH
    assert pushed.sum() > 20
    assert 8.0 < np.linalg.norm(frames["tick_hand_wrench"][pushed][..., :3], axis=-1).max() <= 16.1

    train(client, 1)
    assert read_info(server.root / "mine/policies/round-1/seed-0").type == "residual"
    assert json.loads((server.root / "mine/results.json").read_text())["results"][-1]["final"]["successes"] == []
