"""A scripted cable routing: before each clip's mouth, in at its height, back against its wire, and on to the next one.

The eye is led around what the cable was last held by, as far from there as there is cable: so it stays taut, wherever
the eye goes, and where it passes the clip follows from where the eye is. What is done follows from what is seen now;
only how long nothing has changed is remembered.
"""

import math

import numpy as np
from jaxtyping import Float64

from retouch.geometry import Vector3
from retouch.robots.ur5e import command_of
from retouch.tasks.cable_scene import BACK, CLIPS, RADIUS, WIRE
from retouch.tasks.cable_view import BEFORE, BEHIND, BELOW, IN, OUTSIDE, RAIL, Observation, View
from retouch.tasks.steering import TRANSIT, TURNING, nearer
from retouch.tasks.touch_skill import TouchSkill

SWEEP = 0.05  # [m/s]
BEYOND = 0.042  # a clip, along the way, of an eye that leads the cable into it [m]
NEAR = 0.042  # of an eye that is led around what the cable is held by, from there [m]
OUT, INTO = (
    OUTSIDE + 0.014,
    BACK - 0.010,
)  # u of the cable before a clip's mouth, and as it is drawn against its back [m]
FUNNEL = 0.0055  # v of a cable that finds its way between the lips, at most [m]
TAUT = 0.003  # the eye is led so much farther than there is cable, or nearer where it would draw out more of it [m]
PULL = 0.3  # of a cable that is taut, on the finger, at least [N]
CLEARING = RAIL + WIRE + RADIUS + 0.007  # v of a cable that passes above or below a clip without touching it [m]
OVER = RAIL + WIRE + RADIUS + 0.002  # v of a cable that lies on a clip [m]
LEAST_HEIGHT = 0.015  # of the eye above the board [m]
ABOVE_CLIPS = 0.035  # the slots, of an eye that is led over them [m]
AIMED = 0.08  # an eye is led the right way when it is nearer to that than this [rad]
TIRED = 120  # steps without getting on before it tries otherwise


class CableSkill(TouchSkill):
    """One attempt at cable routing."""

    def restart(self) -> None:
        """Forget what was being done: the situation is new."""
        super().restart()
        self._doing = ""
        self._best = math.inf
        self._stuck = 0  # steps since what is being done last got nearer to its end
        self._escape: list[Vector3] = []  # steps to be made first [m]

    def act(self, observation: Observation) -> Float64[np.ndarray, " 24"]:
        """The next command, from `sight` alone."""
        view = View(observation)
        if self._escape:
            self.stage = "escape"
            return self._go(view, view.asked + self._escape.pop(), TRANSIT)
        number = min(view.next, len(CLIPS) - 1)
        later = [k for k in range(number + 1, len(CLIPS)) if self._hooked(view, k)]
        if later:  # past a clip that was missed: out of the last one first
            route = Route(view, later[-1])
            goal, speed = self._out(route) if view.passes[later[-1]] in (IN, BEFORE) else self._free(route)
        elif view.passes[number] == BELOW and (beyond := self._beyond(view, number)):
            goal, speed = self._across(view, beyond), TRANSIT
        else:
            goal, speed = self._on(Route(view, number))
        self._watch(f"{self.stage} {number} {later}", math.dist(view.eye, goal))
        return self._go(view, goal, speed)

    def _hooked(self, view: View, clip: int) -> bool:
        """Whether the cable is in a clip, or below it where it would catch in it."""
        place = view.in_clip(clip)
        most = OUTSIDE + (0.008 if self.stage in ("out", "free") else 0.0)
        return place is not None and BEHIND < place[0] < most and place[1] < FUNNEL

    def _on(self, route: "Route") -> tuple[Vector3, float]:
        """Where to lead the eye, and how fast, for the cable to come into a clip."""
        view, place = route.view, route.view.in_clip(route.clip)
        if place is not None:
            u, v = place
            off = abs(v) > (FUNNEL + 0.002 if self.stage == "in" else FUNNEL - 0.001)
            off = off or (self.stage != "in" and (route.radius < route.far - 0.012 or route.slack))
            if u >= OUTSIDE and off:
                self.stage = "level"
                return route.eye(OUT, self._against(v), route.far), TRANSIT
            if u >= OUTSIDE or (u > BACK and abs(v) < FUNNEL):
                self.stage = "in"
                aim = self._against(v) if u > OUTSIDE - 0.004 else 0.0
                return route.eye(
                    max(INTO, route.aimed - 0.012), aim, route.far
                ), SWEEP  # little by little, along an arc
            aimed = abs(route.aside) < (2 * AIMED if self.stage == "free" else AIMED)
            if u > BEHIND and (v < 0 or (v < CLEARING and aimed)):
                return self._free(route)
        if abs(route.aside) < AIMED:
            self.stage = "carry"
            return route.eye(OUT, 0.0, route.far), TRANSIT
        if route.free < NEAR + 0.012:
            self.stage = "around"
            return route.turned(0.0, max(route.free, NEAR)), TRANSIT
        over = route.turned(CLEARING, route.free)
        others = [view.in_clip(k) for k in range(route.clip, len(CLIPS))]
        clear = OVER + (0.006 if self.stage == "lift" else 0.0)
        low = any(p is not None and p[1] < clear for p in others) and view.eye[2] < over[2] + 0.03
        if view.eye[2] < over[2] - 0.006 or low:
            self.stage = "lift"
            return np.array([*view.asked[:2], over[2] + (0.04 if low else 0.0)]), TRANSIT
        self.stage = "over"
        return over, TRANSIT

    def _free(self, route: "Route") -> tuple[Vector3, float]:
        """Off a clip's wire: up from above it, down from below it, and away from its back."""
        place = route.view.in_clip(route.clip)
        assert place is not None
        self.stage = "free"
        u, v = place
        off = math.copysign(CLEARING, v)
        if abs(v) < CLEARING - 0.003:
            level = route.eye(u, off, route.far)[2]
            if abs(route.view.eye[2] - level) > 0.004:
                return np.array([*route.view.asked[:2], level]), SWEEP
        return route.eye(OUT + 0.006, off, route.far), SWEEP

    def _beyond(self, view: View, number: int) -> int:
        """The last clip that is in the way from a foot the cable is caught at, for it opens otherwise; 0 for none."""
        places = {k: view.in_clip(k) for k in range(number + 1, len(CLIPS)) if CLIPS[k][2] != CLIPS[number][2]}
        return max((k for k, place in places.items() if place is not None and place[0] > BEHIND - 0.012), default=0)

    def _across(self, view: View, clip: int) -> Vector3:
        """Over such a clip, to where the cable can be led away from the foot."""
        self.stage = "across"
        x, y, z = view.asked.tolist()
        high = float(view.clips[:, 2].max()) + ABOVE_CLIPS + 0.01
        side, at = CLIPS[clip][2], float(view.clips[clip][0])
        return np.array([x if z < high - 0.004 else at - side * 0.045, y, high])

    def _out(self, route: "Route") -> tuple[Vector3, float]:
        """Out of a clip by its mouth."""
        self.stage = "out"
        return route.eye(OUT + 0.006, 0.0, route.far), SWEEP

    @staticmethod
    def _against(v: float) -> float:
        """The height to lead the cable at that is seen to pass at v [m]: it hangs, or stands off."""
        return -max(-0.008, min(0.008, 1.5 * v))

    def _watch(self, doing: str, left: float) -> None:
        """Notice getting nowhere: rise then, a little aside, and see."""
        if doing != self._doing or left < self._best - 0.002:
            self._doing, self._best, self._stuck = doing, left, 0
            return
        self._stuck += 1
        if self._stuck > TIRED:
            way = self._rng.normal(0.0, 0.0006, 2)
            self._escape, self._stuck, self._best = [np.array([*way, 0.0015])] * 30, 0, math.inf

    def _go(self, view: View, goal: Vector3, speed: float) -> Float64[np.ndarray, " 24"]:
        """Lead the reference towards a place of the eye on the board, upright."""
        ahead = nearer(view.reference, view.upright(goal), self._speed * speed, TURNING * self._speed)
        return command_of(ahead)


class Route:
    """The way of the eye about what the cable is held by before a clip.

    Args:
        clip: that the cable is to pass.

    Attributes:
        free: how much cable there is from there to the eye [m].
        radius: how far the eye is from there, in the plane [m].
        slack: whether the cable is not felt to pull.
        far: how far it shall be, for the cable to be taut and the eye beyond the clip [m].
        aimed: u of where a straight line from there to the eye passes the clip [m].
        aside: how far round it is from the way before the clip's mouth [rad].
    """

    def __init__(self, view: View, clip: int):
        self.view, self.clip = view, clip
        self.slot, self.side = view.clips[clip], CLIPS[clip][2]
        self.pivot, paid = view.pivot(clip)
        self.free = view.at_eye - paid
        self.run = float(self.slot[1] - self.pivot[1])
        self.radius = math.dist(view.eye[:2], self.pivot[:2])
        way = self.pivot - view.eye
        pull = float(view.force @ way) / max(1e-6, float(np.linalg.norm(way)))
        self.slack = view.feels and pull < PULL
        self.far = max(
            self.free + (TAUT if self.slack else -TAUT), math.hypot(*self._way(INTO)) * (self.run + BEYOND) / self.run
        )
        ahead = max(1e-3, float(view.asked[1] - self.pivot[1]))
        at = self.pivot[0] + (view.asked[0] - self.pivot[0]) * self.run / ahead
        self.aimed = self.side * float(at - self.slot[0])
        self.aside = self._angle(view.asked - self.pivot) - math.atan2(*self._way(OUT).tolist())

    def _way(self, u: float) -> Float64[np.ndarray, " 2"]:
        return np.array([self.slot[0] + self.side * u - self.pivot[0], self.run])

    @staticmethod
    def _angle(way: Vector3) -> float:
        return math.atan2(float(way[0]), float(way[1]))

    def eye(self, u: float, v: float, length: float) -> Vector3:
        """Where the eye is when so much taut cable passes the clip at u, v [m]."""
        way = self._way(u)
        return self._at(way / math.hypot(*way), v, length)

    def _at(self, way: Float64[np.ndarray, " 2"], v: float, length: float) -> Vector3:
        size = math.hypot(*self._way(OUT))
        rise = (self.slot[2] + v - self.pivot[2]) * max(1.0, length / size)
        if v > OVER:  # the eye itself over every clip, and the cable over those that come behind, too
            rise = max(rise, float(self.view.clips[:, 2].max()) + ABOVE_CLIPS - self.pivot[2])
            for slot in self.view.clips[self.clip + 1 :]:
                away = float(slot[1] - self.pivot[1])
                rise = max(rise, (slot[2] + v - self.pivot[2]) * length / away if away < length else -math.inf)
        rise = max(rise, LEAST_HEIGHT - self.pivot[2])
        level = math.sqrt(max(length**2 - rise**2, NEAR**2))
        return np.array([*(self.pivot[:2] + way * level), self.pivot[2] + rise])

    def turned(self, v: float, length: float) -> Vector3:
        """A place a little further round, towards the way before the clip's mouth."""
        angle = self._angle(self.view.asked - self.pivot) - max(-0.3, min(0.3, self.aside))
        return self._at(np.array([math.sin(angle), math.cos(angle)]), v, length)
