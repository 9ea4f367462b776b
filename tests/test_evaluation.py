"""Success rates: seeds that never meet, intervals that hold what they promise."""

import itertools
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retouch.errors import InputError
from retouch.evaluation import evaluate
from retouch.outcomes import Evaluation, attempt_seeds, wilson
from retouch.rollout import _jerk
from retouch.tasks.contact import Case
from tests.pressing import BlindPolicy, Pressing
from tests.tiny import StuckPolicy, tiny


def test_seeds_of_different_purposes_and_streams_never_meet():
    sets = [
        set(itertools.islice(attempt_seeds(purpose, stream), 500))
        for purpose in ("collect", "tune", "select", "test")
        for stream in (0, 1, 77)
    ]
    assert len(set.union(*sets)) == sum(map(len, sets))


def test_a_collection_goes_on_where_it_stopped():
    whole = list(itertools.islice(attempt_seeds("collect", 3), 10))
    assert whole[4:] == list(itertools.islice(attempt_seeds("collect", 3, start=4), 6))


def test_streams_out_of_range_are_refused():
    with pytest.raises(InputError, match="stream"):
        attempt_seeds("test", 10**6)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"), [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (45, 50, 0.7864, 0.9565)]
)
def test_wilson_against_published_values(successes, trials, low, high):
    assert wilson(successes, trials) == pytest.approx((low, high), abs=2e-4)


@given(st.integers(0, 300), st.integers(0, 300))
def test_wilson_holds_the_rate(a, b):
    successes, trials = min(a, b), max(a, b)
    low, high = wilson(successes, trials)
    assert 0 <= low <= high <= 1
    if trials:
        assert low <= successes / trials + 1e-12
        assert successes / trials <= high + 1e-12


def test_wilson_covers_as_often_as_it_says():
    rng = np.random.default_rng(0)
    inside = [low <= 0.7 <= high for low, high in (wilson(int(s), 200) for s in rng.binomial(200, 0.7, 2000))]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)


def test_evaluation_is_kept_as_it_was(tmp_path):
    found = evaluate(tiny(), StuckPolicy(), 5, "tune", name="stuck")
    assert (found.trials, found.purpose, found.policy) == (5, "tune", "stuck")
    assert found.rate < 0.5
    found.save(tmp_path / "e.json")
    assert Evaluation.load(tmp_path / "e.json") == found
    assert "n = 5" in str(found)


def test_a_quick_look_stops_when_the_interval_is_narrow_enough():
    """It sees the same attempts as a full one, as many as it needs."""
    quick = evaluate(tiny(), StuckPolicy(), 500, "tune", until_width=0.2)
    assert 50 <= quick.trials < 500
    assert quick.trials % 50 == 0
    assert quick.width <= 0.2 or quick.trials == 500
    full = evaluate(tiny(), StuckPolicy(), quick.trials, "tune")
    assert (quick.seeds, quick.successes, quick.steps) == (full.seeds, full.successes, full.steps)
    assert evaluate(tiny(), StuckPolicy(), 60, "tune", until_width=1e-9).trials == 60


def test_what_robots_that_feel_have_had():
    """Failures, stages at the end, force and jerk of every attempt; a grid of cases is gone through in turn."""
    task, kept = Pressing(), []
    found = evaluate(task, BlindPolicy(), 3, cases=task.cases(), each=kept.append)
    assert set(found.reasons) == {"pressed beside the pad"}
    assert {len(held) for held in found.stages} == {2}
    assert not any(held[-1] for held in found.stages)  # the last stage is success
    assert min(found.forces) > 1
    assert all(0 < jerk < 1e3 for jerk in found.jerks)
    twice = found + found
    assert (twice.trials, twice.rate, twice.forces) == (6, found.rate, 2 * found.forces)
    nothing_felt = evaluate(tiny(), StuckPolicy(), 2, "tune")
    assert (nothing_felt.jerks, nothing_felt.forces) == ((), ())


def test_cases_come_in_turn():
    """Attempt i is of case i, then from the first on again, also in blocks."""

    class Noted(Pressing):
        seen: ClassVar[list[str]] = []

        def cases(self):
            return tuple(Case(f"case {k}", {}) for k in range(3))

        def reset(self, data, rng, case=None):
            self.seen.append("" if case is None else case.name)
            super().reset(data, rng, None)

    task = Noted()
    evaluate(task, BlindPolicy(), 4, cases=task.cases(), worlds=1)
    assert Noted.seen == ["case 0", "case 1", "case 2", "case 0"]
    Noted.seen.clear()
    evaluate(task, BlindPolicy(), 1)
    assert Noted.seen == [""]


def test_jerk_is_the_third_derivative():
    period = 0.02
    t = period * np.arange(40)
    cubic = [np.array([0.5 * x**3, 0.0, 2.0 * x**2]) for x in t]
    assert _jerk(cubic, period) == pytest.approx(3.0)
    assert _jerk(cubic[:3], period) == 0.0
