"""A scripted hand on a robot's handle: it draws the tool to where the skill would move it."""

import numpy as np
from jaxtyping import Float32, Float64

from retouch.geometry import (
    Pose,
    Vector3,
    quat_from_vector,
    quat_inverse,
    quat_multiply,
    quat_to_matrix,
    quat_to_vector,
)
from retouch.operators.correction import Push, Replace
from retouch.operators.noise import drift
from retouch.operators.profile import Grasp, Profile
from retouch.operators.way import Way
from retouch.robots.ur5e import command_of, grip_of
from retouch.robots.ur5e_arm import HANDLE_MIDDLE
from retouch.robots.ur5e_tick import REFERENCE, WRENCH
from retouch.tasks.base import Manner, Task
from retouch.tasks.contact import ContactTask
from retouch.tasks.vectors import capped, unit

FEELS = 0.5  # a hand, no less than this [N]
LETS_GO = 0.5  # in a step, of what it held against what is gone
RELAXES = 0.02  # a hand, by a factor e, where the tool comes along by so much [m]


class HandOnHandle:
    """One person's hand during one attempt.

    Args:
        task: whose skill it follows.
        grasp: how it holds.
        rng: of what it does not do on purpose, and of the skill.
        speed: factor on the skill's.
    """

    def __init__(self, task: ContactTask, grasp: Grasp, rng: np.random.Generator, speed: float = 1.0):
        self._task, self._grasp, self._rng = task, grasp, rng
        self._skill = task.skill(np.random.default_rng(rng.integers(2**63)), Manner(speed=speed))
        self._error = rng.standard_normal((2, 3))
        handle_in_flange = Pose(np.array([0.0, 0.0, HANDLE_MIDDLE]), np.array([1.0, 0.0, 0.0, 0.0]))
        self._handle_in_tool = task.tool.tcp_in_flange.inverse() @ handle_in_flange
        self._tremor = np.zeros(3)
        self._aim: Pose | None = None  # of the tool
        self._harder, self._further = np.zeros(3), np.zeros(3)  # beyond it, against what resists [m], [rad]
        self._was: Vector3 | None = None  # where the tool was [m]

    def begin(self) -> None:
        """Take hold: what was being done before is forgotten."""
        self._skill.restart()
        self._aim, self._was, self._harder, self._further = None, None, np.zeros(3), np.zeros(3)

    def lead(self, sight: Float32[np.ndarray, " S"]) -> Float64[np.ndarray, " 24"]:
        """What the skill would command now, as far as the person can judge where things are."""
        g = self._grasp
        self._error = drift(self._error, self._task.control_period / g.misjudgement_time, self._rng)
        error, share = g.misjudgement * self._error, g.misjudgement_share * self._error
        return self._skill.act(self._task.misjudged(sight, error, share))

    def pull(self, sight: Float32[np.ndarray, " S"]) -> Float64[np.ndarray, " 15"]:
        """What the hand does: it draws the tool to where the skill would have it, step by step from where it took it.

        Where it meets resistance it pulls and turns harder and harder, up to its strength; where the skill would press
        it pulls with that force besides, and harder until it is felt. Torques that the skill would press with it does
        not.
        """
        g, tool, period = self._grasp, self._task.tool_pose(sight), self._task.control_period
        wanted = self.lead(self._task.with_reference(sight, tool if self._aim is None else self._aim))
        goal = Pose.from_vector(wanted[REFERENCE])
        reach = (g.limit[0] / g.stiffness[0], g.limit[1] / g.stiffness[1])  # beyond it, it would pull no harder
        way = capped(goal.position - tool.position, reach[0])
        turn = capped(quat_to_vector(quat_multiply(goal.quat, quat_inverse(tool.quat))), reach[1])
        self._aim = Pose(tool.position + way, quat_multiply(quat_from_vector(turn), tool.quat))
        axes = quat_to_matrix(tool.quat)
        press = axes @ -wanted[WRENCH][:3]
        felt = self._task.felt(sight)[:3]
        lacks, along = press + axes @ felt, unit(press)  # along it the hand goes by what it feels
        lack = float(lacks @ along)
        lack = lack if lack > 0.0 else min(0.0, lack + g.tolerates)
        error = way + along * (lack / g.stiffness[0] - float(way @ along))
        came = 0.0 if self._was is None else float((tool.position - self._was) @ unit(self._harder))
        self._was = tool.position
        self._harder *= np.exp(-max(0.0, came) / RELAXES)
        if float(felt @ felt) < FEELS**2:  # what was pressed on is gone, or not there yet
            self._harder -= along * float(self._harder @ along) * LETS_GO
        self._harder = capped(self._harder + g.insistence * period * error, reach[0])
        self._further = capped(self._further + g.insistence * period * turn, reach[1])
        self._tremor = drift(self._tremor, period / g.tremor_time, self._rng)
        pulled = (way + self._harder + press / g.stiffness[0]) * (1.0 + g.tremor * self._tremor)
        twisted = quat_multiply(quat_from_vector(turn + self._further), tool.quat)
        place = Pose(tool.position + pulled, self._aim.quat) @ self._handle_in_tool
        drawn = Pose(place.position, quat_multiply(twisted, self._handle_in_tool.quat))
        return grip_of(drawn, stiffness=g.stiffness, damping=g.damping, limit=g.limit, ramp=g.ramp)


class Demonstrating:
    """Does the whole task, the robot carrying out what the skill commands."""

    def __init__(self, hand: HandOnHandle):
        self._hand = hand

    def begin(self) -> None:
        """Start afresh."""
        self._hand.begin()

    def act(self, sight: Float32[np.ndarray, " S"], cause: str) -> Replace:
        """The skill's command."""
        return Replace(self._hand.lead(sight), cause)


class Pushing(Demonstrating):
    """Pushes the handle while the policy goes on."""

    def act(self, sight: Float32[np.ndarray, " S"], cause: str) -> Push:  # type: ignore[override]
        """A pull towards where the skill would go."""
        return Push(self._hand.pull(sight), True, cause)


class Dragging(Demonstrating):
    """Takes the robot over: it lets itself be led by the handle."""

    def __init__(self, hand: HandOnHandle, task: ContactTask):
        super().__init__(hand)
        self._task = task

    def act(self, sight: Float32[np.ndarray, " S"], cause: str) -> Replace:
        """No stiffness, from where the tool is, and the same pull."""
        free = command_of(self._task.tool_pose(sight), stiffness=(0.0, 0.0))
        return Replace(free, cause, grip=self._hand.pull(sight))


def acting_on(task: Task, profile: Profile, way: Way, rng: np.random.Generator) -> Demonstrating | Pushing | Dragging:
    """What a person does on a robot with a handle, by the way of correcting."""
    assert isinstance(task, ContactTask)
    grasp = profile.pushing if way == "delta" else profile.dragging
    speed = (profile.demonstrating if way == "demonstrate" else profile.intervening).speed
    hand = HandOnHandle(task, grasp, rng, speed)
    if way == "demonstrate":
        return Demonstrating(hand)
    return Pushing(hand) if way == "delta" else Dragging(hand, task)
