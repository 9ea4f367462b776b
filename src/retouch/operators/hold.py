"""The rules by which a remote hand steers (docs/protocol.md): what the robot does when messages are late, lost or gone.

1. Only the newest frame counts. What is out of order, or older than `STALE_MS` by the sender's clock, is dropped: a
   backlog that arrives at once moves nothing.
2. When the newest frame is older than `FREEZE_MS`, the robot stands still; older than `GONE_MS`, the hold has ended.
3. A hold that ended so cannot go on: it takes a new press.
4. At a press, after a clutch, a freeze or a jump of the tracker, hand and robot are latched anew: the next target is
   where the robot is.
5. Whether a hold takes over or pushes is said by its first frame: what a page changes meanwhile counts at the next
   press. A push counts from where the hand was latched, so that it begins with nothing.
6. A release ends the hold at once. Only one with a known pose is the person's own: a hand that is let go because its
   tracker, page or window was lost is gone.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from retouch.geometry import (
    Matrix3,
    Pose,
    Quaternion,
    Vector3,
    quat_from_matrix,
    quat_inverse,
    quat_multiply,
    quat_to_vector,
)
from retouch.operators.frame import ControlFrame

STALE_MS = 250.0
FREEZE_MS = 150.0
GONE_MS = 300.0
FASTEST = 4.0  # a hand; what is faster is the tracker [m/s]
FASTEST_TURN = 20.0  # [rad/s]
ALLOWANCE = 0.05  # of either, for frames that lie close together


class Grip(Enum):
    """What a hold is doing."""

    OPEN = "open"  # nobody holds
    STEERING = "steering"
    FROZEN = "frozen"  # held, and the robot stands still
    RELEASED = "released"  # just now, by the person
    GONE = "gone"  # just now, because the person was not heard


@dataclass(frozen=True)
class Latched:
    """Where a hand and the tool were when the one took the other."""

    hand: Pose
    tool_in_world: Pose
    azimuth: float


class Hold:
    """One operator's hold, frame by frame and tick by tick. All times in ms of one clock.

    Attributes:
        frame: the newest.
        made_ms: when it was made.
        pushes: whether the hold pushes, and does not take over.
    """

    def __init__(self) -> None:
        self.frame: ControlFrame | None = None
        self.made_ms = 0.0
        self._sender = -1
        self._number: int | None = None  # of the hold that steers
        self._over: tuple[int, int] | None = None  # sender and number of the last hold that ended
        self._latched: Latched | None = None
        self._last: ControlFrame | None = None  # that moved the robot
        self._closed = False
        self._gripper = False
        self._azimuth = 0.0
        self.pushes = False

    @property
    def held(self) -> bool:
        """Whether somebody holds on."""
        return self._number is not None

    def age_ms(self, now_ms: float) -> float | None:
        """Of the newest frame of a hold; None without one."""
        return now_ms - self.made_ms if self.held else None

    def see(self, frame: ControlFrame, made_ms: float, now_ms: float, sender: int = 0, azimuth: float = 0.0) -> None:
        """Take a frame in, or drop it.

        Args:
            made_ms: when it was made.
            sender: which connection it came over; a new one counts its frames anew.
            azimuth: where the person's view looks, from world x [rad].
        """
        if now_ms - made_ms > STALE_MS:
            return
        if self.frame is not None and sender == self._sender and not _after(frame.sequence, self.frame.sequence):
            return
        if self.held and sender != self._sender:
            return  # whoever holds is not interrupted
        self.frame, self.made_ms, self._sender, self._azimuth = frame, made_ms, sender, azimuth

    def tick(self, now_ms: float) -> Grip:
        """What the hold does now. To be asked often: it is by asking that a hold ends."""
        frame = self.frame
        if frame is None:
            return Grip.OPEN
        age = now_ms - self.made_ms
        if self._number is None:
            if not frame.held or age > FREEZE_MS or (self._sender, frame.hold) == self._over:
                return Grip.OPEN
            self._begin(frame)
        elif frame.hold != self._number:
            if not frame.held:
                return self._released(frame)
            self._begin(frame)
        if age > GONE_MS:
            return self._end(Grip.GONE)
        if not frame.held:
            return self._released(frame)
        if age > FREEZE_MS or not frame.tracking or frame.clutch:
            self._latched = None
            return Grip.FROZEN
        return Grip.STEERING

    def drop(self) -> None:
        """End the hold: a pause, or the end of the attempt. It takes a new press."""
        if self._number is not None:
            self._end(Grip.GONE)
        elif self.frame is not None and self.frame.held:
            self._over = (self._sender, self.frame.hold)

    def target(self, tool_in_world: Pose, closed: bool) -> tuple[Pose, bool]:
        """Where the tool shall be in world, and whether the gripper shall be closed.

        Args:
            tool_in_world: where it is.
            closed: whether the gripper is.
        """
        frame = self.frame
        assert frame is not None
        if self._last is None:  # a press: the gripper is as the robot has it
            self._closed, self._gripper = closed, frame.gripper
        elif frame.gripper != self._gripper:
            self._closed, self._gripper = not self._closed, frame.gripper
        moved, turned = self._moved(frame, tool_in_world)
        assert self._latched is not None
        there = self._latched.tool_in_world
        return Pose(there.position + moved, quat_multiply(turned, there.quat)), self._closed

    def displacement(self) -> tuple[Vector3, Vector3]:
        """How far the hand has gone since the press: in world [m], and turned as a rotation vector there [rad]."""
        frame = self.frame
        assert frame is not None
        moved, turned = self._moved(frame, Pose.identity())
        return moved, quat_to_vector(turned)

    def _moved(self, frame: ControlFrame, tool_in_world: Pose) -> tuple[Vector3, Quaternion]:
        """The same, as a quaternion; hand and tool are latched where that is due."""
        hand = Pose(np.array(frame.position), np.array(frame.quat))
        if self._latched is None or self._jumped(frame):
            self._latched = Latched(hand, tool_in_world, self._azimuth)
        self._last = frame
        latched = self._latched
        person_in_world = person_frame(latched.azimuth)
        turn = quat_multiply(hand.quat, quat_inverse(latched.hand.quat))
        to_world = quat_from_matrix(person_in_world)
        turn_in_world = quat_multiply(quat_multiply(to_world, turn), quat_inverse(to_world))
        moved = frame.scale * person_in_world @ (hand.position - latched.hand.position)
        return moved, turn_in_world

    def _jumped(self, frame: ControlFrame) -> bool:
        """Whether the tracker, not the hand, has moved; a change of scale would move the target too."""
        last = self._last
        if last is None or frame.epoch != last.epoch or frame.scale != last.scale:
            return True
        seconds = max(0.0, frame.client_ms - last.client_ms) / 1000
        moved = float(np.linalg.norm(np.subtract(frame.position, last.position)))
        turn = quat_to_vector(quat_multiply(np.array(frame.quat), quat_inverse(np.array(last.quat))))
        return moved > FASTEST * seconds + ALLOWANCE or float(np.linalg.norm(turn)) > FASTEST_TURN * seconds + ALLOWANCE

    def _begin(self, frame: ControlFrame) -> None:
        self._number, self._latched, self._last, self.pushes = frame.hold, None, None, frame.push

    def _released(self, frame: ControlFrame) -> Grip:
        return self._end(Grip.RELEASED if frame.tracking else Grip.GONE)

    def _end(self, how: Grip) -> Grip:
        assert self._number is not None
        self._over = (self._sender, self._number)
        self._number = self._latched = self._last = None
        return how


def person_frame(azimuth: float) -> Matrix3:
    """Rotation from the person's frame (x right, y up, z towards the person) to world.

    Args:
        azimuth: of the person's view, from world x [rad]: -z of the person's frame points there.
    """
    c, s = float(np.cos(azimuth)), float(np.sin(azimuth))
    return np.array([[s, 0.0, -c], [-c, 0.0, -s], [0.0, 1.0, 0.0]])


def _after(sequence: int, other: int) -> bool:
    """Whether a frame is newer than another, over the end of 32 bits."""
    return 0 < (sequence - other) % 2**32 < 2**31
