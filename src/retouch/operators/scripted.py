"""A scripted person: watches, notices trouble, takes over with imperfect hands, and gives control back.

Judgement uses only what can be seen (`Sight`); the profile says how this person differs from others.
"""

import math
from collections import deque
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Float64

from retouch.operators.correction import Push, Replace, Sight
from retouch.operators.noise import drift
from retouch.operators.profile import Hands, Profile
from retouch.operators.way import Way
from retouch.tasks.base import Manner, Task

STILLEST = 0.15  # a hand trembles in proportion to its motion, and this much when it is still
BEFORE, BEYOND = ("reach", "grasp"), ("carry", "insert", "close")
INSIDE = -0.02  # so far beyond a bottleneck's mouth nothing is judged by its sideways error any more [m]
FEEL = 5  # looks over which a rise of what is felt is judged
GOT_ON = 0.1  # so much further along, a task done by touch is past what went wrong
AFTER = {"reach": BEYOND, "grasp": BEYOND, "carry": ("close", "done"), "insert": ("close", "done")}  # a bottleneck


class ScriptedPerson:
    """An operator made of a profile."""

    repeatable = True

    def __init__(self, profile: Profile):
        self.profile = profile
        self.name = f"scripted:{profile.name}"

    def session(self, task: Task, seed: int, way: Way) -> "ScriptedSession":
        """Begin one attempt; the same seed makes the same person move the same way."""
        return ScriptedSession(task, self.profile, seed, way)


class ScriptedSession:
    """One attempt of a scripted person."""

    def __init__(self, task: Task, profile: Profile, seed: int, way: Way):
        self._profile, self._way, self._task = profile, way, task
        hands_rng, self._rng = (np.random.default_rng(s) for s in np.random.SeedSequence([seed, 1]).spawn(2))
        self._hands = _hands(task, profile, way, hands_rng)
        self._watch = Watch(task, profile)
        self._in_charge = way == "demonstrate"
        self._cause = "demonstration" if self._in_charge else ""
        self._due: int | None = None
        self._missed: str | None = None
        self._calm = 0

    def correct(self, sight: Sight) -> Replace | Push | None:
        """Hold control during demonstrations; otherwise correct, and give back, as the profile says."""
        if self._way != "demonstrate":
            if self._in_charge:
                if self._may_hand_back(sight):
                    self._in_charge = False
                    self._watch.forget()
            else:
                self._notice(sight)
                if self._due is not None and sight.step >= self._due:
                    self._in_charge, self._due, self._calm = True, None, 0
                    self._hands.begin()
        if not self._in_charge:
            return None
        return self._hands.act(sight.observation, self._cause)

    def _notice(self, sight: Sight) -> None:
        """Look for trouble; the reaction comes a while after it."""
        trouble = self._watch.trouble(sight.observation)
        if trouble != self._missed:
            self._missed = None
        if trouble is None or self._missed is not None or self._due is not None:
            return
        if self._rng.random() > self._profile.quality:
            self._missed = trouble  # until it is over
            return
        delay = self._profile.reaction_delay * math.exp(0.3 * self._rng.standard_normal())
        self._due = sight.step + max(1, round(delay / self._task.control_period))
        self._cause = trouble
        self._phase_at_trouble = self._task.phase(sight.observation)
        self._progress_at_trouble = self._task.progress(sight.observation)

    def _may_hand_back(self, sight: Sight) -> bool:
        rule = self._profile.hand_back
        if rule == "finish":
            return False
        phase = self._task.phase(sight.observation)
        lateral, angle, distance = self._task.funnel_error(sight.observation)
        if rule == "bottleneck" and self._task.ticks:  # what is done by touch has a bottleneck wherever it gets stuck
            good = self._task.progress(sight.observation) > min(0.99, self._progress_at_trouble + GOT_ON)
        elif rule == "bottleneck" or self._phase_at_trouble == "close":  # a lid has no way that looks right
            good = phase in AFTER.get(self._phase_at_trouble, ("done",))
        else:
            near = INSIDE < distance < self._profile.funnel_range
            good = phase in BEYOND and (
                self._phase_at_trouble in BEFORE
                or (near and lateral < 0.5 * self._profile.funnel_width and angle < 0.5 * self._profile.funnel_angle)
            )
        self._calm = self._calm + 1 if good else 0
        return self._calm * self._task.control_period >= self._profile.hand_back_time


class Watch:
    """Notices trouble from what can be seen, over time."""

    def __init__(self, task: Task, profile: Profile):
        self._task, self._profile = task, profile
        self._patience = max(1, round(profile.patience / task.control_period))
        self.forget()

    def forget(self) -> None:
        """Start judging afresh, as after a hand-back."""
        self._progress: deque[float] = deque(maxlen=self._patience)
        self._best = -1.0
        self._since_best = 0
        self._outside = 0
        self._last_phase = ""
        self._landmark: Float32[np.ndarray, " 3"] | None = None
        self._felt: deque[float] = deque(maxlen=FEEL)
        self._strained = 0
        self._missed = 0

    def trouble(self, observation: Float32[np.ndarray, " D"]) -> str | None:
        """The kind of trouble that is visible now, or None."""
        task, p = self._task, self._profile
        phase = task.phase(observation)
        landmark = task.landmark(observation)
        if self._landmark is None:
            self._landmark = landmark
        progress = task.progress(observation)
        if progress > self._best + 0.01:
            self._best, self._since_best = progress, 0
        else:
            self._since_best += 1
        lateral, angle, distance = task.funnel_error(observation)
        near = phase in BEYOND and INSIDE < distance < p.funnel_range
        wide = near and (lateral > p.funnel_width + p.funnel_slope * max(distance, 0.0) or angle > p.funnel_angle)
        self._outside = self._outside + 1 if wide else 0
        self._strained = self._strained + 1 if self._strain(observation) > p.strain else 0
        self._missed = self._missed + 1 if task.misses(observation) else 0
        lost = self._last_phase in BEYOND and phase in BEFORE
        self._last_phase = phase
        if phase == "done":
            return None
        if float(np.linalg.norm(landmark - self._landmark)) > p.disturbance:
            return "collision"
        if lost:
            return "dropped"
        if task.bad_grasp(observation):
            return "bad grasp"
        if self._outside >= 3:
            return "funnel"
        if self._missed >= 3:
            return "missed"
        if self._strained >= 3:
            return "strain"
        if self._since_best >= self._patience:
            return "no progress"
        return None

    def _strain(self, observation: Float32[np.ndarray, " D"]) -> float:
        """What the robot feels, or is about to, as a share of what stops it."""
        self._felt.append(self._task.strain(observation))
        rise = (self._felt[-1] - self._felt[0]) / ((FEEL - 1) * self._task.control_period)
        return self._felt[-1] + self._profile.foresight * max(0.0, rise)


@runtime_checkable
class _Acting(Protocol):
    """What a person does while correcting."""

    def begin(self) -> None:
        """The person takes hold: what they were doing before is forgotten."""

    def act(self, sight: Float32[np.ndarray, " S"], cause: str) -> Replace | Push:
        """This step's correction."""


def _hands(task: Task, profile: Profile, way: Way, rng: np.random.Generator) -> _Acting:
    if task.ticks:
        from retouch.operators.gripping import acting_on

        return acting_on(task, profile, way, rng)
    return _HandMotion(task, profile.demonstrating if way == "demonstrate" else profile.intervening, rng)


class _HandMotion:
    """The skill's motion as a person's hands would make it: misjudged, trembling, hesitating."""

    def __init__(self, task: Task, hands: Hands, rng: np.random.Generator):
        self._hands, self._rng, self._task = hands, rng, task
        side = 1.0 if hands.routes == 1 else float(rng.choice((-1.0, 1.0)))
        self._skill = task.skill(
            np.random.default_rng(rng.integers(2**63)), Manner(speed=hands.speed, detour=side * hands.detour)
        )
        self._size = len(task.action_names) - 1
        self._tremor = np.zeros(self._size)
        self._error = rng.standard_normal((2, 3))
        self._pause = 0

    def begin(self) -> None:
        """The person takes hold: what they were doing before is forgotten."""
        self._skill.restart()

    def act(self, sight: Float32[np.ndarray, " S"], cause: str) -> Replace:
        """The hands' next action."""
        return Replace(self.move(sight, self._task.control_period), cause)

    def move(self, observation: Float32[np.ndarray, " S"], period: float) -> Float64[np.ndarray, " A"]:
        """The same as an array."""
        h, rng = self._hands, self._rng
        self._error = drift(self._error, period / h.misjudgement_time, rng)
        self._tremor = drift(self._tremor, period / h.tremor_time, rng)
        believed = self._task.misjudged(observation, h.misjudgement * self._error, h.misjudgement_share * self._error)
        action = self._skill.act(believed)
        starts, length = rng.random(), rng.exponential(h.hesitation_time)
        if self._pause > 0:
            self._pause -= 1
        elif starts < h.hesitation_rate * period:
            self._pause = max(1, round(length / period))
        if self._pause > 0:
            action = np.concatenate([np.zeros(self._size), action[-1:]])
        motion, turning = action[: self._size], np.arange(self._size) >= 3
        effort = max(STILLEST, float(np.linalg.norm(motion[:3])))
        motion += h.tremor * effort * np.where(turning, 0.3, 1.0) * self._tremor
        return np.clip(action, -1.0, 1.0)
