"""Training the base policy of paper 2 (CR-DAgger, section 3.2 and 4.1): chunks of waypoints out of noise."""

import numpy as np
import torch
from torch import Tensor, nn

from retouch.learning.batches import Sampler, Windows
from retouch.learning.chunks import Samples
from retouch.learning.config import TrainConfig
from retouch.learning.data import TrainingData
from retouch.learning.loop import Recipe, fingerprint_of, provenance
from retouch.learning.weights import Method
from retouch.policies.diffusion import SIZE, DiffusionNetwork, named_weights, network_description
from retouch.policies.info import PolicyInfo
from retouch.policies.normaliser import Normaliser
from retouch.robots.ur5e_tick import ACTIONS

NOISE = 7  # the key of noise among what is drawn for a step


def recipe(data: TrainingData, method: Method, config: TrainConfig) -> Recipe:
    """How to train a diffusion policy: a sample is a step, weighted as the method weights windows that begin there.

    Raises PolicyError if the observations have no tool, InputError if a period of the policy is not a number of steps
    or there is nothing to train on.
    """
    samples, shape = Samples.of(data, config.diffusion), (config.diffusion.waypoints, SIZE)
    windows = Windows.of(data, method, 1)
    sampler = Sampler(windows, method, config.batch, config.seed)
    steps = config.steps or config.epochs * sampler.steps_per_epoch
    fingerprint = fingerprint_of(data, method, config)
    spread = samples.spread()
    normaliser = Normaliser.fit(samples.all_features(), config.normaliser)

    def loss(network: nn.Module, step: int) -> Tensor:
        assert isinstance(network, DiffusionNetwork)
        drawn = windows.first[sampler.draw(step)]
        random = np.random.default_rng([config.seed, NOISE, step])
        noise = random.standard_normal((len(drawn), *shape), dtype=np.float32)
        share = random.random(len(drawn), dtype=np.float32)
        batch = normaliser(samples.features(drawn)), spread.normalised(samples.waypoints(drawn)), noise, share
        return network.loss(*map(torch.from_numpy, batch))

    return Recipe(
        network=lambda: DiffusionNetwork(len(normaliser.offset), config.diffusion),
        loss=loss,
        named=lambda tensors: named_weights(tensors, normaliser, spread),
        describe=lambda: PolicyInfo(
            type="diffusion",
            observation_dim=data.observation.shape[1],
            action_dim=ACTIONS,
            observation_names=data.observation_names,
            task=data.task,
            control_period_s=data.control_period_s,
            network=network_description(config.diffusion),
            normaliser=config.normaliser,
            training=provenance(data, method, config, sampler, steps, fingerprint),
        ),
        steps=steps,
        steps_per_epoch=sampler.steps_per_epoch,
        fingerprint=fingerprint,
    )
