"""BC-RNN, the policy of paper 1 (section V-C): a two-layer LSTM of 100 units that clones actions.

    observation -> normaliser -> LSTM -> linear -> tanh                              head "deterministic"
                                     \\-> linear -> mixture of Gaussians per step     head "gmm"

At rollout the LSTM's state is zeroed every `horizon` steps of a slot, because training starts every window of that
length from zero.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor, nn

from retouch.errors import InputError, PolicyError
from retouch.policies.bc_rnn_config import BCRNNConfig
from retouch.policies.checkpoint import Weights
from retouch.policies.info import PolicyInfo
from retouch.policies.normaliser import KINDS, Normaliser

BLOCK = 16
"""Rows of one inference: always this many, padded. A product of fixed shape treats all its rows alike, so that a row's
result cannot depend on how many others there are."""

MIN_DEVIATION = 1e-4
"""Smallest standard deviation of a mixture component in training, in units of the action (as in robomimic)."""


class BCRNNNetwork(nn.Module):
    """The trained part: normalised observations in, parameters of the action out."""

    def __init__(self, observation_dim: int, action_dim: int, config: BCRNNConfig):
        super().__init__()
        self.config, self.action_dim = config, action_dim
        self.lstm = nn.LSTM(observation_dim, config.hidden, config.layers, batch_first=True)
        outputs = action_dim if config.head == "deterministic" else (2 * action_dim + 1) * config.modes
        self.head = nn.Linear(config.hidden, outputs)

    def forward(self, observations: Float[Tensor, "B L D"]) -> Float[Tensor, "B L O"]:
        """The head's outputs over windows that each start from a zero state."""
        hidden: Tensor = self.lstm(observations)[0]
        outputs: Tensor = self.head(hidden)
        return outputs

    def loss(
        self, observations: Float[Tensor, "B L D"], actions: Float[Tensor, "B L A"], mask: Float[Tensor, "B L"]
    ) -> Float[Tensor, ""]:
        """Mean over the steps with mask 1 of ||pi(s) - a||^2 / A (deterministic) or of the negative log-likelihood in
        nats (gmm).

        At least one step of the batch must have mask 1.
        """
        outputs = self(observations)
        if self.config.head == "deterministic":
            per_step = (torch.tanh(outputs) - actions).square().mean(-1)
        else:
            per_step = -self.log_likelihood(outputs, actions)
        return (per_step * mask).sum() / mask.sum()

    def mixture(self, outputs: Float[Tensor, "*batch O"]) -> tuple[Tensor, Tensor, Tensor]:
        """Splits the head's outputs into means `*batch M A` in [-1, 1], standard deviations `*batch M A`, logits
        `*batch M`."""
        size = self.config.modes * self.action_dim
        shape = (*outputs.shape[:-1], self.config.modes, self.action_dim)
        means = torch.tanh(outputs[..., :size]).reshape(shape)
        deviations = nn.functional.softplus(outputs[..., size : 2 * size]).reshape(shape) + MIN_DEVIATION
        return means, deviations, outputs[..., 2 * size :]

    def log_likelihood(
        self, outputs: Float[Tensor, "*batch O"], actions: Float[Tensor, "*batch A"]
    ) -> Float[Tensor, "*batch"]:
        """log p(action) under the mixture, in nats."""
        means, deviations, logits = self.mixture(outputs)
        z = (actions.unsqueeze(-2) - means) / deviations
        constant = 0.5 * float(np.log(2 * np.pi))
        components = -(0.5 * z.square() + torch.log(deviations) + constant).sum(-1)
        return torch.logsumexp(torch.log_softmax(logits, -1) + components, -1)


class BCRNN:
    """A trained BC-RNN policy."""

    def __init__(self, info: PolicyInfo, network: BCRNNNetwork, normaliser: Normaliser):
        self.info, self.network, self.normaliser = info, network.eval(), normaliser

    @property
    def observation_dim(self) -> int:
        """D, the length of an observation."""
        return self.info.observation_dim

    @property
    def action_dim(self) -> int:
        """A, the length of an action."""
        return self.info.action_dim

    def session(self, slots: int) -> "BCRNNSession":
        """A session of `slots` slots, each to be reset before it acts."""
        return BCRNNSession(self, slots)

    @classmethod
    def from_weights(cls, info: PolicyInfo, weights: Weights) -> "BCRNN":
        """Builds the policy from a description and named arrays. Raises PolicyError if they do not fit each other."""
        if info.normaliser not in KINDS:
            raise PolicyError(f"unknown normaliser '{info.normaliser}' in policy.json")
        try:
            config = BCRNNConfig(**info.network)
            network = BCRNNNetwork(info.observation_dim, info.action_dim, config)
            state = {
                name.removeprefix("network."): torch.tensor(weights[name])
                for name in weights
                if name.startswith("network.")
            }
            network.load_state_dict(state)
            normaliser = Normaliser(info.normaliser, weights["normaliser.offset"], weights["normaliser.scale"])
        except (InputError, TypeError, KeyError, RuntimeError) as error:
            raise PolicyError(f"weights and policy.json do not fit each other: {error}") from None
        if normaliser.offset.shape != (info.observation_dim,) or normaliser.scale.shape != (info.observation_dim,):
            raise PolicyError(f"the stored normaliser is not for {info.observation_dim} observation entries")
        return cls(info, network, normaliser)


def network_description(config: BCRNNConfig) -> dict[str, Any]:
    """The `network` entry of `policy.json`."""
    return dataclasses.asdict(config)


def named_weights(network: Mapping[str, Tensor], normaliser: Normaliser) -> dict[str, np.ndarray]:
    """The arrays that `BCRNN.from_weights` reads, given the network's tensors by name (its `state_dict`)."""
    arrays = {f"network.{name}": tensor.detach().numpy() for name, tensor in network.items()}
    return arrays | {"normaliser.offset": normaliser.offset, "normaliser.scale": normaliser.scale}


class BCRNNSession:
    """LSTM state, age and random numbers of every slot."""

    def __init__(self, policy: BCRNN, slots: int):
        config = policy.network.config
        self._policy, self._config = policy, config
        self._hidden = np.zeros((config.layers, slots, config.hidden), np.float32)
        self._cell = np.zeros_like(self._hidden)
        self._age = np.zeros(slots, np.int64)
        self._random: list[np.random.Generator | None] = [None] * slots
        lstm = policy.network.lstm
        self._layers = [
            [getattr(lstm, f"{part}_l{layer}").detach() for part in _LSTM_PARTS] for layer in range(config.layers)
        ]
        self._rows = torch.zeros(BLOCK, policy.observation_dim)
        self._state = torch.zeros(2, config.layers, BLOCK, config.hidden)

    def reset(self, slot: int, seed: int) -> None:
        """Starts a new episode in `slot`."""
        self._random[slot] = np.random.default_rng(seed)
        self.forget(slot)

    def forget(self, slot: int) -> None:
        """Clears the recurrent state of `slot`, as at hand-back."""
        self._hidden[:, slot] = 0
        self._cell[:, slot] = 0
        self._age[slot] = 0

    def act(self, slots: Int[np.ndarray, " k"], observations: Float32[np.ndarray, "k D"]) -> Float32[np.ndarray, "k A"]:
        """Actions in [-1, 1] for `k` different slots; advances their state by a step.

        Raises PolicyError for observations of another length, a slot named twice or one that was never reset.
        """
        if observations.shape[1] != self._policy.observation_dim:
            raise PolicyError(
                f"the policy observes {self._policy.observation_dim} numbers, the task gives {observations.shape[1]}"
            )
        if len(set(slots.tolist())) != len(slots):
            raise PolicyError(f"a slot is named twice in {slots.tolist()}")
        for slot in slots[self._age[slots] == self._config.horizon]:
            self.forget(int(slot))
        normalised = self._policy.normaliser(observations)
        actions = np.empty((len(slots), self._policy.action_dim), np.float32)
        with torch.inference_mode():
            for start in range(0, len(slots), BLOCK):
                block = slice(start, start + BLOCK)
                actions[block] = self._act_block(slots[block], normalised[block])
        self._age[slots] += 1
        return actions

    def _act_block(self, slots: np.ndarray, normalised: np.ndarray) -> np.ndarray:
        count = len(slots)
        rows, state = self._rows.numpy(), self._state.numpy()
        rows[:count] = normalised
        state[0, :, :count] = self._hidden[:, slots]
        state[1, :, :count] = self._cell[:, slots]
        values = self._rows
        for layer, parameters in enumerate(self._layers):
            hidden, cell = torch.lstm_cell(values, (self._state[0, layer], self._state[1, layer]), *parameters)
            self._hidden[layer, slots] = hidden.numpy()[:count]
            self._cell[layer, slots] = cell.numpy()[:count]
            values = hidden
        outputs = self._policy.network.head(values)
        if self._config.head == "deterministic":
            actions: np.ndarray = torch.tanh(outputs).numpy()[:count]
            return actions
        means, _, logits = self._policy.network.mixture(outputs)
        cumulated = torch.softmax(logits.double(), -1).cumsum(-1).numpy()
        modes = [
            int(np.searchsorted(cumulated[row, :-1], self._draw(int(slot)), side="right"))
            for row, slot in enumerate(slots)
        ]
        chosen: np.ndarray = means.numpy()[np.arange(count), modes]
        return chosen

    def _draw(self, slot: int) -> float:
        """A uniform number in [0, 1) of the slot's own sequence."""
        random = self._random[slot]
        if random is None:
            raise PolicyError(f"slot {slot} was never reset")
        return random.random()


_LSTM_PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
