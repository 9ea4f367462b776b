"""The training loop: behavioural cloning on the windows that a method weights (paper 1, sections IV-C and V-C).

    train(TrainingData.from_datasets([Dataset("demos"), Dataset("round-1")]), method("iwr"), TrainConfig(seed=1),
    Path("policy"))

The same data, method, configuration and seed give the same weights, bit for bit, on one machine, also when the run was
stopped or killed on the way: run it again and it goes on from `training-state.safetensors`.
"""

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file

import retouch
from retouch.errors import InputError, RetouchError
from retouch.learning.batches import Sampler, Windows
from retouch.learning.config import TrainConfig
from retouch.learning.data import TrainingData
from retouch.learning.optimisation import Optimisation
from retouch.learning.weights import Method
from retouch.policies.bc_rnn import BCRNNNetwork, named_weights, network_description
from retouch.policies.checkpoint import read_info, save_checkpoint, save_policy
from retouch.policies.files import write_tensors
from retouch.policies.info import PolicyInfo
from retouch.policies.normaliser import ActionScale, Normaliser
from retouch.policies.torch_setup import threads

STATE_FILE = "training-state.safetensors"


@dataclass(frozen=True)
class TrainProgress:
    """Where a run is: gradient steps done and to do, epochs done, mean loss since the last report, steps per second."""

    step: int
    steps: int
    epoch: float
    loss: float
    steps_per_second: float


@dataclass(frozen=True)
class TrainResult:
    """How a run ended.

    Attributes:
        policy: folder of the policy
        step: gradient steps done
        steps: gradient steps planned
        epochs: passes done
        loss: loss of each step done
        seconds: wall-clock time of this call
    """

    policy: Path
    step: int
    steps: int
    epochs: float
    loss: np.ndarray
    seconds: float

    @property
    def finished(self) -> bool:
        """Whether the policy is complete; if not, the same call goes on with it."""
        return self.step == self.steps


def train(
    data: TrainingData,
    method: Method,
    config: TrainConfig,
    out: Path,
    *,
    progress: Callable[[TrainProgress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> TrainResult:
    """Trains a policy into the folder `out`, or goes on with a run that was interrupted there.

    Args:
        data: what to train on
        method: which samples count, and how much
        config: how to train
        out: the policy's folder
        progress: called every `config.report_every` steps and at the end
        stop: asked before every step whether to save and return

    Raises InputError if there is nothing to train on or `out` holds another run, RetouchError if the loss is no longer
    finite.
    """
    began = time.perf_counter()
    windows = Windows.of(data, method, config.sequence, config.split_windows_at_label_changes)
    sampler = Sampler(windows, method, config.batch, config.seed)
    steps = config.steps or config.epochs * sampler.steps_per_epoch
    fingerprint = _fingerprint(data, method, config)
    normaliser, actions = (
        Normaliser.fit(data.observation, config.normaliser),
        ActionScale.fit(data.action, data.observation),
    )
    losses = np.zeros(steps, np.float32)
    checkpoints = {round(steps * (k + 1) / config.checkpoints) for k in range(config.checkpoints)}

    def result(step: int) -> TrainResult:
        elapsed = time.perf_counter() - began
        return TrainResult(out, step, steps, step / sampler.steps_per_epoch, losses[:step].copy(), elapsed)

    if _finished(out, fingerprint):
        losses[:] = load_file(out / "losses.safetensors")["loss"]
        return result(steps)

    with threads(config.threads):
        network = _network(data, config)
        optimisation = Optimisation(network, config.learning_rate, config.decay, steps, config.ema)
        if (out / STATE_FILE).exists():
            _restore(out, fingerprint, optimisation, losses)
        reported, reported_at = optimisation.step, time.perf_counter()

        while optimisation.step < steps:
            if stop is not None and stop():
                _save_state(out, fingerprint, optimisation, losses)
                break
            picked, mask = windows.gather(sampler.draw(optimisation.step))
            seen = data.observation[picked]
            batch = normaliser(seen), actions.to_network(data.action[picked], seen), mask
            loss = network.loss(*map(torch.from_numpy, batch))
            losses[optimisation.step] = loss.detach()
            step = optimisation.descend(loss)

            if step in checkpoints:
                raw, averaged = (
                    named_weights(w, normaliser, actions) for w in (optimisation.raw(), optimisation.averaged())
                )
                save_checkpoint(out, step, raw, averaged)
            if step % config.report_every == 0 or step == steps:
                now, mean = time.perf_counter(), float(losses[reported:step].mean())
                if not np.isfinite(mean):
                    raise RetouchError(f"training diverged: the loss is {mean} by step {step}; lower the learning rate")
                if progress is not None:
                    rate = (step - reported) / (now - reported_at)
                    progress(TrainProgress(step, steps, step / sampler.steps_per_epoch, mean, rate))
                reported, reported_at = step, now
            if step % config.save_every == 0 and step < steps:
                _save_state(out, fingerprint, optimisation, losses)

        if optimisation.step == steps:
            write_tensors(out / "losses.safetensors", {"loss": losses})
            info = _describe(data, method, config, sampler, steps, fingerprint)
            save_policy(out, info, named_weights(optimisation.averaged(), normaliser, actions))
            (out / STATE_FILE).unlink(missing_ok=True)
        return result(optimisation.step)


def _network(data: TrainingData, config: TrainConfig) -> BCRNNNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return BCRNNNetwork(data.observation.shape[1], data.action.shape[1], config.network)


def _fingerprint(data: TrainingData, method: Method, config: TrainConfig) -> str:
    """Of all that the final weights depend on."""
    whole = {"data": data.digest(), "method": dataclasses.asdict(method), "config": config.what_matters()}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def _finished(out: Path, fingerprint: str) -> bool:
    if not (out / "policy.json").exists():
        return False
    _check_same_run(out, read_info(out).training.get("fingerprint"), fingerprint)
    return True


def _check_same_run(out: Path, found: str | None, fingerprint: str) -> None:
    if found != fingerprint:
        raise InputError(f"{out} holds a run with other data, method or configuration; choose another folder")


def _save_state(out: Path, fingerprint: str, optimisation: Optimisation, losses: np.ndarray) -> None:
    tensors = optimisation.state() | {"loss": losses[: optimisation.step]}
    write_tensors(out / STATE_FILE, tensors, {"fingerprint": fingerprint})


def _restore(out: Path, fingerprint: str, optimisation: Optimisation, losses: np.ndarray) -> None:
    try:
        with safe_open(out / STATE_FILE, framework="numpy") as file:
            _check_same_run(out, (file.metadata() or {}).get("fingerprint"), fingerprint)
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise RetouchError(f"{out / STATE_FILE} is damaged: {error}; delete it to start again") from None
    optimisation.restore(state)
    losses[: optimisation.step] = state["loss"]


def _describe(
    data: TrainingData, method: Method, config: TrainConfig, sampler: Sampler, steps: int, fingerprint: str
) -> PolicyInfo:
    """The policy's description, with its provenance."""
    training: dict[str, Any] = {
        "fingerprint": fingerprint,
        "data": {
            "sha256": data.digest(),
            "episodes": len(data.lengths),
            "steps": len(data.action),
            "sources": list(data.sources),
        },
        "method": dataclasses.asdict(method),
        "config": dataclasses.asdict(config),
        "seed": config.seed,
        "gradient_steps": steps,
        "epochs": steps / sampler.steps_per_epoch,
        "windows": sampler.windows,
        "intervention_share": float(sampler.share),
        "versions": {"retouch": retouch.__version__, "torch": torch.__version__, "numpy": np.__version__},
    }
    return PolicyInfo(
        type="bc-rnn",
        observation_dim=data.observation.shape[1],
        action_dim=data.action.shape[1],
        observation_names=data.observation_names,
        task=data.task,
        control_period_s=data.control_period_s,
        network=network_description(dataclasses.replace(config.network, horizon=config.sequence)),
        normaliser=config.normaliser,
        training=training,
    )
