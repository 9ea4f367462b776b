"""A policy that is watched in a session acts as it does alone, a residual beside its base too."""

import numpy as np
from tests.policies.residuals import make_policy, observations, ticks

from retouch.policies.protocol import Feels, Foresees
from retouch.processes.intention import Watched
from retouch.robots.ur5e_tick import BASE, REFERENCE, WRENCH


def test_a_residual_feels_and_foresees_while_it_is_watched() -> None:
    policy, slot = make_policy(), np.array([0])
    watched = Watched(policy)
    alone, seen = policy.session(1), watched.session(1)
    assert isinstance(seen, Feels)
    assert isinstance(seen, Foresees)
    said = []
    for session in (alone, seen):
        session.reset(0, 5)
        steps = []
        for step in range(4):
            steps.append(session.act(slot, observations(1))[0])
            session.feel(slot, ticks(1, seed=step))
        session.forget(0)
        steps.append(session.act(slot, observations(1))[0])
        said.append(np.stack(steps))
    np.testing.assert_array_equal(*said)
    np.testing.assert_array_equal(seen.waypoints(0), alone.waypoints(0))
    assert len(np.unique(said[0][1:4, WRENCH], axis=0)) == 3  # it says something else whenever it feels something else
    np.testing.assert_array_equal(watched.proposed, said[1][-1])  # the residual is in what is told of its intention
    assert (watched.proposed[REFERENCE] != watched.proposed[BASE]).any()
