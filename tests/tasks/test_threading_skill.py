"""The scripted skill solves the task from where attempts start and from where it may be handed over."""

import numpy as np
import pytest

from retouch.sim.world import Worlds
from retouch.tasks.handovers import measure_handovers, sample_handover, table
from retouch.tasks.threading import Threading
from retouch.tasks.threading_handovers import unsolvable
from retouch.tasks.threading_scene import RING_INNER, ROD_HALF_WIDTH, rod_pose
from retouch.tasks.threading_skill import Style, ThreadingSkill, funnel_error, phase, progress

TASK = Threading()


def attempts(style: Style, count: int, seed: int) -> list[list[np.ndarray]]:
    """What is seen on `count` attempts from the start, each until it is solved or the horizon."""
    worlds = Worlds(TASK.physics, count, workers=2)
    robot = TASK.robot(worlds)
    skills, seen = [], [[] for _ in range(count)]
    for slot in range(count):
        rng = np.random.default_rng([seed, slot])
        TASK.reset(worlds.reset(slot), rng)
        skills.append(ThreadingSkill(rng, style))
    live = np.arange(count)
    for _ in range(TASK.horizon):
        for i in live:
            seen[i].append(TASK.observe(worlds.datas[i]))
        robot.command(live, np.array([skills[i].act(seen[i][-1]) for i in live]))
        live = np.array([i for i in live if not TASK.success(worlds.datas[i])], dtype=int)
        if not len(live):
            break
    for i in range(count):
        seen[i].append(TASK.observe(worlds.datas[i]))
    return seen


@pytest.fixture(scope="module")
def demonstrations() -> list[list[np.ndarray]]:
    return attempts(Style(), 20, seed=7)


def test_solves_attempts_from_the_start_in_the_time_a_person_takes(demonstrations: list[list[np.ndarray]]) -> None:
    assert all(phase(seen[-1]) == "done" for seen in demonstrations)
    assert 130 < np.mean([len(seen) for seen in demonstrations]) < 220


def test_phases_come_in_order_and_progress_grows(demonstrations: list[list[np.ndarray]]) -> None:
    for seen in demonstrations[:5]:
        phases = [phase(o) for o in seen]
        first = [phases.index(name) for name in ("reach", "grasp", "carry", "insert", "done")]
        assert first == sorted(first)
        values = np.array([progress(o) for o in seen])
        assert values.min() >= 0
        assert values[-1] == 1
        assert (np.maximum.accumulate(values) - values).max() < 0.12


def test_funnel_closes_before_the_rod_goes_in(demonstrations: list[list[np.ndarray]]) -> None:
    for seen in demonstrations[:5]:
        at_mouth = min(seen, key=lambda o: abs(funnel_error(o)[2]))
        lateral, angle, _ = funnel_error(at_mouth)
        assert lateral < RING_INNER - ROD_HALF_WIDTH
        assert angle < 0.1


@pytest.mark.parametrize("style", [Style(speed=1.4, detour=0.1), Style(speed=0.7, detour=-0.1, turned_grasp=4.0)])
def test_other_manners_solve_it_too(style: Style) -> None:
    assert all(phase(seen[-1]) == "done" for seen in attempts(style, 6, seed=3))


def test_solves_random_handovers() -> None:
    results = measure_handovers(TASK, episodes=100, seed=0, workers=2)
    fair = [r for r in results if r.steps]
    assert len({r.kind for r in results}) == 6
    assert sum(r.solved for r in fair) >= 0.97 * len(fair), table(results)


def test_handovers_repeat() -> None:
    worlds = Worlds(TASK.physics, 2)
    states = []
    for slot in range(2):
        rng = np.random.default_rng(11)
        data = worlds.reset(slot)
        TASK.reset(data, rng)
        sample_handover(TASK, data, rng)
        states.append(worlds.state(slot))
    assert np.array_equal(states[0], states[1])


def test_says_what_nobody_can_solve() -> None:
    data = Worlds(TASK.physics, 1).reset(0)
    TASK.reset(data, np.random.default_rng(0))
    seen = TASK.observe(data)
    assert unsolvable(seen) is None
    fallen = seen.copy()
    fallen[11] = 0.1
    assert "rod has fallen" in (unsolvable(fallen) or "")
    fallen = seen.copy()
    fallen[18] = 0.1
    assert "stand has fallen" in (unsolvable(fallen) or "")
    far = seen.copy()
    far[9] += 0.5 - rod_pose(seen).position[0]
    assert "out of reach" in (unsolvable(far) or "")
