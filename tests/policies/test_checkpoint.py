"""Policies on disk."""

import json
import pickletools
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from retouch.errors import PolicyError, UnknownName
from retouch.policies.bc_rnn import BCRNNNetwork, named_weights, network_description
from retouch.policies.bc_rnn_config import BCRNNConfig
from retouch.policies.checkpoint import checkpoint_steps, load_policy, read_info, save_checkpoint, save_policy
from retouch.policies.info import PolicyInfo
from retouch.policies.normaliser import Normaliser

D, A = 5, 2
CONFIG = BCRNNConfig(hidden=8)
INFO = PolicyInfo(
    "bc-rnn",
    D,
    A,
    observation_names=("a", "b", "c", "d", "e"),
    task="threading",
    control_period_s=0.05,
    network=network_description(CONFIG),
    training={"seed": 3, "data": {"sha256": "ab"}},
)


def weights(seed):
    torch.manual_seed(seed)
    normaliser = Normaliser.fit(np.random.default_rng(seed).normal(size=(20, D)).astype(np.float32))
    return named_weights(BCRNNNetwork(D, A, CONFIG).state_dict(), normaliser)


def act(policy):
    session = policy.session(1)
    session.reset(0, seed=0)
    return session.act(np.array([0]), np.linspace(-1, 1, D, dtype=np.float32)[None])


@pytest.fixture
def folder(tmp_path):
    """Policy with the weights of seed 9; checkpoints with those of seed `step`, and of `step + 1` as their average."""
    for step in (2, 10):
        save_checkpoint(tmp_path, step, raw=weights(step), ema=weights(step + 1))
    save_policy(tmp_path, INFO, weights(9))
    return tmp_path


def expected(tmp_path, seed):
    save_policy(tmp_path / str(seed), INFO, weights(seed))
    return act(load_policy(tmp_path / str(seed)))


def test_description_survives(folder):
    assert read_info(folder) == INFO
    assert load_policy(folder).observation_dim == D
    assert load_policy(folder).action_dim == A


def test_which_weights_are_loaded(folder, tmp_path):
    assert checkpoint_steps(folder) == [2, 10]
    for chosen, seed in (
        ({}, 9),
        ({"weights": "raw"}, 10),
        ({"checkpoint": 2}, 3),
        ({"checkpoint": 2, "weights": "raw"}, 2),
        ({"checkpoint": 10, "weights": "ema"}, 11),
    ):
        np.testing.assert_array_equal(act(load_policy(folder, **chosen)), expected(tmp_path, seed))
    assert not np.array_equal(expected(tmp_path, 9), expected(tmp_path, 10))


def test_a_missing_checkpoint_names_what_there_is(folder):
    with pytest.raises(PolicyError, match=r"no checkpoint of step 3 \(it has: 2, 10\)"):
        load_policy(folder, checkpoint=3)


def test_unknown_type(folder):
    save_policy(folder, replace(INFO, type="bc-rn"), weights(0))
    with pytest.raises(UnknownName, match="did you mean 'bc-rnn'"):
        load_policy(folder)


def change_json(folder, **entries):
    path = folder / "policy.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"format": 99}, "format 99"),
        ({"observation_dim": 6, "observation_names": []}, "do not fit"),
        ({"network": {"hidden": 9}}, "do not fit"),
        ({"network": {"colour": 9}}, "do not fit"),
        ({"network": {"head": "gauss"}}, "do not fit"),
        ({"normaliser": "mode"}, "normaliser"),
        ({"observation_names": ["a"]}, "1 observation names for 5"),
    ],
)
def test_a_description_that_does_not_fit(folder, entries, message):
    change_json(folder, **entries)
    with pytest.raises(PolicyError, match=message):
        load_policy(folder)


def test_damaged_files(folder):
    whole = (folder / "weights.safetensors").read_bytes()
    for damaged in (whole[:-20], b"", b"not tensors at all"):
        (folder / "weights.safetensors").write_bytes(damaged)
        with pytest.raises(PolicyError, match="damaged"):
            load_policy(folder)
    (folder / "weights.safetensors").unlink()
    with pytest.raises(PolicyError, match="missing"):
        load_policy(folder)
    (folder / "policy.json").write_text("{")
    with pytest.raises(PolicyError, match="damaged"):
        load_policy(folder)
    (folder / "policy.json").unlink()
    with pytest.raises(PolicyError, match=r"no policy\.json"):
        load_policy(folder)


def test_saving_leaves_nothing_else(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoints", "policy.json", "weights.safetensors"]
    with pytest.raises(ValueError, match="opcode"):
        list(pickletools.genops((folder / "weights.safetensors").read_bytes()))


def test_descriptions_are_read_without_torch(folder):
    code = (
        "import sys; from pathlib import Path; from retouch.policies.checkpoint import read_info;"
        "import retouch.learning.weights, retouch.learning.labels, retouch.learning.batches;"
        f"assert read_info(Path({str(folder)!r})).task == 'threading'; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
