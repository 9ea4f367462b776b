"""A policy in a person's place: it takes over where what is about to be done differs from what it would do.

The rule with which simulated experts are studied (SafeDAgger, Zhang and Cho 2017; EnsembleDAgger, Menda et al. 2019),
with the two thresholds on time that keep it from flickering. It serves environments for which nobody wrote a scripted
person. Unlike a person, it is told what the policy is about to do.
"""

import numpy as np

from retouch.errors import InputError
from retouch.operators.correction import Replace, Sight
from retouch.operators.threshold import Threshold
from retouch.operators.way import Way
from retouch.policies.protocol import Policy, PolicySession
from retouch.tasks.base import Task

USUAL = Threshold()


class Expert:
    """An operator made of a policy; never called a person.

    Args:
        policy: that knows better.
        called: what it is called in episodes.
    """

    repeatable = True

    def __init__(self, policy: Policy, called: str, threshold: Threshold = USUAL):
        self.policy, self.threshold = policy, threshold
        self.name = f"expert:{called}"

    def session(self, task: Task, seed: int, way: Way) -> "ExpertSession":
        """Begin one attempt.

        Raises:
            InputError: it does not fit the task, or shall push.
        """
        if way == "delta":
            raise InputError("an expert takes over or demonstrates; it has no hand to push with")
        wanted = (len(task.observation_names), len(task.action_names))
        if (self.policy.observation_dim, self.policy.action_dim) != wanted:
            raise InputError(f"{self.name} does not fit {task.name}, which is seen and acted on by {wanted} numbers")
        acting = self.policy.session(1)
        acting.reset(0, seed)
        return ExpertSession(acting, self.threshold, demonstrates=way in ("demonstrate", "observe"))


class ExpertSession:
    """One attempt of it; it goes on thinking while it does not act."""

    def __init__(self, acting: PolicySession, threshold: Threshold, demonstrates: bool):
        self._acting, self._threshold, self._demonstrates = acting, threshold, demonstrates
        self._in_charge, self._since = demonstrates, 0

    def correct(self, sight: Sight) -> Replace | None:
        """The expert's own action while it is in charge."""
        assert sight.policy_sees is not None
        ours = self._acting.act(np.zeros(1, np.int64), sight.policy_sees[np.newaxis])[0]
        if not self._demonstrates and sight.proposed is not None:
            differs = float(np.sqrt(np.mean(np.square(ours - sight.proposed)))) > self._threshold.differs
            self._since = self._since + 1 if differs != self._in_charge else 0
            if self._since >= (self._threshold.back if self._in_charge else self._threshold.after):
                self._in_charge, self._since = not self._in_charge, 0
        if not self._in_charge:
            return None
        return Replace(ours.astype(np.float64), "demonstration" if self._demonstrates else "another action")
