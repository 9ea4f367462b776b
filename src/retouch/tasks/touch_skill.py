"""What scripted skills of tasks that are done by touch begin with."""

from abc import ABC, abstractmethod

import numpy as np


class TouchSkill(ABC):
    """One attempt at a task. Every command is a reference near the last one, so that nothing jumps.

    Args:
        rng: for how another try differs.
        speed: factor on the usual speed.

    Attributes:
        stage: what it is doing.
    """

    def __init__(self, rng: np.random.Generator, speed: float = 1.0):
        self._rng = rng
        self._speed = speed
        self.restart()

    @abstractmethod
    def restart(self) -> None:
        """Forget what was being done: the situation is new."""
        self.stage = "carry"
