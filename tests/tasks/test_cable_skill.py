"""The scripted skill routes the cable from where attempts start and from where it may be handed over."""

import itertools

import numpy as np
import pytest

from retouch.robots.ur5e_tick import REFERENCE, TRACKS
from retouch.sim.world import Worlds
from retouch.tasks.base import Manner, Skill
from retouch.tasks.cable import AT_BIAS, CableRouting
from retouch.tasks.cable_view import View
from retouch.tasks.contact import Case
from retouch.tasks.handovers import prepare_handover
from retouch.tasks.steering import PERIOD, TRANSIT

TASK = CableRouting()


class Run:
    """One attempt of the skill: what was seen, commanded and recorded, and how it ended."""

    def __init__(
        self,
        seed: int,
        case: Case | None = None,
        manner: Manner = Manner(),
        heights: float | None = None,
        kind: str = "",
        most: int = 900,
    ):
        rng = np.random.default_rng(seed)
        worlds = Worlds(TASK.physics, 1)
        robot, data = TASK.robot(worlds), worlds.reset(0)
        TASK.reset(data, rng, case)
        if kind:
            prepare_handover(TASK, kind, data, rng)
        self.began = TASK.failure(data)
        if heights is not None:
            data.userdata[AT_BIAS : AT_BIAS + 5] = 0.0, 0.0, heights, heights, heights
        skill = TASK.skill(rng, manner)
        assert isinstance(skill, Skill)
        self.seen, self.commands, records, self.stages = [], [], [], []
        while not (TASK.success(data) or TASK.over(data)) and len(self.commands) < most:
            self.seen.append(TASK.sight(data))
            self.commands.append(skill.act(self.seen[-1] if heights is None else TASK.observe(data)))
            records.append(robot.command(np.array([0]), self.commands[-1][None])[0])
            self.stages.append(TASK.stages(data))
        self.records = np.concatenate(records)
        self.failure = TASK.failure(data)
        self.seen.append(TASK.sight(data))


@pytest.fixture(scope="module")
def run() -> Run:
    return Run(11, TASK.cases()[4])


def test_routes_the_stiffest_cable_gently() -> None:
    run = Run(19, TASK.cases()[19])
    assert run.failure == ""
    assert len(run.commands) < 500
    assert np.abs(run.records[:, TRACKS["contact_wrench"]][:, :3]).max() < 30


def test_stages_come_in_order_and_progress_grows(run: Run) -> None:
    assert run.failure == ""
    phases = [name for name, _ in itertools.groupby(View(s).phase for s in run.seen)]
    assert phases[0] == "carry"
    assert phases[-1] == "done"
    first = [[s[k] for s in run.stages].index(True) for k in range(3)]
    assert first == sorted(first)
    values = np.array([View(s).progress for s in run.seen])
    assert values[-1] == 1
    assert (np.maximum.accumulate(values) - values).max() < 0.1


def test_references_are_smooth(run: Run) -> None:
    commands = np.array(run.commands)
    moved = np.linalg.norm(np.diff(commands[:, REFERENCE][:, :3], axis=0), axis=1) / PERIOD
    assert moved.max() <= TRANSIT * 1.01


def test_an_attempt_is_the_same_every_time(run: Run) -> None:
    again = Run(11, TASK.cases()[4], most=60)
    assert np.array_equal(again.records, run.records[: len(again.records)])


def test_a_faster_manner_is_faster(run: Run) -> None:
    fast = Run(11, TASK.cases()[4], Manner(speed=1.4))
    assert fast.failure == ""
    assert len(fast.commands) < 0.9 * len(run.commands)


def test_by_what_a_policy_sees_heights_decide() -> None:
    """The same skill, not feeling, with every clip seen 11 mm too high or low, passes the first one above or below."""
    high, low = (Run(5, TASK.cases()[0], heights=off, most=130) for off in (0.011, -0.011))
    assert high.failure == "too high over clip 1"
    assert low.failure == "too low, stuck at clip 1"


def test_kinds_of_hand_overs_add_up() -> None:
    assert sum(share for _, share in TASK.handovers().kinds.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("kind", "named"), [("over a clip", "too high over clip"), ("below a clip", "too low, stuck at clip")]
)
def test_a_hand_over_is_what_it_is_called_and_is_solved(kind: str, named: str) -> None:
    run = Run(1, kind=kind)
    assert run.began.startswith(named)
    assert run.failure == ""
