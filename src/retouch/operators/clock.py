"""When a remote frame was made, by our own clock: pings, and of them the ones with the shortest way."""

from collections import deque

WINDOW = 20  # pings that are remembered: the clocks drift apart


class RemoteClock:
    """The offset of one sender's clock. All times in ms."""

    def __init__(self) -> None:
        self._pongs: deque[tuple[float, float]] = deque(maxlen=WINDOW)

    @property
    def rtt_ms(self) -> float | None:
        """The newest round trip; None before the first."""
        return self._pongs[-1][0] if self._pongs else None

    def pong(self, sent_ms: float, client_ms: float, now_ms: float) -> None:
        """A ping that left at `sent_ms` came back at `now_ms`; in between the sender's clock showed `client_ms`."""
        if now_ms >= sent_ms:
            rtt = now_ms - sent_ms
            self._pongs.append((rtt, sent_ms + rtt / 2 - client_ms))

    def made_at(self, client_ms: float, arrived_ms: float) -> float:
        """When a frame was made, by our clock: never after it arrived. Before the first pong, its arrival."""
        if not self._pongs:
            return arrived_ms
        offset = min(self._pongs)[1]
        return min(arrived_ms, client_ms + offset)
