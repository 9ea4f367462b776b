"""Behavioural cloning with a BC-RNN on the windows that a method weights (IWR, sections IV-C and V-C)."""

import dataclasses

import numpy as np
import torch
from torch import Tensor, nn

from retouch.errors import InputError
from retouch.learning.batches import Sampler, Windows
from retouch.learning.config import TrainConfig
from retouch.learning.data import TrainingData
from retouch.learning.loop import Recipe, fingerprint_of, provenance
from retouch.learning.weights import Method
from retouch.policies.bc_rnn import BCRNNNetwork, named_weights, network_description
from retouch.policies.info import PolicyInfo
from retouch.policies.normaliser import Normaliser, chunks


def recipe(data: TrainingData, method: Method, config: TrainConfig) -> Recipe:
    """How to train a BC-RNN.

    Raises InputError if there is nothing to train on, or an action is not in [-1, 1].
    """
    for chunk in chunks(data.action):
        if (largest := np.abs(chunk).max()) > 1 + 1e-5:
            raise InputError(
                f"actions must lie in [-1, 1], found {largest:.3g}: a BC-RNN cannot command this robot, "
                "a policy of --type diffusion can"
            )
    windows = Windows.of(data, method, config.sequence, config.split_windows_at_label_changes)
    sampler = Sampler(windows, method, config.batch, config.seed)
    steps = config.steps or config.epochs * sampler.steps_per_epoch
    fingerprint = fingerprint_of(data, method, config)
    normaliser = Normaliser.fit(data.observation, config.normaliser)

    def loss(network: nn.Module, step: int) -> Tensor:
        assert isinstance(network, BCRNNNetwork)
        picked, mask = windows.gather(sampler.draw(step))
        batch = normaliser(data.observation[picked]), data.action[picked], mask
        return network.loss(*map(torch.from_numpy, batch))

    return Recipe(
        network=lambda: BCRNNNetwork(data.observation.shape[1], data.action.shape[1], config.network),
        loss=loss,
        named=lambda tensors: named_weights(tensors, normaliser),
        describe=lambda: PolicyInfo(
            type="bc-rnn",
            observation_dim=data.observation.shape[1],
            action_dim=data.action.shape[1],
            observation_names=data.observation_names,
            task=data.task,
            control_period_s=data.control_period_s,
            network=network_description(dataclasses.replace(config.network, horizon=config.sequence)),
            normaliser=config.normaliser,
            training=provenance(data, method, config, sampler, steps, fingerprint),
        ),
        steps=steps,
        steps_per_epoch=sampler.steps_per_epoch,
        fingerprint=fingerprint,
    )
