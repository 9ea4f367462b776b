"""The steps that are trained on."""

from dataclasses import replace

import numpy as np
import pytest

from retouch.errors import InputError
from retouch.learning.data import TrainingData
from retouch.policies.normaliser import CHUNK

from .samples import data_of, record


def test_paused_steps_are_dropped_and_the_rest_is_joined():
    data = data_of(("demonstration", "--OO-O"), ("corrected", "---"), ("corrected", "P-O"))
    assert data.observation[:, 0].tolist() == [2, 3, 5, 9, 11]
    assert data.lengths.tolist() == [3, 2]
    assert data.starts.tolist() == [0, 3]
    assert data.kinds == ("demonstration", "corrected")
    with pytest.raises(InputError, match="paused"):
        replace(data, control_source=np.full(5, 3, np.int8))


def test_the_digest_tells_data_apart():
    data = data_of(("demonstration", "OOO"), ("corrected", "POP"))
    assert data.digest() == data_of(("demonstration", "OOO"), ("corrected", "POP")).digest()
    action = data.action.copy()
    action[3, 1] += 1e-3
    changes = {"action": action, "kinds": ("corrected", "corrected"), "lengths": np.array([2, 4])}
    for name, value in changes.items():
        assert replace(data, **{name: value}).digest() != data.digest(), name
    assert replace(data, task="coffee").digest() == data.digest()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lengths": np.array([2, 3])}, "equally many"),
        ({"lengths": np.array([6, 0])}, "at least one step"),
        ({"kinds": ("demonstration",)}, "a kind"),
        ({"observation": np.full((6, 4), np.nan, np.float32)}, "observation of step 0"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    data = data_of(("demonstration", "OOO"), ("corrected", "POP"))
    with pytest.raises(InputError, match=message):
        replace(data, **changes)


def test_a_number_that_is_not_finite_is_found_wherever_it_is():
    data = data_of(("demonstration", "O" * (2 * CHUNK + 5)))
    data.observation[CHUNK + 3, 1] = np.inf
    with pytest.raises(InputError, match=f"observation of step {CHUNK + 3} of the training data is not finite"):
        replace(data)


def test_no_data_sets():
    with pytest.raises(InputError, match="no data sets"):
        TrainingData.from_datasets([])


def test_data_sets_are_joined(tmp_path):
    demonstrations = record(tmp_path / "demos", ("demonstration", "success", "OOO"), ("demonstration", "failure", "OO"))
    corrected = record(tmp_path / "round", ("corrected", "aborted", "PP"), ("corrected", "success", "P-OB"), state=5)
    data = TrainingData.from_datasets([demonstrations, corrected])
    assert data.observation[:][:, 0].tolist() == [0, 1, 2, 2, 4, 5]
    assert data.lengths.tolist() == [3, 3]
    assert data.kinds == ("demonstration", "corrected")
    assert data.labels.tolist() == [0, 0, 0, 1, 2, 2]
    assert (data.task, data.control_period_s, data.observation_names) == ("threading", 0.05, ("x", "y", "z"))
    assert [len(source["episodes"]) for source in data.sources] == [1, 1]
    everything = TrainingData.from_datasets([demonstrations, corrected], outcomes=("success", "failure", "aborted"))
    assert everything.observation[:][:, 0].tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 4, 5]


def test_data_sets_that_do_not_go_together(tmp_path):
    first = record(tmp_path / "first", ("demonstration", "failure", "OO"))
    with pytest.raises(InputError, match="no episodes with outcome success"):
        TrainingData.from_datasets([first])
    for name, difference in (
        ("task", {"task": "coffee"}),
        ("control period", {"period": 0.02}),
        ("observation", {"names": None}),
    ):
        other = record(tmp_path / name, ("demonstration", "success", "OO"), **difference)
        with pytest.raises(InputError, match=f"differs from .* in its {name}"):
            TrainingData.from_datasets([first, other])
