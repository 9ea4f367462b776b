"""Data sets larger than memory: rows stay on disk until they are asked for."""

import resource
from dataclasses import replace

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retouch.episodes import Dataset
from retouch.episodes.arrays import Arrays
from retouch.learning.config import TrainConfig
from retouch.learning.data import TrainingData
from retouch.learning.rows import Rows
from retouch.learning.train import train
from retouch.learning.weights import method
from retouch.policies.bc_rnn_config import BCRNNConfig

from .samples import record

SMALL = TrainConfig(steps=3, batch=8, sequence=5, checkpoints=1, network=BCRNNConfig(hidden=6))


@given(st.lists(st.lists(st.booleans(), max_size=6), min_size=1, max_size=4), st.slices(12))
def test_rows_are_those_of_the_arrays_end_to_end(keep, some):
    ends = np.cumsum([len(part) for part in keep])
    whole = np.arange(2 * ends[-1], dtype=np.float32).reshape(-1, 2)
    kept = np.flatnonzero(np.concatenate(keep).astype(bool))
    rows, expected = Rows(np.split(whole, ends[:-1]), kept), whole[kept]
    assert (len(rows), rows.shape) == (len(expected), expected.shape)
    np.testing.assert_array_equal(rows[some], expected[some])
    pairs = np.random.default_rng(0).integers(len(kept), size=(5, 2)) if len(kept) else np.empty((0, 2), np.int64)
    np.testing.assert_array_equal(rows[pairs], expected[pairs])


def test_mapped_and_in_memory_give_the_same_weights(tmp_path):
    first = record(tmp_path / "first", ("demonstration", "success", "O" * 30))
    second = record(tmp_path / "second", ("corrected", "success", "PPPPP--OOOO" * 3))
    mapped = TrainingData.from_datasets([first, second])
    loaded = replace(mapped, observation=mapped.observation[:], action=mapped.action[:])
    for name, data in (("mapped", mapped), ("loaded", loaded)):
        train(data, method("iwr"), SMALL, tmp_path / name)
    for file in ("weights.safetensors", "policy.json"):
        assert (tmp_path / "mapped" / file).read_bytes() == (tmp_path / "loaded" / file).read_bytes()


@pytest.fixture
def little_memory():
    """200 MB more than there is now: files that are mapped do not count."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (psutil.Process().memory_info().data + 200_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


@pytest.mark.usefixtures("little_memory")
def test_training_takes_less_memory_than_the_data(tmp_path, monkeypatch):
    """Observations of 307 MB, in a file of nothing but holes."""
    steps = np.array([300_000])
    columns = {
        name: np.lib.format.open_memmap(tmp_path / f"{name}.npy", "w+", dtype, shape)
        for name, dtype, shape in (
            ("observation", np.float32, (steps[0], 256)),
            ("action", np.float32, (steps[0], 2)),
            ("control_source", np.int8, (steps[0],)),
        )
    }
    assert columns["observation"].nbytes > 300_000_000
    dataset = record(tmp_path / "data", ("demonstration", "success", "O"), names=None)
    monkeypatch.setattr(Dataset, "arrays", lambda *asked: Arrays(columns, steps - steps, steps, ["episode"]))
    train(TrainingData.from_datasets([dataset]), method("full-demos"), SMALL, tmp_path / "policy")
