"""The shape of a diffusion policy; no torch here, so that commands can describe one quickly."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from retouch.errors import InputError, UnknownName
from retouch.policies.eyes import PICTURE_PERIOD, Eyes

Denoiser = Literal["unet", "mlp"]
DENOISERS = ("unet", "mlp")
Process = Literal["diffusion", "flow"]
PROCESSES = ("diffusion", "flow")
TIMM = "timm:"
IMAGES = ("none", "cnn", "resnet18", f"{TIMM}NAME")
OF_PICTURES = ("images", "picture", "camera", "shift", "pretrained")
"""The settings that concern a policy that looks alone."""


@dataclass(frozen=True)
class DiffusionConfig:
    """Shape of the policy (CR-DAgger, section 3.2 and the published code).

    Attributes:
        denoiser: "unet" over the waypoints (the paper's), or "mlp": quicker, for observations that are few numbers
        hidden: units of a layer of the MLP
        channels: of the U-Net's levels; a level halves the number of waypoints. The paper's has 256, 512 and 1024.
        kernel: of its convolutions
        embedding: length of the embedding of the noise level
        process: "diffusion" (DDIM) or "flow" (rectified flow: straight ways from noise to waypoints)
        levels: of noise in training; diffusion only
        inference_steps: of the network for one chunk
        waypoints: of a chunk
        waypoint_period: from one to the next [s]
        executed: waypoints after which the next chunk is asked for
        history: observations that it sees
        history_period: from one to the next [s]
        images: what encodes the pictures that it sees in place of the scene's poses: "cnn", "resnet18" or "timm:NAME";
            or "none", where it goes by the poses (`policies.encoders`)
        picture: size of its pictures [pixels]
        camera: that they are of
        shift: most that they are shifted in training, either way [pixels]
        pretrained: whether a model of timm's begins with its own weights, which are fetched
    """

    denoiser: Denoiser = "unet"
    hidden: int = 512
    channels: tuple[int, ...] = (32, 64, 128)
    kernel: int = 5
    embedding: int = 64
    process: Process = "diffusion"
    levels: int = 50
    inference_steps: int = 16
    waypoints: int = 32
    waypoint_period: float = 0.1
    executed: int = 12
    history: int = 2
    history_period: float = 0.16
    images: str = "none"
    picture: int = 96
    camera: str = "wrist"
    shift: int = 4
    pretrained: bool = False

    def __post_init__(self) -> None:
        if self.process not in PROCESSES:
            raise UnknownName("process", self.process, PROCESSES)
        if self.denoiser not in DENOISERS:
            raise UnknownName("denoiser", self.denoiser, DENOISERS)
        counts = (
            *self.channels,
            self.hidden,
            self.kernel,
            self.levels,
            self.inference_steps,
            self.executed,
            self.history,
        )
        if not self.channels or min(counts) < 1 or self.embedding < 4 or self.embedding % 4:
            raise InputError(
                "channels, kernel, levels, steps and numbers are at least 1, the embedding a multiple of 4"
            )
        if self.denoiser == "unet" and self.waypoints % 2 ** (len(self.channels) - 1):
            raise InputError(f"{len(self.channels)} levels halve the waypoints as often: {self.waypoints} cannot be")
        if self.executed > self.waypoints or self.inference_steps > self.levels:
            raise InputError("no more waypoints are executed than there are, and no more steps taken than levels")
        if not (self.waypoint_period > 0 and self.history_period > 0):
            raise InputError("periods are positive")
        if self.images not in IMAGES[:-1] and not (self.images.startswith(TIMM) and self.images != TIMM):
            raise UnknownName("encoder of images", self.images, IMAGES)
        if self.pretrained and not self.images.startswith(TIMM):
            raise InputError("only a model of timm's has weights of its own: leave pretrained out")
        if self.eyes is not None:
            if not 0 <= self.shift < self.picture or self.picture < 16:
                raise InputError("pictures are of 16 pixels at least, and shifted by less than their size")
            pictures = self.history_period / PICTURE_PERIOD
            if self.history > 1 and abs(pictures - round(pictures)) > 1e-6:
                raise InputError(
                    f"history_period is a number of pictures {PICTURE_PERIOD} s apart, not {self.history_period}"
                )

    @property
    def eyes(self) -> Eyes | None:
        """What it looks through; None where it goes by numbers alone."""
        return None if self.images == "none" else Eyes(self.camera, self.picture)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; what concerns pictures only where there are any."""
        document = asdict(self) | {"channels": list(self.channels)}
        return document if self.eyes else {n: value for n, value in document.items() if n not in OF_PICTURES}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The reverse of `to_json`.

        Raises:
            TypeError: it has other fields.
            InputError: a value that cannot be.
        """
        return cls(**dict(document, channels=tuple(document.get("channels", cls.channels))))
