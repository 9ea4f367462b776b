"""A scripted way to solve the threading task from wherever it stands: feedback on what is seen, with little memory."""

import math
from dataclasses import dataclass

import numpy as np

from retouch.geometry import Matrix3, Vector3
from retouch.robots.sawyer import REACH
from retouch.sim.scene import TABLE_TOP
from retouch.tasks import threading_recover as recover
from retouch.tasks.grasp import reach_for
from retouch.tasks.hand import TRAVEL, WRIST_LIMIT, Action, base_angle
from retouch.tasks.skill import FeedbackSkill
from retouch.tasks.threading_motion import carrying_axes, lean_for
from retouch.tasks.threading_scene import HANDLE_CENTRE, HANDLE_HALF, RING_HEIGHT, ROD_HALF_LENGTH, Observation
from retouch.tasks.threading_view import View, funnel_error, phase, progress
from retouch.tasks.vectors import DOWN, flatter, frame, segment_distance, wrap

__all__ = ["Style", "ThreadingSkill", "funnel_error", "phase", "progress"]

USUAL_SPEED = 0.45  # cap on a command, of 1
REACHABLE = ((-0.34, 0.28), (-0.39, 0.39))  # of the tool, x and y [m]
ROD_CLEARANCE, HAND_CLEARANCE = 0.03, 0.07  # from the post [m]
AWKWARD = 0.75  # of the rod's direction along the hand's
RING_LEVEL = TABLE_TOP + RING_HEIGHT - 0.0003


@dataclass(frozen=True)
class Style:
    """How somebody does it; the defaults are the demonstrations' way.

    Attributes:
        speed: factor on the usual speed.
        detour: how far the rod is swung aside on its way to the ring, along the ring's y axis [m].
        approach_height: of the tool above the handle before it goes down [m].
        lift_height: of the rod above the table before it is carried away [m].
        pre_insertion: of the rod's tip before the ring when it is lined up [m].
        grasp_offset: of the grasp from the handle's middle, towards the rod's tip [m].
        turned_grasp: how much somebody prefers to have the hand's x axis along the rod, in turning saved [rad].
        insertion_speed: of the rod through the ring, as a share of the full command.
        tolerance: of the tip from the ring's axis when it goes in [m].
        angle_tolerance: of the rod to the ring's axis when it goes in [rad].
    """

    speed: float = 1.0
    detour: float = 0.0
    approach_height: float = 0.09
    lift_height: float = 0.06
    pre_insertion: float = 0.04
    grasp_offset: float = 0.0
    turned_grasp: float = 0.0
    insertion_speed: float = 0.35
    tolerance: float = 0.0015
    angle_tolerance: float = 0.08


class ThreadingSkill(FeedbackSkill[View]):
    """Reach, grasp, lift, carry, line up and insert, and ways back from trouble; each re-derived from the state."""

    def __init__(self, rng: np.random.Generator, style: Style = Style()):
        self.style = style
        super().__init__(rng, USUAL_SPEED * style.speed)

    def restart(self) -> None:
        """Forget what was being done: the situation is new."""
        super().restart()
        self._post_closing = 0
        self._side: float | None = None
        self._direction: float | None = None
        self._way: recover.Way | None = None

    def act(self, observation: Observation) -> Action:
        """The next action."""
        return self._act(View(observation))

    def _decide(self, view: View, held: bool) -> Action:
        if not held:
            self._direction = None
        if not view.upright and not (held and view.threaded and float(view.ring_axes[2, 2]) > 0.6):
            return self._rescue_stand(view, held)
        if not held and abs(view.rod_axes[2, 0]) > 0.85 and view.rod[2] < TABLE_TOP + 0.12 and not view.threaded:
            self.stage = "topple"
            self._way, action = recover.topple(self._hand, view, self._way)
            return action
        self._post_closing = 0
        if not held:
            return self._reach(view)
        if abs(float(view.rod_axes[:, 0] @ view.tool_axes[:, 2])) > AWKWARD:
            return self._put_down(view)
        return self._carry(view)

    def _watch(self, view: View) -> None:
        kind, left = self._left(view)
        step = 0.008 if kind == "task" and not view.held else 0.004
        self._standstill.look(kind, left, step, view.tool, roams=self.stage in ("reach", "carry"))
        patience = 80 if self.stage in ("insert", "align") else 40 if kind == "task" else 60
        twisted = self._twisted
        if (self._standstill.steps <= patience and not twisted) or view.done:
            return
        turn = self._step_back(view, twisted)
        if twisted or not view.held or self._tries > 2:
            self._turn_otherwise(view, turn, unfold=self._tries % 2 == 1)
        self._side = None
        self._direction = None if self._tries % 2 or self._direction is None else -self._direction
        self._closing = self._post_closing = 0

    def _way_out(self, view: View, out: Vector3) -> Vector3:
        return out - 0.05 * view.rod_axes[:, 0] if view.held else super()._way_out(view, out)

    def _left(self, view: View) -> tuple[str, float]:
        """What is being done, and how much of it is left."""
        if self.stage == "put down":
            return "put down", float(view.handle[2])
        if "stand" in self.stage:
            away = recover.to_comfort(view) if self._post_closing else np.zeros(3)
            return "stand", math.dist(view.tool, view.ring) - float(view.ring_axes[2, 2]) + math.hypot(*away.tolist())
        if self.stage == "topple":
            return "topple", math.dist(view.tool, view.rod)
        return "task", 1.0 - view.progress

    def _put_down(self, view: View) -> Action:
        """Lay the rod down, and leave it there."""
        self.stage, action = "put down", recover.put_down(self._hand, view)
        if action[6] < 0:
            self._let_go(steps=8, rise=8)
        return action

    def _rescue_stand(self, view: View, held: bool) -> Action:
        """Make the stand stand again; a rod in the hand is put down first."""
        if held:
            return self._put_down(view)
        self.stage, self._post_closing, action = recover.raise_stand(self._hand, view, self._post_closing, self._tries)
        return action

    # Empty hand.

    def _reach(self, view: View) -> Action:
        """Go above the handle, down around it, and close."""
        style, hand = self.style, self._hand
        self._side, axes = self._grasp_axes(view)
        point = view.handle + style.grasp_offset * view.rod_axes[:, 0]
        crosses = self._crosses(view, point)
        self.stage, self._closing, action = reach_for(
            hand, view, point, axes, style.approach_height, self._closing, self._still, crosses
        )
        return action

    def _crosses(self, view: View, point: Vector3) -> bool:
        """Whether the empty hand's straight way to `point` meets the stand."""
        if view.tool[2] > TRAVEL - 0.02 and math.dist(view.tool[:2], point[:2]) < 0.05:
            return False
        x, y, _ = view.ring.tolist()
        here, there = view.tool.tolist(), point.tolist()
        near = segment_distance(x, y, here[0], here[1], there[0], there[1])
        return near < HAND_CLEARANCE and near < math.hypot(there[0] - x, there[1] - y) - 0.01

    def _grasp_axes(self, view: View) -> tuple[float, Matrix3]:
        """Which way round to take the handle (+1: tool x along the rod), and the tool's axes then."""
        hand = self._hand
        rod = flatter(view.rod_axes[:, 0], 0.6)
        best, best_cost = (1.0, view.tool_axes), math.inf
        lean = lean_for(view.handle, rod)
        for side in (1.0, -1.0):
            axes = lean @ frame(side * rod, DOWN)
            turned, wrist = hand.turning(view, axes, view.handle)
            cost = abs(turned) - (self.style.turned_grasp if side > 0 else 0.0)
            cost += min(self._insertion_cost(view, d, wrist, view.handle) for d in (1.0, -1.0))
            if self._side == side:
                cost -= 0.5
            if cost < best_cost:
                best, best_cost = (side, axes), cost
        return best

    def _insertion_cost(self, view: View, direction: float, wrist: float, at: Vector3) -> float:
        """How awkward it is to put the rod in along `direction`, the wrist at `wrist` when the hand is `at` [rad]."""
        ring = view.ring_axes
        ax, ay = direction * ring[0, 0], direction * ring[1, 0]
        turn = wrap(math.atan2(ay, ax) - math.atan2(view.rod_axes[1, 0], view.rod_axes[0, 0]))
        end = wrist + base_angle(view.ring) - base_angle(at)
        if abs(end - turn) > WRIST_LIMIT:
            turn -= math.copysign(2 * math.pi, turn)
        back = 2 * ROD_HALF_LENGTH + HANDLE_HALF + self.style.pre_insertion
        before = (float(view.ring[0]) - back * ax, float(view.ring[1]) - back * ay)
        out = sum(max(0.0, lo - p, p - hi) for p, (lo, hi) in zip(before, REACHABLE, strict=True))
        edge = max(
            abs(view.ring[0] + 0.05 * ax), abs(view.ring[1] + 0.05 * ay)
        )  # pushed along, the stand must not fall
        return (
            abs(turn) + 100.0 * out + (2.0 if edge > 0.36 else 0.0) + (10.0 if abs(end - turn) > WRIST_LIMIT else 0.0)
        )

    # Rod in hand.

    def _carry(self, view: View) -> Action:
        """Lift, carry to the ring, line up and insert."""
        style, hand = self.style, self._hand
        if view.threaded:
            self._direction = view.facing
        elif self._direction is None:
            assert hand.wrist is not None
            costs = {d: self._insertion_cost(view, d, hand.wrist, view.tool) for d in (1.0, -1.0)}
            self._direction = min(costs, key=lambda d: costs[d])
        direction = self._direction
        axis = direction * view.ring_axes[:, 0]
        axes = carrying_axes(view.rod_axes[:, 0] @ view.tool_axes, axis)
        offset = axes @ ((view.rod - view.tool) @ view.tool_axes)  # of the rod's centre from the tool, at the goal
        ring = np.array(
            [view.ring[0], view.ring[1], min(float(view.ring[2]), RING_LEVEL)]
        )  # a lifted stand is set down
        along = view.along(direction)
        lateral, angle, distance = view.funnel
        facing = direction == view.facing
        before = -(ROD_HALF_LENGTH + style.pre_insertion)
        ahead = style.insertion_speed * style.speed * 0.05 / REACH
        if view.threaded:
            self.stage = "insert"
            return self._line_up(
                view, axis, axes, ring - offset, min(0.0, along + ahead * (1.0 if angle < 0.3 else 0.3))
            )
        if facing and -0.012 < distance < style.pre_insertion + 0.03 and lateral < 0.03 and angle < 0.4:
            tolerance = style.tolerance + min(
                0.0025, 0.0001 * max(0, self._standstill.steps - 20)
            )  # nobody lines up for ever
            if angle < style.angle_tolerance and lateral < tolerance + 0.06 * max(0.0, distance):
                self.stage = "insert"
                return self._line_up(view, axis, axes, ring - offset, along + ahead)
            self.stage = "align"
            if distance < 0.006:  # the tip is against the ring, beside its hole
                return self._line_up(view, axis, axes, ring - offset, along - 0.02)
            return self._line_up(view, axis, axes, ring - offset, along)
        goal = ring + before * axis - offset
        turn = hand.turn(view, axes, goal)
        if max(view.rod[2], view.handle[2]) < TABLE_TOP + style.lift_height:
            self.stage = "lift"
            return hand.command(np.array([0.0, 0.0, 0.05]), 0.2 * turn, 1.0)
        self.stage = "carry"
        error = goal - view.tool
        if self._sweeps(view, ring + (before + HANDLE_CENTRE) * axis, axis):
            up = TRAVEL - float(view.handle[2])
            if up > 0.03:
                return hand.command(np.array([0.0, 0.0, up + 0.01]), 0.0 * turn, 1.0)
            return hand.command(np.array([error[0], error[1], up]), turn, 1.0)
        far = math.sqrt(float(error @ error))
        swing = style.detour * min(1.0, max(0.0, (far - 0.08) / 0.1))
        return hand.command(error + swing * view.ring_axes[:, 1], turn, 1.0)

    def _line_up(self, view: View, axis: Vector3, axes: Matrix3, through: Vector3, along: float) -> Action:
        """Hold the rod on the ring's axis, its centre `along` it [m]; the tool is at `through` when that is 0."""
        goal = through + along * axis
        return self._hand.command(goal - view.tool, self._hand.turn(view, axes, goal), 1.0)

    def _sweeps(self, view: View, goal: Vector3, axis: Vector3) -> bool:
        """Whether rod and hand, turning on the handle's way to `goal`, would meet the post; in the plane."""
        px, py, _ = view.ring.tolist()
        sx, sy, _ = view.handle.tolist()
        gx, gy, _ = goal.tolist()
        clear = min(ROD_CLEARANCE, self.style.pre_insertion - 0.005)
        start = math.atan2(view.rod_axes[1, 0], view.rod_axes[0, 0])
        sweep = wrap(math.atan2(axis[1], axis[0]) - start)
        for f in (0.0, 0.17, 0.33, 0.5, 0.67, 0.83, 1.0):
            x, y = sx + f * (gx - sx), sy + f * (gy - sy)
            c, s = math.cos(start + f * sweep), math.sin(start + f * sweep)
            if segment_distance(px, py, x - 0.02 * c, y - 0.02 * s, x + 0.14 * c, y + 0.14 * s) < clear:
                return True
            if math.hypot(px - x, py - y) < HAND_CLEARANCE:
                return True
        return False
