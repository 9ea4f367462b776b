"""Noticing that what is being done gets nowhere."""

import math

import numpy as np

from retouch.geometry import Vector3

NEARBY = 0.06  # a hand that has gone further than this is getting somewhere [m]
SETBACK = 0.1  # of what is left: more than that is a new situation


class Standstill:
    """Counts the steps in which what is left of a doing has not become less.

    Attributes:
        steps: for how many it has not.
    """

    def __init__(self) -> None:
        self.steps = 0
        self._doing = ""
        self._least = math.inf
        self._from: Vector3 = np.zeros(3)

    def look(self, doing: str, left: float, progress: float, tool: Vector3, roams: bool) -> None:
        """Count one step.

        Args:
            doing: another one starts the count anew.
            left: how much of it is left, in its own measure.
            progress: by how much that must shrink to count.
            tool: where the hand is [m].
            roams: whether having moved on is progress in itself.
        """
        away = roams and math.dist(tool, self._from) > NEARBY
        if doing != self._doing or left < self._least - progress or left > self._least + SETBACK or away:
            self._doing, self._least, self.steps, self._from = doing, left, 0, tool
        else:
            self.steps += 1

    def forgive(self) -> None:
        """Start the count anew with the next step."""
        self._doing = ""
