"""Trainings that the pages have started: one a run, each in a process of its own."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retouch.errors import InputError
from retouch.run_folder import RunFolder
from retouch.server.child import Child


class Trainings:
    """Those that run, and how the last one of each run ended.

    Args:
        logs: folder for what goes wrong.
        bridges: that the server was started with.
    """

    def __init__(self, logs: Path, bridges: Sequence[Path] = ()):
        self._logs, self._bridges = logs, bridges
        self._children: dict[str, Child | None] = {}  # None while one is being started
        self._told: dict[str, dict[str, Any]] = {}
        self._watching: set[asyncio.Task[None]] = set()

    def of(self, name: str) -> dict[str, Any] | None:
        """How the training of a run stands; None where there was none, or it has ended well."""
        return self._told.get(name)

    def running(self, name: str) -> bool:
        """Whether a run is being trained by this server."""
        return name in self._children

    async def start(self, run: RunFolder, number: int) -> None:
        """Train and evaluate everything up to a round.

        Raises:
            InputError: the run is being trained.
        """
        name = run.folder.name
        if name in self._children:
            raise InputError(f"'{name}' is being trained already")
        self._children[name] = None
        told = {"state": "running", "stage": "starting", "done": 0.0, "note": "", "error": None}
        self._told[name] = told

        def said(message: dict[str, Any]) -> None:
            if message["type"] == "progress":
                told.update(stage=message["stage"], done=message["done"], note=message["note"])

        arguments = [str(run.folder), str(number), *map(str, self._bridges)]
        try:
            child = await Child.start("retouch.processes.training", arguments, self._logs / f"train-{name}.log", said)
        except OSError as error:
            del self._children[name]
            told.update(state="failed", error=f"the training cannot be started: {error.strerror}")
            return
        self._children[name] = child
        watching = asyncio.create_task(self._watch(name, child, told))
        self._watching.add(watching)
        watching.add_done_callback(self._watching.discard)

    async def stop(self, name: str) -> None:
        """End a training; what it has saved is kept.

        Raises:
            InputError: there is none.
        """
        child = self._children.get(name)
        if child is None:
            raise InputError(f"'{name}' is not being trained")
        self._told[name]["state"] = "stopped"
        await child.kill()

    async def close(self) -> None:
        """End them all."""
        for name, child in list(self._children.items()):
            self._told[name]["state"] = "stopped"
            if child is not None:
                await child.kill()
        await asyncio.gather(*self._watching)

    async def _watch(self, name: str, child: Child, told: dict[str, Any]) -> None:
        try:
            status = await child.ended()
        finally:
            del self._children[name]
        if status == 0:
            del self._told[name]
        elif told["state"] == "running":
            why = (
                child.failed or f"the training ended unexpectedly (status {status}); see {self._logs}/train-{name}.log"
            )
            told.update(state="failed", error=why)
