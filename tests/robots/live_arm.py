"""The simulated UR5e with a time of its own: it goes on whether anybody waits or not, as a real arm does."""

import threading
import time

import numpy as np

from retouch.robots.protocol import State
from retouch.robots.simulated import SimulatedUR5e, over_a_table


class LiveArm:
    """An `Arm`."""

    live = True

    def __init__(self) -> None:
        self.inner = SimulatedUR5e(over_a_table())
        self.name, self.period, self.bounds = "the live arm", self.inner.period, self.inner.bounds
        self._lock, self._over = threading.Lock(), threading.Event()

    def open(self) -> None:
        threading.Thread(target=self._live, daemon=True).start()

    def _live(self) -> None:
        due = time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            due += self.period
            with self._lock:
                self.inner.wait(self.period)

    def sense(self) -> State:
        with self._lock:
            return self.inner.sense()

    def take_hold(self) -> None:
        with self._lock:
            self.inner.take_hold()

    def hold(self) -> np.ndarray:
        with self._lock:
            return self.inner.hold()

    def send(self, action: np.ndarray) -> None:
        with self._lock:
            self.inner.send(action)

    def halt(self) -> None:
        with self._lock:
            self.inner.halt()

    def now(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def close(self) -> None:
        self._over.set()
