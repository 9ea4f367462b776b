"""Adam and the moving average over all weights of a network as one vector.

One vector instead of a tensor per layer: a step is ten small operations whatever the network, and the state of a run
is four arrays.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from retouch.errors import RetouchError, UnknownName
from retouch.learning.config import DECAYS

BETAS, EPSILON = (0.9, 0.999), 1e-8


class Optimisation:
    """Descends the loss of `network`, whose parameters become views of one vector of P weights."""

    def __init__(self, network: nn.Module, learning_rate: float, decay: str, steps: int, ema: float):
        """`learning_rate` falls to zero over `steps` as `decay` says; `ema` is the decay of the moving average of the
        weights."""
        if decay not in DECAYS:
            raise UnknownName("decay of the learning rate", decay, DECAYS)
        parameters = list(network.named_parameters())
        self._shapes = {name: parameter.shape for name, parameter in parameters}
        self._vector = torch.cat([parameter.detach().flatten() for _, parameter in parameters])
        self._gradient = torch.zeros_like(self._vector)
        for (_, parameter), weights, gradient in zip(
            parameters, self._split(self._vector).values(), self._split(self._gradient).values(), strict=True
        ):
            parameter.data, parameter.grad = weights, gradient
        self._first, self._second = torch.zeros_like(self._vector), torch.zeros_like(self._vector)
        self._average = self._vector.clone()
        self._learning_rate, self._decay, self._steps, self._ema = learning_rate, decay, steps, ema
        self.step = 0

    def descend(self, loss: Float[Tensor, ""]) -> int:
        """One gradient step of Adam (Kingma and Ba, algorithm 1); returns how many there have been."""
        self._gradient.zero_()
        loss.backward()
        rate = self._rate()
        self.step += 1
        self._first.lerp_(self._gradient, 1 - BETAS[0])
        self._second.mul_(BETAS[1]).addcmul_(self._gradient, self._gradient, value=1 - BETAS[1])
        first_bias, second_bias = 1 - BETAS[0] ** self.step, 1 - BETAS[1] ** self.step
        denominator = self._second.sqrt().div_(math.sqrt(second_bias)).add_(EPSILON)
        self._vector.addcdiv_(self._first, denominator, value=-rate / first_bias)
        decay = min(self._ema, (1 + self.step) / (10 + self.step))
        self._average.lerp_(self._vector, 1 - decay)
        return self.step

    def raw(self) -> dict[str, Tensor]:
        """The weights as they are, by name."""
        return self._split(self._vector)

    def averaged(self) -> dict[str, Tensor]:
        """The moving average of the weights, by name."""
        return self._split(self._average)

    def state(self) -> dict[str, np.ndarray]:
        """All that changes: the step and four vectors of P numbers."""
        return {name: vector.numpy() for name, vector in self._vectors().items()} | {"step": np.array([self.step])}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Takes a `state` back. Raises RetouchError if it is another network's."""
        for name, vector in self._vectors().items():
            if name not in state or state[name].shape != tuple(vector.shape):
                raise RetouchError(f"the training state does not fit the network ({name})")
            vector.copy_(torch.from_numpy(state[name]))
        self.step = int(state["step"][0])

    def _vectors(self) -> dict[str, Tensor]:
        return {"raw": self._vector, "ema": self._average, "adam.first": self._first, "adam.second": self._second}

    def _split(self, vector: Float[Tensor, " P"]) -> dict[str, Tensor]:
        parts = vector.split([shape.numel() for shape in self._shapes.values()])
        return {name: part.view(shape) for (name, shape), part in zip(self._shapes.items(), parts, strict=True)}

    def _rate(self) -> float:
        left = 1 - self.step / self._steps
        if self._decay == "constant":
            return self._learning_rate
        return self._learning_rate * (left if self._decay == "linear" else 0.5 * (1 - math.cos(math.pi * left)))
