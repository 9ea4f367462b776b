r"""What a tool has felt, as a network takes it in: newest readings first in rank (CR-DAgger, section 3.2).

    readings  o o o o o o o o      oldest ... newest
               \| \| \| \|         a level: two neighbours together, and the newer one once more by itself
                o   o   o   o
                 \ |     \ |
                   o       o
                     \     |
                           o       what was felt

A causal convolution whose kernel of two skips ever more readings is, at the newest of them, this tree. Each level adds
the newer of its two to what it makes of both, so that the newest reading reaches the end by the shortest way and counts
the most, and every other one counts. (In the published code only the oldest one had a gradient.)
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

SIZE = 6


class ForceEncoder(nn.Module):
    """Readings of a wrench in, features out.

    Args:
        channels: of the levels, each of which halves the number of readings.
    """

    def __init__(self, channels: Sequence[int]):
        super().__init__()
        into = (SIZE, *channels[:-1])
        self.pairs = nn.ModuleList(nn.Linear(2 * a, b) for a, b in zip(into, channels, strict=True))
        self.newer = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in zip(into, channels, strict=True))
        self.act = nn.LeakyReLU(0.1)

    def forward(self, readings: Float[Tensor, "B R 6"]) -> Float[Tensor, "B C"]:
        """Readings are normalised, and the newest is the last."""
        x = readings
        for pair, newer in zip(self.pairs, self.newer, strict=True):
            both = x.reshape(len(x), x.shape[1] // 2, 2 * x.shape[2])
            x = self.act(pair(both)) + newer(x[:, 1::2])
        return torch.flatten(x, 1)
