"""A mailbox between two processes: one writes, one reads, and only the newest message counts.

Neither waits for the other. A file in memory holds two messages in turn, each with a checksum, so a reader never takes
half of one.
"""

import mmap
import os
import struct
import zlib
from pathlib import Path

_HEAD = struct.Struct("<QII")  # number of the message, its length, its checksum


class Mailbox:
    """One end of a mailbox.

    Args:
        path: of its file.
        size: most bytes of a message.
        create: whether this end makes the file.

    Raises:
        OSError: the file cannot be made or opened.
    """

    def __init__(self, path: Path, size: int, create: bool = False):
        self.size = size
        self._slot = _HEAD.size + size
        flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT | os.O_EXCL if create else 0)
        descriptor = os.open(path, flags, 0o600)
        try:
            if create:
                os.truncate(descriptor, 2 * self._slot)
            self._memory = mmap.mmap(descriptor, 2 * self._slot)
        finally:
            os.close(descriptor)
        self._number = 0  # of the last message written or read

    def put(self, message: bytes) -> None:
        """Replace what is there.

        Raises:
            ValueError: the message is larger than the mailbox.
        """
        if len(message) > self.size:
            raise ValueError(f"a message of {len(message)} bytes in a mailbox of {self.size}")
        self._number += 1
        at = self._slot * (self._number % 2)
        self._memory[at + _HEAD.size : at + _HEAD.size + len(message)] = message
        checksum = zlib.crc32(message, self._number)
        self._memory[at : at + _HEAD.size] = _HEAD.pack(self._number, len(message), checksum)

    def get(self) -> bytes | None:
        """The newest message; None when it has been taken already, or there was none."""
        for _ in range(8):
            newest = max((0, self._slot), key=lambda at: int(_HEAD.unpack_from(self._memory, at)[0]))
            number, length, checksum = _HEAD.unpack_from(self._memory, newest)
            if number == self._number:
                return None
            message = self._memory[newest + _HEAD.size : newest + _HEAD.size + min(length, self.size)]
            if zlib.crc32(message, number) == checksum:
                self._number = number
                return message
        return None  # the writer is faster than we can read: the next call has it

    def close(self) -> None:
        """Let go of the memory; the file stays."""
        self._memory.close()
