"""What the server and its processes say to each other: mailboxes for what is only of use while it is new, lines of JSON
on standard input and output for what must arrive. Light enough for both sides."""

import json
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

STATES = ("POLICY", "PAUSED", "YOU", "ENDED", "PUSH")
SCENE_HEAD = struct.Struct("<BBHIdff")  # 1, state, bodies, step, sent, contact, age
SCENE_TAIL = struct.Struct("<12f")  # after the poses: tool, contact, push, heading, in world
PICTURE_HEAD = struct.Struct("<BBHId")  # 2, camera, width, step, sent
HAND_HEAD = struct.Struct("<Idd")  # connection, made at, azimuth; then the control frame
HAND, SCENE = "hand", "scene"
HAND_SIZE, SCENE_SIZE, PICTURE_SIZE = 128, 1 << 16, 1 << 20


def picture(camera: int) -> str:
    """Name of a camera's mailbox."""
    return f"picture-{camera}"


def now_ms() -> float:
    """The machine's monotonic clock, the same in every process [ms]."""
    return 1000 * time.monotonic()


@dataclass(frozen=True)
class SessionOrder:
    """What a session's process is started with.

    Attributes:
        run: folder of the run.
        round: that is being collected.
        operator: as logged in.
        mailboxes: folder of the mailboxes, made by the server.
        bridges: that the server was started with.
    """

    run: str
    round: int
    operator: str
    mailboxes: str
    bridges: tuple[str, ...] = ()


def write_line(file: BinaryIO, message: dict[str, Any]) -> None:
    """Send one message; OSError when nobody reads any more."""
    file.write(json.dumps(message, allow_nan=False).encode() + b"\n")
    file.flush()


def mailbox_path(folder: str, name: str) -> Path:
    """Where a mailbox is."""
    return Path(folder) / name
