from hypothesis import given
from hypothesis import strategies as st

from retouch.operators.clock import RemoteClock


def test_before_the_first_pong_a_frame_was_made_when_it_arrived():
    assert RemoteClock().made_at(5.0, 1000.0) == 1000.0


@given(st.floats(-1e9, 1e9), st.lists(st.tuples(st.floats(0, 500), st.floats(0, 500)), min_size=1, max_size=40))
def test_the_error_is_at_most_half_the_shortest_round_trip(offset, trips):
    """Whatever the delays are, and however unequal there and back."""
    clock, now = RemoteClock(), 0.0
    for out, back in trips:
        clock.pong(now, now + out - offset, now + out + back)
        now += 1000.0
    best = min(out + back for out, back in trips[-20:])
    made = now
    assert abs(clock.made_at(made - offset, made + 10_000) - made) <= best / 2 + 1e-3
    assert clock.rtt_ms is not None


def test_never_after_it_arrived():
    clock = RemoteClock()
    clock.pong(100.0, 0.0, 110.0)
    assert clock.made_at(1e6, 200.0) == 200.0
