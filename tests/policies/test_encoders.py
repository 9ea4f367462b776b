"""Encoders of pictures: every weight learns, a picture is encoded by itself, and timm's models fit in."""

import sys
import types

import numpy as np
import pytest
import torch
from torch import nn

from retouch.errors import InputError, MissingExtra, UnknownName
from retouch.policies.diffusion_config import DiffusionConfig
from retouch.policies.encoders import FEATURES, Encoder, Keypoints, encoder_of, group_normed


def pictures(count: int, size: int = 48) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8))


def looking(images: str, picture: int = 48) -> DiffusionConfig:
    return DiffusionConfig(images=images, picture=picture)


def check(encoder: Encoder) -> None:
    """Features of the right shape, to which every weight contributes; no state but the weights."""
    out = encoder(pictures(2))
    assert out.shape == (2, FEATURES)
    out.square().sum().backward()
    still = [name for name, weights in encoder.named_parameters() if weights.grad is None or not weights.grad.any()]
    assert not still
    assert set(encoder.state_dict()) == {name for name, _ in encoder.named_parameters()}


@pytest.mark.parametrize("images", ["cnn", "resnet18"])
def test_every_weight_learns(images: str) -> None:
    torch.manual_seed(0)
    check(encoder_of(looking(images)))


def test_a_keypoint_is_where_a_channel_is_strongest() -> None:
    maps = torch.zeros(1, 2, 5, 9)
    maps[0, 0, 0, 8] = maps[0, 1, 4, 2] = 50.0
    torch.testing.assert_close(Keypoints()(maps), torch.tensor([[1.0, -0.5, -1.0, 1.0]]), atol=1e-6, rtol=0)


class Normed(nn.Sequential):
    """A model as timm makes them, with a batch norm that acts, too, and one deeper down."""

    def __init__(self, num_classes: int, img_size: int | None = None):
        acting = nn.BatchNorm2d(8)
        acting.act = nn.ReLU()
        super().__init__(
            *(nn.Conv2d(3, 8, 3), acting, nn.Sequential(nn.Conv2d(8, 6, 3), nn.BatchNorm2d(6))),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.5)),
        )
        assert num_classes == 0
        self.num_features, self.img_size = 6, img_size


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """What is used of timm, in place of it."""
    fake = types.ModuleType("timm")

    def create_model(name: str, pretrained: bool, **settings: int) -> Normed:
        if name not in ("normed", "patches"):
            raise RuntimeError(f"Unknown model ({name})\nand more")
        if pretrained:
            raise OSError("no route to the hub")
        return Normed(**settings)

    fixed = types.SimpleNamespace(fixed_input_size=True)
    fake.create_model = create_model  # type: ignore[attr-defined]
    fake.get_pretrained_cfg = lambda name: fixed if name == "patches" else None  # type: ignore[attr-defined]
    scaled = {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
    fake.data = types.SimpleNamespace(resolve_model_data_config=lambda model: scaled)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "timm", fake)
    return fake


def test_a_model_of_timms_is_as_any_other(timm: types.ModuleType) -> None:
    torch.manual_seed(0)
    encoder = encoder_of(looking("timm:normed"))
    check(encoder)
    encoder.train()  # and yet nothing is dropped at random
    torch.testing.assert_close(encoder(pictures(2)), encoder(pictures(2)), atol=0, rtol=0)
    assert encoder_of(looking("timm:normed")).trunk.model.img_size is None
    assert encoder_of(looking("timm:patches")).trunk.model.img_size == 48


def test_what_timm_cannot_do_is_one_line(timm: types.ModuleType) -> None:
    with pytest.raises(
        InputError, match=r"cannot make 'resnet1' for pictures of 48 pixels: Unknown model \(resnet1\)$"
    ):
        encoder_of(looking("timm:resnet1"))
    with pytest.raises(InputError, match="no route"):
        encoder_of(looking("timm:normed"), pretrained=True)


def test_without_timm_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtra, match=r"retouch\[vision\]"):
        encoder_of(looking("timm:resnet10t"))


@pytest.mark.parametrize("name", ["resnet10t", "vit_tiny_patch16_224", "mobilenetv3_small_050"])
def test_timm_itself(name: str) -> None:
    pytest.importorskip("timm", reason="timm is not installed (extra 'vision')", exc_type=ImportError)
    torch.manual_seed(0)
    check(encoder_of(looking(f"timm:{name}")))


def test_group_norm_goes_on_as_batch_norm_left_off() -> None:
    model = Normed(0)
    nn.init.constant_(model[1].weight, 3.0)
    group_normed(model)
    assert not [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    norm, act = model[1]
    assert (norm.weight == 3.0).all()
    assert isinstance(act, nn.ReLU)


def test_what_cannot_be_looked_through_says_so() -> None:
    with pytest.raises(UnknownName, match="did you mean 'resnet18'"):
        DiffusionConfig(images="resnet")
    with pytest.raises(InputError, match=r"pictures 0\.08 s apart, not 0\.1"):
        DiffusionConfig(images="cnn", history_period=0.1)
    with pytest.raises(InputError, match="16 pixels at least"):
        DiffusionConfig(images="cnn", picture=8)
    with pytest.raises(InputError, match="leave pretrained out"):
        DiffusionConfig(images="cnn", pretrained=True)
