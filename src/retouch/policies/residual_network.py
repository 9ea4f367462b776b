"""The trained part of a residual policy: what is seen and felt in, corrections out (CR-DAgger, section 3.2)."""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor, nn

from retouch.policies.checkpoint import Weights
from retouch.policies.force import SIZE, ForceEncoder
from retouch.policies.info import PolicyInfo
from retouch.policies.nine import IDENTITY
from retouch.policies.normaliser import Normaliser
from retouch.policies.residual_config import ResidualConfig

DELTA = len(IDENTITY)


class ResidualNetwork(nn.Module):
    """The trained part: normalised features and readings in, normalised frames out."""

    def __init__(self, features: int, config: ResidualConfig):
        super().__init__()
        self.config = config
        self.size = DELTA + (SIZE if config.wrench else 0)
        self.force = ForceEncoder(config.channels) if config.force else None
        seen = features + (config.channels[-1] if config.force else 0)
        out = config.frames * self.size
        drawn = out + 1 if config.head == "flow" else 0
        widths = [seen + drawn, *[config.hidden] * config.layers]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))
        self.out = nn.Linear(config.hidden, out)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def seen(self, features: Float[Tensor, "B F"], readings: Float[Tensor, "B R 6"]) -> Float[Tensor, "B S"]:
        """What the head goes by."""
        return features if self.force is None else torch.cat([features, self.force(readings)], dim=1)

    def head(self, x: Float[Tensor, "B X"], random: torch.Generator | None = None) -> Float[Tensor, "B O"]:
        """The head; with `random`, as in training."""
        keep = 1.0 - self.config.dropout
        for layer in self.layers:
            x = nn.functional.gelu(layer(x))
            if random is not None and keep < 1.0:
                x = x * (torch.rand(x.shape, generator=random) < keep) / keep
        out: Tensor = self.out(x)
        return out

    def loss(
        self,
        features: Float[Tensor, "B F"],
        readings: Float[Tensor, "B R 6"],
        frames: Float[Tensor, "B O"],
        random: torch.Generator,
    ) -> Float[Tensor, ""]:
        """Mean squared error of all that is said; with a flow head, from anywhere on the way there from noise."""
        seen = self.seen(features, readings)
        if self.config.head == "mlp":
            return (self.head(seen, random) - frames).square().mean()
        share, noise = torch.rand((len(frames), 1), generator=random), torch.randn(frames.shape, generator=random)
        between = noise + share * (frames - noise)
        return (self.head(torch.cat([seen, between, share], dim=1), random) - frames).square().mean()

    def frames(
        self, features: Float[Tensor, "B F"], readings: Float[Tensor, "B R 6"], noise: Float[Tensor, "B O"]
    ) -> Float[Tensor, "B O"]:
        """Normalised frames; from `noise` with a flow head, which the other does without."""
        seen = self.seen(features, readings)
        if self.config.head == "mlp":
            return self.head(seen)
        x, steps = noise, self.config.inference_steps
        for step in range(steps):
            share = torch.full((len(x), 1), step / steps)
            x = x + (self.head(torch.cat([seen, x, share], dim=1)) - x) / (steps - step)
        return x


@dataclasses.dataclass(frozen=True)
class Scales:
    """What numbers are brought to one scale by. Nothing is moved: no force is 0, and no correction is 0.

    Attributes:
        readings: float32[6], of a wrench that is felt: scaled = reading * readings
        frames: float32[S], of a frame: scaled = (frame - no correction) * frames
    """

    readings: Float32[np.ndarray, " 6"]
    frames: Float32[np.ndarray, " S"]

    @classmethod
    def of(cls, readings: Float[np.ndarray, "T 6"], frames: Float[np.ndarray, "T F S"]) -> "Scales":
        """The root mean square of readings and the most of frames become 1; what varies less than 0.1 N, 0.01 N m and
        1 mm, 0.01, 1 N, 0.1 N m is not scaled up further."""
        square = np.sqrt(np.square(readings, dtype=np.float64).mean(axis=0))
        most = np.abs(frames - nothing(frames.shape[-1])).max(axis=(0, 1))
        least = np.array([1e-3] * 3 + [1e-2] * 6 + [1.0] * 3 + [0.1] * 3)[: frames.shape[-1]]
        floor = np.array([0.1] * 3 + [0.01] * 3)
        return cls((1 / np.maximum(square, floor)).astype(np.float32), (1 / np.maximum(most, least)).astype(np.float32))

    def scaled(self, frames: Float[np.ndarray, "B F S"]) -> Float32[np.ndarray, "B O"]:
        """Frames as the network says them."""
        return ((frames - nothing(frames.shape[-1])) * self.frames).astype(np.float32).reshape(len(frames), -1)

    def meant(self, said: Float32[np.ndarray, "B O"]) -> Float64[np.ndarray, "B F S"]:
        """The reverse."""
        frames = said.reshape(len(said), -1, len(self.frames)).astype(np.float64)
        return frames / self.frames + nothing(len(self.frames))


def nothing(size: int) -> Float64[np.ndarray, " S"]:
    """A frame without a correction: no delta, and no wrench."""
    return np.concatenate([IDENTITY, np.zeros(SIZE)])[:size]


def averaged(ticks: Float[np.ndarray, "B K 6"], config: ResidualConfig) -> Float[np.ndarray, "B R 6"]:
    """The newest ticks of the contact sensor as the readings that a network takes in, each the mean of its time."""
    newest = ticks[:, -config.readings * config.reading_ticks :]
    return newest.reshape(len(ticks), config.readings, config.reading_ticks, SIZE).mean(axis=2)


def named_weights(
    network: Mapping[str, Tensor], normaliser: Normaliser, scales: Scales, base: Weights
) -> dict[str, np.ndarray]:
    """The arrays that `ResidualPolicy.from_weights` reads, from the network's tensors and the base's arrays."""
    arrays = {f"network.{name}": tensor.detach().numpy() for name, tensor in network.items()}
    arrays |= {"normaliser.offset": normaliser.offset, "normaliser.scale": normaliser.scale}
    arrays |= {"scales.readings": scales.readings, "scales.frames": scales.frames}
    return arrays | {f"base.{name}": array for name, array in base.items()}


def network_description(config: ResidualConfig, base: PolicyInfo) -> dict[str, Any]:
    """The `network` entry of `policy.json`."""
    return dataclasses.asdict(config) | {"channels": list(config.channels), "base": base.to_json()}
