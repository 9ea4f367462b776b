"""Figures of a run: always as lines of JSON, consistent with its results, and once each however often it goes on."""

import json
import sys

import pytest

from retouch.cli import main
from retouch.errors import MissingExtra, RetouchError, UnknownName
from retouch.learning.config import TrainConfig
from retouch.policies.bc_rnn_config import BCRNNConfig
from retouch.rounds import Run
from retouch.run_folder import ImproveConfig
from retouch.tasks import registry
from retouch.tracking import METRICS, TRACKERS, Tracking, tensorboard
from retouch.tracking.jsonl import JsonLines

TRAINING = TrainConfig(steps=20, batch=20, checkpoints=2, report_every=10, network=BCRNNConfig(hidden=8))
CONFIG = ImproveConfig(
    task="tiny", rounds=1, demonstrations=2, training=TRAINING, checkpoint_trials=0, test_trials=4, workers=1
)
registry.register("tiny", "tests.tiny:Tiny")


def lines(folder):
    return [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]


def test_a_run_tells_what_was_collected_and_what_came_of_it(tmp_path):
    run = Run(tmp_path, CONFIG)
    results = run.run()
    told = lines(tmp_path)
    assert [line["step"] for line in told] == [0, 0, 1, 1]
    for number, result in enumerate(results):
        collected, evaluated = told[2 * number : 2 * number + 2]
        assert collected["collected/human_steps"] == run.tally(number).human_steps > 0
        low, high = result.final.interval
        assert evaluated == {
            "step": number,
            "success/seed-0": result.final.rate,
            "success_low/seed-0": low,
            "success_high/seed-0": high,
        }
        trained = lines(run.policy(number, 0))
        assert [line["step"] for line in trained] == [10, 20]
        assert all(line["loss"] is not None and line["steps_per_second"] > 0 for line in trained)
    run.run()
    assert lines(tmp_path) == told


def test_a_run_that_goes_on_replaces_what_it_tells_again(tmp_path):
    path = tmp_path / "run" / METRICS
    for steps in ((10, 20, 30), (20, 30, 40)):
        tracker = JsonLines(path)
        for step in steps:
            tracker(step, {"loss": steps[0]})
        tracker.close()
        with path.open("a") as file:
            file.write('{"step": 50, "lo')  # killed
    *whole, _ = path.read_text().splitlines()
    assert [(line["step"], line["loss"]) for line in map(json.loads, whole)] == [(10, 10), (20, 20), (30, 20), (40, 20)]


def test_a_line_is_there_at_once_and_holds_no_nan(tmp_path):
    tracker = JsonLines(tmp_path / METRICS)
    tracker(1, {"loss": float("nan")})
    assert lines(tmp_path) == [{"step": 1, "loss": None}]
    tracker.close()


def test_nothing_is_written_where_nothing_is_told(tmp_path):
    with Tracking().follow(tmp_path / "run"):
        pass
    assert not (tmp_path / "run").exists()


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / METRICS).write_text("[]\n")
    with pytest.raises(RetouchError, match=r"metrics\.jsonl is damaged"):
        JsonLines(tmp_path / METRICS)(1, {"loss": 1.0})


def test_an_unknown_tracker_is_refused():
    with pytest.raises(UnknownName, match="did you mean 'tensorboard'"):
        Tracking(("tensorbord",))


def test_what_is_not_installed_is_one_line_that_names_its_extra(monkeypatch):
    for name in TRACKERS:
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(MissingExtra, match=rf"^'{name}' is not installed: pip install 'retouch\[{name}\]'$"):
            Tracking((name,))


@pytest.mark.parametrize("command", [["train", "nowhere", "--out", "out"], ["improve", "threading", "--out", "out"]])
def test_a_tracker_is_looked_for_before_anything_is_done(command, tmp_path, monkeypatch, capsys):
    def missing():
        raise ImportError("no module", name="tensorboard")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tensorboard, "check", missing)
    assert main([*command, "--track", "tensorboard"]) == 2
    assert capsys.readouterr().err == "retouch: 'tensorboard' is not installed: pip install 'retouch[tensorboard]'\n"
    assert list(tmp_path.iterdir()) == []
