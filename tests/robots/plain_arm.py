"""An arm without physics or hardware: it is wherever it is sent, and keeps what it was sent."""

import numpy as np

from retouch.errors import RobotError
from retouch.robots.protocol import Bounds, Entry, State

POSE = [Entry(n, -0.5, 0.5) for n in ("x", "y", "z")] + [Entry(n, -1.001, 1.001) for n in ("qw", "qx", "qy", "qz")]
BOUNDS = Bounds((*POSE, Entry("gripper", 0.0, 1.0, rate=2.0)), poses=(0,))


class PlainArm:
    """An `Arm` in simulated time."""

    name, period, bounds, live = "the plain arm", 0.02, BOUNDS, False

    def __init__(self) -> None:
        self.time, self.heading = 0.0, np.array([0.1, 0.0, 0.2, 1.0, 0.0, 0.0, 0.0, 0.5])
        self.at = self.heading.copy()
        self.sent: list[np.ndarray] = []
        self.felt, self.fault, self.halted, self.there = np.zeros(6), "", True, False

    def open(self) -> None:
        self.there = True

    def sense(self) -> State:
        if not self.there:
            raise RobotError("nobody is there")
        return State(self.time, self.at[[0, 1, 2, 7]].copy(), self.at[:7].copy(), self.felt.copy(), self.fault)

    def take_hold(self) -> None:
        self.heading, self.halted = self.at.copy(), False

    def hold(self) -> np.ndarray:
        return self.heading.copy()

    def send(self, action: np.ndarray) -> None:
        self.sent.append(action)
        self.heading = action

    def halt(self) -> None:
        self.halted = True

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        self.time += seconds
        if not self.halted:
            self.at = self.heading.copy()

    def close(self) -> None:
        self.there = False
