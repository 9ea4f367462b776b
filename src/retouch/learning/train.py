"""Training a policy of any type on what a method weights.

train(TrainingData.from_datasets([Dataset("demos"), Dataset("round-1")]), method("iwr"), TrainConfig(seed=1),
Path("policy"))
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

from retouch.errors import InputError
from retouch.learning import clone, denoise
from retouch.learning.config import PolicyType, TrainConfig
from retouch.learning.data import TrainingData
from retouch.learning.loop import Recipe, TrainProgress, TrainResult, run
from retouch.learning.weights import Method

RECIPES: dict[PolicyType, Callable[[TrainingData, Method, TrainConfig], Recipe]] = {
    "bc-rnn": clone.recipe,
    "diffusion": denoise.recipe,
}
FINETUNED: dict[PolicyType, Callable[[TrainingData, Method, TrainConfig, Path], Recipe]] = {"diffusion": denoise.recipe}


def train(
    data: TrainingData,
    method: Method,
    config: TrainConfig,
    out: Path,
    *,
    base: Path | None = None,
    progress: Callable[[TrainProgress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> TrainResult:
    """Trains a policy into the folder `out`, or goes on with a run that was interrupted there.

    Args:
        data: what to train on
        method: which samples count, and how much
        config: how to train
        out: the policy's folder
        base: folder of the policy that is finetuned, by a method that does
        progress: called every `config.report_every` steps and at the end
        stop: asked before every step whether to save and return

    Raises InputError if there is nothing to train on, the data or the method do not suit the policy or `out` holds
    another run; PolicyError if the base does not suit; RetouchError if the loss is no longer finite.
    """
    if (method.update == "finetune") != (base is not None):
        raise InputError(f"the method {method.name} {'needs' if base is None else 'goes without'} a base")
    if method.update == "residual" or config.type not in RECIPES:
        raise InputError("a residual is trained beside a base, by the methods residual and compliant-residual")
    if base is None:
        return run(RECIPES[config.type](data, method, config), config, out, progress=progress, stop=stop)
    if config.type not in FINETUNED:
        raise InputError(f"policies of the type {config.type} cannot be finetuned: {' or '.join(FINETUNED)} can")
    config = dataclasses.replace(config, learning_rate=method.rate * config.learning_rate)
    return run(FINETUNED[config.type](data, method, config, base), config, out, progress=progress, stop=stop)
