"""The journal of a running episode: a header line of JSON, then records of fixed size.

Every row is handed to the operating system as it is appended, so that a killed process loses none. The writer holds
the file's lock as long as it lives; whoever gets the lock knows that the writer is gone.
"""

import contextlib
import fcntl
import json
import os
import socket
import time
import weakref
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retouch.episodes.files import locked, write_all
from retouch.errors import CorruptEpisode

# A lock says little about a writer on another machine: its journal must also have been quiet for so long.
QUIET_S = 60.0

# Between a journal's creation and its header, its lock may be free for a moment: to those without the dataset's lock.
NEW_S = 1.0


@dataclass(frozen=True)
class Owner:
    """The process that writes a journal."""

    pid: int
    host: str
    started: str  # the process's start, in clock ticks since the machine's

    @classmethod
    def this_process(cls) -> "Owner":
        """The process that asks."""
        try:
            started = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
        except OSError:
            started = "unknown"
        return cls(os.getpid(), socket.gethostname(), started)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class Journal:
    """An open journal, locked by this process."""

    def __init__(self, path: Path, descriptor: int, header: dict[str, Any], end: int):
        self.path = path
        self.header = header
        self._descriptor = descriptor
        self._end = end
        _open_journals.add(self)

    @classmethod
    def create(cls, root: Path, path: Path, dtype: np.dtype[np.void], episode: dict[str, Any]) -> "Journal":
        """A new journal for records of `dtype`; `episode` is what is known of the episode at its start.

        Raises:
            OSError: The dataset cannot be written.
        """
        header = {"episode": episode, "owner": asdict(Owner.this_process()), "dtype": _describe(dtype)}
        line = (json.dumps(header, allow_nan=False) + "\n").encode()
        with locked(root):  # until its own lock is held, a new journal looks like a dead writer's
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                write_all(descriptor, line)
            except OSError:
                os.close(descriptor)
                path.unlink(missing_ok=True)
                raise
        return cls(path, descriptor, header, len(line))

    def write(self, record: memoryview) -> None:
        """Hands one record to the operating system; either all of it or nothing is kept.

        Raises:
            OSError: It was not taken.
        """
        try:
            written = os.write(self._descriptor, record)
            if written != len(record):
                write_all(self._descriptor, record[written:])
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._end)
            raise
        self._end += len(record)

    def close(self) -> None:
        """Gives the lock up; the file stays."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def remove(self) -> None:
        """Deletes the file, then gives the lock up."""
        self.path.unlink(missing_ok=True)
        self.close()


def is_dead(path: Path) -> bool:
    """Whether the writer of a journal is gone; False also for a journal that has been finished meanwhile."""
    descriptor = _lock(path, os.O_RDONLY, fcntl.LOCK_SH, new_s=NEW_S)
    if descriptor is None:
        return False
    os.close(descriptor)
    return True


@contextlib.contextmanager
def claimed(root: Path, path: Path) -> Iterator[bool]:
    """Takes a dead writer's journal over; False where the writer is alive or another process was faster."""
    with locked(root):
        descriptor = _lock(path, os.O_RDWR, fcntl.LOCK_EX, new_s=0.0)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _lock(path: Path, mode: int, kind: int, new_s: float) -> int | None:
    """A descriptor that holds the lock of a dead writer's journal."""
    try:
        descriptor = os.open(path, mode | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        if _is_abandoned(path, descriptor, new_s):
            return descriptor
    except BlockingIOError:
        pass
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _is_abandoned(path: Path, descriptor: int, new_s: float) -> bool:
    status = os.fstat(descriptor)
    if status.st_nlink == 0:
        return False  # finished between opening and locking
    try:
        header = read_header(path)
    except (CorruptEpisode, FileNotFoundError):
        return True
    quiet_s = max(0.0, time.time() - status.st_mtime)
    if header is None:
        return quiet_s >= new_s
    return header["owner"]["host"] == socket.gethostname() or quiet_s > QUIET_S


def read_header(path: Path) -> dict[str, Any] | None:
    """What a journal says of its episode and owner; None where the writer died before the header was complete.

    Raises:
        CorruptEpisode: The header is not one.
    """
    with path.open("rb") as file:
        line = file.readline()
    if not line.endswith(b"\n"):
        return None
    try:
        header = json.loads(line)
        Owner(**header["owner"])
        header["episode"]["id"], header["dtype"]
    except (ValueError, TypeError, KeyError) as error:
        raise CorruptEpisode(f"{path}: not a journal ({error!r})") from None
    return dict(header)


def read_records(path: Path) -> np.ndarray:
    """The complete records of a journal, `[n]` of its structured dtype; a torn last one is left out.

    Raises:
        CorruptEpisode: The header is not one.
    """
    header = read_header(path)
    if header is None:
        return np.empty(0, [("step", "<i4")])
    try:
        dtype = np.dtype([(name, code, tuple(shape)) for name, code, shape in header["dtype"]])
    except (TypeError, ValueError) as error:
        raise CorruptEpisode(f"{path}: not a journal ({error})") from None
    data = path.read_bytes()
    start = data.index(b"\n") + 1
    return np.frombuffer(data, dtype, (len(data) - start) // dtype.itemsize, start)


def _describe(dtype: np.dtype[np.void]) -> list[tuple[str, str, list[int]]]:
    assert dtype.fields is not None
    return [(name, kind.base.str, list(kind.shape)) for name, (kind, *_) in dtype.fields.items()]


_open_journals: "weakref.WeakSet[Journal]" = weakref.WeakSet()


def _leave_to_parent() -> None:
    """A forked child lets go of its parent's journals, so that they do not look alive once the parent is gone."""
    for journal in list(_open_journals):
        journal.close()


os.register_at_fork(after_in_child=_leave_to_parent)
