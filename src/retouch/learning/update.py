"""Training a policy by a method, whatever that updates: a new policy, the base itself, or a residual beside it.

update([Dataset("pushed")], method("compliant-residual"), TrainConfig(), Path("policy"), base=Path("base"))
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from retouch.episodes.reader import Dataset
from retouch.errors import InputError
from retouch.learning.config import TrainConfig
from retouch.learning.correct import correct
from retouch.learning.corrections import Corrections
from retouch.learning.data import TrainingData
from retouch.learning.loop import TrainProgress, TrainResult
from retouch.learning.train import train
from retouch.learning.weights import Method
from retouch.policies.checkpoint import load_policy
from retouch.policies.eyes import eyes_of


def update(
    datasets: Sequence[Dataset],
    method: Method,
    config: TrainConfig,
    out: Path,
    *,
    base: Path | None = None,
    start: Path | None = None,
    progress: Callable[[TrainProgress], None] | None = None,
) -> TrainResult:
    """Trains what the method asks for into the folder `out`, or goes on with that.

    Args:
        base: folder of the policy that is finetuned, or that a residual goes beside; None to train from scratch.
        start: folder of a residual that is trained on.

    Raises as `learning.train.train` and `learning.correct.correct` do.
    """
    eyes = config.eyes if base is None else eyes_of(load_policy(base))
    if method.update != "residual":
        if start is not None:
            raise InputError(f"{method.name} trains no residual that could be gone on with")
        data = TrainingData.from_datasets(datasets, eyes=eyes, felt=config.virtual_targets)
        return train(data, method, config, out, base=base, progress=progress)
    if base is None:
        raise InputError(f"{method.name} needs the policy that the residual goes beside")
    return correct(
        Corrections.from_datasets(datasets, eyes=eyes), base, method, config, out, start=start, progress=progress
    )
