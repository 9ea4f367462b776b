"""A U-Net over the waypoints of a chunk, told what is seen and how noisy the waypoints are (Chi et al. 2023)."""

import itertools
import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from retouch.policies.diffusion_config import DiffusionConfig
from retouch.policies.noise_level import embedded


class UNet(nn.Module):
    """Noisy waypoints in, what makes them less noisy out.

    Args:
        size: of a waypoint.
        condition: length of what is seen.
    """

    def __init__(self, size: int, condition: int, config: DiffusionConfig):
        super().__init__()
        self.embedding = config.embedding
        wide = 4 * config.embedding
        self.level = nn.Sequential(nn.Linear(config.embedding, wide), nn.Mish(), nn.Linear(wide, config.embedding))
        # What is done element by element is done in vectors, and otherwise with the rest: no row may be such a rest.
        self.padding = -condition % 4
        told, channels, kernel = condition + self.padding + config.embedding, config.channels, config.kernel
        into = (size, *channels[:-1])
        last = channels[-1]
        self.down = nn.ModuleList(
            _Level(a, b, told, kernel, nn.Conv1d(b, b, 3, 2, 1) if b_number < len(channels) - 1 else nn.Identity())
            for b_number, (a, b) in enumerate(zip(into, channels, strict=True))
        )
        self.middle = nn.ModuleList(_Block(last, last, told, kernel) for _ in range(2))
        self.up = nn.ModuleList(
            _Level(2 * b, a, told, kernel, nn.ConvTranspose1d(a, a, 4, 2, 1))
            for a, b in reversed(list(itertools.pairwise(channels)))
        )
        first = channels[0]
        self.out = nn.Sequential(
            nn.Conv1d(first, first, kernel, padding=kernel // 2), _norm(first), nn.Mish(), nn.Conv1d(first, size, 1)
        )

    def forward(
        self, noisy: Float[Tensor, "B N S"], level: Float[Tensor, " B"], seen: Float[Tensor, "B C"]
    ) -> Float[Tensor, "B N S"]:
        """`level` is 0 where there is no noise."""
        seen = nn.functional.pad(seen, (0, self.padding))
        told = torch.cat([self.level(embedded(level, self.embedding)), seen], dim=-1)
        x, kept = noisy.mT, []
        for level_down in self.down:
            x, skip = level_down(x, told)
            kept.append(skip)
        for block in self.middle:
            x = block(x, told)
        for level_up in self.up:
            x, _ = level_up(torch.cat([x, kept.pop()], dim=1), told)
        return self.out(x).mT


class _Level(nn.Module):
    """Two blocks at one resolution, then another resolution."""

    def __init__(self, into: int, out: int, told: int, kernel: int, resample: nn.Module):
        super().__init__()
        self.blocks = nn.ModuleList([_Block(into, out, told, kernel), _Block(out, out, told, kernel)])
        self.resample = resample

    def forward(self, x: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        for block in self.blocks:
            x = block(x, told)
        return self.resample(x), x


class _Block(nn.Module):
    """Two convolutions beside a shortcut; in between, every channel is scaled and shifted by what is told (FiLM)."""

    def __init__(self, into: int, out: int, told: int, kernel: int):
        super().__init__()
        self.first = nn.Sequential(nn.Conv1d(into, out, kernel, padding=kernel // 2), _norm(out), nn.Mish())
        self.second = nn.Sequential(nn.Conv1d(out, out, kernel, padding=kernel // 2), _norm(out), nn.Mish())
        self.film = nn.Sequential(nn.Mish(), nn.Linear(told, 2 * out))
        self.shortcut = nn.Conv1d(into, out, 1) if into != out else nn.Identity()

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        scale, shift = self.film(told)[..., None].chunk(2, dim=1)
        y: Tensor = self.second(self.first(x) * (1 + scale) + shift)
        shorter: Tensor = self.shortcut(x)
        return y + shorter


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(8, channels), channels)
