"""A residual policy is trained beside its base: the same whether stopped or not, and it learns what was corrected."""

import json
from dataclasses import replace

import numpy as np
import pytest

from learning.test_corrections import corrections
from policies.residuals import NAMES
from retouch.errors import InputError, PolicyError
from retouch.learning.config import TrainConfig
from retouch.learning.correct import correct
from retouch.learning.corrections import Corrections
from retouch.learning.data import TrainingData
from retouch.learning.residual_config import CorrectionConfig
from retouch.learning.train import train
from retouch.learning.weights import method
from retouch.policies.bc_rnn_config import BCRNNConfig
from retouch.policies.checkpoint import load_policy, read_info
from retouch.policies.diffusion_config import DiffusionConfig
from retouch.policies.residual_config import ResidualConfig
from retouch.robots.ur5e_tick import ACTIONS, BASE, REFERENCE

SHAPE = ResidualConfig(hidden=16, channels=(4, 4, 4, 4, 4), dropout=0.1)
SMALL = TrainConfig(steps=6, batch=8, checkpoints=2, save_every=1, report_every=1, residual=SHAPE)
WAYPOINTS = DiffusionConfig(denoiser="mlp", hidden=8, embedding=8, waypoints=4, executed=2, inference_steps=2)


def pushed() -> Corrections:
    """Wherever the tool is pressed from one side, somebody holds it 4 mm to the other of where the base wants it."""
    rng = np.random.default_rng(0)
    side = np.repeat(rng.choice([-1.0, 1.0], 20), 40)
    data = corrections(20, 40, "B" * 40)
    contact, command = data.contact.copy(), data.command.copy()
    contact[..., 0] = 5.0 * side[:, None]
    command[:, [BASE.start, REFERENCE.start]] = 0.004 * side[:, None]
    return replace(data, contact=contact, command=command, proposed=command)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder, steps = tmp_path_factory.mktemp("base") / "policy", 60
    data = TrainingData.build(
        np.tile(corrections(1, 1).observation, (steps, 1)),
        np.zeros((steps, ACTIONS), np.float32),
        np.ones(steps, np.int8),
        np.array([steps]),
        ("demonstration",),
        observation_names=NAMES,
        control_period_s=0.02,
    )
    config = TrainConfig(type="diffusion", steps=2, batch=4, checkpoints=1, diffusion=WAYPOINTS)
    train(data, method("full-demos"), config, folder)
    return folder


def test_stopped_and_resumed_is_the_same_to_the_bit(tmp_path, base) -> None:
    data, how = pushed(), method("compliant-residual")
    correct(data, base, how, SMALL, tmp_path / "whole")
    asked = iter([False, False, True])
    assert not correct(data, base, how, SMALL, tmp_path / "parts", stop=lambda: next(asked)).finished
    assert correct(data, base, how, SMALL, tmp_path / "parts").finished
    for name in ("weights.safetensors", "checkpoints/step-000006.safetensors", "held-out.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()
    info = read_info(tmp_path / "whole")
    assert (info.type, info.network["base"]["type"]) == ("residual", "diffusion")
    with pytest.raises(InputError, match="other data"):
        correct(data, base, how, replace(SMALL, corrections=CorrectionConfig(dense="none")), tmp_path / "whole")


def test_a_residual_is_trained_on_from_where_it_was(tmp_path, base) -> None:
    data, how = pushed(), method("compliant-residual")
    first, again = tmp_path / "first", tmp_path / "again"
    correct(data, base, how, replace(SMALL, steps=200, batch=32, learning_rate=3e-3), first)
    config = replace(SMALL, steps=1, learning_rate=1e-9, ema=0.0, seed=5)
    other = replace(data, contact=3 * data.contact)  # the scales are those of the first
    correct(other, base, how, config, again, start=first)
    one, two = (load_policy(folder) for folder in (first, again))
    for name, tensor in one.network.state_dict().items():  # type: ignore[attr-defined]
        np.testing.assert_allclose(two.network.state_dict()[name], tensor, atol=1e-7)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(one.scales.readings, two.scales.readings)  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="other data"):
        correct(other, base, how, config, again)  # not the same without a start
    with pytest.raises(PolicyError, match="cannot be trained on"):
        correct(data, base, method("residual"), config, tmp_path / "out", start=first)


def test_it_learns_from_which_side_it_is_pressed_and_only_with_force(tmp_path, base) -> None:
    data, config = pushed(), replace(SMALL, steps=600, batch=32, learning_rate=3e-3, save_every=1000, report_every=100)
    losses = {}
    for name in ("compliant-residual", "residual"):
        correct(data, base, method(name), config, tmp_path / name)
        held_out = json.loads((tmp_path / name / "held-out.json").read_text())
        assert held_out["episodes"] >= 1
        losses[name] = held_out["loss"]
        network = load_policy(tmp_path / name).network  # type: ignore[attr-defined]
        assert (network.force is not None, network.size) == ((True, 15) if "compliant" in name else (False, 9))
    assert losses["compliant-residual"] < 0.3 * losses["residual"]


def test_what_it_cannot_go_beside_is_refused_before_anything_is_trained(tmp_path, base) -> None:
    how, out = method("compliant-residual"), tmp_path / "out"
    with pytest.raises(PolicyError, match="another task than the corrections"):
        correct(replace(pushed(), task="gear-insertion"), base, how, SMALL, out)
    steps = 20
    blind = TrainingData.build(
        np.zeros((steps, 2), np.float32),
        np.zeros((steps, 2), np.float32),
        np.ones(steps, np.int8),
        np.array([steps]),
        ("demonstration",),
    )
    small = TrainConfig(steps=1, batch=4, checkpoints=1, network=BCRNNConfig(hidden=4))
    train(blind, method("full-demos"), small, tmp_path / "bc")
    with pytest.raises(PolicyError, match="'bc-rnn': a residual goes beside a policy of waypoints"):
        correct(pushed(), tmp_path / "bc", how, SMALL, out)
    assert not out.exists()
