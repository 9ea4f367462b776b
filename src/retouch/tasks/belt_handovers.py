"""States of belt assembly in which a person may be handed control."""

from retouch.tasks.handovers import Handovers, Stage
from retouch.tasks.belt_view import Observation, View


def unsolvable(observation: Observation) -> str | None:
    """Why nobody can solve the task with this arm from here, or None."""
    return None if View(observation).held else "the belt is out of the fingers, which cannot pick it up"


def _interrupted(stage: Stage) -> None:
    """A skilled attempt, broken off at any time."""
    stage.skilled(int(stage.rng.integers(0, 400)))


HANDOVERS = Handovers(kinds={"interrupted": (_interrupted, 1.0)}, unsolvable=unsolvable, horizon=1500)
