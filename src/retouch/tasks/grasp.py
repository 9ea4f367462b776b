"""How a scripted hand takes hold of something: above it, down around it, close."""

import math

import numpy as np

from retouch.geometry import Matrix3, Vector3
from retouch.tasks.hand import OPEN_GAP, TRAVEL, Action, Hand, HandView, go_over

CLOSING = 14  # steps after which fingers have met


def reach_for(
    hand: Hand,
    view: HandView,
    point: Vector3,
    axes: Matrix3,
    approach_height: float,
    closing: int,
    still: int,
    crosses: bool,
    travel: float = TRAVEL,
    slope: float = 1.0,
) -> tuple[str, int, Action]:
    """The next step of taking what is at `point` with the tool's `axes`, both in world.

    Args:
        approach_height: of the tool above the point before it goes down [m].
        closing: steps for which the hand has been closing.
        still: steps for which the fingers have not moved.
        crosses: whether the straight way there meets something that stands.
        travel, slope: of the way over it, as `go_over` takes them.

    Returns:
        What is done, the new `closing`, and the action.
    """
    error = point - view.tool
    height = float(error @ axes[:, 2])
    aside = error - height * axes[:, 2]
    lateral = math.sqrt(float(aside @ aside))
    turn = hand.turn(view, axes, point)
    angle = math.sqrt(float(turn @ turn))
    open_hand = view.gap > OPEN_GAP - 0.012
    if closing or (abs(height) < 0.008 and lateral < 0.008 and angle < 0.12 and open_hand):
        return "grasp", (closing + 1) % CLOSING, hand.command(error, turn, 1.0, 0.8)
    straight = hand.straighten(view, -1.0) if angle > 0.4 else None
    if straight is not None:
        return "retreat", 0, straight
    if height < 0.04 and (lateral > 0.014 or angle > 0.3 or not open_hand):
        # Something may be held: it is let go before the hand leaves.
        opening = view.gap < 0.05 and still < 3 and view.gap > 0.016
        up = 0.0 if opening else approach_height + 0.02 - height
        return "retreat", 0, hand.command(np.array([0.0, 0.0, up]), 0.0 * turn, -1.0)
    if crosses:
        above = point + np.array([0.0, 0.0, approach_height])
        return "reach", 0, go_over(hand, view, above, axes, -1.0, travel=travel, slope=slope)
    wanted = min(approach_height, max(0.0, 4.0 * (lateral - 0.006) + 0.3 * (angle - 0.1)))
    if not open_hand:
        wanted = approach_height
    stage = "descend" if wanted < 0.5 * approach_height else "reach"
    return stage, 0, hand.command(point - wanted * axes[:, 2] - view.tool, turn, -1.0)
