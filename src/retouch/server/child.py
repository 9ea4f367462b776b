"""A process that the server has started, which says a line of JSON whenever it has something to say."""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE_S = 5.0  # of a child that was asked to end
LONGEST_LINE = 1 << 24


class Child:
    """A running process.

    Attributes:
        failed: what it said was wrong, if it did.
        heard: when it last said something, by the monotonic clock [s].
    """

    def __init__(self, process: asyncio.subprocess.Process, said: Callable[[dict[str, Any]], None]):
        self.process = process
        self.failed: str | None = None
        self.heard = time.monotonic()
        self._said = said
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(
        cls, module: str, arguments: list[str], log: Path, said: Callable[[dict[str, Any]], None]
    ) -> "Child":
        """Start `python -m module`; what it says goes to `said`, its complaints to the file `log`."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as complaints:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                module,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=complaints,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
                limit=LONGEST_LINE,
                start_new_session=True,  # Ctrl-C is for the server, which ends its children in order
            )
        return cls(process, said)

    def tell(self, message: dict[str, Any]) -> None:
        """Send it a line, unless it has gone."""
        assert self.process.stdin is not None
        with contextlib.suppress(ConnectionError, RuntimeError):
            self.process.stdin.write(json.dumps(message).encode() + b"\n")

    async def ended(self) -> int:
        """Wait for its end; its exit status."""
        await self._reading
        return await self.process.wait()

    async def stop(self) -> int:
        """Ask it to end by closing its input, and kill it when it does not; its exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            return await asyncio.wait_for(self.ended(), PATIENCE_S)
        except TimeoutError:
            return await self.kill()

    async def kill(self) -> int:
        """End it now."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        return await self.ended()

    async def _read(self) -> None:
        assert self.process.stdout is not None
        try:
            async for line in self.process.stdout:
                message = json.loads(line)
                if message.get("type") == "failed":
                    self.failed = message["error"]
                self.heard = time.monotonic()
                self._said(message)
        except ValueError:  # not a line of ours, or one without end
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
