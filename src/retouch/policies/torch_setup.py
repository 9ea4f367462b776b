"""How many threads torch uses. Set where a process that trains or infers starts, never at import.

On small networks a second thread only spins, and with one the order of a sum, hence its last bit, never depends on the
machine.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def single_thread() -> None:
    """One thread for torch's operators, for the rest of the process."""
    torch.set_num_threads(1)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """`count` threads for torch's operators inside a block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
