"""What travels between the two sides of a bridge, and what is run over there."""

import ast
import sys
from pathlib import Path

import numpy as np
import pytest

from retouch.bridge import frames as wire


@pytest.mark.parametrize("shape", [None, (0, 3), (2, 37), (1, 2, 3)])
def test_what_is_encoded_is_decoded(shape) -> None:
    array = None if shape is None else np.random.default_rng(0).normal(size=shape).astype(np.float32)
    frame = wire.encode({"type": "act", "slots": [3, 1]}, array)
    head, rest = frame[: wire.HEAD.size], frame[wire.HEAD.size :]
    header, payload = wire.lengths(head)
    assert len(rest) == header + payload
    document, found = wire.decode(rest[:header], rest[header:])
    assert document["slots"] == [3, 1]
    assert (found is None) == (array is None)
    if array is not None:
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    ("header", "payload"),
    [
        (b"{", b""),
        (b"[]", b""),
        (b'{"type": 3}', b""),
        (b'{"type": "act"}', b"1234"),
        (b'{"type": "act", "shape": [2]}', b"1234"),
        (b'{"type": "act", "shape": [-1]}', b""),
        (b'{"type": "act", "shape": [1000000000000]}', b""),
        (b"[" * 100_000, b""),
    ],
)
def test_what_is_no_frame_is_refused(header: bytes, payload: bytes) -> None:
    with pytest.raises(wire.BadFrame):
        wire.decode(header, payload)


def test_a_frame_that_is_too_long_is_not_waited_for() -> None:
    with pytest.raises(wire.BadFrame, match="too long"):
        wire.lengths(wire.HEAD.pack(wire.MAGIC, 10, 1 << 30))
    with pytest.raises(wire.BadFrame, match="began"):
        wire.lengths(b"Hello, world")


@pytest.mark.parametrize("name", ["policy_server.py", "robot_server.py", "frames.py"])
def test_what_is_run_elsewhere_needs_python_3_10_and_numpy(name: str) -> None:
    tree = ast.parse(Path(wire.__file__).with_name(name).read_text(), feature_version=(3, 10))
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else name.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert imported - {"retouch"} <= sys.stdlib_module_names | {"numpy", "frames"}  # ours in place of its own frames
    assert "tomllib" not in imported  # new in 3.11
