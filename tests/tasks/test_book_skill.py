"""The scripted skill flips books over the whole grid and from where it may be handed over, and feels what it does."""

import numpy as np
import pytest
from tests.tasks.book_states import attempt, look, task

from retouch.geometry import quat_inverse, quat_multiply, quat_to_vector
from retouch.robots.ur5e_tick import REFERENCE, TRACKS
from retouch.sim.world import Worlds
from retouch.tasks.base import Manner
from retouch.tasks.book import AT_BIAS, BookFlipping
from retouch.tasks.book_handovers import HANDOVERS, unsolvable
from retouch.tasks.book_skill import BookSkill, Style
from retouch.tasks.book_view import View
from retouch.tasks.cases import measure_cases, table
from retouch.tasks.contact import Case
from retouch.tasks.handovers import prepare_handover


def play(case: int, seed: int, skill: BookSkill, steps: int = 1500, biased: bool = False) -> tuple:  # type: ignore[type-arg]
    """An attempt until it is solved: its data, commands and records."""
    _, robot, data = attempt(case, seed)
    if biased:
        data.userdata[AT_BIAS : AT_BIAS + 2] = 0.0, 0.005
    commands, records = [], []
    for _ in range(steps):
        commands.append(skill.act(task().observe(data) if biased else task().sight(data)))
        records.append(robot.command(np.array([0]), commands[-1][None])[0])
        if task().success(data):
            break
    return data, robot, np.array(commands), np.concatenate(records)


@pytest.mark.parametrize("case", range(20))
def test_solves_the_whole_grid_gently(case: int) -> None:
    data, robot, commands, records = play(case, 100 + case, BookSkill())
    assert task().success(data), task().failure(data)
    assert np.linalg.norm(records[:, TRACKS["contact_wrench"]][:, :3], axis=1).max() < 40
    pose = commands[:, REFERENCE]
    assert np.linalg.norm(np.diff(pose[:, :3], axis=0), axis=1).max() < 0.15 * 0.02
    turns = [
        quat_to_vector(quat_multiply(b, quat_inverse(a))) for a, b in zip(pose[:-1, 3:], pose[1:, 3:], strict=True)
    ]
    assert np.linalg.norm(turns, axis=1).max() < 1.0 * 0.02
    for _ in range(50):  # they stand on their own
        robot.command(np.array([0]), task().hold(data)[None])
    assert task().success(data)


@pytest.mark.parametrize("speed", [0.7, 1.3])
@pytest.mark.parametrize("case", [3, 13])
def test_other_speeds_solve_it_too(speed: float, case: int) -> None:
    skill = task().skill(np.random.default_rng(0), Manner(speed=speed))
    assert isinstance(skill, BookSkill)
    assert task().success(play(case, 7, skill)[0])


def test_an_attempt_is_the_same_twice() -> None:
    one, other = play(4, 9, BookSkill()), play(4, 9, BookSkill())
    assert np.array_equal(one[3], other[3])


def test_phases_and_progress_go_on() -> None:
    worlds = Worlds(task().physics, 1)
    data, robot = worlds.reset(0), task().robot(worlds)
    task().reset(data, np.random.default_rng(5), task().cases()[10])
    skill, phases, values = BookSkill(), [], []
    while not task().success(data):
        seen = task().sight(data)
        phases.append(task().phase(seen))
        values.append(task().progress(seen))
        robot.command(np.array([0]), skill.act(seen)[None])
    first = [phases.index(name) for name in ("reach", "insert", "carry")]
    assert first == sorted(first)
    assert task().phase(task().sight(data)) == "done"
    assert task().progress(task().sight(data)) == 1.0
    assert (np.maximum.accumulate(values) - values).max() < 0.12


def test_who_does_not_feel_and_sees_the_shelf_too_high_misses_the_gap() -> None:
    data = play(0, 1, BookSkill(Style(feel=False)), steps=400, biased=True)[0]
    assert task().failure(data) == "inserted too high"
    assert task().success(play(0, 1, BookSkill())[0])


@pytest.mark.parametrize("kind", HANDOVERS.kinds)
def test_solves_each_kind_of_handover(kind: str) -> None:
    rng, worlds = np.random.default_rng(3), Worlds(task().physics, 1)
    data, robot = worlds.reset(0), task().robot(worlds)
    task().reset(data, rng)
    prepare_handover(task(), kind, data, rng)
    assert unsolvable(task().sight(data)) is None
    skill = task().skill(rng)
    for _ in range(HANDOVERS.horizon):
        robot.command(np.array([0]), skill.act(task().sight(data))[None])
        if task().success(data):
            break
    assert task().success(data), task().failure(data)


def test_says_what_nobody_can_solve() -> None:
    _, _, data = attempt(0)
    seen = task().sight(data)
    assert unsolvable(seen) is None
    seen[16] -= 0.1
    assert "fallen" in (unsolvable(seen) or "")


def test_a_hand_steers_towards_a_target() -> None:
    _, robot, data = attempt(0)
    view = look(data)
    target = view.in_world(view.tool + np.array([-0.03, 0.02, 0.03]), view.tool_axes)
    for _ in range(60):
        robot.command(np.array([0]), task().towards(task().observe(data), target, False)[None])
    assert np.linalg.norm(task().tool_in_world(data).position - target.position) < 0.001
    assert task().gripper_closed(task().observe(data)) is False


def test_misjudged_books_are_elsewhere() -> None:
    _, _, data = attempt(10)
    seen, error = task().observe(data), np.array([[0.01, 0.0, 0.0], [0.0, 0.0, 0.0]])
    believed = View(task().misjudged(seen, error, np.zeros((2, 3))))
    for before, after in zip(View(seen).books, believed.books, strict=True):
        assert np.linalg.norm(after.position - before.position) == pytest.approx(0.01, abs=1e-6)


def test_a_grid_is_measured_case_by_case() -> None:
    class Few(BookFlipping):
        """Two cases of the grid, over soon."""

        horizon = 40

        def cases(self) -> tuple[Case, ...]:
            return (super().cases()[0], super().cases()[13])

    rollouts = measure_cases(Few(), repeats=2)
    assert [r.failure for r in rollouts] == ["ran out of time"] * 4
    assert {r.steps for r in rollouts} == {40}
    lines = table(rollouts).splitlines()
    assert [line.split("  ")[0].strip() for line in lines] == ["one book far", "two books far", "seen", "unseen", "all"]
    assert "0/   4" in lines[-1]
    assert "ran out of time 4" in lines[-1]
