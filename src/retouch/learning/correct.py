"""Training the residual policy of paper 2 (CR-DAgger, section 3.2): corrections out of what is seen and felt.

correct(Corrections.from_datasets([Dataset("pushed")]), Path("base"), method("compliant-residual"), TrainConfig(),
Path("policy"))
"""

import copy
import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor, nn

from retouch.errors import InputError, PolicyError
from retouch.learning.batches import Sampler, Windows
from retouch.learning.config import TrainConfig
from retouch.learning.corrections import Corrections, Samples, disagreement
from retouch.learning.loop import Recipe, TrainProgress, TrainResult, provenance, run
from retouch.learning.pictures import SOME
from retouch.learning.weights import Method
from retouch.policies.checkpoint import Weights, load_policy, read_info, read_weights
from retouch.policies.chunks import ChunkPolicy
from retouch.policies.eyes import Sighted, eyes_of
from retouch.policies.files import write_json
from retouch.policies.info import PolicyInfo
from retouch.policies.normaliser import CHUNK, Normaliser
from retouch.policies.residual import ResidualPolicy
from retouch.policies.residual_config import ResidualConfig
from retouch.policies.residual_network import ResidualNetwork, Scales, named_weights, network_description
from retouch.policies.residual_view import ResidualView
from retouch.robots.ur5e_tick import ACTIONS

NOISE = 11  # the key of noise among what is drawn for a step


def correct(
    data: Corrections,
    base: Path,
    method: Method,
    config: TrainConfig,
    out: Path,
    *,
    start: Path | None = None,
    progress: Callable[[TrainProgress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> TrainResult:
    """Trains a residual policy beside the policy in `base` into the folder `out`, or goes on with that.

    Args:
        start: a residual policy whose weights are trained on, scales and all; from new ones without.

    Raises as `learning.train.train` does; PolicyError if the base cannot be read, or nothing goes beside it.
    """
    config = dataclasses.replace(config, type="residual")
    result = run(recipe(data, base, method, config, start), config, out, progress=progress, stop=stop)
    if result.finished and not (told := out / "held-out.json").exists():
        write_json(told, held_out(out, data, config))
    return result


def held_out(folder: Path, data: Corrections, config: TrainConfig) -> dict[str, float | None]:
    """What a trained residual makes of the episodes that nothing was learnt from: their number, steps, and the loss.

    The loss is as in training, without its noise; None where there are none. It does not tell the better policy: that
    is for rollouts to say.
    """
    policy = load_policy(folder)
    assert isinstance(policy, ResidualPolicy)
    samples = Samples.of(data, config.corrections, policy.network.config)
    steps, errors = np.flatnonzero(samples.learnt & samples.kept_back), []
    size = policy.network.size
    for some in _some(steps):
        observation, tool = observed(data, policy.base, some), policy.view.tool(data.observation[some])
        ahead = samples.ahead(some, tool) if samples.shape.base_action else None
        noise = np.zeros((len(some), samples.shape.frames * size), np.float32)
        said = policy.correct(observation, samples.poses(some, tool), samples.readings(some), ahead, noise)
        apart = policy.scales.scaled(said[..., :size]) - policy.scales.scaled(samples.frames(some))
        errors.append(np.square(apart).mean(axis=1))
    episodes = int(data.held_out(config.corrections.held_out).sum())
    loss = float(np.concatenate(errors).mean()) if errors else None
    return {"episodes": episodes, "steps": len(steps), "loss": loss}


def shape_for(method: Method, shape: ResidualConfig) -> ResidualConfig:
    """The shape that a method asks for: "residual" neither feels nor presses."""
    return shape if method.feels else dataclasses.replace(shape, force=False, wrench=False)


def recipe(data: Corrections, base: Path, method: Method, config: TrainConfig, start: Path | None = None) -> Recipe:
    """How to train a residual policy: a sample is a step; those soon after a correction began count more.

    Raises InputError if there is nothing to train on, PolicyError if the base cannot be read.
    """
    (below, acting), arrays = _below(base, data), read_weights(base)
    shape = shape_for(method, config.residual)
    if config.corrections.labels == "hand":  # it has what is pressed in it: a wrench besides would count it twice
        shape = dataclasses.replace(shape, wrench=False)
    samples = Samples.of(data, config.corrections, shape)
    view = ResidualView(data.observation_names, shape, scene=eyes_of(acting) is None)
    chosen = np.flatnonzero(samples.learnt & ~samples.kept_back)
    if not len(chosen):
        raise InputError("no samples to learn from: every episode is held out, or nobody was in control")
    weighted = dataclasses.replace(method, alpha=config.corrections.dense_weight)
    windows = Windows(chosen, samples.dense[chosen], samples.last, samples.learnt, 1)
    sampler = Sampler(windows, weighted, config.batch, config.seed)
    steps = config.steps or config.epochs * sampler.steps_per_epoch
    everything = np.arange(len(data))
    seen_then = observed(data, acting, everything)
    features = np.concatenate([_features(view, samples, seen_then, some) for some in _some(everything)])
    begun = _begun(start, shape)
    normaliser = begun.normaliser if begun else Normaliser.fit(features[chosen], config.normaliser)
    scales = begun.scales if begun else Scales.of(data.contact[chosen, -1], samples.frames(chosen))
    whole = {
        "data": data.digest(),
        "base": _digest(arrays),
        "below": below.network,
        "method": weighted.to_json(),
        "config": config.what_matters(),
    }
    if start is not None:
        whole["start"] = _digest(read_weights(start))
    fingerprint = hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
    bias = np.array([config.corrections.force_noise] * 3 + [config.corrections.torque_noise] * 3)

    def loss(network: nn.Module, step: int) -> Tensor:
        assert isinstance(network, ResidualNetwork)
        drawn = chosen[sampler.draw(step)]
        seen, readings, frames = normaliser(features[drawn]), samples.readings(drawn), samples.frames(drawn)
        random = np.random.default_rng([config.seed, NOISE, step])
        readings = readings + bias * random.standard_normal((len(readings), 1, 6))
        readings += bias * random.standard_normal(readings.shape)
        draws = torch.Generator().manual_seed(int(random.integers(2**63)))
        felt = (readings * scales.readings).astype(np.float32)
        wanted = scales.scaled(frames)
        return network.loss(torch.from_numpy(seen), torch.from_numpy(felt), torch.from_numpy(wanted), draws)

    return Recipe(
        network=lambda: copy.deepcopy(begun.network) if begun else ResidualNetwork(features.shape[1], shape),
        loss=loss,
        named=lambda tensors: named_weights(tensors, normaliser, scales, arrays),
        describe=lambda: PolicyInfo(
            type="residual",
            observation_dim=data.observation.shape[1],
            action_dim=ACTIONS,
            observation_names=data.observation_names,
            task=data.task,
            control_period_s=data.control_period_s,
            network=network_description(shape, below),
            normaliser=config.normaliser,
            training=provenance(data, weighted, config, sampler, steps, fingerprint)
            | {"base": str(base), "labels_apart_mm": disagreement(data)},
        ),
        steps=steps,
        steps_per_epoch=sampler.steps_per_epoch,
        fingerprint=fingerprint,
    )


def _begun(start: Path | None, shape: ResidualConfig) -> ResidualPolicy | None:
    """The residual policy that is trained on."""
    if start is None:
        return None
    policy = load_policy(start)
    if not isinstance(policy, ResidualPolicy) or policy.network.config != shape:
        raise PolicyError(f"{start} is no residual policy of the same shape: it cannot be trained on")
    return policy


def _digest(arrays: Weights) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays.values())).hexdigest()


def observed(data: Corrections, base: ChunkPolicy, steps: Int64[np.ndarray, " B"]) -> Float32[np.ndarray, "B C"]:
    """Observations of these steps; beside a base that looks, what its encoder makes of the newest picture behind them.

    The encoder is frozen, so that it sees every picture once, whatever the number of epochs; nothing is shifted.
    """
    observation = data.observation[steps]
    if eyes_of(base) is None:
        return observation
    if data.pictures is None:
        raise InputError("the base goes by pictures, and these corrections have none")
    assert isinstance(base, Sighted)
    which, row = np.unique(data.pictures.newest[steps], return_inverse=True)
    embedded = [base.embed(data.pictures.shown[some]) for some in _some(which, SOME)]
    return np.concatenate([observation, np.concatenate(embedded)[row]], axis=1)


def _below(base: Path, data: Corrections) -> tuple[PolicyInfo, ChunkPolicy]:
    """The policy that a residual goes beside."""
    info, acting = read_info(base), load_policy(base)
    if not isinstance(acting, ChunkPolicy):
        raise PolicyError(f"{base} is of the type '{info.type}': a residual goes beside a policy of waypoints")
    for name, one, other in (
        ("task", info.task, data.task),
        ("control period", info.control_period_s, data.control_period_s),
        ("observation", info.observation_names, data.observation_names),
    ):
        if one != other:
            raise PolicyError(f"{base} has another {name} than the corrections: it is not what was corrected")
    return info, acting


def _features(
    view: ResidualView, samples: Samples, seen: Float32[np.ndarray, "T C"], steps: Int64[np.ndarray, " B"]
) -> Float32[np.ndarray, "B F"]:
    observation = seen[steps]
    tool = view.tool(observation)
    ahead = samples.ahead(steps, tool) if samples.shape.base_action else None
    return view.features(observation, samples.poses(steps, tool), ahead)


def _some(steps: Int64[np.ndarray, " T"], most: int = CHUNK) -> list[Int64[np.ndarray, " B"]]:
    return [steps[begin : begin + most] for begin in range(0, len(steps), most)]
