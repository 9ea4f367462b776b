"""TensorBoard's own reader finds what was told."""

import json

import pytest

from retouch.rounds import Run
from retouch.tracking import METRICS, Tracking

from .test_tracking import CONFIG

pytest.importorskip("tensorboard", reason="TensorBoard is not installed: pip install 'retouch[tensorboard]'")
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def told(folder):
    found = EventAccumulator(str(folder / "tensorboard")).Reload()
    return {name: [(e.step, e.value) for e in found.Scalars(name)] for name in found.Tags()["scalars"]}


def test_figures_are_read_back(tmp_path):
    with Tracking(("tensorboard",)).follow(tmp_path, {"method": "iwr"}) as figures:
        figures(10, {"loss": 0.5, "success/seed-0": 0.25})
        assert told(tmp_path) == {"loss": [(10, 0.5)], "success/seed-0": [(10, 0.25)]}  # as it goes on
        figures(20, {"loss": 0.125})
    assert told(tmp_path) == {"loss": [(10, 0.5), (20, 0.125)], "success/seed-0": [(10, 0.25)]}
    found = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    (config,) = found.Tensors("config/text_summary")
    assert '"method": "iwr"' in config.tensor_proto.string_val[0].decode()


def test_a_run_that_goes_on_has_every_step_once(tmp_path):
    for steps in ((10, 20, 30), (20, 30, 40)):
        with Tracking(("tensorboard",)).follow(tmp_path) as figures:
            for step in steps:
                figures(step, {"loss": float(steps[0])})
    assert told(tmp_path) == {"loss": [(10, 10.0), (20, 20.0), (30, 20.0), (40, 20.0)]}
    lines = [json.loads(line) for line in (tmp_path / METRICS).read_text().splitlines()]
    assert [(line["step"], line["loss"]) for line in lines] == told(tmp_path)["loss"]


def test_a_run_shows_its_rounds_and_the_training_of_its_policies(tmp_path):
    run = Run(tmp_path, CONFIG, tracking=Tracking(("tensorboard",)))
    results = run.run()
    assert told(tmp_path)["success/seed-0"] == [(n, pytest.approx(r.final.rate)) for n, r in enumerate(results)]
    for number in (0, 1):
        assert [step for step, _ in told(run.policy(number, 0))["loss"]] == [10, 20]
