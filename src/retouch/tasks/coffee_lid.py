"""How a scripted hand opens and closes the coffee machine's lid."""

import math

import numpy as np

from retouch.geometry import Matrix3, Vector3
from retouch.tasks.coffee_scene import GRIP, GRIP_HALF, HINGE, LID_HALF
from retouch.tasks.coffee_view import BEHIND, EDGE, OVER, View
from retouch.tasks.hand import HURRY, OPEN_GAP, Action, Hand, go_over
from retouch.tasks.vectors import DOWN, UP, cross

CLEAR = math.radians(100)  # of the lid: no hand that works at the holder meets it then
FALLS = math.radians(80)  # below this it closes by itself
FELL_BACK = math.radians(106)
HANDLE_GAP = (0.0155, 0.0245)
STEP = 0.35  # of the lid that is led by its handle, ahead of where it is [rad]
FINGER_HALF = 0.006  # along the machine, of a finger that pushes [m]
TAKEN: Vector3 = GRIP + np.array([0.0, 0.0, 0.004])


def facing_axes(hand: Hand, view: View, at: Vector3) -> Matrix3:
    """The tool's axes, pointing down, with which the fingers close along the hinge: whichever way turns less."""
    options = []
    for side in (1.0, -1.0):
        y = side * view.machine_axes[:, 1]
        options.append(np.stack([cross(y, DOWN), y, DOWN], axis=1))
    return min(options, key=lambda axes: abs(hand.turning(view, axes, at)[0]))


def under(view: View) -> bool:
    """Whether the hand is where the lid comes down."""
    x, y, z = (view.in_machine(view.tool) - HINGE).tolist()
    reach = 2 * LID_HALF[0] + 0.02
    inside = x > -0.01 and math.hypot(x, z) < reach and abs(y) < LID_HALF[1] + 0.06
    return inside and math.atan2(z, x) < view.lid + 0.15


def get_out(hand: Hand, view: View, gripper: float) -> Action:
    """Draw the hand out from below the lid, to the machine's front."""
    way = 0.05 * view.machine_axes[:, 0]
    return hand.command(way, 0.0 * way, gripper, HURRY)


def _about_hinge(tool: Vector3, angle: float) -> Vector3:
    """The way to where a point would be if it turned with the lid by `angle` [rad], machine frame [m]."""
    x, _, z = (tool - HINGE).tolist()
    c, s = math.cos(angle), math.sin(angle)
    return np.array([c * x - s * z - x, 0.0, s * x + c * z - z])


def close_lid(hand: Hand, view: View) -> tuple[str, Action]:
    """Push the open lid over from behind, with a closed hand; press down one that does not fall.

    Returns:
        What is done, and the action.
    """
    tool = view.in_machine(view.tool)
    axes = facing_axes(hand, view, view.from_machine(BEHIND))
    turn = hand.turn(view, axes, view.from_machine(BEHIND))
    if view.lid < FALLS:
        if under(view):
            return "leave the lid", get_out(hand, view, 0.0)
        top = view.on_lid(np.array([GRIP[0], 0.0, GRIP[2] + GRIP_HALF[2] + 0.006]))
        if math.dist(view.tool[:2], top[:2]) < 0.02 and view.tool[2] < top[2] + 0.03 and view.gap < 0.02:
            return "press the lid", hand.command(top + 0.04 * DOWN - view.tool, turn, 1.0)
        return "press the lid", go_over(hand, view, top + 0.012 * UP, axes, 1.0, clear=0.05)
    edge = view.in_machine(view.on_lid(EDGE))
    behind = -0.085 < tool[0] - edge[0] < -0.004 and abs(tool[1]) < 0.03 and -0.035 < tool[2] - edge[2] < 0.008
    if behind and view.gap < 0.03 and float(view.tool_axes[:, 2] @ DOWN) > 0.9:
        way = np.array([0.03, -tool[1], edge[2] - 0.012 - tool[2]])
        if edge[0] - tool[0] < FINGER_HALF + 0.004:  # along the edge's arc: a finger that only goes ahead holds it down
            way += view.in_machine(view.on_lid(EDGE, view.lid - STEP)) - edge
        return "push the lid", hand.command(view.machine_axes @ way, turn, 1.0)
    error = BEHIND - tool
    aside = math.hypot(error[0], error[1])
    if aside < 0.015:
        return "go behind the lid", hand.command(view.machine_axes @ error, turn, 1.0)
    near = -0.135 < tool[0] < 0.10 and abs(tool[1]) < 0.10
    way = np.array([error[0], error[1], OVER - tool[2]])
    if near and tool[2] < OVER - 0.02:
        way[:2] = 0.0
    return "go behind the lid", hand.command(view.machine_axes @ way, turn, 1.0, HURRY)


def open_lid(hand: Hand, view: View, closing: int) -> tuple[str, int, Action]:
    """Take the lid by its handle and lead it up and over.

    Args:
        closing: steps for which the hand has been closing on the handle.

    Returns:
        What is done, the new `closing`, and the action.
    """
    point = view.on_lid(TAKEN)
    axes = facing_axes(hand, view, point)
    turn = hand.turn(view, axes, point)
    x, y, z = ((view.on_lid(GRIP) - view.tool) @ view.tool_axes).tolist()
    around = abs(x) < 0.018 and abs(y) < 0.012 and -0.03 < z < 0.016
    if around and HANDLE_GAP[0] < view.gap < HANDLE_GAP[1] and closing >= 3:
        if view.lid > FELL_BACK:
            return "let go of the lid", 0, hand.command(0.0 * point, 0.0 * turn, -1.0)
        way = _about_hinge(view.in_machine(view.tool), STEP)
        return "open the lid", closing, hand.command(view.machine_axes @ way, turn, 1.0)
    if under(view) and view.lid > 0.25 and not around:
        return "leave the lid", 0, get_out(hand, view, -1.0)
    error = point - view.tool
    near = float(error @ error) < 0.008**2 and float(turn @ turn) < 0.2**2
    if closing or (near and view.gap > OPEN_GAP - 0.015):
        if closing > 14:
            return "let go of the lid", 0, hand.command(0.05 * UP, 0.0 * turn, -1.0)
        return "take the lid", closing + 1, hand.command(error, turn, 1.0, 0.5)
    if view.gap < OPEN_GAP - 0.015 and view.tool[2] < point[2] + 0.05:
        return "go to the lid", 0, hand.command(0.05 * UP, 0.0 * turn, -1.0)
    return "go to the lid", 0, go_over(hand, view, point, axes, -1.0, clear=0.06)
