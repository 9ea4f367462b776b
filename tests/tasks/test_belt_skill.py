"""The scripted skill assembles the belt from where attempts start and from where it may be handed over."""

import itertools

import numpy as np
import pytest

from retouch.operators.profile import profile
from retouch.operators.scripted import Watch
from retouch.robots.ur5e_tick import BASE, REFERENCE, TRACKS
from retouch.sim.world import Worlds
from retouch.tasks.base import Skill
from retouch.tasks.belt import BeltAssembly
from retouch.tasks.belt_scene import GROOVE
from retouch.tasks.belt_skill import PERIOD, TRANSIT, TURNING, bottom_of
from retouch.tasks.belt_view import View
from retouch.tasks.contact import Case
from retouch.tasks.handovers import prepare_handover, sample_handover

TASK = BeltAssembly()


class Run:
    """One attempt of the skill: what was seen, commanded and felt, and how it ended."""

    def __init__(
        self, seed: int | list[int], case: Case | None = None, kind: str | None = None, most: int = TASK.horizon
    ):
        rng = np.random.default_rng(seed)
        worlds = Worlds(TASK.physics, 1)
        robot, data = TASK.robot(worlds), worlds.reset(0)
        TASK.reset(data, rng, case)
        if kind == "any":
            sample_handover(TASK, data, rng)
        elif kind is not None:
            prepare_handover(TASK, kind, data, rng)
        skill = TASK.skill(rng)
        assert isinstance(skill, Skill)
        self.seen, self.commands, self.stages, self.force = [], [], [], 0.0
        while not TASK.success(data) and not TASK.over(data) and len(self.commands) < most:
            self.seen.append(TASK.sight(data))
            self.commands.append(skill.act(self.seen[-1]))
            record = robot.command(np.array([0]), self.commands[-1][None])[0]
            self.force = max(self.force, float(np.abs(record[:, TRACKS["contact_wrench"]][:, :3]).max()))
            self.stages.append(TASK.stages(data))
        self.failure = TASK.failure(data)
        self.seen.append(TASK.sight(data))


@pytest.fixture(scope="module")
def run() -> Run:
    return Run(11)


def test_solves_a_case_that_nobody_demonstrated_gently() -> None:
    run = Run(15, TASK.cases()[15])
    assert not TASK.cases()[15].seen
    assert run.failure == ""
    assert 200 < len(run.commands) < 700
    assert run.force < 8


def test_phases_and_stages_come_in_order(run: Run) -> None:
    assert run.failure == ""
    phases = [name for name, _ in itertools.groupby(View(s).phase for s in run.seen)]
    assert phases[0] == "carry"
    assert phases[-2:] == ["insert", "done"]
    first = [[s[k] for s in run.stages].index(True) for k in range(4)]
    assert first == sorted(first)
    assert first[3] > first[2] + 20  # released some time after the half turn
    assert View(run.seen[-1]).progress == 1


def test_the_loop_is_swept_over_the_small_pulley_without_swinging_up_and_down() -> None:
    run = Run([0, 16], TASK.cases()[0], most=170)
    swept = [v for v in map(View, run.seen) if -0.015 < v.hook[0] < 0.02 and not v.over_small and v.hook[2] > 0.1]
    heights = np.array([bottom_of(v)[2] for v in swept])
    assert len(swept) > 25
    assert np.abs(heights - GROOVE).max() < 0.0025
    assert max(v.wrench[2] for v in swept) < 0.5


def test_references_are_smooth(run: Run) -> None:
    commands = np.array(run.commands)
    moved = np.linalg.norm(np.diff(commands[:, REFERENCE][:, :3], axis=0), axis=1) / PERIOD
    dots = np.abs(np.sum(commands[1:, REFERENCE][:, 3:] * commands[:-1, REFERENCE][:, 3:], axis=1))
    assert moved.max() <= TRANSIT * 1.01
    assert (2 * np.arccos(np.minimum(1, dots)) / PERIOD).max() <= TURNING * 1.02
    np.testing.assert_array_equal(commands[:, BASE], commands[:, REFERENCE])


def test_whoever_watches_it_sees_no_trouble(run: Run) -> None:
    watch = Watch(TASK, profile("steady"))
    assert {watch.trouble(sight) for sight in run.seen} == {None}


def test_an_attempt_is_the_same_every_time(run: Run) -> None:
    again = Run(11, most=120)
    assert np.array_equal(again.seen, run.seen[:121])
    assert not np.array_equal(Run(12, most=5).seen, run.seen[:6])


def test_goes_on_from_beside_the_slot() -> None:
    assert sum(share for _, share in TASK.handovers().kinds.values()) == pytest.approx(1.0)
    run = Run(5, kind="beside its slot")
    assert run.failure == ""


def test_draws_a_belt_back_that_is_caught_at_the_large_pulley() -> None:
    assert Run([2, 18], kind="any").failure == ""


def test_presses_a_belt_that_is_half_out_back_into_the_hook() -> None:
    """Without that it is dropped at the large pulley."""
    run = Run([3, 67], kind="any", most=1500)
    half_out = [View(sight).half_out for sight in run.seen]
    assert half_out[0]
    assert not any(half_out[-200:])
    assert run.failure == ""
    assert run.force < 12
