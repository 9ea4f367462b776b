"""A scripted way to make coffee from wherever it stands: feedback on what is seen, with little memory."""

import math
from dataclasses import dataclass

import numpy as np

from retouch.geometry import Matrix3, Vector3
from retouch.robots.sawyer import REACH
from retouch.tasks import coffee_recover as recover
from retouch.tasks.coffee_grasp import carrying_axes, grasp_axes, hand_lean
from retouch.tasks.coffee_lid import CLEAR, close_lid, get_out, open_lid, under
from retouch.tasks.coffee_scene import HOLDER_RIM, POD_HALF, RIM_ABOVE_SEAT, SEAT, Observation
from retouch.tasks.coffee_view import View
from retouch.tasks.grasp import reach_for
from retouch.tasks.hand import HURRY, Action
from retouch.tasks.skill import FeedbackSkill
from retouch.tasks.vectors import UP, segment_distance

USUAL_SPEED = 0.45  # cap on a command, of 1
MOST_LEAN = 0.5  # of the hand over the holder [rad]
TIP = 0.0035  # of the finger tips below the tool [m]
TRAVELS = ("reach", "descend", "carry", "go to the lid", "go behind the lid")  # a joint's end is in the way, if any
PASSING = 0.345  # a height above the machine's foot at which the empty hand passes over the open lid [m]
OVER_MOUTH = 0.05  # from the holder's axis, of the lower end of a pod that sits on or in the holder [m]
MACHINE_CLEARANCE = 0.15  # of the empty hand's way from the holder's axis, in the plane [m]
OVER = 0.37  # a height above the machine's foot at which a held pod passes over the open lid [m]


@dataclass(frozen=True)
class Style:
    """How somebody does it; the defaults are the demonstrations' way.

    Attributes:
        speed: factor on the usual speed.
        detour: how far the pod is swung aside on its way to the holder, along the machine's y axis [m].
        approach_height: of the tool above the pod before it goes down [m].
        grasp_height: of the grasp above an upright pod's middle [m].
        transit: factor on the speed while the pod is carried far from the holder.
        pre_insertion: of the pod's lower end above the rim when it is lined up [m].
        insertion_speed: of the pod into the holder, as a share of the full command.
        tolerance: of the pod's lower end from the holder's axis when it goes in [m].
        angle_tolerance: of the pod to the holder's axis when it goes in [rad].
    """

    speed: float = 1.0
    detour: float = 0.0
    approach_height: float = 0.07
    grasp_height: float = 0.014
    transit: float = 1.4
    pre_insertion: float = 0.04
    insertion_speed: float = 0.35
    tolerance: float = 0.0025
    angle_tolerance: float = 0.08


class CoffeeSkill(FeedbackSkill[View]):
    """Reach, grasp, carry, insert and close, and ways back from trouble; each re-derived from the state."""

    def __init__(self, rng: np.random.Generator, style: Style = Style()):
        self.style = style
        super().__init__(rng, USUAL_SPEED * style.speed)

    def restart(self) -> None:
        """Forget what was being done: the situation is new."""
        super().restart()
        self._lid_closing = 0
        self._axes: Matrix3 | None = None
        self._tried: list[Matrix3] = []

    def act(self, observation: Observation) -> Action:
        """The next action."""
        return self._act(View(observation))

    def _decide(self, view: View, held: bool) -> Action:
        if view.seated:
            return self._finish(view)
        if held:
            return self._carry(view)
        if self._lid_closing or (view.lid < CLEAR and not self._elevated(view)):
            self.stage, self._lid_closing, action = open_lid(self._hand, view, self._lid_closing)
            return action
        if self._tries % 2 == 0 and (view.inserted or self._jammed(view)):
            self.stage = "push in"
            return recover.push_in(self._hand, view)
        return self._reach(view)

    def _elevated(self, view: View) -> bool:
        """Whether the pod lies on something, and has to be taken down before the lid can be opened."""
        return view.lowest > 0.05 and view.funnel[0] > OVER_MOUTH

    def _jammed(self, view: View) -> bool:
        """Whether the pod sits aslant in the holder's mouth."""
        lateral, angle, distance = view.funnel
        return lateral < 0.02 and angle < math.radians(60) and abs(distance) < 0.03

    def _watch(self, view: View) -> None:
        doing, left = self._left(view)
        self._standstill.look(doing, left, 0.004, view.tool, roams=self.stage in ("reach", "carry"))
        twisted, travels = self._twisted, self.stage in TRAVELS
        patience = 30 if travels else 60
        if (self._standstill.steps <= patience and not twisted) or view.done:
            return
        turn = self._step_back(view, twisted)
        stuck = travels and float(np.linalg.norm(turn)) > 0.05
        if twisted or stuck or self._tries > 1:
            self._turn_otherwise(view, turn, unfold=self._tries % 2 == 1 or stuck)
        if self._axes is not None:
            self._tried.append(self._axes)
            self._axes = None
        self._closing = self._lid_closing = 0

    def _left(self, view: View) -> tuple[str, float]:
        """What is being done, and how much of it is left."""
        if self.stage == "put down":
            return "put down", view.lowest + float(np.linalg.norm(self._hand.aim))
        if "lid" in self.stage and not view.seated:
            return "lid", math.dist(view.tool, view.from_machine(np.array([0.0, 0.0, 0.25]))) - view.lid
        if self.stage == "push in":
            return "push in", math.dist(view.tool, view.seat)
        return "task", 1.0 - view.progress

    # The pod is in.

    def _finish(self, view: View) -> Action:
        """Let go of the seated pod, leave the holder, and close the lid."""
        hand, still = self._hand, np.zeros(3)
        tool = view.in_machine(view.tool)
        if view.around and view.gap < 0.07:
            self.stage = "let go"
            return hand.command(still, still, -1.0)
        if math.hypot(tool[0], tool[1]) < 0.03 and tool[2] < HOLDER_RIM + 0.03 and view.lid > CLEAR:
            self.stage = "leave"
            return hand.command(0.05 * UP, still, 0.0, HURRY)
        self.stage, action = close_lid(hand, view)
        return action

    # Empty hand.

    def _reach(self, view: View) -> Action:
        """Go above the pod, down around it, and close."""
        style, hand = self.style, self._hand
        self._axes = grasp_axes(hand, view, self._axes, self._tried)
        upright, lying = math.cos(view.lean), math.sin(view.lean)
        point = view.pod + style.grasp_height * upright * view.pod_axis - 0.006 * lying * UP
        self.stage, self._closing, action = reach_for(
            hand,
            view,
            point,
            self._axes,
            style.approach_height,
            self._closing,
            self._still,
            self._crosses(view, point),
            travel=float(view.machine[2]) + PASSING,
            slope=4.0,
        )
        return action

    def _crosses(self, view: View, point: Vector3) -> bool:
        """Whether the empty hand's straight way to `point` meets the machine."""
        lowest = min(float(view.tool[2]), float(point[2]) + self.style.approach_height)
        if lowest > view.machine[2] + PASSING - 0.01 or math.dist(view.tool[:2], point[:2]) < 0.02:
            return False
        x, y, _ = view.from_machine(np.array([-0.03, 0.0, 0.0])).tolist()
        here, there = view.tool.tolist(), point.tolist()
        near = segment_distance(x, y, here[0], here[1], there[0], there[1])
        return near < MACHINE_CLEARANCE and near < math.hypot(there[0] - x, there[1] - y) - 0.01

    # Pod in hand.

    def _carry(self, view: View) -> Action:
        """Lift, carry to the holder, line up, insert and let go."""
        style, hand = self.style, self._hand
        inserted = view.inserted
        if (view.lid < CLEAR or hand_lean(view) > MOST_LEAN) and not inserted:
            return self._put_down(view)
        if under(view) and view.lid < CLEAR:
            self.stage = "leave the lid"
            return get_out(hand, view, 1.0)
        axes = carrying_axes(hand, view)
        offset = axes @ view.pod_in_tool  # of the pod's centre from the tool, at the goal
        up = view.machine_axes[:, 2]
        high = float((view.pod - view.seat) @ up)
        lateral, angle, distance = view.funnel
        deepest = max(0.0, HOLDER_RIM + TIP + 0.003 - SEAT + float(offset @ up))  # the finger tips stay above the rim
        ahead = style.insertion_speed * style.speed * 0.05 / REACH
        above = RIM_ABOVE_SEAT + POD_HALF + style.pre_insertion
        if inserted:
            self.stage = "insert"
            if high < deepest + 0.003 or self._standstill.steps > 20:
                return self._leave()
            return self._line_up(view, axes, offset, max(deepest - 0.004, high - ahead))
        if distance < style.pre_insertion + 0.02 and lateral < 0.03 and angle < 0.4:
            patience = 0.0001 * max(0, self._standstill.steps - 20)  # nobody lines up for ever
            tolerance = style.tolerance + min(0.0015, patience)
            if angle < style.angle_tolerance and lateral < tolerance + 0.06 * max(0.0, distance):
                self.stage = "insert"
                return self._line_up(view, axes, offset, high - ahead)
            self.stage = "align"
            return self._line_up(view, axes, offset, high if distance > 0.004 else high + 0.01)
        self.stage = "carry"
        goal = view.seat + above * up - offset
        error = goal - view.tool
        turn = hand.turn(view, axes, goal)
        aside, far = math.hypot(error[0], error[1]), math.sqrt(float(error @ error))
        over = OVER - float(view.in_machine(view.tool)[2])
        if view.in_machine(view.tool)[0] < -0.01 and aside > 0.02:  # from behind, over the open lid
            if over > 0.03:
                return hand.command(np.array([0.0, 0.0, over + 0.01]), 0.0 * turn, 1.0)
            return hand.command(np.array([error[0], error[1], over]), turn, 1.0)
        if error[2] > 0.02 and (aside < MACHINE_CLEARANCE or not view.free):
            self.stage = "lift"
            return hand.command(np.array([0.0, 0.0, error[2] + 0.01]), 0.2 * turn, 1.0, style.transit)
        swing = style.detour * min(1.0, max(0.0, (far - 0.08) / 0.1))
        speed = style.transit if far > 0.08 else 1.0
        return hand.command(error + swing * view.machine_axes[:, 1], turn, 1.0, speed)

    def _line_up(self, view: View, axes: Matrix3, offset: Vector3, high: float) -> Action:
        """Hold the pod on the holder's axis, `high` above its seat [m]."""
        goal = view.seat + high * view.machine_axes[:, 2] - offset
        return self._hand.command(goal - view.tool, self._hand.turn(view, axes, goal), 1.0)

    def _leave(self) -> Action:
        """Open the hand and draw it up."""
        self._let_go(steps=7, rise=5)
        return self._hand.command(np.zeros(3), np.zeros(3), -1.0)

    def _put_down(self, view: View) -> Action:
        """Put the pod down, upright if it can be, and leave it there."""
        self.stage = "put down"
        done, action = recover.set_down(self._hand, view)
        return self._leave() if done else action
