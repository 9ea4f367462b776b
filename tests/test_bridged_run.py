"""Runs whose base policy is served from another environment."""

import json
from pathlib import Path

import pytest

from retouch.cli import main
from retouch.episodes.reader import Dataset
from retouch.errors import InputError, PolicyError
from retouch.policies.bridge_file import BridgeFile
from retouch.rounds import PeopleNeeded, Run
from retouch.run_folder import ImproveConfig, RunFolder
from tests.policies.served import bridge
from tests.test_rounds import TRAINING

SCALE = ["--rounds", "2", "--corrected", "3", "--test-trials", "4", "--checkpoint-trials", "0", "--workers", "1"]
QUICK = ["--training.steps", "20", "--training.batch", "20", "--training.checkpoints", "1"]


def improve(task: str | Path, out: Path, *more: str) -> int:
    return main(["improve", str(task), "--out", str(out), *SCALE, *QUICK, *more])


def config(file: Path, **changes) -> ImproveConfig:
    base = {"base_policy": f"bridge:{file}", "base_digest": BridgeFile.read(file).digest}
    small = {"demonstrations": 0, "corrected": 2, "test_trials": 2, "checkpoint_trials": 0, "workers": 1}
    return ImproveConfig("tiny", training=TRAINING, **(base | small | changes))


def test_rounds_go_on_from_a_base_that_runs_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, out = f"bridge:{bridge(tmp_path, 'Selects', 'still', slots=4)}", tmp_path / "runs" / "one"
    assert improve("tiny", out, "--base-policy", name, "--json") == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert [(r["round"], r["gradient_steps"] > 0) for r in results] == [(0, False), (1, True), (2, True)]
    run = RunFolder.open(out)
    assert not run.data(0).exists()
    assert not run.policy(0, 0).exists()
    by_round = {number: {episode.policy for episode in Dataset(run.data(number)).all_episodes} for number in (1, 2)}
    assert by_round[1] == {f"bridge:straight.toml@{run.config.base_digest[:12]} straight-1"}
    assert by_round[2] == {"policies/round-1/seed-0"}
    assert (out / "report.html").is_file()

    assert main(["improve", str(out)]) == 0  # it is done, and goes without its bridge
    assert "There are no films of the base" in (out / "report.html").read_text()
    assert improve("tiny", out, "--base-policy", name) == 0
    other = f"bridge:{bridge(tmp_path, 'Selects', 'still', '3', name='other.toml')}"
    assert improve("tiny", out, "--base-policy", other) == 2
    assert "another base_digest, base_policy" in " ".join(capsys.readouterr().err.split())


def test_a_run_starts_no_command_that_was_not_named(tmp_path: Path) -> None:
    file = bridge(tmp_path, "leaves_its_number")
    RunFolder(tmp_path / "run", config(file))  # as it would come in a download
    with pytest.raises(PolicyError, match=r"a run does not start by itself: see what .*straight.toml does"):
        Run(tmp_path / "run", config(file)).run()
    another = bridge(tmp_path, "leaves_its_number", "slow", name="another.toml")
    with pytest.raises(PolicyError, match=r"is another bridge than .*another.toml: it began with .*straight.toml"):
        Run(tmp_path / "run", config(file), bridges=[another]).run()
    assert not (tmp_path / "process").exists()


def test_its_file_may_move_and_wait_longer_but_not_start_something_else(tmp_path: Path) -> None:
    file = bridge(tmp_path, "Selects", "still")
    RunFolder(tmp_path / "run", config(file))
    there = tmp_path / "elsewhere"
    there.mkdir()
    moved = bridge(there, "Selects", "still", name="moved.toml", timeout_s=20.0, slots=2)
    found = Run(tmp_path / "run", RunFolder.open(tmp_path / "run").config, bridges=[moved]).evaluate(0, 0)
    assert found.gradient_steps == 0
    assert found.late_mean is None


def test_people_are_waited_for_as_with_any_base(tmp_path: Path) -> None:
    file = bridge(tmp_path, "Selects", "still")
    with pytest.raises(PeopleNeeded, match=r"needs 2 solved attempts more: .* --bridge .*straight.toml'"):
        Run(tmp_path / "run", config(file, operator="web"), bridges=[file]).run()


def test_demonstrations_may_go_beside_it(tmp_path: Path) -> None:
    file = bridge(tmp_path, "Selects", "still")
    run = Run(tmp_path / "run", config(file, demonstrations=2, rounds=1, share=0.2), bridges=[file])
    base, after = run.run()
    assert base.gradient_steps == 0
    assert after.gradient_steps > 0
    assert run.tally(0).successes == 2
    assert not run.policy(0, 0).exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"method": "full-demos"}, "full-demos does not suit a base that is served by a bridge"),
        ({"base_policy": "runs/base"}, "or has one that a bridge serves"),
        ({"base_policy": None, "demonstrations": 0}, "demonstrations must be at least 1"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, changes: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        config(bridge(tmp_path, "Selects"), **changes)


def test_a_run_from_before_there_were_bridges_opens_as_it_was() -> None:
    before = ImproveConfig().fingerprint()
    del before["base_policy"], before["base_digest"]
    assert ImproveConfig.from_json(before) == ImproveConfig()
