"""The loop: it learns, repeats itself to the bit, and goes on where it was stopped or killed."""

import json
from dataclasses import replace

import numpy as np
import pytest

from retouch.errors import InputError, RetouchError
from retouch.learning.config import TrainConfig
from retouch.learning.loop import STATE_FILE
from retouch.learning.train import train
from retouch.learning.weights import method
from retouch.policies.bc_rnn import BCRNNNetwork
from retouch.policies.bc_rnn_config import BCRNNConfig
from retouch.policies.checkpoint import checkpoint_steps, load_policy, read_info

from .samples import data_of, study

IWR = method("iwr")
SMALL = TrainConfig(
    steps=4, batch=8, sequence=5, checkpoints=2, save_every=1, report_every=1, network=BCRNNConfig(hidden=6)
)


def weights(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*.safetensors"))}


def test_the_same_seed_gives_the_same_files(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        train(study(), IWR, replace(SMALL, seed=seed), tmp_path / name)
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    assert weights(tmp_path / "a") != weights(tmp_path / "c")
    assert (tmp_path / "a" / "policy.json").read_bytes() == (tmp_path / "b" / "policy.json").read_bytes()


def test_the_first_weights_follow_the_seed(tmp_path):
    """With one window every seed draws the same batches."""
    config = replace(SMALL, batch=1, steps=1)
    losses = [
        train(data_of(("demonstration", "O")), IWR, replace(config, seed=seed), tmp_path / str(seed)).loss[0]
        for seed in (0, 1)
    ]
    assert losses[0] != losses[1]


@pytest.mark.parametrize("decay", ["constant", "cosine"])
@pytest.mark.parametrize("head", ["deterministic", "gmm"])
def test_stopped_and_resumed_is_the_same_to_the_bit(tmp_path, head, decay):
    config = replace(SMALL, decay=decay, network=BCRNNConfig(hidden=6, head=head))
    train(study(), IWR, config, tmp_path / "whole")
    asked = iter([False, False, True])
    stopped = train(study(), IWR, config, tmp_path / "parts", stop=lambda: next(asked))
    assert (stopped.step, stopped.steps, stopped.finished) == (2, 4, False)
    assert not (tmp_path / "parts" / "policy.json").exists()
    resumed = train(study(), IWR, config, tmp_path / "parts")
    assert resumed.finished
    assert len(resumed.loss) == 4
    np.testing.assert_array_equal(resumed.loss[:2], stopped.loss)
    assert weights(tmp_path / "whole") == weights(tmp_path / "parts")
    assert not (tmp_path / "parts" / STATE_FILE).exists()


@pytest.mark.parametrize("save_every", [1, 2, 100])
def test_killed_and_resumed_is_the_same_to_the_bit(tmp_path, save_every):
    config = replace(SMALL, steps=7, save_every=save_every)

    def killer(progress):
        if progress.step == 5:
            raise KeyboardInterrupt

    train(study(), IWR, config, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(study(), IWR, config, tmp_path / "parts", progress=killer)
    steps = []
    train(study(), IWR, config, tmp_path / "parts", progress=lambda progress: steps.append(progress.step))
    assert steps[0] == {1: 5, 2: 5, 100: 1}[save_every]
    assert weights(tmp_path / "whole") == weights(tmp_path / "parts")


def test_a_finished_run_is_not_repeated(tmp_path):
    first = train(study(), IWR, SMALL, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    again = train(study(), IWR, SMALL, tmp_path, progress=lambda progress: pytest.fail("trained again"))
    assert again.finished
    np.testing.assert_array_equal(first.loss, again.loss)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}


@pytest.mark.parametrize("finished", [True, False])
def test_another_run_is_not_overwritten(tmp_path, finished):
    train(study(), IWR, SMALL, tmp_path, stop=lambda: not finished)
    for data, how, config in (
        (study(corrected=7), IWR, SMALL),
        (study(), method("iwr-nb"), SMALL),
        (study(), IWR, replace(SMALL, seed=1)),
    ):
        with pytest.raises(InputError, match="another folder"):
            train(data, how, config, tmp_path)
    train(study(), IWR, replace(SMALL, save_every=3, report_every=2), tmp_path)


def test_a_damaged_state_is_named(tmp_path):
    train(study(), IWR, SMALL, tmp_path, stop=lambda: True)
    (tmp_path / STATE_FILE).write_bytes(b"")
    with pytest.raises(RetouchError, match=rf"{STATE_FILE} is damaged.*delete it"):
        train(study(), IWR, SMALL, tmp_path)


def test_actions_beyond_the_networks_are_refused(tmp_path):
    data = study()
    with pytest.raises(InputError, match=r"\[-1, 1\], found 1.5.*diffusion"):
        train(replace(data, action=data.action * 0 + 1.5), IWR, SMALL, tmp_path)


def learnable():
    """Two demonstrations of a rule that needs the present observation alone."""
    data = data_of(("demonstration", "O" * 60), ("demonstration", "O" * 60))
    return replace(data, action=np.tanh(data.observation[:, 1:3]) * 0.8)


@pytest.mark.parametrize("head", ["deterministic", "gmm"])
def test_it_learns(tmp_path, head):
    data = learnable()
    config = TrainConfig(steps=250, batch=30, learning_rate=5e-3, network=BCRNNConfig(hidden=24, head=head))
    result = train(data, method("full-demos"), config, tmp_path)
    assert result.loss[-20:].mean() < (0.02 if head == "deterministic" else result.loss[:5].mean() - 1)
    session = load_policy(tmp_path).session(1)
    session.reset(0, seed=0)
    acted = np.concatenate([session.act(np.array([0]), row[None]) for row in data.observation[:60]])
    assert np.abs(acted - data.action[:60]).mean() < 0.1


def test_a_policys_steps_do_not_change_what_hg_dagger_learns(tmp_path):
    data = study()
    action = data.action.copy()
    action[data.control_source == 0] *= -1
    for name, changed in (("hg-dagger", False), ("iwr", True)):
        train(data, method(name), SMALL, tmp_path / name)
        train(replace(data, action=action), method(name), SMALL, tmp_path / f"{name}-changed")
        assert (weights(tmp_path / name) != weights(tmp_path / f"{name}-changed")) == changed


def test_checkpoints_are_evenly_spaced_and_the_last_is_the_policy(tmp_path):
    train(study(), IWR, replace(SMALL, steps=25, checkpoints=10), tmp_path)
    assert checkpoint_steps(tmp_path) == [2, 5, 8, 10, 12, 15, 18, 20, 22, 25]
    row = study().observation[:1]

    def act(**chosen):
        session = load_policy(tmp_path, **chosen).session(1)
        session.reset(0, seed=0)
        return session.act(np.array([0]), row)

    np.testing.assert_array_equal(act(), act(checkpoint=25, weights="ema"))
    assert not np.array_equal(act(), act(weights="raw"))


def test_provenance(tmp_path):
    data = replace(study(), task="threading", observation_names=("step", "a", "b", "c"), sources=({"path": "demos"},))
    train(data, IWR, replace(SMALL, seed=5), tmp_path)
    info = read_info(tmp_path)
    assert (info.type, info.task, info.observation_names) == ("bc-rnn", "threading", ("step", "a", "b", "c"))
    assert info.network["horizon"] == 5
    training = info.training
    assert training["data"] == {
        "sha256": data.digest(), "episodes": 14, "steps": 460, "sources": [{"path": "demos"}],
    }  # fmt: skip
    assert training["method"]["alpha"] == "balanced"
    assert training["config"]["learning_rate"] == 1e-3
    assert (training["seed"], training["gradient_steps"], training["intervention_share"]) == (5, 4, 0.5)
    assert json.loads((tmp_path / "policy.json").read_text())["format"] == 1


def test_epochs_and_progress(tmp_path):
    seen = []
    result = train(
        study(), IWR, replace(SMALL, steps=None, epochs=2, batch=100, report_every=4), tmp_path, progress=seen.append
    )
    assert (result.steps, result.epochs) == (10, 2.0)
    assert [(progress.step, progress.epoch) for progress in seen] == [(4, 0.8), (8, 1.6), (10, 2.0)]
    np.testing.assert_allclose([progress.loss for progress in seen][1], result.loss[4:8].mean(), rtol=1e-6)


def test_a_loss_that_is_not_finite_stops(tmp_path, monkeypatch):
    whole = BCRNNNetwork.loss
    monkeypatch.setattr(BCRNNNetwork, "loss", lambda *batch: whole(*batch) * float("inf"))
    with pytest.raises(RetouchError, match="diverged"):
        train(study(), IWR, SMALL, tmp_path)
    assert not (tmp_path / "policy.json").exists()


@pytest.mark.parametrize("changes", [{"batch": 0}, {"steps": 0}, {"learning_rate": 0.0}, {"ema": 1.0}, {"seed": -1}])
def test_configurations_that_make_no_sense(changes):
    with pytest.raises(InputError, match=next(iter(changes))):
        TrainConfig(**changes)
