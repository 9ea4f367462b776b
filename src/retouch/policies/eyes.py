"""How a policy sees: through one of the task's cameras, a picture every so often.

A policy that looks is given observations with its encoder's numbers of the newest picture behind them; whoever runs it
draws a picture when its session asks for one, and not before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, UInt8

Picture = UInt8[np.ndarray, "S S 3"]

PICTURE_PERIOD = 0.08
"""From one recorded picture to the next [s]: a number of steps of 0.02 s, and half the time between the two
observations of a policy of waypoints."""


@dataclass(frozen=True)
class Eyes:
    """What a policy looks through.

    Attributes:
        camera: its name in the task.
        size: of its square pictures [pixels].
    """

    camera: str
    size: int


@runtime_checkable
class HasEyes(Protocol):
    """A policy, or a session of one, that may go by pictures."""

    @property
    def eyes(self) -> Eyes | None:
        """What it looks through; None where it does without."""


@runtime_checkable
class Looks(HasEyes, Protocol):
    """A session that may go by pictures."""

    def look_through(self, eye: Callable[[int], Picture]) -> None:
        """From now on `eye` tells what there is to see in a slot."""


@runtime_checkable
class Sighted(HasEyes, Protocol):
    """A policy that may go by pictures, as it makes of them itself."""

    def embed(self, pictures: UInt8[np.ndarray, "B S S 3"]) -> Float32[np.ndarray, "B E"]:
        """What its encoder makes of pictures. A row depends on nothing but its own picture, bit for bit."""


def eyes_of(policy: object) -> Eyes | None:
    """What a policy, or a session of one, looks through; None where it goes by numbers alone."""
    return policy.eyes if isinstance(policy, HasEyes) else None
