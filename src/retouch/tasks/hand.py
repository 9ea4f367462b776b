"""How a scripted hand moves the Sawyer's tool: feedback on poses, within the range of its wrist."""

import math

import numpy as np
from jaxtyping import Float64

from retouch.geometry import Matrix3, Vector3, quat_between, quat_from_matrix, quat_to_matrix, quat_to_vector
from retouch.robots.sawyer import HOME, MOST_ROTATION, MOST_TRANSLATION, MOUNT, REACH
from retouch.tasks.vectors import DOWN, UP, capped, cross, wrap

PAD_AT_ZERO = 0.01875  # of a finger's pad from the tool's middle when its joint is at zero [m]
OPEN_GAP = 0.079
WRIST_LIMIT = 4.4  # of the last joint, with a margin [rad]
SMALL_TURN = 0.15  # that a contact may hold up [rad]
TRAVEL = 1.05  # a height above everything that stands [m]
HURRY = 1.7  # of the usual speed, on ways through the air
REACHABLE = ((-0.345, 0.295), (-0.395, 0.395))  # of the tool, x and y [m]
FARTHEST = 0.9  # from the arm's base, on the table [m]
Action = Float64[np.ndarray, " 7"]
Area = tuple[tuple[float, float], tuple[float, float]]


class HandView:
    """The hand in an observation that begins with the tool's pose in world and the positions of its two fingers.

    Attributes:
        tool: between the finger tips, world frame [m].
        tool_axes: the tool's axes in world as columns: z out of the hand, y along which the fingers close.
        gap: between the finger pads [m].
    """

    def __init__(self, observation: Float64[np.ndarray, " D"]):
        self.tool: Vector3 = observation[0:3]
        self.tool_axes: Matrix3 = quat_to_matrix(observation[3:7])
        self.gap: float = 2 * PAD_AT_ZERO - float(observation[7] + observation[8])


class Hand:
    """Commands for the tool, with what has to be remembered: the wrist's turns.

    Args:
        speed: cap on the size of commands, of 1.
    """

    def __init__(self, speed: float):
        self.speed = speed
        self.wrist: float | None = None
        self.aim = np.zeros(3)  # the turn that is still to go [rad]
        self.stalled = 0  # steps for which it has not become less
        self._least = math.inf

    def see(self, view: HandView) -> None:
        """Keep count of the wrist's turns."""
        self.wrist = wrist_angle(view.tool, view.tool_axes, self.wrist)

    def turning(self, view: HandView, axes: Matrix3, at: Vector3) -> tuple[float, float]:
        """Turn about the vertical to `axes` at `at` within the wrist's range, and the wrist's angle after it [rad]."""
        assert self.wrist is not None
        change = wrap(math.atan2(axes[1, 0], axes[0, 0]) - math.atan2(view.tool_axes[1, 0], view.tool_axes[0, 0]))
        swing = self.wrist + base_angle(at) - base_angle(view.tool)
        if abs(swing - change) > WRIST_LIMIT:
            other = change - math.copysign(2 * math.pi, change)
            if abs(swing - other) <= WRIST_LIMIT:
                change = other
        return change, swing - change

    def turn(self, view: HandView, axes: Matrix3, at: Vector3) -> Vector3:
        """The rotation vector to `axes`, the long way round where the wrist cannot go the short one [rad]."""
        turn = quat_to_vector(quat_from_matrix(axes @ view.tool_axes.T))
        if abs(turn[2]) > 0.1:
            change, _ = self.turning(view, axes, at)
            if abs(change) > math.pi or (change * turn[2] < 0 and abs(change) > 1.0):
                return np.array([0.0, 0.0, change])
        return turn

    def _notice(self, turn: Vector3) -> None:
        """Count steps in which a turn does not go on, as when a joint is at its end."""
        self.aim, angle = turn, math.sqrt(float(turn @ turn))
        if angle < SMALL_TURN or angle < self._least - 0.01 or angle > self._least + 0.5:
            self.stalled, self._least = 0, angle
        else:
            self.stalled += 1

    def straighten(self, view: HandView, gripper: float) -> Action | None:
        """Point a hand that leans far down again, without turning it, a little further up; None if it does not lean."""
        z = view.tool_axes[:, 2]
        if float(z @ DOWN) > math.cos(0.5):
            return None
        lean = quat_to_vector(quat_between(z, DOWN))
        return self.command(np.array([0.0, 0.0, 0.03 if view.tool[2] < 1.1 else 0.0]), lean, gripper)

    def at_limit(self, turn: float) -> None:
        """The hand did not turn that way [rad]: its wrist must be at the end of its range."""
        self.wrist = math.copysign(WRIST_LIMIT, -turn)

    def command(self, move: Vector3, turn: Vector3, gripper: float, speed: float = 1.0) -> Action:
        """The action that moves [m] and turns [rad] that way; long ones are capped at `speed` of the usual."""
        if turn.any():
            self._notice(turn)
        cap = min(1.0, speed * self.speed)
        action = np.empty(7)
        action[:3] = capped(move * (REACH / MOST_TRANSLATION), cap)
        action[3:6] = capped(turn * (REACH / MOST_ROTATION), cap)
        action[6] = gripper
        return action


class Unfold:
    """Untwisting a forearm that is at the end of its range: point outwards, then roll about the forearm, as it can.

    Args:
        blocked: the turn that the hand could not do [rad].
        rng: says which way to try first where `blocked` does not.
    """

    def __init__(self, view: HandView, blocked: Vector3, rng: np.random.Generator):
        self._outwards = np.array([math.cos(base_angle(view.tool)), math.sin(base_angle(view.tool)), 0.0])
        self._forearm = 0.55 * self._outwards + 0.83 * DOWN
        along = float(blocked @ self._forearm)
        self._side = -math.copysign(1.0, along) if abs(along) > 0.05 else float(rng.choice((-1.0, 1.0)))
        self._steps, self._rolling, self._slow, self._turned = 0, 0, 0, False
        self._last = view.tool_axes[:, 2]

    def act(self, hand: Hand, view: HandView, gripper: float) -> Action | None:
        """The next action, or None when it is done."""
        z = view.tool_axes[:, 2]
        moved, self._last = math.dist(z, self._last), z
        self._steps += 1
        away = 0.3 * (np.array([-0.1, 0.0, 1.12]) - view.tool)
        if not self._rolling:
            if self._steps > 28 or float(z @ self._outwards) > 0.97:
                self._rolling = 1
            return hand.command(away, cross(z, self._outwards + 0.15 * UP), gripper, 1.8)
        self._rolling += 1
        self._slow = self._slow + 1 if self._rolling > 5 and moved < 0.02 else 0
        if self._slow > 6 and not self._turned:
            self._side, self._turned, self._slow, self._rolling = -self._side, True, 0, 2
        tangent = cross(UP, self._outwards)
        hanging = float(z @ DOWN) > 0.75 and abs(float(z @ tangent)) < 0.25
        if self._rolling > 70 or self._slow > 6 or (hanging and self._rolling > 8):
            return None
        return hand.command(0.0 * away, self._side * self._forearm, gripper, 1.8)


def go_over(
    hand: Hand,
    view: HandView,
    goal: Vector3,
    axes: Matrix3,
    gripper: float,
    clear: float = 0.04,
    travel: float = TRAVEL,
    slope: float = 1.0,
) -> Action:
    """Move the tool to `goal` from above: up, across, down [m].

    Args:
        clear: least height over the goal while the tool is beside it [m].
        travel: the height for long ways [m].
        slope: how steeply the way comes down from it.
    """
    error = goal - view.tool
    aside = math.hypot(error[0], error[1])
    turn = hand.turn(view, axes, goal)
    angle = math.sqrt(float(turn @ turn))
    if aside < 0.012 and angle < 0.2:
        return hand.command(error, turn, gripper)
    height = max(float(goal[2]) + clear, min(travel, float(goal[2]) + slope * aside))
    if view.tool[2] < height - 0.03 and aside > 0.02:
        return hand.command(np.array([0.0, 0.0, height + 0.01 - view.tool[2]]), 0.0 * turn, gripper, HURRY)
    return hand.command(np.array([error[0], error[1], height - view.tool[2]]), turn, gripper, HURRY)


def within_reach(point: Vector3) -> bool:
    """Whether the tool can go there, in the plane."""
    (x0, x1), (y0, y1) = REACHABLE
    return x0 < point[0] < x1 and y0 < point[1] < y1 and math.dist(point[:2], MOUNT[:2]) < FARTHEST


def into(area: Area, point: Vector3) -> Vector3:
    """The horizontal way from `point` into an area [m]."""
    (x0, x1), (y0, y1) = area
    x, y = float(point[0]), float(point[1])
    return np.array([min(max(x, x0), x1) - x, min(max(y, y0), y1) - y, 0.0])


def wrist_angle(tool: Vector3, tool_axes: Matrix3, last: float | None) -> float:
    """The last joint's angle as the tool's heading tells it [rad]: the turn nearest to `last`, or to the middle."""
    heading = math.atan2(tool_axes[1, 0], tool_axes[0, 0]) - math.pi / 2
    angle = HOME[6] + base_angle(tool) - heading
    centre = 1.5 if last is None else last
    return centre + wrap(angle - centre)


def base_angle(point: Vector3) -> float:
    """The direction from the arm's base to `point` about the vertical [rad]."""
    return math.atan2(point[1] - MOUNT[1], point[0] - MOUNT[0])
