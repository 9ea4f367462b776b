"""The scripted skill makes coffee from where attempts start and from where it may be handed over."""

import mujoco
import numpy as np
import pytest

from retouch.operators.correction import Sight
from retouch.operators.profile import PROFILES, profile
from retouch.operators.scripted import ScriptedPerson
from retouch.sim.world import Worlds
from retouch.tasks.coffee import Coffee
from retouch.tasks.coffee_handovers import HANDOVERS, unsolvable
from retouch.tasks.coffee_scene import HOLDER_INNER, POD_RADIUS
from retouch.tasks.coffee_skill import CoffeeSkill, Style
from retouch.tasks.coffee_view import View, funnel_error, phase, progress
from retouch.tasks.handovers import prepare_handover

TASK = Coffee()


def attempts(style: Style, count: int, seed: int, workers: int = 2) -> list[list[np.ndarray]]:
    """What is seen on `count` attempts from the start, each until it is solved or the horizon."""
    worlds = Worlds(TASK.physics, count, workers)
    robot = TASK.robot(worlds)
    skills, seen = [], [[] for _ in range(count)]
    for slot in range(count):
        rng = np.random.default_rng([seed, slot])
        TASK.reset(worlds.reset(slot), rng)
        skills.append(CoffeeSkill(rng, style))
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
    return attempts(Style(), 8, seed=7)


def test_solves_attempts_from_the_start_in_the_time_a_person_takes(demonstrations: list[list[np.ndarray]]) -> None:
    assert all(phase(seen[-1]) == "done" for seen in demonstrations)
    assert 150 < np.mean([len(seen) for seen in demonstrations]) < 260


def test_phases_come_in_order_and_progress_grows(demonstrations: list[list[np.ndarray]]) -> None:
    for seen in demonstrations:
        phases = [phase(o) for o in seen]
        first = [phases.index(name) for name in ("reach", "grasp", "carry", "insert", "close", "done")]
        assert first == sorted(first)
        values = np.array([progress(o) for o in seen])
        assert values.min() >= 0
        assert values[-1] == 1
        assert (np.maximum.accumulate(values) - values).max() < 0.12


def test_funnel_closes_before_the_pod_goes_in(demonstrations: list[list[np.ndarray]]) -> None:
    for seen in demonstrations:
        at_rim = min((o for o in seen if phase(o) == "insert"), key=lambda o: abs(funnel_error(o)[2]))
        lateral, angle, _ = funnel_error(at_rim)
        assert lateral < HOLDER_INNER - POD_RADIUS
        assert angle < 0.1


def test_an_attempt_is_the_same_whatever_runs_beside_it(demonstrations: list[list[np.ndarray]]) -> None:
    (alone,) = attempts(Style(), 1, seed=7, workers=1)
    assert np.array_equal(np.array(alone), np.array(demonstrations[0]))


@pytest.mark.parametrize("style", [Style(speed=1.4, detour=0.08), Style(speed=0.7, detour=-0.08)])
def test_other_manners_solve_it_too(style: Style) -> None:
    assert all(phase(seen[-1]) == "done" for seen in attempts(style, 3, seed=3))


def test_a_scripted_person_demonstrates_it() -> None:
    worlds = Worlds(TASK.physics, 1)
    TASK.reset(worlds.reset(0), np.random.default_rng(5))
    robot, data = TASK.robot(worlds), worlds.datas[0]
    person = ScriptedPerson(profile("steady")).session(TASK, 5, "demonstrate")
    for step in range(TASK.horizon):
        correction = person.correct(Sight(step, TASK.observe(data)))
        assert correction is not None
        robot.command(np.array([0]), correction.action[None])
        if TASK.success(data):
            break
    assert TASK.success(data)


def solved(kind: str, seed: int) -> bool:
    rng, worlds = np.random.default_rng([seed, 3]), Worlds(TASK.physics, 1)
    data, robot = worlds.reset(0), TASK.robot(worlds)
    TASK.reset(data, rng)
    prepare_handover(TASK, kind, data, rng)
    assert unsolvable(TASK.observe(data)) is None
    skill = TASK.skill(rng)
    for _ in range(HANDOVERS.horizon):
        robot.command(np.array([0]), skill.act(TASK.observe(data))[None])
        if TASK.success(data):
            return True
    return False


@pytest.mark.parametrize("kind", HANDOVERS.kinds)
def test_solves_each_kind_of_handover(kind: str) -> None:
    assert sum(solved(kind, seed) for seed in range(3)) >= 2


def test_says_what_nobody_can_solve() -> None:
    data = Worlds(TASK.physics, 1).reset(0)
    TASK.reset(data, np.random.default_rng(0))
    seen = TASK.observe(data)
    assert unsolvable(seen) is None
    fallen = seen.copy()
    fallen[11] = 0.1
    assert "fallen off" in (unsolvable(fallen) or "")
    far = seen.copy()
    far[9] += 0.6
    assert "pod lies out of reach" in (unsolvable(far) or "")
    toppled = seen.copy()
    toppled[19:23] = [np.sqrt(0.5), np.sqrt(0.5), 0, 0]
    assert "fallen over" in (unsolvable(toppled) or "")
    away = seen.copy()
    away[16] += 0.5
    assert "machine is out of reach" in (unsolvable(away) or "")


def test_a_scripted_person_hands_back_after_each_bottleneck() -> None:
    """A policy that stands still is helped to grasp and carry, to insert, and to close, one after the other."""
    worlds = Worlds(TASK.physics, 1)
    TASK.reset(worlds.reset(0), np.random.default_rng(5))
    robot, data = TASK.robot(worlds), worlds.datas[0]
    person = ScriptedPerson(profile("steady")).session(TASK, 5, "take-over")
    handed_back, in_charge = [], False
    for step in range(2 * TASK.horizon):
        seen = TASK.observe(data)
        correction = person.correct(Sight(step, seen))
        if in_charge and correction is None:
            handed_back.append(phase(seen))
        in_charge = correction is not None
        still = np.array([0.0, 0, 0, 0, 0, 0, 0])
        robot.command(np.array([0]), (correction.action if correction is not None else still)[None])
        if TASK.success(data):
            break
    assert TASK.success(data)
    assert handed_back == ["carry", "close"]


@pytest.mark.parametrize("name", sorted(PROFILES))
@pytest.mark.parametrize("aside", [0.0005, 0.004])
def test_everybody_closes_the_lid_over_a_pod_that_is_in(name: str, aside: float) -> None:
    """Wherever in the holder it sits: a lid is closed once it is closed, not once it looks well aligned."""
    worlds = Worlds(TASK.physics, 1)
    TASK.reset(worlds.reset(0), np.random.default_rng(5))
    robot, data = TASK.robot(worlds), worlds.datas[0]
    seat = View(TASK.observe(data)).seat
    pod = int(TASK.physics.joint("pod").qposadr[0])
    data.qpos[pod : pod + 3] = seat + np.array([aside, 0.0, 0.0])
    data.qvel[:] = 0
    mujoco.mj_forward(TASK.physics, data)
    person = ScriptedPerson(profile(name)).session(TASK, 5, "take-over")
    for step in range(2 * TASK.horizon):
        correction = person.correct(Sight(step, TASK.observe(data)))
        robot.command(np.array([0]), (correction.action if correction is not None else np.zeros(7))[None])
        if TASK.success(data):
            break
    assert TASK.success(data)
