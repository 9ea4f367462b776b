"""Which initial state comes next, when several people collect one round at once."""

from pathlib import Path

from retouch.counting import next_attempt
from retouch.episodes.files import clear_errors, locked, replace_durably
from retouch.episodes.reader import Dataset

_NEXT = ".next-attempt"


def claim(dataset: Path) -> int:
    """The number of an attempt that nobody else gets.

    Raises:
        StoreError: the data set cannot be written.
    """
    path = dataset / _NEXT
    with clear_errors("write", path), locked(dataset):
        said = path.read_text() if path.exists() else ""
        number = max(int(said) if said.isdigit() else 0, next_attempt(Dataset(dataset)))
        replace_durably(path, str(number + 1).encode())
    return number
