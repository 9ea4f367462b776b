import os
import zlib

import pytest

from retouch.operators.mailbox import Mailbox


def test_only_the_newest_counts_and_once(tmp_path):
    ours, theirs = Mailbox(tmp_path / "box", 100, create=True), Mailbox(tmp_path / "box", 100)
    assert theirs.get() is None
    for message in (b"one", b"two", b"three"):
        ours.put(message)
    assert theirs.get() == b"three"
    assert theirs.get() is None
    ours.put(b"")
    assert theirs.get() == b""


def test_what_is_too_large_is_refused(tmp_path):
    with pytest.raises(ValueError, match="101 bytes in a mailbox of 100"):
        Mailbox(tmp_path / "box", 100, create=True).put(bytes(101))


def test_nobody_else_may_read_it(tmp_path):
    Mailbox(tmp_path / "box", 100, create=True)
    assert (tmp_path / "box").stat().st_mode & 0o777 == 0o600


def test_no_message_is_ever_torn(tmp_path):
    """A process writes as fast as it can; every message says whether it is whole."""
    size, path = 20_000, tmp_path / "box"
    Mailbox(path, size, create=True)
    child = os.fork()
    if child == 0:
        box = Mailbox(path, size)
        for k in range(20_000):
            body = bytes([k % 256]) * (1 + (k * 7919) % (size - 4))
            box.put(zlib.crc32(body).to_bytes(4, "little") + body)
        os._exit(0)
    box, seen, last = Mailbox(path, size), 0, -1
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        message = box.get()
        if message is not None:
            assert zlib.crc32(message[4:]).to_bytes(4, "little") == message[:4]
            assert box._number > last
            seen, last = seen + 1, box._number
    assert seen > 10
