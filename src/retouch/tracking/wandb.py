"""Figures in Weights & Biases, in `wandb/` of a folder: nothing leaves the machine unless WANDB_MODE=online.

`wandb sync FOLDER/wandb/offline-run-*` sends later what was kept. A run that goes on is another one there.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retouch.errors import InputError

if TYPE_CHECKING:
    from wandb import Run

PROJECT = "retouch"
NAMED_BY = 4  # so many parts of a folder's path


def check() -> None:
    """See that wandb is installed, and knows its user where figures are sent at once.

    Raises:
        ImportError: it is not installed.
        InputError: nobody is logged in.
    """
    import wandb

    if _mode() == "online":
        try:
            wandb.login()
        except wandb.errors.UsageError:
            raise InputError("wandb is online and nobody is logged in: wandb login, or WANDB_MODE=offline") from None


def open(folder: Path, config: Mapping[str, Any]) -> "WeightsAndBiases":
    """Keep a run of wandb's in the folder."""
    return WeightsAndBiases(folder, config)


class WeightsAndBiases:
    """Tells a run of wandb's, which begins with the first figures."""

    def __init__(self, folder: Path, config: Mapping[str, Any]):
        self._folder, self._config = folder, config
        self._run: Run | None = None

    def __call__(self, step: int, figures: Mapping[str, float]) -> None:
        """Tell the figures of a step."""
        if self._run is None:
            import wandb

            self._folder.mkdir(parents=True, exist_ok=True)
            self._run = wandb.init(
                project=os.environ.get("WANDB_PROJECT", PROJECT),
                name="/".join(self._folder.absolute().parts[-NAMED_BY:]),
                dir=self._folder,
                config=dict(self._config),
                mode=_mode(),
                reinit="create_new",  # a run of ours and the training of its policies are told side by side
                settings=wandb.Settings(console="off", silent=True),
            )
        self._run.log(dict(figures), step=step)

    def close(self) -> None:
        """All has been told; waits until it is kept."""
        if self._run is not None:
            self._run.finish()


def _mode() -> Any:
    return os.environ.get("WANDB_MODE", "offline")
