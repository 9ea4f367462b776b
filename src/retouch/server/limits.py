"""How often somebody may ask."""

import time
from collections import OrderedDict
from collections.abc import Callable


class RateLimit:
    """A bucket for each caller: it holds `burst` requests and fills again at `per_second`.

    Args:
        burst: requests at once.
        per_second: in the long run.
        callers: that are remembered; the one who has been quiet for longest is forgotten first.
        clock: seconds.
    """

    def __init__(
        self, burst: float, per_second: float, callers: int = 10_000, clock: Callable[[], float] = time.monotonic
    ):
        self.burst, self.per_second, self._callers, self._clock = burst, per_second, callers, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, caller: str) -> bool:
        """Whether one more request is fine; it counts when it is."""
        now = self._clock()
        left, at = self._buckets.pop(caller, (self.burst, now))
        left = min(self.burst, left + (now - at) * self.per_second)
        allowed = left >= 1
        self._buckets[caller] = (left - 1 if allowed else left, now)
        if len(self._buckets) > self._callers:
            self._buckets.popitem(last=False)
        return allowed
