"""The training loop of every kind of policy: gradient steps, checkpoints, progress, and going on after a kill.

The same recipe and configuration give the same weights, bit for bit, on one machine, also when the run was stopped or
killed on the way: run it again and it goes on from `training-state.safetensors`.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file
from torch import Tensor, nn

import retouch
from retouch.errors import InputError, RetouchError
from retouch.learning.batches import Sampler
from retouch.learning.config import TrainConfig
from retouch.learning.data import TrainingData
from retouch.learning.optimisation import Optimisation
from retouch.learning.weights import Method
from retouch.policies.checkpoint import read_info, save_checkpoint, save_policy
from retouch.policies.files import write_tensors
from retouch.policies.info import PolicyInfo
from retouch.policies.torch_setup import threads

STATE_FILE = "training-state.safetensors"


@dataclass(frozen=True)
class Recipe:
    """What is trained, and on what.

    Attributes:
        network: with its first weights; made once it is known that there is something to do
        loss: of the batch of a gradient step, counted from 0
        named: the policy's arrays, given the network's tensors by name
        describe: the policy, with its provenance
        steps: gradient steps
        steps_per_epoch: as many as draw as many windows as there are
        fingerprint: of all that the final weights depend on
    """

    network: Callable[[], nn.Module]
    loss: Callable[[nn.Module, int], Float[Tensor, ""]]
    named: Callable[[Mapping[str, Tensor]], dict[str, np.ndarray]]
    describe: Callable[[], PolicyInfo]
    steps: int
    steps_per_epoch: int
    fingerprint: str


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


def run(
    recipe: Recipe,
    config: TrainConfig,
    out: Path,
    *,
    progress: Callable[[TrainProgress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> TrainResult:
    """Trains a policy into the folder `out`, or goes on with a run that was interrupted there.

    Args:
        progress: called every `config.report_every` steps and at the end
        stop: asked before every step whether to save and return

    Raises InputError if `out` holds another run, RetouchError if the loss is no longer finite.
    """
    began, steps, fingerprint = time.perf_counter(), recipe.steps, recipe.fingerprint
    losses = np.zeros(steps, np.float32)
    checkpoints = {round(steps * (k + 1) / config.checkpoints) for k in range(config.checkpoints)}

    def result(step: int) -> TrainResult:
        elapsed = time.perf_counter() - began
        return TrainResult(out, step, steps, step / recipe.steps_per_epoch, losses[:step].copy(), elapsed)

    if _finished(out, fingerprint):
        losses[:] = load_file(out / "losses.safetensors")["loss"]
        return result(steps)

    with threads(config.threads):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            network = recipe.network()
        optimisation = Optimisation(network, config.learning_rate, config.decay, steps, config.ema)
        if (out / STATE_FILE).exists():
            _restore(out, fingerprint, optimisation, losses)
        reported, reported_at = optimisation.step, time.perf_counter()

        while optimisation.step < steps:
            if stop is not None and stop():
                _save_state(out, fingerprint, optimisation, losses)
                break
            loss = recipe.loss(network, optimisation.step)
            losses[optimisation.step] = loss.detach()
            step = optimisation.descend(loss)

            if step in checkpoints:
                save_checkpoint(out, step, recipe.named(optimisation.raw()), recipe.named(optimisation.averaged()))
            if step % config.report_every == 0 or step == steps:
                now, mean = time.perf_counter(), float(losses[reported:step].mean())
                if not np.isfinite(mean):
                    raise RetouchError(f"training diverged: the loss is {mean} by step {step}; lower the learning rate")
                if progress is not None:
                    rate = (step - reported) / (now - reported_at)
                    progress(TrainProgress(step, steps, step / recipe.steps_per_epoch, mean, rate))
                reported, reported_at = step, now
            if step % config.save_every == 0 and step < steps:
                _save_state(out, fingerprint, optimisation, losses)

        if optimisation.step == steps:
            write_tensors(out / "losses.safetensors", {"loss": losses})
            save_policy(out, recipe.describe(), recipe.named(optimisation.averaged()))
            (out / STATE_FILE).unlink(missing_ok=True)
        return result(optimisation.step)


def fingerprint_of(data: TrainingData, method: Method, config: TrainConfig) -> str:
    """Of all that the final weights depend on."""
    whole = {"data": data.digest(), "method": method.to_json(), "config": config.what_matters()}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


@runtime_checkable
class Described(Protocol):
    """Data that say where they come from."""

    def described(self) -> dict[str, Any]:
        """Plain JSON."""


def provenance(
    data: Described, method: Method, config: TrainConfig, sampler: Sampler, steps: int, fingerprint: str
) -> dict[str, Any]:
    """Where a policy comes from, as plain JSON."""
    return {
        "fingerprint": fingerprint,
        "data": data.described(),
        "method": method.to_json(),
        "config": config.what_matters(),
        "seed": config.seed,
        "gradient_steps": steps,
        "epochs": steps / sampler.steps_per_epoch,
        "windows": sampler.windows,
        "intervention_share": float(sampler.share),
        "versions": {"retouch": retouch.__version__, "torch": torch.__version__, "numpy": np.__version__},
    }


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
