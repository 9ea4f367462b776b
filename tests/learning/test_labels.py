"""Labels of steps, and how far windows reach."""

import numpy as np
import pytest

from retouch.errors import InputError, UnknownName
from retouch.learning.labels import Label, run_ends, step_labels

D, P, C, Z = Label.DEMONSTRATION, Label.POLICY, Label.INTERVENTION, Label.PAUSED


def label(kind, sources):
    return step_labels([kind], np.array([len(sources)]), np.array(sources, np.int8)).tolist()


def test_labels_by_kind_and_source():
    assert label("demonstration", [1, 2, 3]) == [D, D, Z]
    assert label("corrected", [0, 1, 2, 3, 0]) == [P, C, C, Z, P]
    assert label("rollout", [0, 0]) == [P, P]


def test_a_policys_step_is_never_a_demonstration():
    assert label("demonstration", [1, 0]) == [D, P]


def test_labels_over_several_episodes():
    sources = np.array([1, 1, 0, 1, 1], np.int8)
    assert step_labels(["demonstration", "corrected"], np.array([2, 3]), sources).tolist() == [D, D, P, C, C]


def test_unknown_kinds_and_sources():
    with pytest.raises(UnknownName, match="did you mean 'corrected'"):
        label("correct", [0])
    with pytest.raises(InputError, match=r"0\.\.3"):
        label("rollout", [4])


def test_windows_reach_the_end_of_their_episode_or_run():
    labels = np.array([P, P, C, C, P, P, D], np.int8)
    starts = np.array([0, 5, 6])
    assert run_ends(labels, starts, split_at_label_changes=False).tolist() == [4, 4, 4, 4, 4, 5, 6]
    assert run_ends(labels, starts, split_at_label_changes=True).tolist() == [1, 1, 3, 3, 4, 5, 6]
