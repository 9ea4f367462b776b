"""A policy of robomimic's as one of ours: it is trained and acts in its own interpreter, and is asked over a pipe."""

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from retouch.errors import PolicyError

PEERS = Path(__file__).parent / "peers"
ROBOMIMIC = PEERS / ".venv-robomimic" / "bin" / "python"


class RobomimicPolicy:
    """Trained on a file when it is entered; a context manager, which ends its process."""

    def __init__(self, file: Path, *options: str):
        self._command = [str(ROBOMIMIC), str(PEERS / "robomimic_policy.py"), str(file), *options]
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Raises PolicyError where robomimic cannot train on the file; the message holds what it said last."""
        with self._open:
            self._said = self._open.enter_context(tempfile.TemporaryFile())
            self._process = self._open.enter_context(
                subprocess.Popen(
                    self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, text=True
                )
            )
            self.summary: dict[str, Any] = self._answer()
            self.observation_dim, self.action_dim = sum(self.summary["sizes"]), self.summary["action_dim"]
            self._open = self._open.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()  # the end of its input ends the process

    def session(self, slots: int) -> "_Session":
        """Of any number of slots; one session at a time."""
        return _Session(self)

    def ask(self, document: dict[str, Any], answered: bool = True) -> dict[str, Any]:
        """One question to the process."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(document) + "\n")
        self._process.stdin.flush()
        return self._answer() if answered else {}

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._said.seek(0)
            said = self._said.read().decode(errors="replace").strip().splitlines()
            raise PolicyError(f"robomimic ended: {said[-1] if said else 'without a word'}")
        return json.loads(line)


class _Session:
    def __init__(self, policy: RobomimicPolicy):
        self._policy = policy

    def reset(self, slot: int, seed: int) -> None:
        self._policy.ask({"reset": slot}, answered=False)

    def forget(self, slot: int) -> None:
        self._policy.ask({"reset": slot}, answered=False)

    def act(self, slots: Sequence[int] | np.ndarray, observations: np.ndarray) -> np.ndarray:
        asked = {"slots": [int(slot) for slot in slots], "observations": observations.tolist()}
        return np.array(self._policy.ask(asked)["actions"], np.float32)
