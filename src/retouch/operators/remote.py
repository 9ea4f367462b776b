"""A person somewhere else, who watches over a link, pauses with a tap, and takes over or pushes by holding on.

The rollout asks for a correction each step; the answer takes until the step's time has come. While nobody acts (a
pause, the time between two attempts) simulated time stands still.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64

from retouch.errors import RetouchError
from retouch.geometry import Pose
from retouch.operators.correction import Correction, End, Push, Replace, Sight, Wait
from retouch.operators.hold import Grip, Hold
from retouch.operators.pushing import PushingHand
from retouch.operators.way import Way
from retouch.tasks.base import Task
from retouch.tasks.contact import ContactTask

State = Literal["POLICY", "PAUSED", "YOU", "ENDED", "PUSH"]
HELD: tuple[State, ...] = ("YOU", "PUSH")
RUNNING: tuple[State, ...] = ("POLICY", *HELD)
POLL_S = 0.005  # how long a message may lie between two steps
SPARE_S = 0.002  # before a step is due nothing else is begun
MARKS = ("start", "pause", "resume", "success", "failure", "discard", "undo", "reset")


class MarkRefused(RetouchError):
    """A mark that cannot be carried out now; the message says why."""


@dataclass(frozen=True)
class Mark:
    """A tap: `id` is its own, so that it counts once however often it arrives; `why`, where it was not the person."""

    id: str
    mark: str
    why: str = ""


@dataclass
class Condition:
    """What the person is told of an attempt.

    Attributes:
        state: who acts.
        why: what led to it, for a person to read.
        needs: what it takes to go on: `start`, `resume`, or None.
        attempt: its number, from 1.
        steps, human_steps: taken so far, and by the person.
        source: what the person steers with; None while nobody does.
        age_ms: of the newest frame of a hold.
        gripper_closed: as the person would find it.
        can_push: whether a hold may push, the policy going on; set once.
        push_n: force that the person's hand is asked for [N].
        late_ms: how late each of the last steps began.
    """

    state: State = "ENDED"
    why: str = ""
    needs: Literal["start", "resume"] | None = "start"
    attempt: int = 0
    steps: int = 0
    human_steps: int = 0
    source: str | None = None
    age_ms: float | None = None
    gripper_closed: bool = False
    can_push: bool = False
    push_n: float = 0.0
    late_ms: deque[float] = field(default_factory=lambda: deque(maxlen=500))


@runtime_checkable
class Link(Protocol):
    """How a session hears its person, and is seen."""

    def now_ms(self) -> float:
        """The clock of the frames."""

    def hear(self, hold: Hold) -> list[Mark]:
        """Hand the newest frame to `hold`, and return the marks that have come.

        Raises:
            PersonGone: nobody will say anything any more.
        """

    def answer(self, mark: Mark, error: str | None = None) -> None:
        """Say that a mark has been carried out, or why not."""

    def show(self, condition: Condition) -> None:
        """Tell the person how things stand. Called often; it is cheap when nothing has changed."""


class PersonGone(RetouchError):
    """The link to the person is closed for good: the attempt cannot go on."""


class RemotePerson:
    """An operator at the other end of a link.

    Args:
        name: as logged in.
        link: to them.
        undo: takes the last outcome back; raises `MarkRefused` where there is none.
    """

    repeatable = False

    def __init__(self, name: str, link: Link, undo: Callable[[], None]):
        self.name, self.link, self.undo = name, link, undo
        self.hold = Hold()
        self.condition = Condition()

    def session(self, task: Task, seed: int, way: Way) -> "RemoteSession":
        """Begin one attempt: it waits for the person to start it."""
        return RemoteSession(self, task, way)

    def stand_by(self, why: str, seconds: float) -> None:
        """Between two attempts something else comes first: say what, and let nothing be marked meanwhile.

        Raises:
            PersonGone: the link has closed.
        """
        self.condition.why = why
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for mark in self.link.hear(self.hold):
                self.link.answer(mark, why)
            self.link.show(self.condition)
            time.sleep(POLL_S)


class RemoteSession:
    """One attempt of a remote person."""

    def __init__(self, person: RemotePerson, task: Task, way: Way):
        self._person, self._task, self._way = person, task, way
        self._due = 0.0
        self._takes = 0
        self._began: tuple[State, int] | None = None  # the hold that is under way, and its step
        self._hand = PushingHand(task) if isinstance(task, ContactTask) and way != "demonstrate" else None
        self._end: End | None = None
        person.hold.drop()
        condition = person.condition
        condition.attempt += 1
        condition.steps = condition.human_steps = 0
        condition.state, condition.needs = "ENDED", "start"
        condition.can_push, condition.push_n = self._hand is not None, 0.0

    def correct(self, sight: Sight) -> Correction | None:
        """Wait for the step's time, and for as long as nobody acts; then what the person does.

        Raises:
            PersonGone: the link has closed.
        """
        person, condition = self._person, self._person.condition
        condition.steps = sight.step
        condition.gripper_closed = self._task.gripper_closed(sight.observation)
        while True:
            grip = self._listen()
            if self._end is not None:
                condition.state, condition.why, condition.needs = "ENDED", self._end.reason, "start"
                person.hold.drop()
                person.link.show(condition)
                return self._end
            now = time.monotonic()
            acting = condition.state in RUNNING or self._lets_go
            if acting and now >= self._due:
                break
            if not acting:
                self._due = now
            if not acting or self._due - now > SPARE_S:
                person.link.show(condition)
            time.sleep(POLL_S if not acting else min(POLL_S, max(0.0, self._due - time.monotonic())))
        condition.late_ms.append(1000 * (now - self._due))
        self._due = max(self._due, now - self._task.control_period) + self._task.control_period
        correction = self._act(sight, grip)
        person.link.show(condition)
        return correction

    @property
    def _lets_go(self) -> bool:
        """Whether a robot that is paused must still be let go: time goes on until nothing is left of a push."""
        return self._person.condition.state == "PAUSED" and self._hand is not None and bool(self._hand.wrench.any())

    def _act(self, sight: Sight, grip: Grip) -> Correction | None:
        """What the person does in this step."""
        hold, condition, hand = self._person.hold, self._person.condition, self._hand
        tool = self._task.tool_pose(sight.observation)
        if condition.state in HELD and grip is Grip.STEERING:
            condition.human_steps += 1
            if self._began is None or self._began[0] != condition.state:
                self._takes += 1
                self._began = condition.state, sight.step
            if condition.state == "PUSH":
                assert hand is not None
                pushed = hand.push(tool, *hold.displacement())
                condition.push_n = hand.newtons
                return Push(pushed, cause=condition.source or "", take=self._takes)
            target, closed = hold.target(tool, condition.gripper_closed)
            condition.gripper_closed = closed
            action = self._task.towards(sight.observation, target, closed)
            return Replace(action, cause=condition.source or "", take=self._takes, grip=self._fade(tool))
        fading = self._fade(tool)
        if condition.state != "POLICY":
            return Wait(fading)
        return None if fading is None else Push(fading, key=False)

    def _fade(self, tool: Pose) -> Float64[np.ndarray, " 15"] | None:
        """What is left of a push, at the handle."""
        if self._hand is None:
            return None
        fading = self._hand.fade(tool)
        self._person.condition.push_n = self._hand.newtons
        return fading

    def _listen(self) -> Grip:
        """Take in what has come, and change the state by it."""
        person, condition = self._person, self._person.condition
        for mark in person.link.hear(person.hold):
            try:
                self._carry_out(mark.mark, mark.why)
            except RetouchError as refused:
                person.link.answer(mark, str(refused))
            else:
                person.link.answer(mark)
        now = person.link.now_ms()
        grip = person.hold.tick(now)
        condition.age_ms = person.hold.age_ms(now)
        if grip in (Grip.STEERING, Grip.FROZEN) and person.hold.pushes and self._hand is None:
            self._refuse_push()
            return Grip.OPEN
        if grip in (Grip.STEERING, Grip.FROZEN):
            frame = person.hold.frame
            assert frame is not None
            condition.state = "PUSH" if person.hold.pushes else "YOU"
            condition.why, condition.needs, condition.source = "", None, frame.source
        elif condition.state in HELD:
            condition.source = self._began = None
            if grip is Grip.GONE:
                self._pause("nothing was heard from your hand in time: resume, or press again")
            elif self._way == "demonstrate":
                self._pause("you let go: hold on to go on")
            else:
                condition.state, condition.why = "POLICY", ""
        return grip

    def _carry_out(self, mark: str, why: str) -> None:
        person, condition = self._person, self._person.condition
        if mark == "undo":
            person.undo()
        elif mark in ("start", "resume"):
            if self._way == "demonstrate":
                raise MarkRefused("there is no policy to let go: hold on and move to demonstrate")
            if condition.needs not in (mark, None):
                raise MarkRefused(f"it takes '{condition.needs}' now, not '{mark}'")
            if condition.needs is not None:
                condition.state, condition.why, condition.needs = "POLICY", "", None
        elif mark == "pause":
            if condition.state in RUNNING:
                self._pause(why or "you paused")
        elif mark in ("success", "failure", "discard", "reset"):
            if condition.state == "ENDED" and mark != "reset":
                raise MarkRefused("no attempt is running: start one, or undo the last mark")
            self._end = {
                "success": End("success", f"marked by {person.name}"),
                "failure": End("failure", f"marked by {person.name}"),
            }.get(mark, End("failure", f"discarded by {person.name}", discard=True))
        else:
            raise MarkRefused(f"unknown mark '{mark}' (valid: {', '.join(MARKS)})")

    def _refuse_push(self) -> None:
        """Somebody wants to push what cannot be pushed: nothing moves until they have chosen again."""
        what = "there is no policy to push" if self._way == "demonstrate" else "this robot has no handle to push"
        why = f"{what}: choose 'take over', and press again"
        self._person.hold.drop()
        if self._person.condition.state in RUNNING:
            self._pause(why)
        else:
            self._person.condition.why = why

    def _pause(self, why: str) -> None:
        condition = self._person.condition
        self._person.hold.drop()
        self._began = None
        condition.state, condition.why, condition.needs, condition.source = "PAUSED", why, "resume", None
