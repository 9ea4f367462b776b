"""What a policy wants, for a person who watches: where it is heading, as a displacement of the tool in world."""

import mujoco
import numpy as np
from jaxtyping import Float64

from retouch.geometry import Pose, Vector3
from retouch.policies.eyes import Looks
from retouch.policies.protocol import Feels, Foresees, Policy, PolicySession
from retouch.robots.sawyer import MOST_TRANSLATION
from retouch.robots.ur5e_tick import REFERENCE, STIFF, WRENCH
from retouch.tasks.base import Task
from retouch.tasks.contact import ContactTask
from retouch.tasks.vectors import capped

AHEAD_S = 0.25  # a reference is looked at as it would go on for so long
FARTHEST_AHEAD = 0.025  # and no further [m]
FARTHEST = 0.15  # of what is told [m]


class Watched:
    """A policy whose newest proposal can be looked at; it acts as the one that it is given.

    Attributes:
        proposed: float32[A], None before the first.
    """

    def __init__(self, policy: Policy):
        self._policy = policy
        self.observation_dim, self.action_dim = policy.observation_dim, policy.action_dim
        self.proposed: np.ndarray | None = None

    def session(self, slots: int) -> PolicySession:
        """The policy's session, looked at."""
        return _WatchedSession(self, self._policy.session(slots))


class _WatchedSession:
    def __init__(self, watched: Watched, session: PolicySession):
        self._watched, self._session = watched, session
        self.reset, self.forget = session.reset, session.forget
        if isinstance(session, Foresees):
            self.waypoints = session.waypoints
        if isinstance(session, Feels):
            self.feel = session.feel
        if isinstance(session, Looks):
            self.eyes, self.look_through = session.eyes, session.look_through

    def act(self, slots: np.ndarray, observations: np.ndarray) -> np.ndarray:
        actions = self._session.act(slots, observations)
        self._watched.proposed = actions[-1]
        return actions


def heading(task: Task, data: mujoco.MjData, action: Float64[np.ndarray, " A"]) -> Vector3 | None:
    """Where an action wants the tool, from where it is, in world [m]; None where nobody knows what actions mean.

    Of a robot that yields: to where its spring draws it, target wrench and all, its reference gone on for `AHEAD_S`. So
    it is seen both where a free robot goes and where one that is held would go.
    """
    if isinstance(task, ContactTask):
        tool, wanted = task.tool_in_world(data), Pose.from_vector(action[REFERENCE])
        pressed = -action[WRENCH][:3] / max(1.0, float(action[STIFF][0]))
        on = (wanted.position - task.reference_in_world(data).position) * AHEAD_S / task.control_period
        drawn = wanted.apply(pressed) - tool.position
        return capped(drawn + capped(on, FARTHEST_AHEAD), FARTHEST)
    if task.action_names[:3] == ("x", "y", "z"):
        return capped(action[:3] * MOST_TRANSLATION, FARTHEST)
    return None
