"""What a scripted person does when something is where it should not be: a rod on end, a stand on its side."""

import math

import numpy as np

from retouch.geometry import Matrix3, Vector3
from retouch.sim.scene import TABLE_TOP
from retouch.tasks.hand import HURRY, OPEN_GAP, Action, Hand, go_over, into, within_reach
from retouch.tasks.threading_scene import RING_HEIGHT
from retouch.tasks.threading_view import View
from retouch.tasks.vectors import DOWN, UP, cross, flatter, frame, segment_distance

FOOT_HALF = 0.05
GRIPS = (0.035, 0.055, 0.08, 0.105, 0.13)  # below the ring, where the post is taken; the first within reach [m]
RAISED = math.cos(math.radians(45))  # it swings up by itself from 55 degrees
POST_GAP = (0.0148, 0.030)
HANDY = ((-0.18, 0.18), (-0.28, 0.28))  # where a lying stand is turned up: near the base the arm would be twisted [m]
COMFORT = ((-0.22, 0.15), (-0.24, 0.24))  # where the stand is best set up, x and y [m]
LEANS = (0.4, 0.0, -0.35)  # of the hand over the post, from the ring's end, one after another [rad]
Way = tuple[float, float]


def lying_axes(hand: Hand, view: View, along: Vector3, at: Vector3) -> Matrix3:
    """The tool's axes to take something that lies along `along`, whichever way round turns the hand less."""
    one, other = frame(along, DOWN), frame(-along, DOWN)
    return min((one, other), key=lambda axes: abs(hand.turning(view, axes, at)[0]))


def put_down(hand: Hand, view: View) -> Action:
    """Lay the rod down on a free place, so that the hand is free."""
    level = float(view.handle[2]) - TABLE_TOP
    lowest = min(level - 0.02, float((view.rod + 0.06 * view.rod_axes[:, 0])[2]) - 0.005 - TABLE_TOP)
    foot = view.ring - RING_HEIGHT * view.ring_axes[:, 2]
    away = segment_distance(view.handle[0], view.handle[1], view.ring[0], view.ring[1], foot[0], foot[1])
    if lowest < 0.006 and away > 0.08:
        return hand.command(np.zeros(3), np.zeros(3), -1.0)
    spots = [np.array([x, y]) for x in (-0.2, -0.05, 0.1) for y in (-0.25, -0.1, 0.05, 0.2)]
    here = view.tool[:2]

    def cost(spot: Vector3) -> float:
        near = segment_distance(spot[0], spot[1], view.ring[0], view.ring[1], foot[0], foot[1])
        return float(np.linalg.norm(spot - here)) + 5.0 * max(0.0, 0.2 - near)

    spot = min(spots, key=cost)
    turn = 0.0 * view.tool
    error = spot - here
    aside = math.hypot(error[0], error[1])
    if away > 0.2:
        error, aside = 0.0 * error, 0.0
    if aside > 0.03:
        return hand.command(np.array([error[0], error[1], max(0.0, 0.12 - lowest)]), turn, 1.0, HURRY)
    return hand.command(np.array([error[0], error[1], -lowest - 0.004]), turn, 1.0)


def topple(hand: Hand, view: View, way: Way | None) -> tuple[Way, Action]:
    """Push a rod that stands on its handle over, away from the stand.

    Args:
        way: the horizontal direction (unit vector) in which it is being pushed, if it is.

    Returns:
        The direction and the action.
    """
    x, y = view.rod[:2].tolist()
    behind = (x - float(view.tool[0]), y - float(view.tool[1]))
    pushing = False
    if way is not None and view.tool[2] < TABLE_TOP + 0.14 and view.gap < 0.03:
        ahead = behind[0] * way[0] + behind[1] * way[1]
        aside = behind[1] * way[0] - behind[0] * way[1]
        pushing = -0.01 < ahead < 0.09 and abs(aside) < (0.014 if ahead < 0.045 else 0.004)
    if way is None or not pushing:
        way = _falling_way(view)
    c, s = way
    before = np.array([x - 0.06 * c, y - 0.06 * s, TABLE_TOP + 0.11])
    if pushing:
        aside = behind[1] * c - behind[0] * s
        push = np.array([0.04 * c - 4 * aside * s, 0.04 * s + 4 * aside * c, float(before[2] - view.tool[2])])
        return way, hand.command(push, 0.0 * push, 1.0, 2.0)
    axes = lying_axes(hand, view, np.array([-s, c, 0.0]), before)  # the fingers' broad side ahead
    return way, go_over(hand, view, before, axes, 1.0, clear=0.13)


def _falling_way(view: View) -> Way:
    """Where a standing rod can be pushed over to: clear of the stand and within reach."""
    x, y = view.rod[:2].tolist()
    best, way = -math.inf, (1.0, 0.0)
    for step in range(8):
        c, s = math.cos(step * math.pi / 4), math.sin(step * math.pi / 4)
        fx, fy = x + 0.12 * c, y + 0.12 * s
        clear = min(0.2, math.hypot(fx - view.ring[0], fy - view.ring[1]))
        from_x, from_y = x - 0.07 * c, y - 0.07 * s
        clear += min(0.12, math.hypot(from_x - view.ring[0], from_y - view.ring[1]))
        bounds = min(0.0, 0.22 - fx, fx + 0.32, 0.35 - abs(fy), 0.25 - from_x, from_x + 0.32, 0.37 - abs(from_y))
        score = clear + 10.0 * bounds - 0.1 * math.hypot(view.tool[0] - from_x, view.tool[1] - from_y)
        if score > best:
            best, way = score, (c, s)
    return way


def raise_stand(hand: Hand, view: View, closing: int, tries: int = 0) -> tuple[str, int, Action]:
    """Take the post of a stand that lies on its side below the ring and turn it up about its foot.

    Args:
        closing: steps for which the hand has been closing on the post.
        tries: how often it has gone wrong; another posture of the hand then.

    Returns:
        What is done, the new `closing`, and the action.
    """
    post = view.ring_axes[:, 2]
    below = min(max(float((view.ring - view.tool) @ post), GRIPS[0] - 0.02), GRIPS[-1] + 0.02)
    x, y, z = ((view.ring - below * post - view.tool) @ view.tool_axes).tolist()
    around = abs(x) < 0.03 and abs(y) < 0.02 and -0.04 < z < 0.012
    taken = around and POST_GAP[0] < view.gap < POST_GAP[1] and closing >= 3
    if post[2] > RAISED:
        home = to_comfort(view)
        if taken and home @ home > 0.01**2:
            return "bring the stand", closing, hand.command(home, 0.0 * home, 1.0, 0.7)
        leave = -0.06 * view.tool_axes[:, 2] + 0.03 * UP
        return "let go of the stand", 0, hand.command(leave if view.gap > 0.03 else 0.0 * leave, 0.0 * leave, -1.0)
    fall = flatter(post, 0.0)
    axis = cross(fall, UP)
    if taken:
        closer = into(HANDY, view.tool)
        if post[2] < 0.1 and closer @ closer > 0.01**2:
            low = view.tool[2] < TABLE_TOP + 0.03  # its ring may hang over the table's edge
            way = 0.03 * UP if low else closer
            return "pull the stand", closing, hand.command(way, 0.0 * way, 1.0, HURRY)
        foot = view.ring - RING_HEIGHT * post
        under = DOWN - (DOWN @ post) * post
        pivot = foot + FOOT_HALF * under / max(float(np.linalg.norm(under)), 1e-6)
        rate = 0.12
        return (
            "raise the stand",
            closing,
            hand.command(rate * cross(axis, view.tool - pivot) + 0.004 * UP, rate * axis, 1.0, 1.4),
        )
    point = post_grip(view)
    lean = LEANS[(tries + (1 if point[0] < -0.18 else 0)) % len(LEANS)]
    options = []
    for sign in (1.0, -1.0):
        # The hand leans over from the ring's end: its z axis points down and back along the post.
        z_axis = DOWN * math.cos(lean) - fall * math.sin(lean)
        axes = np.stack([cross(sign * axis, z_axis), sign * axis, z_axis], axis=1)
        options.append(axes)
    axes = min(options, key=lambda a: abs(hand.turning(view, a, point)[0]))
    point = np.array([point[0], point[1], max(float(point[2]) - 0.004, TABLE_TOP + 0.008)])
    error = point - view.tool
    turn = hand.turn(view, axes, point)
    near = float(error @ error) < 0.009**2 and float(turn @ turn) < 0.2**2
    if closing or (near and view.gap > OPEN_GAP - 0.015):
        if closing > 16:
            return "let go of the stand", 0, hand.command(0.05 * UP, 0.0 * turn, -1.0)
        return "take the stand", closing + 1, hand.command(error, turn, 1.0, 0.5)
    if view.gap < OPEN_GAP - 0.015 and view.tool[2] < point[2] + 0.05:
        return "go to the stand", 0, hand.command(0.05 * UP, 0.0 * turn, -1.0)
    return "go to the stand", 0, go_over(hand, view, point, axes, -1.0, clear=0.06)


def post_grip(view: View) -> Vector3:
    """Where to take the post of a stand that lies: near the ring, but within reach, world frame [m]."""
    point = view.ring
    for below in GRIPS:
        point = view.ring - below * view.ring_axes[:, 2]
        if within_reach(point):
            return point
    return point


def to_comfort(view: View) -> Vector3:
    """How far the stand's foot is from where it is best set up, horizontally [m]."""
    foot = view.ring - RING_HEIGHT * view.ring_axes[:, 2]
    return into(COMFORT, foot)
