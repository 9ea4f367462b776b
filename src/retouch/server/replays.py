"""Episodes for the replay page: a short process works out the poses, and the last few are kept."""

import asyncio
import sys
from collections import OrderedDict
from pathlib import Path

from retouch.errors import InputError, RetouchError

KEPT = 20


class Replays:
    """The last few replays, as JSON."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Path, str], bytes] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()

    async def of(self, dataset: Path, episode: str) -> bytes:
        """The document of one episode.

        Raises:
            InputError: there is no such episode.
            RetouchError: it cannot be replayed.
        """
        if not episode.isalnum():
            raise InputError(f"no episode '{episode}'")
        key = dataset, episode
        async with self._one_at_a_time:
            if key not in self._kept:
                self._kept[key] = await _replayed(dataset, episode)
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return self._kept[key]


async def _replayed(dataset: Path, episode: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "retouch.processes.replay",
        str(dataset),
        episode,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, complaints = await process.communicate()
    if process.returncode:
        lines = complaints.decode(errors="replace").strip().splitlines()
        raise RetouchError(lines[-1] if lines else "this episode cannot be replayed")
    return out
