"""A policy that runs in another environment: its process, asked over standard input and output (docs/bridge.md).

Every answer has a time by which it is due. What comes late, breaks the protocol, has the wrong shape or is not finite
ends the process and raises PolicyStopped: nothing of it reaches the robot.
"""

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int

from retouch.errors import PolicyError, PolicyStopped
from retouch.policies import bridge_server as wire
from retouch.policies.bridge_file import SERVER, BridgeFile

GRACE_S = 1.0  # for a process whose input has been closed
WAITING_S = 0.5  # between two signs of life while an answer is waited for
CHUNK = 1 << 16


@runtime_checkable
class Described(Protocol):
    """What a policy needs to know of a task."""

    @property
    def name(self) -> str:
        """As registered."""

    @property
    def observation_names(self) -> Sequence[str]:
        """One for each entry of an observation."""

    @property
    def action_names(self) -> Sequence[str]:
        """One for each entry of an action."""

    @property
    def control_period(self) -> float:
        """Of one step [s]."""


class _Late(Exception):
    """An answer is not there in time."""


class _Ended(Exception):
    """The process has closed its end."""


class BridgedPolicy:
    """A policy served by a process of its own; `with` it, and the process ends with the block.

    Args:
        file: names the process.
        task: that it is asked about.
        waiting: called every half second while an answer is not there, as when weights are loaded.

    Attributes:
        name: of its file, content and the policy itself, for episodes and evaluations.
        versions: of what shapes its actions, by name: the bridge's protocol, and what is loaded there.
        most_slots: attempts that it runs at once.

    Raises PolicyStopped where it cannot be started, InputError where it observes what the task does not have.
    """

    def __init__(self, file: BridgeFile, task: Described, waiting: Callable[[], None] | None = None):
        self.observation_dim, self.action_dim = len(task.observation_names), len(task.action_names)
        self.most_slots = file.slots
        self._file, self._actions, self._waiting = file, tuple(task.action_names), waiting
        self._free: list[int] = []
        self._numbered = 0
        self._acted = False
        self._stopped: str | None = None
        parts = file.parts(task.observation_names)
        server = str(Path(wire.__file__).resolve())
        ours = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        try:
            self._process = subprocess.Popen(
                [server if part == SERVER else part for part in file.command],
                cwd=file.path.parent,
                env=ours | dict(file.environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for us; and what it has started itself ends with it
            )
        except OSError as error:
            raise PolicyStopped(f"{file.path}: '{file.command[0]}' cannot be started: {error.strerror}") from None
        self._heard = bytearray()
        self._complaints: deque[str] = deque(maxlen=20)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        ready, _ = self.ask(
            {
                "type": "hello",
                "protocol": wire.PROTOCOL,
                "task": task.name,
                "observation_names": list(task.observation_names),
                "action_names": list(task.action_names),
                "control_period_s": task.control_period,
                "observation": parts,
            },
            expected="ready",
            within=file.start_timeout_s,
        )
        if ready.get("protocol") != wire.PROTOCOL:
            self._stop(f"speaks version {ready.get('protocol')} of the protocol, this retouch version {wire.PROTOCOL}")
        said = _one_line(str(ready.get("id") or ""))
        self.name = f"{file.name} {said}" if said else file.name
        there = ready.get("versions")
        there = there if isinstance(there, dict) else {}
        self.versions = {"bridge": str(wire.PROTOCOL)}
        self.versions |= {f"bridge.{_one_line(str(n))}": _one_line(str(v)) for n, v in there.items()}

    @property
    def process_id(self) -> int:
        """Of the process that was started."""
        return self._process.pid

    def session(self, slots: int) -> "BridgedSession":
        """A session of `slots` slots, each to be reset before it acts."""
        return BridgedSession(self, slots)

    def reset(self, slot: int, seed: int) -> None:
        """Start an episode, where the policy may still have to be made for its slot."""
        self.ask({"type": "reset", "slot": slot, "seed": seed}, within=self._file.start_timeout_s)

    def forget(self, slot: int) -> None:
        """Hand-back."""
        self.ask({"type": "forget", "slot": slot})

    def act(self, slots: list[int], observations: Float32[np.ndarray, "k D"]) -> Float32[np.ndarray, "k A"]:
        """An action each. The first one of all has as long as the start: some policies compile then."""
        within = None if self._acted else max(self._file.start_timeout_s, self._file.timeout_s)
        header = {"type": "act", "slots": slots}
        _, actions = self.ask(header, observations, expected="actions", within=within)
        wanted = (len(slots), self.action_dim)
        if actions is None or actions.shape != wanted:
            said = "nothing" if actions is None else f"numbers of shape {list(actions.shape)}"
            self._stop(f"answered with {said} where actions of shape {list(wanted)} are due")
        finite = np.isfinite(actions)
        if not finite.all():
            row, entry = np.argwhere(~finite)[0]
            self._stop(f"wants {self._actions[entry]} = {actions[row, entry]}: no robot can do that")
        self._acted = True
        return actions.astype(np.float32)

    def take_slots(self, count: int) -> list[int]:
        """Numbers of free slots, over there, until they are given back."""
        while len(self._free) < count:
            self._free.append(self._numbered)
            self._numbered += 1
        taken, self._free = self._free[:count], self._free[count:]
        return taken

    def give_back(self, slots: list[int]) -> None:
        """Let others have these slots."""
        self._free = sorted([*self._free, *slots])

    def ask(
        self,
        header: dict[str, Any],
        array: np.ndarray | None = None,
        *,
        expected: str = "done",
        within: float | None = None,
    ) -> tuple[dict[str, Any], np.ndarray | None]:
        """Send one frame, and wait for the answer.

        Raises PolicyStopped where none comes in time, or another one; nobody is asked any more then.
        """
        if self._stopped is not None:
            raise PolicyStopped(self._stopped)
        within = within or self._file.timeout_s
        deadline = time.monotonic() + within
        try:
            self._write(wire.encode(header, array), deadline)
            header_length, array_length = wire.lengths(self._read(wire.HEAD.size, deadline))
            answer, values = wire.decode(self._read(header_length, deadline), self._read(array_length, deadline))
        except _Late:
            self._stop(f"did not answer within {within:g} s")
        except _Ended:
            self._stop(None)
        except wire.BadFrame as error:
            self._stop(f"does not speak the bridge's protocol: {error}")
        except BaseException:
            self._end()  # half a frame is under way
            self._stopped = f"the policy served by {self._file.path.name} was interrupted"
            raise
        if answer["type"] == "error":
            self._stop(f"failed: {_one_line(str(answer.get('error')))}", last_words=False)
        if answer["type"] != expected:
            self._stop(f"does not speak the bridge's protocol: '{answer['type']}' in place of '{expected}'")
        self._complaints.clear()  # last words are those since the last answer
        return answer, values

    def close(self) -> None:
        """End the process."""
        self._stopped = self._stopped or f"the policy served by {self._file.path.name} has been closed"
        self._end(GRACE_S)

    def __enter__(self) -> "BridgedPolicy":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, frame: bytes, deadline: float) -> None:
        left = memoryview(frame)
        assert self._process.stdin is not None
        file = self._process.stdin.fileno()
        while left:
            self._wait(file, select.POLLOUT, deadline)
            try:
                left = left[os.write(file, left[:CHUNK]) :]
            except BlockingIOError:
                continue
            except OSError:
                raise _Ended from None

    def _read(self, count: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        file = self._process.stdout.fileno()
        while len(self._heard) < count:
            self._wait(file, select.POLLIN, deadline)
            try:
                found = os.read(file, CHUNK)
            except BlockingIOError:
                continue
            if not found:
                raise _Ended
            self._heard += found
        taken = bytes(self._heard[:count])
        del self._heard[:count]
        return taken

    def _wait(self, file: int, event: int, deadline: float) -> None:
        """Until a pipe is ready. Raises _Late where it is not in time."""
        poll = select.poll()
        poll.register(file, event)
        while not poll.poll(1000 * max(0.0, min(WAITING_S, deadline - time.monotonic()))):
            if time.monotonic() >= deadline:
                raise _Late
            if self._waiting is not None:
                self._waiting()

    def _stop(self, why: str | None, last_words: bool = True) -> NoReturn:
        """End the process and say why, or how it has ended by itself."""
        if why is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE_S)
        status = self._process.poll()
        self._end()
        if why is None:
            why = "closed its output"
            if status is not None:
                why = f"was killed ({signal.Signals(-status).name})" if status < 0 else f"ended with status {status}"
        self._stopped = f"the policy served by {self._file.path.name} {why}"
        if last_words and self._complaints:
            self._stopped += f"; its last words: {self._complaints[-1]}"
        raise PolicyStopped(self._stopped)

    def _end(self, grace_s: float = 0.0) -> None:
        """End the process, and whatever it has started."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        self._listener.join(GRACE_S)

    def _listen(self) -> None:
        """Keep what it says on standard error, the last lines of it."""
        assert self._process.stderr is not None
        with self._process.stderr as file:
            for line in file:
                if said := _one_line(line.decode(errors="replace")):
                    self._complaints.append(said)


class BridgedSession:
    """Slots of a bridged policy; everything that changes is over there."""

    def __init__(self, policy: BridgedPolicy, slots: int):
        self._policy = policy
        self._there = policy.take_slots(slots)
        self._begun: set[int] = set()

    def __del__(self) -> None:
        self._policy.give_back(self._there)

    def reset(self, slot: int, seed: int) -> None:
        """Starts a new episode in `slot`."""
        self._policy.reset(self._there[slot], seed)
        self._begun.add(slot)

    def forget(self, slot: int) -> None:
        """At hand-back."""
        self._policy.forget(self._there[slot])

    def act(self, slots: Int[np.ndarray, " k"], observations: Float32[np.ndarray, "k D"]) -> Float32[np.ndarray, "k A"]:
        """An action each, for `k` different slots.

        Raises PolicyError for a slot that was never reset, PolicyStopped where no good answer comes.
        """
        never = [slot for slot in slots.tolist() if slot not in self._begun]
        if never:
            raise PolicyError(f"slot {never[0]} was never reset")
        return self._policy.act([self._there[slot] for slot in slots.tolist()], observations)


def _one_line(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:300]
