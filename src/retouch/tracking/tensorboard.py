"""Figures as TensorBoard's event files, in `tensorboard/` of a folder: `tensorboard --logdir RUN`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


def check() -> None:
    """See that TensorBoard is installed; raises ImportError."""
    import tensorboard  # noqa: F401


def open(folder: Path, config: Mapping[str, Any]) -> "TensorBoard":
    """Write event files in the folder."""
    return TensorBoard(folder / "tensorboard", config)


class TensorBoard:
    """Writes into a folder of event files, and has older ones left out from the first step that it is told on."""

    def __init__(self, folder: Path, config: Mapping[str, Any]):
        self._folder, self._config = folder, config
        self._writer: SummaryWriter | None = None

    def __call__(self, step: int, figures: Mapping[str, float]) -> None:
        """Write the figures of a step; they are in the file when this returns."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self._folder), purge_step=step)
            self._writer.add_text("config", f"```json\n{json.dumps(self._config, indent=2)}\n```", step)
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def close(self) -> None:
        """All has been told."""
        if self._writer is not None:
            self._writer.close()
