"""The loop: who acts, what is recorded, and that an attempt depends on its seed alone."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

from retouch.collection import InMemory
from retouch.episodes import ControlSource
from retouch.operators.profile import PROFILES, Profile
from retouch.operators.scripted import ScriptedPerson
from retouch.policies.bc_rnn import BCRNN, BCRNNNetwork, named_weights, network_description
from retouch.policies.bc_rnn_config import BCRNNConfig
from retouch.policies.info import PolicyInfo
from retouch.policies.normaliser import Normaliser
from retouch.rollout import replay, rollout
from retouch.tasks.threading import Threading
from tests.tiny import StuckPolicy, tiny

PERSON = ScriptedPerson(Profile("test", patience=0.5, hand_back="bottleneck", hand_back_time=0.1))


def run(seeds, **options):
    options = {"operator": PERSON, "policy": StuckPolicy(), "worlds": 4} | options
    return list(rollout(tiny(), seeds, record=lambda *_: InMemory(), **options))


def test_attempts_come_in_the_order_of_their_seeds():
    attempts = run(range(9), worlds=4)
    assert [a.number for a in attempts] == list(range(9))
    assert [a.seed for a in attempts] == list(range(9))
    assert len({a.steps for a in attempts}) > 1


@pytest.mark.parametrize(("worlds", "workers"), [(1, 1), (3, 2), (8, 2)])
def test_the_same_seed_gives_the_same_episode_whatever_runs_beside_it(worlds, workers):
    reference = run(range(6), worlds=2)
    for a, b in zip(reference, run(range(6), worlds=worlds, workers=workers), strict=True):
        assert a.outcome == b.outcome
        for column in ("observation", "action", "policy_action", "operator_action", "control_source", "sim_state"):
            np.testing.assert_array_equal(a.recorder.column(column), b.recorder.column(column))


def test_endless_seeds_stop_when_nobody_asks_for_more():
    recorders = []

    def record(number, seed):
        recorders.append(InMemory())
        return recorders[-1]

    loop = rollout(tiny(), itertools.count(), operator=PERSON, way="demonstrate", worlds=4, record=record)
    assert next(loop).number == 0
    kept = recorders[0].rows
    loop.close()
    assert kept
    assert all(not r.rows for r in recorders[1:])


def test_a_step_says_who_acted_and_what_everybody_wanted():
    (attempt,) = run([3])
    rows = attempt.recorder
    source, executed = rows.column("control_source"), rows.column("action")
    person = source == ControlSource.OPERATOR
    assert person.any()
    assert not person.all()
    np.testing.assert_array_equal(person, rows.column("intervention"))
    np.testing.assert_array_equal(person, attempt.intervention)
    np.testing.assert_array_equal(executed[~person], rows.column("policy_action")[~person])
    np.testing.assert_array_equal(executed[person], rows.column("operator_action")[person])
    assert np.isnan(rows.column("operator_action")[~person]).all()
    assert np.isfinite(rows.column("policy_action")).all()  # inference goes on in the shadow
    assert rows.column("success").tolist() == [False] * (attempt.steps - 1) + [True]
    assert attempt.causes
    assert attempt.causes[0][0] == int(np.flatnonzero(person)[0])


def test_the_policy_forgets_at_every_hand_back():
    policy = StuckPolicy()
    (attempt,) = run([3], policy=policy)
    person = attempt.intervention.astype(int)
    hand_backs = int((np.diff(person) == -1).sum())
    assert len(policy.forgotten) == hand_backs


def test_an_attempt_fails_at_the_horizon():
    (attempt,) = run([1], operator=None, horizon=7)
    assert (attempt.outcome, attempt.steps, attempt.human_steps) == ("failure", 7, 0)
    assert "7 steps" in attempt.reason


def test_somebody_must_act():
    with pytest.raises(ValueError, match="somebody must act"):
        next(rollout(tiny(), [1]))


@pytest.fixture(scope="module")
def untrained():
    """A BC-RNN with random weights for the threading task."""
    torch.manual_seed(0)
    config = BCRNNConfig(hidden=20)
    names = Threading.observation_names
    seen = np.random.default_rng(0).standard_normal((50, len(names))).astype(np.float32)
    normaliser = Normaliser.fit(seen, "mean-std")
    weights = named_weights(dict(BCRNNNetwork(len(names), 7, config).named_parameters()), normaliser)
    return BCRNN.from_weights(PolicyInfo("bc-rnn", len(names), 7, network=network_description(config)), weights)


@pytest.mark.parametrize(("worlds", "workers"), [(1, 1), (5, 2)])
def test_threading_with_a_network_and_a_person_is_the_same_whatever_runs_beside_it(untrained, worlds, workers):
    """Physics, inference and person together: bit for bit."""
    person = ScriptedPerson(dataclasses.replace(PROFILES["hasty"], patience=0.5))
    task = Threading()

    def attempts(**options):
        found = rollout(
            task, range(4), policy=untrained, operator=person, horizon=70, record=lambda *_: InMemory(), **options
        )
        return [a.recorder for a in found]

    for a, b in zip(attempts(worlds=3), attempts(worlds=worlds, workers=workers), strict=True):
        assert a.column("intervention").any()
        assert not a.column("intervention").all()
        for column in ("observation", "action", "policy_action", "sim_state"):
            np.testing.assert_array_equal(a.column(column), b.column(column))


def test_recorded_actions_replay_to_the_recorded_states(untrained):
    (attempt,) = rollout(Threading(), [11], policy=untrained, horizon=50, record=lambda *_: InMemory())
    states = replay(Threading(), 11, attempt.recorder.column("action"))
    np.testing.assert_array_equal(np.array(states[:-1]), attempt.recorder.column("sim_state"))
