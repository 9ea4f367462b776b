"""The base policy of paper 2 (section 3.2): chunks of waypoints by diffusion, followed through the compliant robot.

    history of observations -> tool_view -> U-Net, from noise in a few steps -> 32 poses in the tool's frame
    history of pictures ----> an encoder ---^

It goes by position only; `chunks` follows what it says, with a target wrench of zero.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor, nn

from retouch.errors import InputError, MissingExtra, PolicyError
from retouch.geometry import Pose
from retouch.policies.checkpoint import Weights
from retouch.policies.chunks import ChunkSession, Pace
from retouch.policies.denoising import process_of
from retouch.policies.diffusion_config import DiffusionConfig
from retouch.policies.encoders import FEATURES, encoder_of
from retouch.policies.eyes import Eyes
from retouch.policies.info import PolicyInfo
from retouch.policies.mlp_denoiser import MLPDenoiser
from retouch.policies.nine import poses_of
from retouch.policies.normaliser import Normaliser
from retouch.policies.tool_view import ToolView
from retouch.policies.unet import UNet
from retouch.robots.ur5e_tick import ACTIONS

SIZE = 9
BLOCK = 16
"""Rows of one inference: always this many, padded, so that a row cannot depend on how many others there are."""


class DiffusionNetwork(nn.Module):
    """The trained part: normalised features, and pictures, in, normalised waypoints out.

    Args:
        features: how many there are.
        begun: whether its weights come from elsewhere: else those of a pretrained encoder are fetched.
    """

    def __init__(self, features: int, config: DiffusionConfig, begun: bool = False):
        super().__init__()
        self.config, self.process = config, process_of(config)
        self.encoder = encoder_of(config, config.pretrained and not begun) if config.eyes else None
        seen = features + (config.history * FEATURES if self.encoder is not None else 0)
        self.denoiser = (UNet if config.denoiser == "unet" else MLPDenoiser)(SIZE, seen, config)

    def seen(self, features: Float[Tensor, "B F"], pictures: UInt8[Tensor, "B H S S 3"]) -> Float[Tensor, "B C"]:
        """What the denoiser of a policy that looks goes by."""
        assert self.encoder is not None
        return torch.cat([features, self.encoder(pictures.flatten(0, 1)).view(len(features), -1)], dim=1)

    def loss(
        self,
        features: Float[Tensor, "B F"],
        waypoints: Float[Tensor, "B N 9"],
        noise: Float[Tensor, "B N 9"],
        share: Float[Tensor, " B"],
        counts: Float[Tensor, "B N"],
        base: "DiffusionNetwork | None" = None,
        anchor: float = 0.0,
    ) -> Float[Tensor, ""]:
        """Mean squared error of what the network names; `share` in [0, 1) draws the level of noise.

        A waypoint counts as much as `counts` says. Besides, `anchor` times its squared distance from what `base` names.
        """
        noisy, level, wanted = self.process.noisy(waypoints, noise, share)
        named = self.denoiser(noisy, level, features)
        error = ((named - wanted).square().mean(dim=2) * counts).sum() / counts.sum()
        if base is None:
            return error
        with torch.no_grad():
            before = base.denoiser(noisy, level, features)
        return error + anchor * (named - before).square().mean()

    def chunk(self, features: Float[Tensor, "B F"], noise: Float[Tensor, "B N 9"]) -> Float[Tensor, "B N 9"]:
        """Normalised waypoints, by what is seen, from noise."""
        return self.process.clean(lambda noisy, level: self.denoiser(noisy, level, features), noise)


@dataclasses.dataclass(frozen=True)
class Spread:
    """Where the waypoints of a data set lie: each entry of each waypoint is brought to [-1, 1] by itself.

    So the first waypoints, millimetres away, are learnt to the same share as the last.

    Attributes:
        offset, scale: float32[N, 9]; normalised = (waypoint - offset) * scale
    """

    offset: Float32[np.ndarray, "N 9"]
    scale: Float32[np.ndarray, "N 9"]

    @classmethod
    def of(cls, low: Float[np.ndarray, "N 9"], high: Float[np.ndarray, "N 9"]) -> "Spread":
        """From the least and the largest; what varies by less than 1 mm or 0.01 is not scaled up further."""
        least = np.array([1e-3] * 3 + [1e-2] * 6)
        half = np.maximum((high - low) / 2, least)
        return cls(((low + high) / 2).astype(np.float32), (1 / half).astype(np.float32))

    def normalised(self, waypoints: Float[np.ndarray, "B N 9"]) -> Float32[np.ndarray, "B N 9"]:
        """In [-1, 1] where they lie within the data."""
        return ((waypoints - self.offset) * self.scale).astype(np.float32)

    def waypoints(self, normalised: Float[np.ndarray, "B N 9"]) -> Float[np.ndarray, "B N 9"]:
        """The reverse."""
        return normalised.astype(np.float64) / self.scale + self.offset


class DiffusionPolicy:
    """A trained diffusion policy."""

    def __init__(self, info: PolicyInfo, network: DiffusionNetwork, normaliser: Normaliser, spread: Spread):
        self.info, self.network, self.normaliser, self.spread = info, network.eval(), normaliser, spread
        self.view = ToolView(info.observation_names, scene=self.eyes is None)

    @property
    def eyes(self) -> Eyes | None:
        """What it looks through; None where it goes by numbers alone."""
        return self.network.config.eyes

    def embed(self, pictures: UInt8[np.ndarray, "B S S 3"]) -> Float32[np.ndarray, "B E"]:
        """What its encoder makes of pictures, each by itself."""
        assert self.network.encoder is not None
        with torch.inference_mode():
            rows = [self.network.encoder(torch.from_numpy(picture[None])) for picture in pictures]
            return np.asarray(torch.cat(rows).numpy())

    @property
    def pace(self) -> Pace:
        """When it looks, and when the robot arrives."""
        c, period = self.network.config, self.info.control_period_s
        return Pace(period, c.history, c.history_period, c.waypoint_period, c.executed)

    def start(self, observation: Float32[np.ndarray, " D"]) -> Pose:
        """Where the robot's reference is, in world: from there it goes on."""
        return Pose.from_vector(self.view.reference(observation))

    @property
    def observation_dim(self) -> int:
        """D, the length of an observation."""
        return self.info.observation_dim

    @property
    def action_dim(self) -> int:
        """A, the length of an action."""
        return self.info.action_dim

    def session(self, slots: int) -> ChunkSession:
        """A session of `slots` slots, each to be reset before it acts."""
        return ChunkSession(self, slots)

    def predict_action_chunk(
        self, history: Float32[np.ndarray, "B H D"], random: Sequence[np.random.Generator]
    ) -> Float[np.ndarray, "B N 7"]:
        """Waypoints in world, each chunk from noise of its own generator.

        Where it looks, every observation has what `embed` makes of its newest picture behind it.
        """
        shape = (self.network.config.waypoints, SIZE)
        noise = np.stack([generator.standard_normal(shape, dtype=np.float32) for generator in random])
        features, chunk = self.normaliser(self.view.features(history)), np.empty(noise.shape)
        if self.eyes is not None:
            embedded = history[..., self.observation_dim :].reshape(len(history), -1)
            features = np.concatenate([features, embedded], axis=1)
        rows, start = torch.zeros(BLOCK, features.shape[1]), torch.zeros(BLOCK, *noise.shape[1:])
        with torch.inference_mode():
            for first in range(0, len(noise), BLOCK):
                count = min(BLOCK, len(noise) - first)
                rows[:count] = torch.from_numpy(features[first : first + count])
                start[:count] = torch.from_numpy(noise[first : first + count])
                chunk[first : first + count] = self.network.chunk(rows, start)[:count].numpy()
        return poses_of(self.spread.waypoints(chunk), self.view.tool(history[:, -1:]))

    @classmethod
    def from_weights(cls, info: PolicyInfo, weights: Weights) -> "DiffusionPolicy":
        """Builds the policy from a description and named arrays. Raises PolicyError if they do not fit each other."""
        if info.action_dim != ACTIONS:
            raise PolicyError(f"a policy of waypoints commands a compliant robot with {ACTIONS} numbers")
        try:
            if info.network.get("process") == "flow" and "denoiser" not in info.network:
                raise InputError("its flow names directions, as this version does not: train it anew")
            config = DiffusionConfig.from_json(info.network)
            normaliser = Normaliser(info.normaliser, weights["normaliser.offset"], weights["normaliser.scale"])
            network = DiffusionNetwork(len(normaliser.offset), config, begun=True)
            learnt = dict(network.named_parameters())
            network.load_state_dict(
                {name: fixed for name, fixed in network.state_dict().items() if name not in learnt}
                | {
                    n.removeprefix("network.").replace("unet.", "denoiser."): torch.tensor(w)  # as it was called before
                    for n, w in weights.items()
                    if n.startswith("network.")
                }
            )
            spread = Spread(weights["spread.offset"], weights["spread.scale"])
        except MissingExtra:
            raise
        except (InputError, TypeError, KeyError, RuntimeError) as error:
            raise PolicyError(f"weights and policy.json do not fit each other: {error}") from None
        if spread.offset.shape != (config.waypoints, SIZE) or spread.scale.shape != spread.offset.shape:
            raise PolicyError(f"the stored spread is not of {config.waypoints} waypoints")
        return cls(info, network, normaliser, spread)


def named_weights(network: Mapping[str, Tensor], normaliser: Normaliser, spread: Spread) -> dict[str, np.ndarray]:
    """The arrays that `DiffusionPolicy.from_weights` reads, given the network's tensors by name."""
    arrays = {f"network.{name}": tensor.detach().numpy() for name, tensor in network.items()}
    arrays |= {"normaliser.offset": normaliser.offset, "normaliser.scale": normaliser.scale}
    return arrays | {"spread.offset": spread.offset, "spread.scale": spread.scale}


def network_description(config: DiffusionConfig) -> dict[str, Any]:
    """The `network` entry of `policy.json`."""
    return config.to_json()
