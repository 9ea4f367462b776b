"""From which side a scripted hand takes a pod, and how it holds it over the holder."""

import math

import numpy as np

from retouch.geometry import Matrix3, Vector3
from retouch.robots.sawyer import MOUNT
from retouch.tasks.coffee_scene import BODY_BACK, BODY_FRONT, BODY_SIDE, BODY_TOP, HINGE, LID_HALF
from retouch.tasks.coffee_view import View
from retouch.tasks.hand import Hand
from retouch.tasks.vectors import DOWN, UP, cross

FAR = 0.76  # from the arm's base: beyond, the hand leans [m]
LYING = math.radians(12)  # a pod that leans more is taken across its axis
LEAN = 0.4  # of the hand away from the machine [rad]
HAND_PROFILE = ((0.0, 0.012), (0.07, 0.045), (0.13, 0.055), (0.20, 0.065))  # up the hand from its tool, and its radius
WRIST = 0.235  # of the last joint but one from the tool [m]
FOREARM = ((0.02, 0.13, 0.02), (0.05, 0.13, 0.12))  # from there: towards the base, to its right, up [m]
FINGER_ASIDE = 0.048  # of an open finger from the tool [m]
TIPPED_LID = 0.31  # how high an open lid reaches above the machine's foot [m]


def level(v: Vector3) -> Vector3:
    """The unit vector along the horizontal part of `v`."""
    length = math.hypot(v[0], v[1])
    return np.array([v[0] / length, v[1] / length, 0.0])


def leaning_axes(closing: Vector3, lean: float) -> Matrix3:
    """The tool's axes when its fingers close along a horizontal direction and the hand leans about it [rad]."""
    z = math.cos(lean) * DOWN + math.sin(lean) * cross(UP, closing)
    return np.stack([cross(closing, z), closing, z], axis=1)


def grasp_axes(hand: Hand, view: View, last: Matrix3 | None, tried: list[Matrix3]) -> Matrix3:
    """The tool's axes to take the pod where it stands or lies: clear of the machine, turning little.

    Args:
        last: what was chosen a step ago.
        tried: what has led nowhere.
    """
    options = []
    if view.lean < LYING:
        ways = [(0.0, view.machine_axes[:, 1]), (1.0, view.machine_axes[:, 0])]
    else:
        along = level(view.pod_axis)
        # Over its ends is good only to draw it away from something.
        ways = [(0.0, cross(UP, along)), (5.0, along)]
    base = np.array([MOUNT[0], MOUNT[1], 0.0])
    outwards = level(view.pod - base)
    reach = math.hypot(*(view.pod - base)[:2].tolist())
    for awkward, way in ways:
        for side in (1.0, -1.0):
            closing = side * way
            share = float(cross(UP, closing) @ outwards)
            far = share * min(0.5, max(0.0, 4.0 * (reach - FAR)))
            for lean in (0.0, LEAN, -LEAN):
                axes = leaning_axes(closing, far + lean)
                cost = abs(hand.turning(view, axes, view.pod)[0]) + awkward + 1.5 * abs(lean) / LEAN
                cost += 4.0 * blocked(view, axes) + 4.0 * sum(_alike(axes, other) for other in tried)
                if last is not None and _alike(axes, last):
                    cost -= 0.5
                options.append((cost, axes))
    return min(options, key=lambda option: option[0])[1]


def blocked(view: View, axes: Matrix3) -> float:
    """How deep the machine would be in a hand that takes the pod with these axes: 0 where it is clear, 1 at 2 cm."""
    worst = 0.0
    for aside in (FINGER_ASIDE, -FINGER_ASIDE):
        worst = max(worst, _in_body(view, view.pod + aside * axes[:, 1], 0.010))
    for up, radius in HAND_PROFILE:
        worst = max(worst, _in_body(view, view.pod - up * axes[:, 2], radius))
    out = level(view.pod - np.array([MOUNT[0], MOUNT[1], 0.0]))
    wrist = view.pod - WRIST * axes[:, 2]
    for back, right, up in FOREARM:
        worst = max(worst, _in_body(view, wrist - back * out - right * cross(UP, out) + up * UP, 0.055))
    return worst / 0.02


def _alike(axes: Matrix3, other: Matrix3) -> bool:
    """Whether two orientations differ by less than 18 degrees."""
    return float(np.sum(axes * other)) > 2.9


def _in_body(view: View, point: Vector3, radius: float) -> float:
    """How deep a ball is in the machine, holder and lid included [m]."""
    x, y, z = view.in_machine(point).tolist()
    shut = view.lid < 1.4
    top = BODY_TOP if x < HINGE[0] else 0.205
    if shut:
        top = max(top, float(HINGE[2]) + LID_HALF[2] + (0.03 if x > 0 else 0.0))
    elif x < HINGE[0] + radius:
        top = TIPPED_LID
    side = min(x - BODY_BACK, BODY_FRONT - x, BODY_SIDE - abs(y))
    if not shut and top == TIPPED_LID and z > BODY_TOP:
        side = min(x + 0.115, HINGE[0] + 0.01 - x, LID_HALF[1] - abs(y))
    return max(0.0, min(side, top - z) + radius)


def pod_in_hand(view: View) -> Vector3:
    """The pod's axis in the tool frame, its end that is up when the hand points down."""
    axis = view.pod_axis @ view.tool_axes
    return axis if axis[2] <= 0 else -axis


def hand_lean(view: View) -> float:
    """How far the hand must lean for the pod that it holds to be upright [rad]."""
    return math.acos(min(1.0, -float(pod_in_hand(view)[2])))


def upright_axes(view: View, closing: Vector3) -> Matrix3:
    """The tool's axes when the held pod is upright and the fingers close along a horizontal direction."""
    up = pod_in_hand(view)
    y = np.array([0.0, 1.0, 0.0]) - up[1] * up
    y = y / math.sqrt(float(y @ y))
    in_tool = np.stack([y, up, cross(y, up)], axis=1)
    return np.stack([closing, UP, cross(closing, UP)], axis=1) @ in_tool.T


def carrying_axes(hand: Hand, view: View) -> Matrix3:
    """The tool's axes when the held pod stands over the holder: fingers along the hinge, the hand not over the lid."""
    options = []
    for side in (1.0, -1.0):
        axes = upright_axes(view, side * view.machine_axes[:, 1])
        over_lid = float(axes[:, 2] @ view.machine_axes[:, 0])  # what leans to the front is above the machine's back
        cost = abs(hand.turning(view, axes, view.seat)[0]) + 20.0 * max(0.0, over_lid - 0.1)
        options.append((cost, axes))
    return min(options, key=lambda option: option[0])[1]
