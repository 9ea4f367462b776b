"""A scripted belt assembly that looks at the belt: behind the small pulley and over it, out and down beside the large
one, half a turn around it, back along the belt, and up. A belt that is half out of the hook is pressed back into it
first, over the board's edge.

Every command is a reference near the last one, so that nothing jumps, whatever was done before. What is done follows
from where the belt runs now; remembered is only whether it sweeps or draws back, and for how long nothing has come of
what it does.
"""

import math

import numpy as np
from jaxtyping import Float64

from retouch.geometry import Pose, Vector3, quat_about, quat_multiply
from retouch.robots.ur5e import command_of
from retouch.tasks.belt_scene import (
    APART,
    FLANGE,
    GROOVE,
    GROOVE_HALF,
    LARGE_FLANGE,
    PLATE_HALF,
    PULLEY_TOP,
    REACH,
    SMALL_LEDGE,
    TIP,
)
from retouch.tasks.belt_view import BESIDE, LARGE, Observation, View
from retouch.tasks.steering import PERIOD, TRANSIT, nearer
from retouch.tasks.touch_skill import TouchSkill
from retouch.tasks.vectors import capped

CAREFUL, LIFT, TURNING = 0.05, 0.03, 1.5  # [m/s], [rad/s]
BEHIND = -0.032  # where the belt is led down behind the small pulley [m]
READY = 0.004  # of the belt's height, when it is behind the pulley [m]
FOLLOW = 0.10  # of the loop's error in height, made good by one command
SWUNG = 0.012  # of the loop from below the hook, when it has come to rest [m]
SWEPT = 0.024  # the hook is led so far beyond the small pulley to hook the belt on it [m]
APEX = (0.012, 0.0, 0.145)  # above the small pulley, by which the hook goes back [m]
FARTHEST = -0.065  # behind the small pulley, where a belt is drawn out from below it [m]
EDGE = PLATE_HALF[1]  # of the board, at either side of the pulleys [m]
LEAN, PRESSING = math.radians(40), 0.01  # of a hook that is pressed onto it, and how fast [m/s]
OFF_EDGE, ABOVE_EDGE, PRESS = 0.14, 0.006, 0.004  # of the hook from there, before it; and of its reference beyond [m]
LOOP = 0.165  # the hook is so far above the groove when no loop reaches down to it [m]
TIGHT = (0.118, 0.140)  # from the small pulley to the hook, on the way to the large one [m]
PULL, YIELD = (0.25, 0.7), 0.002  # of the belt there, from high up and lower [N], and how fast it is found [m/N]
OVER = GROOVE + 0.030  # of the hook, when it clears both pulleys [m]
ENTRY_ANGLE, ENTRY_RADIUS = math.radians(48), 0.040  # around the large pulley, where the belt goes in
ORBIT = LARGE_FLANGE + REACH + 0.001  # of the hook around the large pulley [m]
LAST = -math.radians(106)  # where the half turn ends
ALONG = ((APART - 0.026, -0.031), (0.055, -0.0195))  # where the hook goes then, beside the belt [m]
BELT_YAW = -math.radians(98.6)  # of the hook there
SAG = 0.009  # of the belt beside the large pulley before it is tight, at most [m]
AWAY = GROOVE + 0.06  # of the hook, when the belt is left [m]
CAUGHT = 1.1  # that the belt may pull on the hook before it goes the other way, not to lose it [N]
PATIENCE = 60  # steps at the entry before it draws back


class BeltSkill(TouchSkill):
    """One attempt at belt assembly."""

    def restart(self) -> None:
        """Forget what was being done: the situation is new."""
        super().restart()
        self._sweeping = self._backing = self._retreating = self._leaving = False
        self._waited = 0  # steps at the entry
        self._tight = 0.124  # from the small pulley to the hook [m]
        self._entry = ENTRY_ANGLE
        self._leg = 0  # of the way along the belt
        self._freeing = 0  # steps for which it still goes the other way
        self._seating: int | None = None  # the leg of the way on which the belt is pressed into the hook
        self._beside: float | None = None  # of the hanging loop's middle from the hook, without its swinging [m]

    def act(self, observation: Observation) -> Float64[np.ndarray, " 24"]:
        """The next command, from `sight` alone."""
        view = View(observation)
        if not view.held or self._leaving:
            return self._leave(view)
        loose = view.half_out and view.hook[2] > OVER
        if not view.over_small or loose or self._backing or (self._sweeping and view.hook[0] < SWEPT):
            return self._thread(view)
        self._sweeping = False
        if self._retreating:
            return self._retreat(view)
        if view.turned_round and (view.angle < LAST + 0.06 or self._leg > 0):
            return self._along(view)
        if entered(view) and (view.angle > 0.2 or view.on_side(1)):
            return self._wind(view)
        return self._stretch(view)

    # Over the small pulley.

    def _thread(self, view: View) -> Float64[np.ndarray, " 24"]:
        """Down behind the small pulley, and forwards at the groove's height until the belt is on it."""
        x, y, z = view.hook.tolist()
        self._retreating, self._waited, self._leg, self._freeing = False, 0, 0, 0
        bottom, middle = bottom_of(view), view.loop_middle
        if self._beside is None:
            self._beside = middle - y
        swings = abs(middle - y - self._beside)
        self._beside += 0.02 * (middle - y - self._beside)
        if self._sweeping:
            under = bottom[2] < GROOVE - GROOVE_HALF - FLANGE and bottom[0] > view.small[0] - SMALL_LEDGE
            if x < SWEPT + 0.03 and abs(bottom[2] - GROOVE) < 0.012 and not under and not view.half_out:
                self.stage = "sweep"
                off = GROOVE - 0.0015 - float(bottom[2])
                goal = view.reference + np.array(
                    [CAREFUL * PERIOD if abs(off) < READY else 0.0, 0.0, self._lift(view, off)]
                )
                return self._go(view, goal, 0.0, CAREFUL)
            self._sweeping = False
        if self._seating is not None:
            return self._seat(view, self._seating)
        self._backing = x > BEHIND + 0.012
        if self._backing:
            self.stage = "back"
            if view.radius < LARGE_FLANGE + 0.020 and PULLEY_TOP + TIP < z < APEX[2] / 2 and caught(view):
                return self._free(view)
            if z < OVER:
                return self._go(view, np.array([x, y, OVER + 0.01]), view.yaw, CAREFUL)
            under = view.behind_small is not None and view.behind_small.height < GROOVE - GROOVE_HALF
            if under and view.winding(view.small):  # around the foot: back first, then up
                return self._go(view, np.array([BEHIND, y, z]), 0.0, CAREFUL)
            if z < APEX[2] - 0.015:
                return self._go(view, np.array(APEX), 0.0)
            return self._go(view, np.array([BEHIND, y, max(z, APEX[2])]), 0.0)
        if bottom[0] - x > SWUNG and z < GROOVE + LOOP:
            self.stage = "rise"
            if bottom[2] < GROOVE - GROOVE_HALF and bottom[0] > -0.022 and x > FARTHEST:  # out from below the pulley
                return self._go(view, np.array([FARTHEST - 0.003, y, view.reference[2]]), 0.0, LIFT)
            return self._go(view, np.array([min(x, BEHIND), y, GROOVE + LOOP + 0.01]), 0.0)
        if view.half_out:
            return self._seat(view, 0)
        still = abs(bottom[0] - x) < SWUNG
        aligned = abs(middle) < 0.006 and swings < 0.005 and abs(y + self._beside) < 0.004 and abs(view.yaw) < 0.05
        if not (aligned and still and abs(x - BEHIND) < 0.008):
            self.stage = "carry"
            return self._go(view, np.array([BEHIND, -self._beside, view.reference[2]]), 0.0, CAREFUL)
        self.stage = "lower"
        self._sweeping = abs(bottom[2] - GROOVE) < READY
        return self._go(view, view.reference + np.array([0.0, 0.0, GROOVE - bottom[2]]), 0.0, CAREFUL)

    def _seat(self, view: View, leg: int) -> Float64[np.ndarray, " 24"]:
        """Onto the board's edge at the nearer side, leaning out, the edge between the prongs; and back."""
        self.stage = "seat"
        side = 1.0 if view.reference[1] > 0 else -1.0
        edge, way = np.array([BEHIND, side * EDGE, 0.0]), np.array([0.0, -side * math.sin(LEAN), -math.cos(LEAN)])
        before, high = edge - OFF_EDGE * way, np.array([BEHIND, 0.0, GROOVE + LOOP + 0.01])
        legs = (
            (before, LEAN, TRANSIT),
            (edge - ABOVE_EDGE * way, LEAN, CAREFUL),
            (edge + PRESS * way, LEAN, PRESSING),
            (before, LEAN, CAREFUL),
            (high, 0.0, TRANSIT),
        )
        place, lean, speed = legs[leg]
        upright = view.down(place, side * math.pi / 2)
        target = Pose(upright.position, quat_multiply(quat_about(view.board.axis(0), -side * lean), upright.quat))
        ahead = nearer(view.reference_in_world, target, self._speed * speed, self._speed * TURNING)
        there = math.dist(ahead.position, target.position) < 0.001 and abs(ahead.quat @ target.quat) > 1 - 1e-5
        there = there or (leg == len(legs) - 1 and view.reference[2] > GROOVE + LOOP)
        self._seating = leg if not there else leg + 1 if leg + 1 < len(legs) else None
        return command_of(ahead)

    def _lift(self, view: View, off: float) -> float:
        """By how much to raise the reference, for the belt to hang `off` higher: little at once, and less what comes.

        The hook follows its reference late, and the loop the hook; without this the belt would swing up and down [m].
        """
        coming = float(view.reference[2] - view.hook[2])
        return FOLLOW * (off - coming)

    # Onto the large pulley.

    def _stretch(self, view: View) -> Float64[np.ndarray, " 24"]:
        """Out and down around the small pulley, no farther than the belt lets it, to the left of the large one."""
        place = LARGE + ENTRY_RADIUS * np.array([math.cos(self._entry), math.sin(self._entry)])
        off = math.dist(view.hook[:2], place)
        above = view.radius < LARGE_FLANGE + 0.008 and PULLEY_TOP + TIP < view.hook[2] < OVER + 0.015
        if above and (view.wrench[2] > CAUGHT or caught(view)):
            self._freeing = 12
        if self._freeing > 0:
            self._freeing -= 1
            return self._free(view)
        if off > 0.012 and view.hook[2] < OVER - 0.010:
            self.stage = "rise"
            return self._go(view, np.array([*view.hook[:2], OVER + 0.004]), view.yaw, CAREFUL)
        if off > 0.005:
            self.stage = "stretch"
            ahead = view.reference[:2] + capped(place - view.reference[:2], 0.010)
            far = math.dist(ahead, view.small)
            pull = PULL[0] if view.hook[2] > 0.075 else PULL[1]
            if not view.feels:
                pull = pull_of(view)  # nothing tells
            self._tight = min(TIGHT[1], max(TIGHT[0], self._tight + YIELD * (pull - pull_of(view))))
            high = max(OVER, GROOVE + math.sqrt(max(0.0, self._tight**2 - far**2)))
            return self._go(view, np.array([*ahead, high]), 0.6 * self._entry, 0.08)
        self.stage = "enter"
        self._waited += 1
        if self._waited > PATIENCE:
            self._retreating = True
        return self._go(view, np.array([*place, GROOVE]), 0.8 * self._entry, CAREFUL)

    def _free(self, view: View) -> Float64[np.ndarray, " 24"]:
        """Back towards the small pulley and hardly up, to draw the belt out from below the large one's flange."""
        self.stage = "free"
        back = view.small - view.hook[:2]
        away = 0.010 * back / np.linalg.norm(back)
        return self._go(view, view.reference + np.array([*away, 0.002]), view.yaw, LIFT)

    def _retreat(self, view: View) -> Float64[np.ndarray, " 24"]:
        """Up and a little back, to come down anew, a little elsewhere."""
        self.stage = "retreat"
        if view.hook[2] > OVER + 0.015:
            self._retreating, self._waited = False, 0
            self._entry = ENTRY_ANGLE + math.radians(float(self._rng.uniform(-6, 6)))
        return self._go(view, np.array([*view.hook[:2], OVER + 0.02]), view.yaw, CAREFUL)

    def _wind(self, view: View) -> Float64[np.ndarray, " 24"]:
        """Half a turn around the large pulley, at the groove's height."""
        self.stage = "wind"
        self._waited = 0
        x, y = (view.reference[:2] - LARGE).tolist()
        angle = max(LAST, math.atan2(y, x) - 0.10)
        share = min(1.0, max(0.0, (ENTRY_ANGLE - angle) / math.radians(35)))
        radius = ENTRY_RADIUS + share * (ORBIT - ENTRY_RADIUS)
        place = LARGE + radius * np.array([math.cos(angle), math.sin(angle)])
        return self._go(view, np.array([*place, GROOVE]), angle, 0.045)

    # Out of the hook.

    def _along(self, view: View) -> Float64[np.ndarray, " 24"]:
        """Back beside the belt to between the pulleys, from where the belt can be left."""
        self.stage = "along"
        place = np.array(ALONG[self._leg])
        if math.dist(view.reference[:2], place) < 0.001:
            if self._leg == len(ALONG) - 1:
                self._leaving = True
            self._leg = min(self._leg + 1, len(ALONG) - 1)
        return self._go(view, np.array([*place, GROOVE]), BELT_YAW, CAREFUL)

    def _leave(self, view: View) -> Float64[np.ndarray, " 24"]:
        """Straight up."""
        self.stage = "release"
        up = np.array([*view.reference[:2], min(view.reference[2] + 0.02, max(view.hook[2], AWAY))])
        return self._go(view, up, view.yaw, LIFT)

    def _go(self, view: View, goal: Vector3, yaw: float, speed: float = TRANSIT) -> Float64[np.ndarray, " 24"]:
        """Lead the reference towards a place on the board, pointing down."""
        target = view.down(goal, yaw)
        return command_of(nearer(view.reference_in_world, target, self._speed * speed, self._speed * TURNING))


def pull_of(view: View) -> float:
    """How hard the belt pulls the hook towards the small pulley [N]."""
    way = np.array([*view.small, GROOVE]) - view.hook
    felt = view.tool_in_world.apply(view.wrench[:3]) - view.tool_in_world.position
    return float((view.board.inverse().apply(view.board.position + felt)) @ way / np.linalg.norm(way))


def entered(view: View) -> bool:
    """Whether the hook is down beside the large pulley, the belt around it and on its left no higher than its top."""
    left = view.crossing(LARGE, BESIDE)
    down = view.hook[2] < GROOVE + 0.012 and view.radius > LARGE_FLANGE
    return down and view.enters(1) and left is not None and GROOVE - SAG < left.height < PULLEY_TOP


def caught(view: View) -> bool:
    """Whether the belt is below the large pulley's upper flange, where drawing it up would draw it out of the lips."""
    near = np.sum((view.belt[:, :2] - LARGE) ** 2, axis=1) < LARGE_FLANGE**2
    return bool((near & (view.belt[:, 2] < GROOVE + GROOVE_HALF)).any())


def bottom_of(view: View) -> Vector3:
    """The lower end of the hanging loop: where it crosses the line through both axes."""
    belt = view.belt
    after = np.roll(belt, -1, axis=0)
    found = np.flatnonzero((belt[:, 1] < 0) != (after[:, 1] < 0))
    if not len(found):
        return belt[np.argmin(belt[:, 2])]
    share = (belt[found, 1] / (belt[found, 1] - after[found, 1]))[:, None]
    crossings = belt[found] + share * (after[found] - belt[found])
    return crossings[np.argmin(crossings[:, 2])]
