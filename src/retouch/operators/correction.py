"""What an operator sees and what an operator may do, each step."""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Float64

from retouch.tasks.base import Task

Way = Literal["demonstrate", "take-over"]


@dataclass(frozen=True)
class Sight:
    """What a person who watches can see; nothing of the policy's inside.

    Attributes:
        step: since the attempt began.
        observation: poses in the scene, float32[D].
    """

    step: int
    observation: Float32[np.ndarray, " D"]


@dataclass(frozen=True)
class Replace:
    """The person has taken over: this action is carried out in place of the policy's.

    Attributes:
        action: float64[A] in [-1, 1].
        cause: of the take-over.
        take: number of the take-over, where one may follow another without the policy acting between them.
    """

    action: Float64[np.ndarray, " A"]
    cause: str = ""
    take: int = 0


@dataclass(frozen=True)
class Wait:
    """The robot stands still in this step, and nobody learns from it."""


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


Correction = Replace | Wait | End


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
