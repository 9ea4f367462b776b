"""Observation normalisers."""

import numpy as np
import pytest

from retouch.errors import InputError, UnknownName
from retouch.policies import normaliser as module
from retouch.policies.normaliser import LIMIT, Normaliser


def data():
    rng = np.random.default_rng(0)
    values = (rng.normal(size=(500, 4)) * [0.01, 3, 50, 0.2] + [5, -2, 0, 0.1]).astype(np.float32)
    values[:, 3] = 0.8  # constant, as the height of a table
    return values


def test_mean_std():
    normalised = Normaliser.fit(data(), "mean-std")(data())
    np.testing.assert_allclose(normalised.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(normalised.std(axis=0), [1, 1, 1, 0], atol=1e-3)


def test_min_max():
    normalised = Normaliser.fit(data(), "min-max")(data())
    np.testing.assert_allclose(normalised.min(axis=0), [-1, -1, -1, 0], atol=1e-3)
    np.testing.assert_allclose(normalised.max(axis=0), [1, 1, 1, 0], atol=1e-3)


@pytest.mark.parametrize("chunk", [1, 7, 499, 500])
def test_the_fit_is_numpys_however_much_is_read_at_a_time(monkeypatch, chunk):
    monkeypatch.setattr(module, "CHUNK", chunk)
    values = data()[:, :3].astype(np.float64)
    fitted = Normaliser.fit(data(), "mean-std")
    np.testing.assert_allclose(fitted.offset[:3], values.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(fitted.scale[:3], 1 / values.std(axis=0), rtol=1e-6)
    extent = Normaliser.fit(data(), "min-max")
    np.testing.assert_allclose(extent.offset[:3], (values.max(axis=0) + values.min(axis=0)) / 2, rtol=1e-6)
    np.testing.assert_allclose(extent.scale[:3], 2 / np.ptp(values, axis=0), rtol=1e-6)


def test_none_changes_nothing():
    values = data() * 1000
    np.testing.assert_array_equal(Normaliser.fit(data(), "none")(values), values)


@pytest.mark.parametrize("kind", ["mean-std", "min-max"])
def test_a_constant_dimension_is_not_blown_up(kind):
    normaliser = Normaliser.fit(data(), kind)
    moved = data()[:1] + np.array([0, 0, 0, 0.05], np.float32)
    assert normaliser(moved)[0, 3] == pytest.approx(0.05, abs=1e-5)


def test_far_observations_are_clipped():
    assert np.abs(Normaliser.fit(data())(data() + 1e6)).max() == LIMIT


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(UnknownName, match="mean-std"):
        Normaliser.fit(data(), "mean_std")
    with pytest.raises(InputError, match="no observations"):
        Normaliser.fit(data()[:0])
