"""A LeRobot robot, driven by a process of lerobot's own environment (`bridge/robot_server.py`).

What was tested, and against what, is in docs/robots.md: no real arm.
"""

import contextlib
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from retouch.bridge.process import Served, one_line
from retouch.errors import InputError, RobotError
from retouch.robots.guard import Guard
from retouch.robots.lerobot_file import LeRobotFile
from retouch.robots.protocol import State

LEAVE_S = 1.0  # for the robot to be held by a process that is late or says what cannot be
CLOSING_S = 6.0  # for it to be held and let go of


class LeRobotArm:
    """An `Arm`: the robot that a person's file names, commanded by its own action features.

    Joints and actions are in radians, shares, or as lerobot has them, as the file says of each.
    """

    live = True

    def __init__(self, file: LeRobotFile):
        self.name, self.period, self.bounds = f"the robot of {file.path.name}", file.period_s, file.bounds
        self._file, self._scales = file, np.array(file.scales)
        self._names = [entry.name for entry in file.bounds.entries]
        self._seen = np.array([name not in file.rests for name in self._names])
        self._resting = np.array([file.rests.get(name, math.nan) for name in self._names]) * self._scales
        self._held = np.zeros(len(self._names))
        self._served: Served | None = None

    def open(self) -> None:
        """Start the process, which connects to the robot as lerobot does."""
        self._served = Served(
            self._file, "robot_server.py", self.name, RobotError, leave_s=LEAVE_S, closing_s=CLOSING_S
        )
        self._served.greet(
            {
                "type": "connect",
                "action": self._names,
                "rests": self._file.rests,
                "silence_s": self.bounds.silence,
            }
        )
        try:
            self._held, _ = self._state("sense")
        except RobotError:
            self._served.close()
            raise

    def sense(self) -> State:
        """Its joints are those features of an action that it observes."""
        measured, stopped = self._state("sense")
        return State(time.monotonic(), measured[self._seen], stopped=stopped)

    def take_hold(self) -> None:
        """With a new process where the last one has ended."""
        if self._served is None or self._served.stopped is not None:
            self.open()
        self._held, _ = self._state("take_hold")

    def hold(self) -> Float64[np.ndarray, " A"]:
        """Where it was sent last, and at rest."""
        return np.where(self._seen, self._held, self._resting)

    def send(self, action: Float64[np.ndarray, " A"]) -> None:
        """Its own servos go there."""
        self._ask("done", "send", action=(action / self._scales).tolist())
        self._held = action

    def halt(self) -> None:
        """It is told to hold where it is measured; nobody is told where the process has ended."""
        with contextlib.suppress(RobotError):
            self._ask("done", "halt")

    def now(self) -> float:
        """This computer's clock."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

    def close(self) -> None:
        """The process has the robot hold, disconnects as lerobot does, and ends."""
        if self._served is not None:
            self._served.close()

    def _state(self, request: str) -> tuple[np.ndarray, str]:
        """What is measured, float64[A], and why it stands; ends the process where that cannot be."""
        answer = self._ask("state", request)
        measured = answer.get("measured")
        row = measured if isinstance(measured, list) else []
        if len(row) != len(self._names) or not all(isinstance(n, int | float) and math.isfinite(n) for n in row):
            assert self._served is not None
            self._served.stop(f"measured {measured!r} where {len(self._names)} numbers are due")
        return np.array(row, dtype=np.float64) * self._scales, one_line(str(answer.get("stopped")))

    def _ask(self, expected: str, request: str, **values: Any) -> dict[str, Any]:
        """Raises RobotError where the robot does not do it, or nothing is heard of it."""
        if self._served is None:
            raise RobotError(f"{self.name} is not connected")
        answer, _ = self._served.ask({"type": request, **values}, expected=(expected, "refused"))
        if answer["type"] == "refused":
            raise RobotError(f"{self.name} stops: {one_line(str(answer.get('why')))}")
        return answer


def robot(address: str) -> Guard:
    """A LeRobot robot by its name in the registry. Raises InputError where the address is no file that names one."""
    if not address:
        raise InputError("a LeRobot robot is named in a file: say lerobot:FILE.toml (docs/robots.md)")
    return Guard(LeRobotArm(LeRobotFile.read(Path(address))))
