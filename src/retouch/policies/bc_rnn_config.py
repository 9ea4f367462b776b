"""The shape of a BC-RNN; no torch here, so that commands can describe one quickly."""

from dataclasses import dataclass
from typing import Literal

from retouch.errors import InputError, UnknownName

Head = Literal["deterministic", "gmm"]
HEADS = ("deterministic", "gmm")


@dataclass(frozen=True)
class BCRNNConfig:
    """Shape of the network.

    Attributes:
        hidden: units of an LSTM layer
        layers: LSTM layers
        head: "deterministic", or "gmm" for a mixture of Gaussians
        modes: components of the mixture
        horizon: steps after which the LSTM's state is zeroed at rollout; the sequence length in training
    """

    hidden: int = 100
    layers: int = 2
    head: Head = "deterministic"
    modes: int = 5
    horizon: int = 10

    def __post_init__(self) -> None:
        if self.head not in HEADS:
            raise UnknownName("head", self.head, HEADS)
        if min(self.hidden, self.layers, self.modes, self.horizon) < 1:
            raise InputError("hidden, layers, modes and horizon of a BC-RNN must be at least 1")
