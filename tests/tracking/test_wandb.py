"""wandb, offline: its files hold what was told, as records of its own, and nothing is asked of a network or a user."""

import json

import pytest

from retouch.errors import InputError
from retouch.rounds import Run
from retouch.tracking import Tracking

from .test_tracking import CONFIG

pytest.importorskip("wandb", reason="wandb is not installed: pip install 'retouch[wandb]'")
from wandb.proto import wandb_internal_pb2

BLOCK, HEADER = 32768, 7  # of wandb's files, which are logs as LevelDB writes them


@pytest.fixture(autouse=True)
def nobody(tmp_path, monkeypatch):
    """Without a login, or a user's settings."""
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "home"))


def written(path):
    """The records of a file, each put together of its parts: whole (1), first (2), middle (3), last (4)."""
    data, at, whole = path.read_bytes(), HEADER, b""
    while at + HEADER <= len(data):
        if BLOCK - at % BLOCK < HEADER:
            at += BLOCK - at % BLOCK
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        whole += data[at + HEADER : at + HEADER + length]
        at += HEADER + length
        if kind in (1, 4):
            yield whole
            whole = b""


def told(folder):
    """The name of a folder's only run, and its history."""
    (path,) = folder.glob("wandb/offline-run-*/*.wandb")
    name, rows = "", []
    for data in written(path):
        record = wandb_internal_pb2.Record.FromString(data)
        if record.HasField("run"):
            name = record.run.display_name
        if record.HasField("history"):
            items = record.history.item
            rows.append({item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items})
    return name, [{name: value for name, value in row.items() if name[:1] != "_" or name == "_step"} for row in rows]


def test_a_run_and_its_trainings_are_kept_side_by_side(tmp_path, capfd):
    run = Run(tmp_path / "improve", CONFIG, tracking=Tracking(("wandb",)))
    results = run.run()
    name, rows = told(run.folder)
    assert name.endswith("improve")
    assert [row["success/seed-0"] for row in rows] == [r.final.rate for r in results]
    assert [row["_step"] for row in rows] == [0, 1]
    for number in (0, 1):
        name, rows = told(run.policy(number, 0))
        assert name == f"improve/policies/round-{number}/seed-0"
        assert [row["_step"] for row in rows] == [10, 20]
        assert all({"loss", "epoch", "steps_per_second"} <= set(row) for row in rows)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(("said", "project"), [(None, "retouch"), ("arms", "arms")])
def test_a_person_may_name_the_project(tmp_path, monkeypatch, said, project):
    if said is not None:
        monkeypatch.setenv("WANDB_PROJECT", said)
    with Tracking(("wandb",)).follow(tmp_path) as figures:
        figures(1, {"loss": 0.5})
    (path,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    records = [wandb_internal_pb2.Record.FromString(data) for data in written(path)]
    assert {record.run.project for record in records if record.HasField("run")} == {project}


def test_online_without_a_login_is_one_clear_line(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "online")
    with pytest.raises(InputError, match=r"^wandb is online and nobody is logged in: wandb login, or"):
        Tracking(("wandb",))
