"""Frames over a process's standard input and output: what both sides of a bridge share (docs/bridge.md).

Over there this file lies beside the server that is run, with Python 3.10 and numpy and without retouch.
"""

import importlib
import json
import os
import platform
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

PROTOCOL = 1
MAGIC = b"RTB1"
HEAD = struct.Struct("<4sII")  # magic, length of the header, length of the array; in bytes
MOST_HEADER, MOST_ARRAY = 1 << 20, 1 << 26
FLOAT = np.dtype("<f4")


class BadFrame(Exception):
    """Bytes that are no frame of this protocol; the message says why."""


def encode(header: dict[str, Any], array: np.ndarray | None = None) -> bytes:
    """A frame: a header, and an array (of any shape) or none."""
    payload = b""
    if array is not None:
        header, payload = {**header, "shape": list(array.shape)}, np.ascontiguousarray(array, FLOAT).tobytes()
    text = json.dumps(header, allow_nan=False).encode()
    return HEAD.pack(MAGIC, len(text), len(payload)) + text + payload


def lengths(head: bytes) -> tuple[int, int]:
    """How many bytes of header and array follow these first ones of a frame. Raises BadFrame."""
    magic, header, payload = HEAD.unpack(head)
    if magic != MAGIC:
        raise BadFrame(f"it began a frame with {head!r}")
    if header > MOST_HEADER or payload > MOST_ARRAY:
        raise BadFrame(f"a frame of {header} and {payload} bytes is too long")
    return header, payload


def decode(header: bytes, payload: bytes) -> tuple[dict[str, Any], np.ndarray | None]:
    """The header, which has a `type`, and the array, float32. Raises BadFrame."""
    try:
        document = json.loads(header)
    except (ValueError, RecursionError):
        raise BadFrame("a header is not JSON") from None
    if not isinstance(document, dict) or not isinstance(document.get("type"), str):
        raise BadFrame("a header is not an object with a type")
    shape = document.get("shape")
    if shape is None and not payload:
        return document, None
    if not isinstance(shape, list) or not all(type(n) is int and 0 <= n <= MOST_ARRAY for n in shape):
        raise BadFrame(f"{shape!r} is not the shape of an array")
    size = FLOAT.itemsize
    for n in shape:
        size *= n
    if size != len(payload):
        raise BadFrame(f"an array of shape {shape} has {size} bytes, not {len(payload)}")
    return document, np.frombuffer(payload, FLOAT).reshape(shape)


def take_over_streams() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output for frames alone: what anything prints goes to standard error, and nothing can read."""
    frames_in, frames_out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return frames_in, frames_out


def read(
    file: BinaryIO, take: Callable[[tuple[dict[str, Any], np.ndarray | None]], object], over: Callable[[int], object]
) -> None:
    """Take frames in, in a thread of its own, to the end of the input.

    Args:
        take: is given each frame.
        over: called at the end, with the status that this process is to end with.
    """
    status = 0
    try:
        while len(head := file.read(HEAD.size)) == HEAD.size:
            header, payload = lengths(head)
            take(decode(file.read(header), file.read(payload)))
    except BadFrame as error:
        print(f"{Path(sys.argv[0]).stem}: {error}", file=sys.stderr, flush=True)
        status = 2
    over(status)


def fault(error: Exception) -> str:
    """An error in one line, for an answer."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]


def find(name: str) -> Callable[..., Any]:
    """What a name such as `module:factory` or `module:Class.method` stands for, looked for in the working directory
    first and never among a server's own files.
    """
    module, colon, path = name.partition(":")
    if not colon:
        raise ValueError(f"what is served is named MODULE:FACTORY, not {name!r}")
    here = Path(__file__).resolve().parent
    sys.path[:] = [str(Path.cwd()), *(place for place in sys.path if place and Path(place).resolve() != here)]
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    if not callable(found):
        raise TypeError(f"{name} cannot be called")
    made: Callable[..., Any] = found
    return made


def versions(names: tuple[str, ...]) -> dict[str, str]:
    """Of Python, and of what has been loaded here of these packages."""
    loaded = ((name, getattr(sys.modules.get(name), "__version__", None)) for name in names)
    return {"python": platform.python_version()} | {name: str(version) for name, version in loaded if version}
