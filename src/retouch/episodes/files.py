"""Files that survive: written whole or not at all, and locks between processes."""

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retouch.errors import CorruptEpisode, StoreError

LOCK = ".lock"


@contextlib.contextmanager
def clear_errors(doing: str, path: Path) -> Iterator[None]:
    """Turns the operating system's refusals into one clear line: `cannot write data/x: No space left on device`.

    Raises:
        StoreError: In place of any `OSError`.
    """
    try:
        yield
    except OSError as error:
        hint = {
            errno.ENOSPC: "; free some space, the episodes already there are intact",
            errno.EDQUOT: "; free some space, the episodes already there are intact",
        }.get(error.errno or 0, "")
        raise StoreError(f"cannot {doing} {path}: {error.strerror or error}{hint}") from error


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """Holds the dataset's lock: of all threads and processes, one at a time."""
    descriptor = os.open(root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Hands all of `data` to the operating system."""
    view = memoryview(data)
    while len(view):
        view = view[os.write(descriptor, view) :]


def write_durably(path: Path, data: bytes | memoryview) -> None:
    """Writes a new file and waits until the disk has it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_durably(path: Path, data: bytes) -> None:
    """Writes a file in one step: a reader sees the old content or the new one."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        write_durably(aside, data)
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)


def append_line(path: Path, document: dict[str, Any]) -> None:
    """Adds a line of JSON and waits until the disk has it. Done with the dataset's lock held.

    A line that a writer's death cut short was never acknowledged; it makes room for the new one.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        end = path.read_bytes().rfind(b"\n") + 1
        os.ftruncate(descriptor, end)
        os.lseek(descriptor, end, os.SEEK_SET)
        try:
            write_all(descriptor, (json.dumps(document, allow_nan=False) + "\n").encode())
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, end)
            raise
    finally:
        os.close(descriptor)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The complete lines of a file of JSON lines; none where there is no file.

    Raises:
        StoreError: It cannot be read, or a line is not a JSON object.
    """
    with clear_errors("read", path):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return []
    lines = []
    for number, line in enumerate(data[: data.rfind(b"\n") + 1].splitlines(), start=1):
        try:
            document = json.loads(line)
        except ValueError as error:
            raise CorruptEpisode(f"{path}: line {number} is not JSON ({error})") from None
        if not isinstance(document, dict):
            raise CorruptEpisode(f"{path}: line {number} is not a JSON object")
        lines.append(document)
    return lines


def fsync_folder(path: Path) -> None:
    """Waits until the disk has a folder's entries."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def encode_json(document: dict[str, Any]) -> bytes:
    """JSON for a file that people also read."""
    return (json.dumps(document, indent=1, allow_nan=False) + "\n").encode()


def read_json(path: Path) -> dict[str, Any]:
    """A stored JSON document.

    Raises:
        StoreError: It is missing, cannot be read, or is not a JSON object.
    """
    with clear_errors("read", path):
        text = path.read_bytes()
    try:
        document = json.loads(text)
    except ValueError as error:
        raise CorruptEpisode(f"{path}: not JSON ({error})") from None
    if not isinstance(document, dict):
        raise CorruptEpisode(f"{path}: not a JSON object")
    return document
