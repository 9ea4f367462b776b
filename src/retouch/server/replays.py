"""Episodes for the replay page: a short process works out the poses, and the last few are kept."""

import asyncio
import sys
from collections import OrderedDict
from pathlib import Path

from retouch.errors import InputError, RetouchError

KEPT_BYTES = 64_000_000
LONGEST_S = 60.0  # the poses of half an hour take a few seconds


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
            replay = self._kept[key]
            while len(self._kept) > 1 and sum(map(len, self._kept.values())) > KEPT_BYTES:
                self._kept.popitem(last=False)
            return replay


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
    try:
        out, complaints = await asyncio.wait_for(process.communicate(), LONGEST_S)
    except TimeoutError:
        raise RetouchError(f"working this episode out took longer than {LONGEST_S:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        lines = complaints.decode(errors="replace").strip().splitlines()
        raise RetouchError(lines[-1] if lines else "this episode cannot be replayed")
    return out
