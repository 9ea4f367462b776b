"""Adam, the moving average and the learning rate."""

import numpy as np
import pytest
import torch

from retouch.errors import RetouchError, UnknownName
from retouch.learning.optimisation import Optimisation


def network(seed=0):
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))


def loss_of(net, step):
    inputs = torch.randn(5, 3, generator=torch.Generator().manual_seed(step))
    return net(inputs).square().mean()


def test_adam_is_torchs():
    ours, theirs = network(), network()
    optimisation = Optimisation(ours, 1e-2, "constant", 20, ema=0.9)
    adam = torch.optim.Adam(theirs.parameters(), lr=1e-2)
    for step in range(20):
        optimisation.descend(loss_of(ours, step))
        adam.zero_grad()
        loss_of(theirs, step).backward()
        adam.step()
    for name, parameter in theirs.named_parameters():
        torch.testing.assert_close(optimisation.raw()[name], parameter.detach(), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(ours.get_parameter(name).detach(), parameter.detach(), rtol=1e-5, atol=1e-6)


def test_the_average_follows_the_weights():
    net = network()
    optimisation = Optimisation(net, 1e-2, "constant", 30, ema=0.6)
    average = {name: tensor.clone() for name, tensor in optimisation.raw().items()}
    for step in range(30):
        optimisation.descend(loss_of(net, step))
        decay = min(0.6, (2 + step) / (11 + step))
        average = {name: decay * average[name] + (1 - decay) * raw for name, raw in optimisation.raw().items()}
    for name, tensor in optimisation.averaged().items():
        torch.testing.assert_close(tensor, average[name])
        assert not torch.equal(tensor, optimisation.raw()[name])


@pytest.mark.parametrize(("decay", "rates"), [
    ("constant", [1, 1, 1, 1]), ("linear", [1, 0.75, 0.5, 0.25]), ("cosine", [1, 0.85355, 0.5, 0.14645]),
])  # fmt: skip
def test_the_rate_falls_as_asked(decay, rates):
    net = torch.nn.Linear(1, 1, bias=False)
    optimisation = Optimisation(net, 0.1, decay, 4, ema=0.0)
    moved = []
    for _ in range(4):
        before = net.weight.item()
        optimisation.descend(net.weight.sum())  # a constant gradient: Adam moves by its rate
        moved.append(before - net.weight.item())
    np.testing.assert_allclose(moved, np.array(rates) * 0.1, rtol=1e-3)


def test_state_goes_round():
    first, second = network(), network(seed=1)
    one, two = (Optimisation(net, 1e-2, "cosine", 10, ema=0.9) for net in (first, second))
    for step in range(5):
        one.descend(loss_of(first, step))
    two.restore({name: array.copy() for name, array in one.state().items()})
    for step in range(5, 10):
        one.descend(loss_of(first, step))
        two.descend(loss_of(second, step))
    for name, array in one.state().items():
        np.testing.assert_array_equal(array, two.state()[name])
    with pytest.raises(RetouchError, match="does not fit"):
        Optimisation(torch.nn.Linear(2, 2), 1e-2, "cosine", 10, ema=0.9).restore(one.state())


def test_an_unknown_decay():
    with pytest.raises(UnknownName, match="did you mean 'cosine'"):
        Optimisation(network(), 1e-2, "cosin", 10, ema=0.9)
