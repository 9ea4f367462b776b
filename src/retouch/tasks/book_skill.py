"""A scripted way to flip books up from wherever they and the fork are: feedback on what is seen and felt."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from retouch.geometry import Matrix3, Pose, Vector3, slerp
from retouch.robots.ur5e import command_of
from retouch.tasks.book_scene import GAP, PRONG_LENGTH, PRONG_RADIUS
from retouch.tasks.book_view import BookSeen, Seen, View, fork_axes, pitch_of
from retouch.tasks.steering import PERIOD

BEFORE = 0.03  # of the tips from the front edge when they are lined up [m]
ON_BOARD = PRONG_RADIUS + 0.0005  # height of the prongs' axes when they touch the board [m]
LINED_UP = (0.004, 0.02)  # aside and high [m], turn [rad]
FAR_FROM_SIDE = 0.02  # books that would stand further from it are pushed on first [m]
LEANS, FOOT = 1.68, 0.03  # a book turned so far leans on the shelf's side, and is pressed near its foot [rad], [m]
LEFT = 0.035  # of a book beyond the tips when it is turned [m]
RAMP = 40.0  # of a target force [N/s]; a tenth of it for torques


@dataclass(frozen=True)
class Style:
    """How somebody does it; the defaults are the demonstrations' way.

    Attributes:
        speed: factor on the usual speed.
        travel, insertion: speed of the fork in the air, and below a book [m/s].
        turn: [rad/s].
        feel: go by forces: find the board by touch, bear the books' weight, press until they stand.
        down: with which the prongs are held on the board on their way in [N].
        press: with which the books are pressed against the shelf's side [N].
        press_time: for how long, once they stand [s].
    """

    speed: float = 1.0
    travel: float = 0.12
    insertion: float = 0.07
    turn: float = 0.7
    feel: bool = True
    down: float = 2.0
    press: float = 15.0
    press_time: float = 0.3


@dataclass
class Aim:
    """What to do next: a pose in the shelf's frame, how fast, and what the fork shall feel in its own frame."""

    position: Vector3
    axes: Matrix3
    speed: float
    wrench: np.ndarray


class BookSkill:
    """Line up, insert, push on, turn, press, release; each re-derived from what is seen.

    Attributes:
        stage: what it is doing.
    """

    def __init__(self, style: Style = Style()):
        self.style = style
        self.restart()

    def restart(self) -> None:
        """Forget what was being done: the situation is new."""
        self.stage = "reach"
        self._wrench = np.zeros(6)
        self._felt = np.zeros(6)
        self._pressed = 0  # steps for which all have stood under pressure
        self._releasing = False
        self._backing = False

    def act(self, observation: Seen) -> Float64[np.ndarray, " 24"]:
        """The next command: a reference that goes on evenly, and a target wrench."""
        view = View(observation)
        self._felt += 0.2 * (view.wrench - self._felt)
        aim = self._decide(view)
        before = view.in_world(view.reference, view.reference_axes)
        step = aim.speed * self.style.speed * PERIOD
        reference = in_step(
            before, view.in_world(aim.position, aim.axes), step, self.style.turn * self.style.speed * PERIOD
        )
        rate = RAMP * PERIOD * np.array([1.0, 1.0, 1.0, 0.1, 0.1, 0.1])
        wanted = aim.wrench if self.style.feel else np.zeros(6)
        self._wrench += np.clip(wanted - self._wrench, -rate, rate)
        return command_of(reference, wrench=self._wrench)

    def _decide(self, view: View) -> Aim:
        lower = view.lower
        if view.upright and view.clearance > 0.03:
            self.stage = "done"
            return self._stay(view)
        if self._releasing:
            if (view.upright or not self.style.feel) and view.clearance < 0.03:
                return self._release(view)
            self._releasing = False
        if lower.pitch > 0.07 and self._holds(view):
            return self._press(view) if lower.pitch > 1.4 else self._turn(view)
        self._pressed = 0
        if lower.pitch > 1.2:
            return self._press_from_front(view)
        if view.entered or self._lined_up(view):
            return self._insert(view)
        return self._reach(view)

    @staticmethod
    def _holds(view: View) -> bool:
        """Whether the fork is behind the lower book, near enough to hold it up."""
        depth, aside, high = view.in_book(view.lower).tolist()
        apart = view.pitch - view.lower.pitch
        return (
            0.02 < depth < view.lower.depth + 0.03
            and -0.03 < high < GAP + 0.004
            and abs(aside) < 0.08
            and abs(apart) < 0.6
        )

    def _stay(self, view: View) -> Aim:
        return Aim(view.reference, view.reference_axes, self.style.travel, np.zeros(6))

    # In front of the books.

    def _lined_up(self, view: View) -> bool:
        depth, aside, _ = view.in_book(view.lower).tolist()
        turned = math.acos(max(-1.0, min(1.0, float(view.lower.axes[:, 0] @ view.tool_axes[:, 2]))))
        high = abs(float((view.tool if self.style.feel else view.reference)[2]) - self._height)
        return -0.045 < depth < 0.01 and abs(aside) < LINED_UP[0] and high < 0.0025 and turned < LINED_UP[1]

    def _reach(self, view: View) -> Aim:
        """Go back out from wherever the fork is, and down to the board in front of the books."""
        lower, style = view.lower, self.style
        depth, _, _ = view.in_book(lower).tolist()
        top = max(book.position[2] + float(np.abs(book.axes[2]) @ book.half) for book in view.books)
        if depth > -0.012:
            self.stage = "step back"
            if view.pitch > 0.4 or view.tool[2] > top + 0.01:  # over them
                high = max(float(view.tool[2]), top + 0.03)
                back = -0.05 if view.tool[2] > top + 0.005 else 0.0
                return Aim(
                    view.tool + np.array([back, 0.0, high - view.tool[2]]),
                    view.reference_axes,
                    style.travel,
                    np.zeros(6),
                )
            return Aim(view.tool - 0.05 * view.tool_axes[:, 2], view.reference_axes, style.travel, np.zeros(6))
        self.stage = "reach"
        axes = fork_axes(0.0, lower.yaw)
        goal = self._before(lower, -BEFORE)
        aside = float(np.linalg.norm((goal - view.tool)[:2]))
        turn = abs(view.pitch) + abs(float(np.arccos(np.clip(axes[:, 2] @ view.tool_axes[:, 2], -1, 1))))
        if aside > 0.02 or turn > 0.1:  # down only when nearly over the place
            goal[2] = max(0.03, min(float(view.reference[2]), 0.06))
        return Aim(goal, axes, style.travel if goal[2] > 0.02 else style.insertion, self._down(view))

    def _before(self, book: BookSeen, depth: float) -> Vector3:
        """Where the tips are on the board at `depth` beyond a lying book's front edge [m]."""
        goal = book.at(depth - book.depth / 2, 0.0, 0.0)
        goal[2] = self._height
        return goal

    @property
    def _height(self) -> float:
        """At which the prongs go in: touching the board, or, unfelt, through the middle of the gap [m]."""
        return ON_BOARD if self.style.feel else GAP / 2

    def _down(self, view: View) -> np.ndarray:
        """Hold the prongs on the board, once they are near it."""
        near = float(view.tool[2]) < 0.006
        return np.array([self.style.down if near else 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])

    # Below the books.

    def _insert(self, view: View) -> Aim:
        """In, on until the books are near the shelf's side, back a little, and up."""
        lower, style = view.lower, self.style
        depth, _, _ = view.in_book(lower).tolist()
        away = -float(lower.pivot[0]) - view.together
        wanted = lower.depth - LEFT
        axes = fork_axes(0.0, lower.yaw)
        if away > FAR_FROM_SIDE and not self._backing:
            self.stage = "push on" if depth > PRONG_LENGTH - 0.006 else "insert"
            ahead = min(PRONG_LENGTH + 0.012, depth + 0.03) + min(0.02, away - 0.01)
            return Aim(self._before(lower, ahead), axes, style.insertion, self._down(view))
        if depth > wanted + 0.004:
            self._backing = True
            self.stage = "back"
            return Aim(self._before(lower, wanted - 0.004), axes, style.insertion, self._down(view))
        self._backing = False
        if depth < wanted - 0.012:
            self.stage = "insert"
            return Aim(self._before(lower, min(wanted, depth + 0.03)), axes, style.insertion, self._down(view))
        return self._turn(view)

    def _turn(self, view: View) -> Aim:
        """Turn fork and books together about the edge that they stand on."""
        self.stage = "turn"
        lower = view.lower
        now = pitch_of(view.reference_axes)
        goal = min(math.pi / 2, now + 0.1, max(lower.pitch, view.pitch) + 0.2)
        yaw = lower.yaw * max(0.0, 1.0 - lower.pitch)
        on = 0.012 if lower.pitch > 0.9 else 0.0
        return Aim(self._against(view, goal, on, yaw), fork_axes(goal, yaw), self.style.travel, self._bearing())

    def _against(self, view: View, pitch: float, on: float, yaw: float) -> Vector3:
        """Where the tips are when the fork lies against the lower book that is turned up by `pitch` [rad], `on` of
        what is left to the shelf's side being made up [m].
        """
        lower = view.lower
        depth = min(max(float(view.in_book(lower)[0]), 0.06), lower.depth - 0.015)
        if lower.pitch > LEANS:
            depth = lower.depth - FOOT
        left = max(0.0, -float(lower.pivot[0]) - view.together)
        along, off = lower.depth - depth, GAP - PRONG_RADIUS
        c, s = math.cos(pitch), math.sin(pitch)
        out = np.array([math.cos(yaw), math.sin(yaw), 0.0]) * (-c * along + s * off)
        pivot = np.array([lower.pivot[0] + min(on, left), lower.pivot[1], max(0.0, float(lower.pivot[2]))])
        return pivot + out + np.array([0.0, 0.0, s * along + c * off])

    def _bearing(self) -> np.ndarray:
        """What the fork shall feel so that it does not sag: most of what it feels now."""
        fx, _, _, _, ty, _ = self._felt.tolist()
        return np.array([min(0.0, max(-18.0, 0.8 * fx)), 0.0, 0.0, 0.0, min(2.5, max(-2.5, 0.8 * ty)), 0.0])

    def _press(self, view: View) -> Aim:
        """Press them against the shelf's side until they stand, and a while longer."""
        self.stage = "press"
        style = self.style
        on, axes = 0.012 if style.feel else 1.0, fork_axes(math.pi / 2)
        goal = self._against(view, math.pi / 2, on, 0.0)
        if style.feel:
            settled = all(abs(book.pitch - math.pi / 2) < 0.035 for book in view.books) or self._pressed > 0
            firm = view.upright and self._felt[0] < -0.5 * style.press and settled
        else:  # nothing tells but that the fork was sent where the books should stand
            firm = math.dist(goal, view.reference) < 0.002 and view.pitch > 1.45
        self._pressed = self._pressed + 1 if firm else 0
        if self._pressed * PERIOD * style.speed > style.press_time:
            self._releasing = True
            return self._release(view)
        wrench = np.array([-style.press, 0.0, 0.0, 0.0, 0.0, 0.0])
        return Aim(goal, axes, style.insertion, wrench)

    def _press_from_front(self, view: View) -> Aim:
        """Bring the fork, pointing down, up to books that stand or lean without it."""
        self.stage = "reach"
        lower = view.lower
        goal = np.array([float(lower.pivot[0]) - 0.06, float(lower.position[1]), 0.045])
        behind = view.tool[0] > goal[0] + 0.03 and view.clearance < 0.005
        if behind or view.pitch < 1.4 or abs(view.tool[1] - goal[1]) > 0.01:
            goal[2] = max(0.045, float(view.tool[2]))
        else:
            goal[0] = float(lower.pivot[0])
        return Aim(goal, fork_axes(math.pi / 2), self.style.insertion, np.zeros(6))

    def _release(self, view: View) -> Aim:
        """Back from the books."""
        self.stage = "release"
        return Aim(view.tool - np.array([0.03, 0.0, 0.0]), view.reference_axes, self.style.insertion, np.zeros(6))


def in_step(before: Pose, target: Pose, step: float, turn: float) -> Pose:
    """On the way from one pose to another, by at most `step` [m] and `turn` [rad]: both are there at once."""
    way = target.position - before.position
    far = float(np.linalg.norm(way))
    angle = 2.0 * math.acos(min(1.0, abs(float(before.quat @ target.quat))))
    share = min(1.0, step / max(far, 1e-9), turn / max(angle, 1e-9))
    return Pose(before.position + share * way, slerp(before.quat, target.quat, share))
