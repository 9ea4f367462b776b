"""A process of another environment, asked in frames over its standard input and output (docs/bridge.md).

Every answer has a time by which it is due. What comes late or breaks the protocol ends the process, with all that it
has started, and nobody is asked any more then.
"""

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from retouch.bridge import frames
from retouch.bridge.file import SERVER, CommandFile
from retouch.errors import RetouchError

CLOSING_S = 1.0  # for a process whose input has been closed
WAITING_S = 0.5  # between two signs of life while an answer is waited for
CHUNK = 1 << 16


class _Late(Exception):
    """An answer is not there in time."""


class _Ended(Exception):
    """The process has closed its end."""


class Served:
    """What a person's file starts.

    Args:
        file: names the command.
        server: which of the files beside this one `{server}` stands for.
        who: for messages, such as "the policy served by act.toml".
        failure: the error that says that it has ended.
        leave_s: how long it has to end by itself when something has gone wrong, its input being closed [s].
        closing_s: likewise when it is closed [s].
        waiting: called every half second while an answer is not there, as when weights are loaded.

    Raises `failure` where it cannot be started.
    """

    def __init__(
        self,
        file: CommandFile,
        server: str,
        who: str,
        failure: type[RetouchError],
        *,
        leave_s: float = 0.0,
        closing_s: float = CLOSING_S,
        waiting: Callable[[], None] | None = None,
    ):
        self._file, self._who, self._failure, self._waiting = file, who, failure, waiting
        self._leave_s, self._closing_s = leave_s, closing_s
        self._stopped: str | None = None
        place = str(Path(frames.__file__).resolve().with_name(server))
        ours = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
        try:
            self._process = subprocess.Popen(
                [place if part == SERVER else part for part in file.command],
                cwd=file.path.parent,
                env=ours | dict(file.environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for us; and what it has started itself ends with it
            )
        except OSError as error:
            raise failure(f"{file.path}: '{file.command[0]}' cannot be started: {error.strerror}") from None
        self._heard = bytearray()
        self._complaints: deque[str] = deque(maxlen=20)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def process_id(self) -> int:
        """Of the process that was started."""
        return self._process.pid

    @property
    def stopped(self) -> str | None:
        """Why nobody is asked any more; None while it runs."""
        return self._stopped

    def greet(self, hello: dict[str, Any]) -> dict[str, Any]:
        """Send the first frame, with the protocol's version; what it is answered with.

        Raises `failure` where the other side speaks another version, and as `ask`.
        """
        ready, _ = self.ask(
            {**hello, "protocol": frames.PROTOCOL}, expected=("ready",), within=self._file.start_timeout_s
        )
        if ready.get("protocol") != frames.PROTOCOL:
            self.stop(f"speaks version {ready.get('protocol')} of the protocol, this retouch version {frames.PROTOCOL}")
        return ready

    def ask(
        self,
        header: dict[str, Any],
        array: np.ndarray | None = None,
        *,
        expected: tuple[str, ...] = ("done",),
        within: float | None = None,
    ) -> tuple[dict[str, Any], np.ndarray | None]:
        """Send one frame, and wait for the answer.

        Raises `failure` where none comes in time, or another one than is expected; nobody is asked any more then.
        """
        with self._in_time(within) as deadline:
            self._write(frames.encode(header, array), deadline)
            answer = self._frame(deadline)
        return self._accepted(answer, expected)

    def send(self, header: dict[str, Any], array: np.ndarray | None = None) -> None:
        """The first half of `ask`, for who asks several at once."""
        with self._in_time(None) as deadline:
            self._write(frames.encode(header, array), deadline)

    def receive(
        self, expected: tuple[str, ...] = ("done",), within: float | None = None
    ) -> tuple[dict[str, Any], np.ndarray | None]:
        """The other half of `ask`."""
        with self._in_time(within) as deadline:
            answer = self._frame(deadline)
        return self._accepted(answer, expected)

    def stop(self, why: str | None, last_words: bool = True) -> NoReturn:
        """End the process and say why, or how it has ended by itself."""
        if why is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(CLOSING_S)
        status = self._process.poll()
        self._end(self._leave_s)
        if why is None:
            why = "closed its output"
            if status is not None:
                why = f"was killed ({signal.Signals(-status).name})" if status < 0 else f"ended with status {status}"
        self._stopped = f"{self._who} {why}"
        if last_words and self._complaints:
            self._stopped += f"; its last words: {self._complaints[-1]}"
        raise self._failure(self._stopped)

    def close(self) -> None:
        """End the process; again is no mistake."""
        if self._stopped is None:
            self._stopped = f"{self._who} has been closed"
            self._end(self._closing_s)

    @contextlib.contextmanager
    def _in_time(self, within: float | None) -> Iterator[float]:
        """By when something is due; the process is ended where it is late, broken or interrupted."""
        if self._stopped is not None:
            raise self._failure(self._stopped)
        within = within or self._file.timeout_s
        try:
            yield time.monotonic() + within
        except _Late:
            self.stop(f"did not answer within {within:g} s")
        except _Ended:
            self.stop(None)
        except frames.BadFrame as error:
            self.stop(f"does not speak the bridge's protocol: {error}")
        except BaseException:
            self._end(self._leave_s)  # half a frame is under way
            self._stopped = f"{self._who} was interrupted"
            raise

    def _accepted(
        self, answer: tuple[dict[str, Any], np.ndarray | None], expected: tuple[str, ...]
    ) -> tuple[dict[str, Any], np.ndarray | None]:
        """An answer, where it is one of those expected."""
        header, _ = answer
        if header["type"] == "error":
            self.stop(f"failed: {one_line(str(header.get('error')))}", last_words=False)
        if header["type"] not in expected:
            self.stop(f"does not speak the bridge's protocol: '{header['type']}' in place of '{expected[0]}'")
        self._complaints.clear()  # last words are those since the last answer
        return answer

    def _frame(self, deadline: float) -> tuple[dict[str, Any], np.ndarray | None]:
        header_length, array_length = frames.lengths(self._read(frames.HEAD.size, deadline))
        return frames.decode(self._read(header_length, deadline), self._read(array_length, deadline))

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

    def _end(self, grace_s: float) -> None:
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
        self._listener.join(CLOSING_S)

    def _listen(self) -> None:
        """Keep what it says on standard error, the last lines of it."""
        assert self._process.stderr is not None
        with self._process.stderr as file:
            for line in file:
                if said := one_line(line.decode(errors="replace")):
                    self._complaints.append(said)


def one_line(text: str) -> str:
    """What another process says, for a message."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:300]
