"""What a policy makes of a picture: a few numbers, learnt with the rest of it.

cnn         three convolutions and where each of their channels is strongest: for two cores, and millimetres
resnet18    He et al. 2016, but with group norm: averages over batches do not suit averaged weights (Chi et al. 2023)
timm:NAME   any model of timm's, likewise without batch norm; its own weights where they can be had

Nothing here has a state of its own: the weights are all there is.
"""

import itertools
import math
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from retouch.errors import InputError, MissingExtra
from retouch.policies.diffusion_config import TIMM, DiffusionConfig

FEATURES = 64
"""Numbers that are made of a picture."""


class Encoder(nn.Module):
    """Pictures in, features out.

    Args:
        trunk: pictures in [0, 1], channels first, to whatever it makes of them.
        width: of that.
    """

    def __init__(self, trunk: nn.Module, width: int):
        super().__init__()
        self.trunk, self.out = trunk, nn.Linear(width, FEATURES)

    def forward(self, pictures: UInt8[Tensor, "B S S 3"]) -> Float[Tensor, "B E"]:
        """sRGB."""
        out: Tensor = self.out(self.trunk(pictures.permute(0, 3, 1, 2).float() / 255))
        return out


def encoder_of(config: DiffusionConfig, pretrained: bool = False) -> Encoder:
    """The encoder that a policy was made for, with new weights; `pretrained`: of a model of timm's, with its own.

    Raises:
        MissingExtra: timm is not installed.
        InputError: timm has no such model, or not for pictures of this size, or its weights cannot be had.
    """
    if config.images == "cnn":
        widths = (16, 32, 64)
        return Encoder(nn.Sequential(*_small(widths), Keypoints()), 2 * widths[-1])
    if config.images == "resnet18":
        return Encoder(nn.Sequential(*_resnet18(), Keypoints()), 2 * 512)
    return _timm(config.images.removeprefix(TIMM), config.picture, pretrained)


class Keypoints(nn.Module):
    """Where each channel of a map is strongest: the mean place by a softmax (Levine et al. 2016), in [-1, 1]."""

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 2*C"]:
        """First all places across, then all places down."""
        share = x.flatten(2).softmax(dim=-1).view(x.shape)
        across, down = (torch.linspace(-1, 1, size, device=x.device) for size in (x.shape[3], x.shape[2]))
        return torch.cat([(share.sum(dim=2) * across).sum(dim=-1), (share.sum(dim=3) * down).sum(dim=-1)], dim=1)


def _small(widths: tuple[int, ...]) -> list[nn.Module]:
    """Half the size, a quarter of it, and once more as it is."""
    first, second, third = widths
    return [
        *(nn.Conv2d(3, first, 5, 2, 2), _norm(first), nn.ReLU()),
        *(nn.Conv2d(first, second, 3, 2, 1), _norm(second), nn.ReLU()),
        nn.Conv2d(second, third, 3, 1, 1),
    ]


def _resnet18() -> list[nn.Module]:
    widths = (64, 64, 128, 256, 512)
    blocks: list[nn.Module] = []
    for number, (into, out) in enumerate(itertools.pairwise(widths)):
        blocks += [_Residual(into, out, 1 if number == 0 else 2), _Residual(out, out, 1)]
    return [nn.Conv2d(3, 64, 7, 2, 3, bias=False), _norm(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1), *blocks]


class _Residual(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, into: int, out: int, stride: int):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(into, out, 3, stride, 1, bias=False), _norm(out), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(out, out, 3, 1, 1, bias=False), _norm(out))
        same = stride == 1 and into == out
        self.shortcut = (
            nn.Identity() if same else nn.Sequential(nn.Conv2d(into, out, 1, stride, bias=False), _norm(out))
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.second(self.first(x)) + self.shortcut(x))


class _Timm(nn.Module):
    """A model of timm's, and what its pictures are scaled by."""

    def __init__(self, model: nn.Module, mean: tuple[float, ...], deviation: tuple[float, ...]):
        super().__init__()
        self.model = model
        self.mean, self.deviation = (torch.tensor(values)[:, None, None] for values in (mean, deviation))

    def train(self, mode: bool = True) -> "_Timm":
        """Always as in inference: nothing in a policy is drawn at random but by its seed."""
        return super().train(False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.model((x - self.mean) / self.deviation)
        return out


def _timm(name: str, size: int, pretrained: bool) -> Encoder:
    try:
        import timm
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "timm", "vision") from error
    except RuntimeError as error:  # as torchvision says it that was built for another torch
        raise InputError(f"timm cannot be loaded ({error}): its torchvision has to be one for this torch") from None
    settings: dict[str, Any] = {"num_classes": 0}
    try:
        if (known := timm.get_pretrained_cfg(name)) is not None and known.fixed_input_size:
            settings["img_size"] = size
        model = timm.create_model(name, pretrained=pretrained, **settings)
    except (RuntimeError, ValueError, AssertionError, OSError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"timm cannot make '{name}' for pictures of {size} pixels: {why}") from None
    scaled = timm.data.resolve_model_data_config(model)
    trunk = _Timm(group_normed(model), scaled["mean"], scaled["std"]).train()
    return Encoder(trunk, getattr(model, "head_hidden_size", model.num_features))


def group_normed(model: nn.Module) -> nn.Module:
    """The model with a group norm for every batch norm, which is scaled and shifted as that was; in place."""
    for name, child in model.named_children():
        if isinstance(child, nn.BatchNorm2d):
            norm = _norm(child.num_features)
            if child.affine:
                norm.load_state_dict({"weight": child.weight.detach(), "bias": child.bias.detach()})
            # What comes after the norm in timm's own layers goes on being done.
            after = [m for n in ("drop", "act") if isinstance(m := getattr(child, n, None), nn.Module)]
            setattr(model, name, nn.Sequential(norm, *after) if after else norm)
        else:
            group_normed(child)
    return model


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(8, channels), channels)
