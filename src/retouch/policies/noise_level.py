"""How a network is told how noisy its input is."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def embedded(level: Float[Tensor, " B"], size: int) -> Float[Tensor, "B E"]:
    """Sines and cosines of a level at `size` / 2 rates, from 1 down to 1 / 10000 (Vaswani et al. 2017)."""
    half = size // 2
    rates = torch.exp(torch.arange(half) * (-math.log(10000.0) / (half - 1)))
    angles = level[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
