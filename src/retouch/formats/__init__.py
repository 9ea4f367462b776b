"""Other people's formats, both ways: LeRobotDataset v3 and robomimic's HDF5. docs/formats.md says what goes where."""

import os
from pathlib import Path
from typing import Literal

from retouch.episodes import Dataset
from retouch.formats.exchange import Choices, Exchanged

__all__ = ["Choices", "Exchanged", "Format", "export_dataset", "import_dataset"]

Format = Literal["lerobot", "robomimic"]


def export_dataset(dataset: str | os.PathLike[str], format: Format, out: str | os.PathLike[str]) -> Exchanged:
    """Writes a dataset, as its edits leave it, in another format; `out` is a folder (lerobot) or a file (robomimic).

    It is written aside and moved into place whole; nothing is left of an export that fails.

    Raises:
        InputError: `out` is there already, or the format cannot hold this dataset.
        MissingExtra: h5py is not installed (robomimic).
        StoreError: The dataset cannot be read.
    """
    from retouch.formats import lerobot, robomimic

    write = {"lerobot": lerobot.write, "robomimic": robomimic.write}[format]
    return write(Dataset(dataset), Path(out))


def import_dataset(
    source: str | os.PathLike[str], format: Format, out: str | os.PathLike[str], choices: Choices | None = None
) -> Exchanged:
    """Makes a new dataset in `out` of one in another format, ours or anybody's.

    Args:
        source: A LeRobotDataset's folder, or an HDF5 file.
        format: Which of the two.
        out: The new dataset's folder.
        choices: What `source` itself does not say.

    Raises:
        InputError: `out` is there already, `source` cannot be read as this format, or something is missing that
            `choices` would have to say; the message is one line and tells which.
        MissingExtra: h5py is not installed (robomimic).
        StoreError: The dataset cannot be written.
    """
    from retouch.formats import lerobot_reading, robomimic_reading
    from retouch.formats.foreign import store

    read = {"lerobot": lerobot_reading.read, "robomimic": robomimic_reading.read}[format]
    with read(Path(source), choices or Choices()) as foreign:
        return store(foreign, Path(out), choices or Choices())
