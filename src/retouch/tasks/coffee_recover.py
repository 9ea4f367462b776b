"""What a scripted person does with a pod that is not where or how it should be."""

import math

import numpy as np

from retouch.geometry import Matrix3, Vector3, quat_about, quat_to_matrix
from retouch.robots.sawyer import MOUNT
from retouch.tasks.coffee_grasp import hand_lean, leaning_axes, level, pod_in_hand, upright_axes
from retouch.tasks.coffee_lid import facing_axes
from retouch.tasks.coffee_scene import POD_HALF, POD_RADIUS
from retouch.tasks.coffee_view import View
from retouch.tasks.hand import HURRY, Action, Hand, go_over
from retouch.tasks.vectors import DOWN, UP, cross, segment_distance

STANDS = math.radians(33)  # a pod let go that leans less falls onto its end
MOST_LEAN = 1.1  # of the hand, when it stands a pod up [rad]
# Where a leaning hand stands pods up: far enough from the base to lean outwards, and left of the machine, because the
# forearm is to the right of the hand.
SPOTS = tuple((x, y) for x in (-0.08, -0.02, 0.04) for y in (0.17, 0.23, 0.29))
SHUT_GAP = 0.018  # between the pads of a shut hand, at most [m]
CLEARANCE = 0.15  # of the hand with a pod from the machine's middle [m]
OVER = 0.345  # a height above the table at which a pod passes over the open lid [m]
ASIDE = 0.22  # from the machine, of a place to put a pod down [m]


def set_down(hand: Hand, view: View) -> tuple[bool, Action]:
    """Put the held pod down on a free place, upright if the hand can lean so far.

    Returns:
        Whether it stands or lies there and may be let go, and the action.
    """
    spot = _free_spot(view)
    axes = _standing_axes(hand, view, spot)
    turn = hand.turn(view, axes, view.tool)
    error = spot - view.pod[:2]
    aside = math.hypot(error[0], error[1])
    clear = math.dist(view.tool[:2], view.machine[:2]) > ASIDE - 0.03
    if aside < 0.05:
        error, aside = 0.0 * error, 0.0
    if aside or math.sqrt(float(turn @ turn)) > 0.15:
        crosses = _crosses(view, spot)
        up = (OVER if crosses else 0.10) - view.lowest
        if up > 0.03 and (crosses or not clear):
            return False, hand.command(np.array([0.0, 0.0, up]), 0.0 * turn, 1.0, HURRY)
        turned = clear and not crosses and aside < 0.1
        return False, hand.command(np.array([error[0], error[1], up]), turn if turned else 0.0 * turn, 1.0, HURRY)
    if view.lowest > 0.003:
        return False, hand.command(np.array([0.0, 0.0, -view.lowest - 0.003]), turn, 1.0)
    return True, hand.command(0.0 * view.tool, 0.0 * turn, -1.0)


def _crosses(view: View, spot: Vector3) -> bool:
    """Whether the straight way of the pod to `spot` meets the machine, in the plane."""
    points = (*view.machine[:2].tolist(), *view.pod[:2].tolist(), *spot.tolist())
    return segment_distance(*points) < CLEARANCE


def _free_spot(view: View) -> Vector3:
    def cost(spot: tuple[float, float]) -> float:
        near = max(0.0, ASIDE - math.dist(spot, view.machine[:2].tolist()))
        far = 0.3 if _crosses(view, np.array(spot)) else 0.0
        return math.dist(spot, view.pod[:2].tolist()) + 10.0 * near + far

    return np.array(min(SPOTS, key=cost))


def _standing_axes(hand: Hand, view: View, spot: Vector3) -> Matrix3:
    """The tool's axes that stand the held pod up as far as the hand leans; it leans outwards, as the arm can."""
    up = pod_in_hand(view)
    outwards = level(np.array([spot[0] - MOUNT[0], spot[1] - MOUNT[1], 0.0]))
    if abs(up[1]) > 0.7:  # held over its ends: it is laid down
        return min(
            (leaning_axes(side * cross(UP, outwards), 0.0) for side in (1.0, -1.0)),
            key=lambda axes: abs(hand.turning(view, axes, view.tool)[0]),
        )
    if hand_lean(view) < STANDS:
        return upright_axes(view, level(view.tool_axes[:, 1]))
    options = []
    for side in (1.0, -1.0):
        closing = side * cross(UP, outwards)
        for turned in (False, True):
            axes = upright_axes(view, closing)
            if turned:  # on its other end
                axes = quat_to_matrix(quat_about(closing, math.pi)) @ axes
            z = axes[:, 2]
            lean = math.atan2(float(z @ outwards), float(z @ DOWN))
            if lean < -0.3:
                continue
            least = max(0.0, lean - MOST_LEAN)
            axes = quat_to_matrix(quat_about(cross(outwards, DOWN), least)) @ axes
            heading = leaning_axes(closing if axes[:, 1] @ closing > 0 else -closing, 0.0)
            cost = abs(hand.turning(view, heading, view.tool)[0]) + 2.0 * least
            options.append((cost, axes))
    return min(options, key=lambda option: option[0])[1]


def push_in(hand: Hand, view: View) -> Action:
    """Press a pod that sticks in the holder, or aslant in its mouth, down with a closed hand."""
    top = view.pod + POD_HALF * view.pod_axis + 0.004 * UP
    leaning = math.sin(view.lean)
    if leaning > 0.1:  # on its higher edge, which stands it up
        edge = UP - math.cos(view.lean) * view.pod_axis
        top = top + min(1.0, 1.5 * leaning) * POD_RADIUS * edge / leaning
    axes = facing_axes(hand, view, top)
    turn = hand.turn(view, axes, top)
    aside = math.dist(view.tool[:2], top[:2])
    if view.gap > SHUT_GAP:
        high = top[2] + 0.035 - view.tool[2]
        if aside < 0.1 and high > 0.0:
            return hand.command(np.array([0.0, 0.0, high + 0.01]), 0.0 * turn, -1.0 if view.around else 0.0)
        return hand.command(np.array([top[0] - view.tool[0], top[1] - view.tool[1], 0.0]), turn, 1.0)
    if aside < 0.010 and view.tool[2] < top[2] + 0.03:
        return hand.command(top + 0.03 * DOWN - view.tool, turn, 1.0)
    return go_over(hand, view, top + 0.004 * UP, axes, 1.0, clear=0.06)
