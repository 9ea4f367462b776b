"""What an operator sees and what an operator may do, each step."""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Float64

from retouch.operators.way import Way
from retouch.tasks.base import Task


@dataclass(frozen=True)
class Sight:
    """What a person who watches can see; and, for whoever is no person, what the policy sees and is about to do.

    Attributes:
        step: since the attempt began.
        observation: poses in the scene, and what is felt: the task's `sight`, float32[S].
        policy_sees: the policy's observation, float32[D].
        proposed: its action, float32[A]; None where no policy runs.
    """

    step: int
    observation: Float32[np.ndarray, " S"]
    policy_sees: Float32[np.ndarray, " D"] | None = None
    proposed: Float32[np.ndarray, " A"] | None = None


@dataclass(frozen=True)
class Replace:
    """The person has taken over: this action is carried out in place of the policy's.

    Attributes:
        action: float64[A] in [-1, 1].
        cause: of the take-over.
        take: number of the take-over, where one may follow another without the policy acting between them.
        grip: what the hand does at the handle meanwhile, float64[15], where the robot has one; None lets it be.
    """

    action: Float64[np.ndarray, " A"]
    cause: str = ""
    take: int = 0
    grip: Float64[np.ndarray, " 15"] | None = None


@dataclass(frozen=True)
class Push:
    """The person's hand is on the handle and adds to what the policy does, which goes on.

    Attributes:
        grip: what the hand does, float64[15]; see `control.hand`.
        key: whether the person marks this step as a correction.
        cause: of the correction.
        take: number of the correction, where one may follow another at once.
    """

    grip: Float64[np.ndarray, " 15"]
    key: bool = True
    cause: str = ""
    take: int = 0


@dataclass(frozen=True)
class Wait:
    """The robot stands still in this step, and nobody learns from it.

    Attributes:
        grip: what a hand that lets go still does at the handle, float64[15]; None where nothing.
    """

    grip: Float64[np.ndarray, " 15"] | None = None


@dataclass(frozen=True)
class End:
    """The attempt is over, before this step: so says the person.

    Attributes:
        outcome: of the attempt.
        reason: of the outcome, one line.
        discard: whether it shall count for nothing.
    """

    outcome: Literal["success", "failure"]
    reason: str
    discard: bool = False


Correction = Replace | Push | Wait | End


@runtime_checkable
class OperatorSession(Protocol):
    """One person during one attempt."""

    def correct(self, sight: Sight) -> Correction | None:
        """What the person does this step; None leaves the policy in charge. With real people it takes real time."""


@runtime_checkable
class Operator(Protocol):
    """A person, scripted or real.

    Attributes:
        name: written into every episode; scripted people's names say so.
        repeatable: whether the same seed makes the same attempt again, so that one that was cut short may be forgotten.
    """

    name: str
    repeatable: bool

    def session(self, task: Task, seed: int, way: Way) -> OperatorSession:
        """Begin one attempt."""
