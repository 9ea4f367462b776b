"""BC-RNN: its size, its loss, and rows that do not influence each other."""

import numpy as np
import pytest
import torch

from retouch.errors import InputError, PolicyError
from retouch.policies.bc_rnn import BCRNN, BCRNNNetwork, named_weights, network_description
from retouch.policies.bc_rnn_config import BCRNNConfig
from retouch.policies.info import PolicyInfo
from retouch.policies.normaliser import Normaliser

D, A = 45, 7


def make_policy(head="deterministic", seed=0, horizon=10, **shape) -> BCRNN:
    config = BCRNNConfig(head=head, horizon=horizon, **shape)
    torch.manual_seed(seed)
    network = BCRNNNetwork(D, A, config)
    rng = np.random.default_rng(seed)
    normaliser = Normaliser.fit(rng.normal(size=(100, D)).astype(np.float32))
    info = PolicyInfo("bc-rnn", D, A, network=network_description(config))
    return BCRNN.from_weights(info, named_weights(network.state_dict(), normaliser))


def observations(count, seed=1):
    return np.random.default_rng(seed).normal(size=(count, D)).astype(np.float32)


def test_as_many_parameters_as_robomimic():
    network = BCRNNNetwork(45, 7, BCRNNConfig())
    assert sum(parameter.numel() for parameter in network.parameters()) == 140_307


@pytest.mark.parametrize("head", ["deterministic", "gmm"])
def test_a_session_repeats_what_training_computes(head):
    """Stepping from zero gives what the network gives over a whole window."""
    policy = make_policy(head)
    inputs = observations(10)
    session = policy.session(1)
    session.reset(0, seed=3)
    stepped = np.concatenate([session.act(np.array([0]), row[None]) for row in inputs])
    with torch.inference_mode():
        outputs = policy.network(torch.from_numpy(policy.normaliser(inputs))[None])[0]
    if head == "deterministic":
        np.testing.assert_allclose(stepped, torch.tanh(outputs).numpy(), atol=1e-5)
    else:
        means = policy.network.mixture(outputs)[0].numpy()
        distance = np.abs(means - stepped[:, None]).max(axis=2).min(axis=1)
        assert distance.max() < 1e-5


@pytest.mark.parametrize("head", ["deterministic", "gmm"])
def test_rows_are_independent_bit_for_bit(head):
    """Each slot acts the same whoever acts beside it, in whatever place."""
    policy = make_policy(head)
    total, steps = 40, 13
    inputs = observations(total * steps).reshape(steps, total, D)
    alone = policy.session(total)
    expected = np.empty((steps, total, A), np.float32)
    for slot in range(total):
        alone.reset(slot, seed=slot)
    for step in range(steps):
        for slot in range(total):
            expected[step, slot] = alone.act(np.array([slot]), inputs[step, slot][None])[0]

    rng = np.random.default_rng(5)
    for count in range(1, total + 1):
        session = policy.session(total)
        chosen = rng.permutation(total)[:count]
        for slot in chosen:
            session.reset(int(slot), seed=int(slot))
        for step in range(steps):
            order = rng.permutation(chosen)
            np.testing.assert_array_equal(session.act(order, inputs[step, order]), expected[step, order])


def test_a_row_of_nan_stays_alone():
    policy = make_policy()
    inputs = observations(3)
    clean, broken = policy.session(3), policy.session(3)
    spoilt = inputs.copy()
    spoilt[1] = np.nan
    for session in (clean, broken):
        for slot in range(3):
            session.reset(slot, seed=0)
    expected, found = clean.act(np.arange(3), inputs), broken.act(np.arange(3), spoilt)
    np.testing.assert_array_equal(found[[0, 2]], expected[[0, 2]])
    assert np.isnan(found[1]).all()


def test_state_is_zeroed_every_horizon_of_its_slot():
    policy = make_policy(horizon=4)
    session = policy.session(2)
    row = observations(1)
    both = np.arange(2)
    session.reset(0, seed=0)
    session.reset(1, seed=0)
    acted = [session.act(np.array([0]), row)[0] for _ in range(3)]
    acted += [session.act(both, np.repeat(row, 2, axis=0))[0] for _ in range(6)]
    assert not np.array_equal(acted[0], acted[1])
    for step in range(4, 9):
        np.testing.assert_array_equal(acted[step], acted[step - 4])
    assert np.array_equal(session.act(np.array([1]), row)[0], acted[2])  # its seventh step: third since zeroed


@pytest.mark.parametrize("how", ["reset", "forget"])
def test_reset_and_forget_clear_the_state(how):
    policy = make_policy()
    session = policy.session(2)
    slots, rows = np.arange(2), observations(2)
    for slot in slots:
        session.reset(int(slot), seed=0)
    first = session.act(slots, rows)
    second = session.act(slots, rows)
    if how == "reset":
        session.reset(0, seed=1)
    else:
        session.forget(0)
    third = session.act(slots, rows)
    np.testing.assert_array_equal(third[0], first[0])
    assert not np.array_equal(third[1], first[1])
    assert not np.array_equal(third[1], second[1])


def test_mixture_draws_follow_the_slots_seed():
    policy = make_policy("gmm")
    rows = observations(60)

    def run(seed):
        session = policy.session(1)
        session.reset(0, seed)
        return np.concatenate([session.act(np.array([0]), row[None]) for row in rows])

    np.testing.assert_array_equal(run(1), run(1))
    assert not np.array_equal(run(1), run(2))


def test_mixture_components_are_drawn_by_their_probability():
    policy = make_policy("gmm")
    with torch.no_grad():
        logits = policy.network.head.bias[-5:]
        policy.network.head.weight[-5:] = 0
        logits[:] = torch.log(torch.tensor([0.1, 0.2, 0.0, 0.3, 0.4]))
    row = observations(1)
    session = policy.session(1)
    session.reset(0, seed=0)
    means = (
        policy.network.mixture(policy.network(torch.from_numpy(policy.normaliser(row))[None])[0])[0].detach().numpy()
    )
    counts = np.zeros(5)
    for _ in range(2000):
        session.forget(0)
        counts[np.abs(means[0] - session.act(np.array([0]), row)).max(axis=1).argmin()] += 1
    np.testing.assert_allclose(counts / 2000, [0.1, 0.2, 0.0, 0.3, 0.4], atol=0.04)


def test_mixture_likelihood_is_torchs():
    network = BCRNNNetwork(D, A, BCRNNConfig(head="gmm"))
    outputs = torch.randn(6, network.head.out_features)
    actions = torch.rand(6, A) * 2 - 1
    means, deviations, logits = network.mixture(outputs)
    components = torch.distributions.Independent(torch.distributions.Normal(means, deviations), 1)
    mixture = torch.distributions.MixtureSameFamily(torch.distributions.Categorical(logits=logits), components)
    torch.testing.assert_close(
        network.log_likelihood(outputs, actions), mixture.log_prob(actions), rtol=1e-4, atol=1e-3
    )
    assert means.abs().max() <= 1


@pytest.mark.parametrize("head", ["deterministic", "gmm"])
def test_masked_steps_stay_out_of_the_loss(head):
    network = BCRNNNetwork(D, A, BCRNNConfig(head=head))
    inputs, actions = torch.randn(3, 10, D), torch.rand(3, 10, A) * 2 - 1
    mask = torch.ones(3, 10)
    mask[:, 6:] = 0
    changed = actions.clone()
    changed[:, 6:] = -changed[:, 6:]
    masked = network.loss(inputs, actions, mask)
    assert torch.equal(masked, network.loss(inputs, changed, mask))
    torch.testing.assert_close(masked, network.loss(inputs[:, :6], actions[:, :6], mask[:, :6]))
    assert not torch.equal(network.loss(inputs, actions, torch.ones(3, 10)), masked)


def test_deterministic_loss_is_the_papers():
    network = BCRNNNetwork(D, A, BCRNNConfig())
    inputs, actions = torch.randn(3, 10, D), torch.rand(3, 10, A)
    expected = ((torch.tanh(network(inputs)) - actions) ** 2).sum(-1).mean() / A
    torch.testing.assert_close(network.loss(inputs, actions, torch.ones(3, 10)), expected)


def test_what_does_not_fit_is_refused():
    policy = make_policy("gmm")
    session = policy.session(2)
    with pytest.raises(PolicyError, match="never reset"):
        session.act(np.array([0]), observations(1))
    session.reset(0, seed=0)
    with pytest.raises(PolicyError, match="observes 45 numbers, the task gives 44"):
        session.act(np.array([0]), observations(1)[:, 1:])
    with pytest.raises(PolicyError, match="named twice"):
        session.act(np.array([0, 0]), observations(2))
    with pytest.raises(InputError, match="at least 1"):
        BCRNNConfig(hidden=0)
