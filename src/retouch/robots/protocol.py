"""What one robot does that is commanded from outside, simulated or real (docs/robots.md).

`Robot` is what a caller sees. Whoever adapts a robot writes the smaller `Arm`, of which `guard.Guard` makes a `Robot`.

An action is a row of numbers, one a control period. What is in it is the robot's own affair; its `Bounds` name every
entry and say what is allowed. Arms that yield take what the simulated UR5e takes (`ur5e.command_of`): a reference pose
of the tool, a wrench that it shall feel, how stiff to be.
"""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64


@dataclass(frozen=True)
class Entry:
    """One number of an action.

    Attributes:
        name: for messages.
        low, high: least and most that it may be.
        rate: most that it may change in a second.
    """

    name: str
    low: float
    high: float
    rate: float = math.inf


@dataclass(frozen=True)
class Bounds:
    """What a robot is allowed.

    Attributes:
        entries: of an action.
        poses: where a pose begins among them: position [m] and unit quaternion (wxyz), of the tool in world. Their
            `low` and `high` are the workspace, and they may move as fast as `speed`.
        speed: most of a pose that is asked for [m/s], [rad/s].
        force, torque: most that the tool may feel [N], [N m].
        silence: without a command for so long, the robot stops [s].
        age: a command that was issued longer ago comes too late [s].
    """

    entries: tuple[Entry, ...]
    poses: tuple[int, ...] = ()
    speed: tuple[float, float] = (0.25, 1.0)
    force: float = 60.0
    torque: float = 8.0
    silence: float = 0.2
    age: float = 0.1


@dataclass(frozen=True)
class State:
    """What is measured.

    Attributes:
        time: when, by the robot's clock [s].
        joints: float64[J], in the robot's order [rad].
        tool_in_world: float64[7], position [m] and wxyz quaternion; None where the robot does not know.
        wrench_in_tool: float64[6], of the environment on the tool at the tool centre point [N], [N m]; None where it
            does not feel.
        stopped: why it stands; empty while it does what it is told.
    """

    time: float
    joints: Float64[np.ndarray, " J"]
    tool_in_world: Float64[np.ndarray, " 7"] | None = None
    wrench_in_tool: Float64[np.ndarray, " 6"] | None = None
    stopped: str = ""


@runtime_checkable
class Robot(Protocol):
    """A robot. It stands until it is armed, and from any stop until it is armed again.

    Attributes:
        name: what it is.
        period: from one command to the next [s].
        bounds: what it is allowed.
    """

    name: str
    period: float
    bounds: Bounds

    def connect(self) -> None:
        """Find it and listen to it; it does not move. Raises RobotError where it cannot be reached."""

    def state(self) -> State:
        """What is measured now. Raises RobotError where nothing comes."""

    def arm(self) -> None:
        """From now on it does what it is told; until then it holds where it is.

        Raises RobotError where it cannot, as in a protective stop.
        """

    def hold(self) -> Float64[np.ndarray, " A"]:
        """The action that keeps it where it is."""

    def command(self, action: Float64[np.ndarray, " A"], step: int, issued: float) -> bool:
        """Carry out an action, and hold what it asks for until the next one.

        Args:
            action: see `bounds`.
            step: its number, higher than the last one's.
            issued: when it was made up, by `now` [s].

        Returns:
            Whether it was taken. One that comes late, again or too soon after the last is left out as if it had never
            come: it does not keep a robot awake, either.

        Raises:
            RobotError: it asks for what is not allowed, and the robot stops; or the robot has stopped. Nothing of it
                is carried out.
        """

    def stop(self, reason: str) -> None:
        """Stand still at once, for the reason given; one that has stopped keeps its first reason. Never raises."""

    def now(self) -> float:
        """The robot's clock [s]; a simulated robot's time goes on while somebody waits."""

    def wait(self, seconds: float) -> None:
        """Let time go on."""

    def close(self) -> None:
        """Stop, and let go of it; again is no mistake."""


class Arm(Protocol):
    """What an adapter does. It is only ever sent what is allowed, and never by two threads at once.

    Attributes:
        name, period, bounds: as of `Robot`.
        live: whether its time goes on by itself.
    """

    name: str
    period: float
    bounds: Bounds
    live: bool

    def open(self) -> None:
        """As `Robot.connect`."""

    def sense(self) -> State:
        """As `Robot.state`; `stopped` is why it stands for reasons of its own."""

    def take_hold(self) -> None:
        """Forget what was asked for, hold where it is, and be ready for `send`; as `Robot.arm`."""

    def hold(self) -> Float64[np.ndarray, " A"]:
        """As `Robot.hold`."""

    def send(self, action: Float64[np.ndarray, " A"]) -> None:
        """Go for it, from what was asked for to this within a period, and hold it then. Returns at once."""

    def halt(self) -> None:
        """Stand still at once, whatever is going on; again is no mistake."""

    def now(self) -> float:
        """As `Robot.now`."""

    def wait(self, seconds: float) -> None:
        """As `Robot.wait`."""

    def close(self) -> None:
        """Let go of it; again is no mistake."""
