"""Intervals: right where the answer is known."""

import numpy as np
import pytest

from retouch.errors import InputError
from retouch.studies.bootstrap import mean_rate, paired_difference


def made(rates: list[list[float]], states: int, seed: int = 0) -> np.ndarray:
    """Outcomes with these rates of people and training seeds, one collection each; the same states are hard for all."""
    hardness = np.random.default_rng(seed).random(states)
    return np.array([[[hardness < rate for rate in person]] for person in rates])


def test_certain_outcomes_have_no_interval() -> None:
    assert mean_rate(np.ones((2, 2, 3, 10), bool)) == (1.0, 1.0, 1.0)


def test_the_interval_covers_what_it_should() -> None:
    """Of one policy on n states it is the binomial one."""
    rate, low, high = mean_rate(np.arange(200)[None, None, None] < 100)
    assert rate == 0.5
    assert low == pytest.approx(0.43, abs=0.01)
    assert high == pytest.approx(0.57, abs=0.01)


def test_people_and_seeds_that_differ_widen_it() -> None:
    alike, seeds_differ = made([[0.5, 0.5, 0.5]], 200), made([[0.2, 0.5, 0.8]], 200)
    assert np.diff(mean_rate(seeds_differ)[1:]) > 2 * np.diff(mean_rate(alike)[1:])
    people_differ = made([[0.2] * 3, [0.8] * 3], 200)
    assert np.diff(mean_rate(people_differ)[1:]) > 3 * np.diff(mean_rate(made([[0.5] * 3] * 2, 200))[1:])


def test_pairing_narrows_the_difference() -> None:
    better, worse = made([[0.6, 0.6, 0.6]], 200), made([[0.5, 0.5, 0.5]], 200)
    unpaired = made([[0.5, 0.5, 0.5]], 200, seed=1)
    difference, low, high = paired_difference(better, worse)
    assert low < difference < high
    assert difference == pytest.approx(0.1, abs=0.05)
    assert low > 0
    assert high - low < np.diff(paired_difference(better, unpaired)[1:])


def test_a_method_does_not_differ_from_itself() -> None:
    same = made([[0.3, 0.6], [0.4, 0.5]], 50)
    assert paired_difference(same, same) == (0.0, 0.0, 0.0)


def test_what_is_not_paired_is_refused() -> None:
    with pytest.raises(InputError, match="same trials"):
        paired_difference(np.ones((1, 1, 2, 10), bool), np.ones((1, 1, 2, 11), bool))


def test_collections_are_nested_in_people() -> None:
    """Five collections of a person do not make five people: what differs between people stays in the interval."""
    people = made([[0.2] * 3, [0.5] * 3, [0.8] * 3], 200)
    often = np.repeat(people, 5, axis=1)
    assert np.diff(mean_rate(often)[1:]) == pytest.approx(np.diff(mean_rate(people)[1:]), abs=0.05)
    as_people = often.reshape(15, 1, 3, 200)
    assert np.diff(mean_rate(as_people)[1:]) < 0.75 * np.diff(mean_rate(often)[1:])


def test_any_number_of_levels() -> None:
    """A level of one member changes nothing but which members are drawn."""
    seeds = made([[0.3, 0.5, 0.9]], 100)[0, 0]
    assert mean_rate(seeds)[0] == mean_rate(seeds[None, None])[0]
    assert mean_rate(seeds)[1:] == pytest.approx(mean_rate(seeds[None, None])[1:], abs=0.02)
