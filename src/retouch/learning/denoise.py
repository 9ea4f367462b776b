"""Training the base policy of paper 2 (CR-DAgger, section 3.2 and 4.1): chunks of waypoints out of noise.

Of a policy that looks, a sample is a step with a picture of its own, and its pictures are shifted at random.

Finetuned, it goes on from the base's weights, its normaliser and spread kept, and its encoder frozen. The divergence
from the base that may hold it back is, step by step of the denoising, that of two Gaussians of one width (Fan et al.
2023, DPOK): the squared distance between what the two networks name.
"""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from retouch.errors import PolicyError
from retouch.learning.batches import Sampler, Windows
from retouch.learning.chunks import Samples
from retouch.learning.config import TrainConfig
from retouch.learning.data import TrainingData
from retouch.learning.loop import Recipe, fingerprint_of, provenance
from retouch.learning.pictures import shifted
from retouch.learning.weights import Method
from retouch.policies.checkpoint import load_policy
from retouch.policies.diffusion import SIZE, DiffusionNetwork, DiffusionPolicy, named_weights, network_description
from retouch.policies.info import PolicyInfo
from retouch.policies.normaliser import Normaliser
from retouch.robots.ur5e_tick import ACTIONS

NOISE, SHIFT = 7, 8  # the keys of noise and shifts among what is drawn for a step


def recipe(data: TrainingData, method: Method, config: TrainConfig, base: Path | None = None) -> Recipe:
    """How to train a diffusion policy: a sample is a step, weighted as the method weights windows that begin there.

    Args:
        base: folder of the policy that is finetuned, whose shape it keeps; None to begin with a new one.

    Raises PolicyError if the observations have no tool, or the base cannot be read or sees something else; InputError
    if a period of the policy is not a number of steps or there is nothing to train on.
    """
    before = _base(base, data) if base is not None else None
    if before is not None:
        config = dataclasses.replace(config, diffusion=before.network.config)
    samples = Samples.of(data, config.diffusion, config.virtual_targets)
    shape = (config.diffusion.waypoints, SIZE)
    windows = Windows.of(data, method, 1)
    if samples.pictures is not None:
        windows = windows.among(samples.pictures.fresh)
    sampler = Sampler(windows, method, config.batch, config.seed)
    steps = config.steps or config.epochs * sampler.steps_per_epoch
    fingerprint = fingerprint_of(data, method, config)
    if before is None:
        spread, normaliser = samples.spread(), Normaliser.fit(samples.all_features(), config.normaliser)
    else:
        spread, normaliser = before.spread, before.normaliser
        weights = b"".join(tensor.numpy().tobytes() for tensor in before.network.state_dict().values())
        fingerprint = hashlib.sha256(fingerprint.encode() + weights).hexdigest()

    def loss(network: nn.Module, step: int) -> Tensor:
        assert isinstance(network, DiffusionNetwork)
        drawn = windows.first[sampler.draw(step)]
        random = np.random.default_rng([config.seed, NOISE, step])
        noise = random.standard_normal((len(drawn), *shape), dtype=np.float32)
        share = random.random(len(drawn), dtype=np.float32)
        seen, waypoints = normaliser(samples.features(drawn)), spread.normalised(samples.waypoints(drawn))
        arrays = (seen, waypoints, noise, share, samples.counts(drawn))
        a, b, c, d, e = (torch.from_numpy(array) for array in arrays)
        held_by = before.network if before is not None and method.anchor else None
        if network.encoder is not None:
            shift = np.random.default_rng([config.seed, SHIFT, step])
            pictures = shifted(samples.shown(drawn), config.diffusion.shift, shift)
            with torch.set_grad_enabled(before is None):
                a = network.seen(a, torch.from_numpy(pictures))
        return network.loss(a, b, c, d, e, held_by, method.anchor)

    def network() -> DiffusionNetwork:
        made = DiffusionNetwork(len(normaliser.offset), config.diffusion, begun=before is not None)
        if before is not None:
            made.load_state_dict(before.network.state_dict())
        return made

    return Recipe(
        network=network,
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


def _base(folder: Path, data: TrainingData) -> DiffusionPolicy:
    policy = load_policy(folder)
    if not isinstance(policy, DiffusionPolicy):
        raise PolicyError(f"{folder} is not a policy of type diffusion: another cannot be finetuned")
    if policy.info.observation_names != data.observation_names:
        raise PolicyError(f"{folder} sees something else: it cannot be finetuned on these data")
    return policy
