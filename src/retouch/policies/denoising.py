"""From noise to waypoints and back: two processes that a network can learn.

diffusion   noise is added in `levels` steps of a squared-cosine schedule (Nichol and Dhariwal 2021), the network names
            the noise, DDIM takes it out in fewer steps (Song et al. 2021)
flow        a straight way leads from noise to waypoints (Liu et al. 2023), the network names where it ends, Euler's
            method follows it. To name its direction instead, a network has to pass the noise on as it is: with the same
            steps of training its waypoints were two to three times as far off (docs/results.md)

A level is 0 where there is no noise left to tell of and rises to `levels`.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from retouch.policies.diffusion_config import DiffusionConfig

Network = Callable[[Tensor, Tensor], Tensor]
"""Noisy waypoints and levels in, what the process wants to know out."""


class Diffusion:
    """DDIM; the network names the noise."""

    def __init__(self, levels: int, inference_steps: int):
        times = (np.arange(levels + 1) / levels + 0.008) / 1.008
        kept = np.cos(0.5 * np.pi * times) ** 2
        betas = np.clip(1 - kept[1:] / kept[:-1], 0, 0.999)
        self.kept = torch.tensor(np.cumprod(1 - betas), dtype=torch.float32)  # of the signal's power, by level
        self.visited = np.round(np.linspace(levels - 1, 0, inference_steps)).astype(int).tolist()

    def noisy(
        self, clean: Float[Tensor, "B N S"], noise: Float[Tensor, "B N S"], share: Float[Tensor, " B"]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Training: waypoints with noise of a level drawn by `share` in [0, 1), the level, and what is to be named."""
        level = (share * len(self.kept)).long()
        kept = self.kept[level][:, None, None]
        return kept.sqrt() * clean + (1 - kept).sqrt() * noise, level.float(), noise

    def clean(self, network: Network, noise: Float[Tensor, "B N S"]) -> Float[Tensor, "B N S"]:
        """Waypoints in [-1, 1]."""
        noisy = noise
        for number, level in enumerate(self.visited):
            kept = self.kept[level]
            named = network(noisy, torch.full((len(noise),), float(level)))
            clean = ((noisy - (1 - kept).sqrt() * named) / kept.sqrt()).clamp(-1, 1)
            if number + 1 == len(self.visited):
                return clean
            named = (noisy - kept.sqrt() * clean) / (1 - kept).sqrt()
            kept = self.kept[self.visited[number + 1]]
            noisy = kept.sqrt() * clean + (1 - kept).sqrt() * named
        raise AssertionError("unreachable: there is at least one step")


class Flow:
    """Rectified flow; the network names the waypoints."""

    def __init__(self, levels: int, inference_steps: int):
        self.levels, self.steps = levels, inference_steps

    def noisy(
        self, clean: Float[Tensor, "B N S"], noise: Float[Tensor, "B N S"], share: Float[Tensor, " B"]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """As for `Diffusion`."""
        left = share[:, None, None]
        return (1 - left) * clean + left * noise, self.levels * share, clean

    def clean(self, network: Network, noise: Float[Tensor, "B N S"]) -> Float[Tensor, "B N S"]:
        """Waypoints in [-1, 1]."""
        at = noise
        for number in range(self.steps):
            left = 1 - number / self.steps
            at = at + (network(at, torch.full((len(noise),), self.levels * left)) - at) / (self.steps - number)
        return at.clamp(-1, 1)


def process_of(config: DiffusionConfig) -> Diffusion | Flow:
    """The process that a policy was made for."""
    kind = Diffusion if config.process == "diffusion" else Flow
    return kind(config.levels, config.inference_steps)
