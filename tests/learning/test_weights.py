"""The table of methods."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retouch.errors import InputError, UnknownName
from retouch.learning.labels import Label
from retouch.learning.weights import METHODS, Method, intervention_share, method

LABELS = np.array([Label.DEMONSTRATION, Label.POLICY, Label.INTERVENTION, Label.PAUSED], np.int8)
COUNTS = st.integers(1, 100_000)


PUSHED = {"retrain", "finetune", "finetune-kl", "residual", "compliant-residual"}


def test_the_papers_methods():
    assert set(METHODS) == {"full-demos", "hg-dagger", "iwr-nb", "iwr", *PUSHED}
    with pytest.raises(UnknownName, match="did you mean 'iwr-nb'"):
        method("iwr-nv")


@pytest.mark.parametrize(
    ("name", "in_loss", "in_interventions"),
    [
        ("full-demos", [True, True, True, False], [False, False, True, False]),
        ("hg-dagger", [True, False, True, False], [False, False, True, False]),
        ("iwr-nb", [True, True, True, False], [False, False, True, False]),
        ("iwr", [True, True, True, False], [False, False, True, False]),
    ],
)
def test_which_samples_count(name, in_loss, in_interventions):
    assert method(name).in_loss(LABELS).tolist() == in_loss
    assert method(name).in_interventions(LABELS).tolist() == in_interventions


def test_demonstrations_can_count_as_interventions():
    chosen = method("iwr").replace(demonstrations_count_as="interventions")
    assert chosen.in_interventions(LABELS).tolist() == [True, False, True, False]
    assert chosen.alpha == "balanced"
    assert method("iwr").demonstrations_count_as == "rollout"


@pytest.mark.parametrize("alpha", [0.0, -1.0, float("nan"), float("inf")])
def test_an_alpha_that_is_no_weight(alpha):
    with pytest.raises(InputError, match="alpha"):
        Method("mine", corrects="take-over", alpha=alpha)


@given(COUNTS, COUNTS)
def test_balanced_is_alpha_of_the_ratio(interventions, rollout):
    share = intervention_share("balanced", interventions, rollout)
    assert share == intervention_share(rollout / interventions, interventions, rollout) == Fraction(1, 2)


@given(COUNTS, COUNTS, st.floats(0.01, 100))
def test_alpha_is_the_relative_weight_of_a_sample(interventions, rollout, alpha):
    share = intervention_share(alpha, interventions, rollout)
    per_intervention, per_rollout = share / interventions, (1 - share) / rollout
    assert float(per_intervention / per_rollout) == pytest.approx(alpha, rel=1e-6)


@given(COUNTS, COUNTS)
def test_alpha_one_is_uniform(interventions, rollout):
    assert intervention_share(1.0, interventions, rollout) == Fraction(interventions, interventions + rollout)


@pytest.mark.parametrize("alpha", ["balanced", 1.0, 7.5])
def test_an_empty_set_leaves_the_other(alpha):
    assert intervention_share(alpha, 0, 10) == 0
    assert intervention_share(alpha, 10, 0) == 1
