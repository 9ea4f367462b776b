"""All waypoints of a chunk at once through layers that each add to the last: quick, and enough for few numbers."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from retouch.policies.diffusion_config import DiffusionConfig
from retouch.policies.noise_level import embedded

BLOCKS = 3


class MLPDenoiser(nn.Module):
    """Noisy waypoints in, what makes them less noisy out.

    Args:
        size: of a waypoint.
        condition: length of what is seen.
    """

    def __init__(self, size: int, condition: int, config: DiffusionConfig):
        super().__init__()
        self.embedding, wide, flat = config.embedding, config.hidden, config.waypoints * size
        self.into = nn.Linear(flat + condition + config.embedding, wide)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(wide), nn.Linear(wide, wide), nn.GELU(), nn.Linear(wide, wide))
            for _ in range(BLOCKS)
        )
        self.out = nn.Linear(wide, flat)

    def forward(
        self, noisy: Float[Tensor, "B N S"], level: Float[Tensor, " B"], seen: Float[Tensor, "B C"]
    ) -> Float[Tensor, "B N S"]:
        """`level` is 0 where there is no noise."""
        x = self.into(torch.cat([noisy.flatten(1), seen, embedded(level, self.embedding)], dim=1))
        for block in self.blocks:
            x = x + block(x)
        out: Tensor = self.out(x)
        return out.view(noisy.shape)
