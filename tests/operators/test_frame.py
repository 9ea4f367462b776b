import dataclasses
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retouch.errors import InputError
from retouch.operators.frame import LAYOUT, SOURCES, ControlFrame

FRAME = ControlFrame(True, True, False, True, "keyboard", 7, 3, 2, 1234.5, (0.25, -1.0, 2.0), (1.0, 0.0, 0.0, 0.0), 0.5)
uint32 = st.integers(0, 2**32 - 1)
coordinate = st.floats(-100, 100, width=32)


def test_it_is_56_bytes_as_the_protocol_says():
    data = FRAME.encode()
    assert len(data) == 56
    assert data[:2] == bytes([1, 1 | 2 | 8])
    assert struct.unpack_from("<HIIId", data, 2) == (2, 7, 3, 2, 1234.5)
    assert struct.unpack_from("<8f", data, 24) == (0.25, -1.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.5)


@given(
    st.tuples(*[st.booleans()] * 4),
    st.sampled_from(SOURCES),
    st.tuples(uint32, uint32, uint32),
    st.floats(0, 1e12),
    st.tuples(coordinate, coordinate, coordinate),
    st.floats(0.125, 4.0, width=32),
)
def test_it_comes_back_as_it_was(flags, source, numbers, client_ms, position, scale):
    frame = ControlFrame(*flags, source, *numbers, client_ms, position, (0.0, 1.0, 0.0, 0.0), scale)
    assert ControlFrame.decode(frame.encode()) == frame


@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_refused(data):
    try:
        frame = ControlFrame.decode(data)
    except InputError:
        return
    assert math.isclose(math.hypot(*frame.quat), 1.0, abs_tol=1e-9)


@pytest.mark.parametrize("place", range(8))
@pytest.mark.parametrize("value", [math.nan, math.inf, 1e9])
def test_no_hand_is_there(place, value):
    data = bytearray(FRAME.encode())
    struct.pack_into("<f", data, 24 + 4 * place, value)
    with pytest.raises(InputError):
        ControlFrame.decode(bytes(data))


def test_a_quaternion_is_made_one():
    long = dataclasses.replace(FRAME, quat=(1.05, 0.0, 0.0, 0.0)).encode()
    assert ControlFrame.decode(long).quat == (1.0, 0.0, 0.0, 0.0)
    with pytest.raises(InputError, match="pose"):
        ControlFrame.decode(dataclasses.replace(FRAME, quat=(0.0, 0.0, 0.0, 0.0)).encode())


def test_another_version_is_refused_with_what_to_do():
    with pytest.raises(InputError, match="reload the page"):
        ControlFrame.decode(b"\x02" + FRAME.encode()[1:])
    assert LAYOUT.size == 56
