"""Training a policy of any type on what a method weights.

train(TrainingData.from_datasets([Dataset("demos"), Dataset("round-1")]), method("iwr"), TrainConfig(seed=1),
Path("policy"))
"""

from collections.abc import Callable
from pathlib import Path

from retouch.learning import clone, denoise
from retouch.learning.config import PolicyType, TrainConfig
from retouch.learning.data import TrainingData
from retouch.learning.loop import Recipe, TrainProgress, TrainResult, run
from retouch.learning.weights import Method

RECIPES: dict[PolicyType, Callable[[TrainingData, Method, TrainConfig], Recipe]] = {
    "bc-rnn": clone.recipe,
    "diffusion": denoise.recipe,
}


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

    Raises InputError if there is nothing to train on, the data do not suit the policy or `out` holds another run,
    RetouchError if the loss is no longer finite.
    """
    return run(RECIPES[config.type](data, method, config), config, out, progress=progress, stop=stop)
