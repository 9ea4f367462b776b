"""The law by itself, tick by tick; how the robot behaves under it is in tests/robots/test_ur5e.py."""

import numpy as np

from retouch.control.admittance import Compliance, critical_damping, yield_to

PERIOD, MASS, STIFFNESS, LIMIT = 0.002, (4.0, 0.04), (1000.0, 70.0), (20.0, 8.0)
DAMPING = tuple(critical_damping(k, m, 1.5) for k, m in zip(STIFFNESS, MASS, strict=True))
LAW = Compliance(MASS, LIMIT, (1.0, 5.0), PERIOD)


class Tool:
    """A tool and its reference, both at the origin and at rest."""

    def __init__(self) -> None:
        self.position, self.velocity, self.turn = np.zeros(3), np.zeros(6), np.eye(3).ravel()
        self.reference, self.pull = np.zeros(3), np.zeros(6)

    def tick(self, speed: np.ndarray, held: bool = False) -> None:
        """The reference goes on by `speed` [m/s]; a tool that is held up does not move."""
        self.reference = self.reference + PERIOD * speed
        if held:
            self.velocity[:] = 0.0
        before = self.position.copy()
        going = np.array([*speed, 0.0, 0.0, 0.0])
        yield_to(
            np.zeros(6), np.zeros(6), self.reference, np.eye(3).ravel(), going, np.array(STIFFNESS), np.array(DAMPING),
            LAW, np.empty(24), self.velocity, self.position, self.turn, self.pull,
        )  # fmt: skip
        if held:
            self.position = before


def test_in_the_air_it_does_not_trail_behind_an_even_reference():
    tool, speed = Tool(), np.array([0.12, 0.05, 0.0])
    for _ in range(500):
        tool.tick(speed)
    np.testing.assert_allclose(tool.position, tool.reference, atol=5e-4)
    np.testing.assert_allclose(tool.velocity[:3], speed, atol=1e-3)


def test_a_reference_that_comes_back_does_not_drag_a_tool_that_is_held_up():
    """A person holds the tool 5 cm away; the policy changes its mind and the reference runs towards it."""
    tool = Tool()
    tool.reference = np.array([-0.05, 0.0, 0.0])
    pulls = []
    for _ in range(25):
        tool.tick(np.array([0.5, 0.0, 0.0]), held=True)
        pulls.append(tool.pull[0])
    assert tool.reference[0] < -0.02
    assert max(pulls) < 0.0  # while the reference is far behind, it pulls back, however fast it comes
    tool.reference, tool.position = np.zeros(3), np.zeros(3)
    tool.tick(np.array([0.5, 0.0, 0.0]), held=True)
    assert 0.0 < tool.pull[0] <= LIMIT[0] + 1.1 * STIFFNESS[0] * 0.5 * PERIOD


def test_the_reference_pulls_a_tool_that_is_far_away_no_harder_for_running_from_it():
    tool = Tool()
    tool.reference = np.array([0.2, 0.0, 0.0])
    tool.tick(np.array([0.5, 0.0, 0.0]), held=True)
    assert LIMIT[0] <= tool.pull[0] < 1.2 * LIMIT[0]
