"""The force encoder: every reading counts, the newest the most, and nothing but readings."""

import numpy as np
import pytest
import torch

from retouch.errors import InputError
from retouch.policies.force import ForceEncoder
from retouch.policies.residual_config import ResidualConfig


def influence(channels, readings, seed) -> np.ndarray:
    """How much what was felt changes with each reading: the gradient's size, the newest last."""
    torch.manual_seed(seed)
    encoder = ForceEncoder(channels)
    felt = torch.randn(64, readings, 6, requires_grad=True)
    out = encoder(felt)
    sizes = torch.zeros(readings)
    for channel in range(out.shape[1]):
        (gradient,) = torch.autograd.grad(out[:, channel].sum(), felt, retain_graph=True)
        sizes += gradient.square().sum(dim=(0, 2))
    return sizes.sqrt().numpy()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("channels", [ResidualConfig().channels, (8, 8, 8)])
def test_the_newest_reading_counts_the_most_and_every_one_counts(channels, seed):
    sizes = influence(channels, 2 ** len(channels), seed)
    assert sizes.argmax() == len(sizes) - 1
    assert sizes.min() > 0.01 * sizes.max()


def test_levels_and_readings_fit_each_other():
    with pytest.raises(InputError, match="4 levels take 16 readings, not 32"):
        ResidualConfig(channels=(8, 8, 8, 8))
