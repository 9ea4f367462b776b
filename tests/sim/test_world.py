"""Worlds: their state is all there is to them, and who steps them, in what order, beside whom, does not matter."""

import dis
import importlib
import os
import pkgutil
import subprocess
import sys
import threading
from types import ModuleType

import mujoco
import numpy as np
import pytest
from numba import njit
from numba.core.dispatcher import Dispatcher

import retouch
from retouch.errors import MissingExtra
from retouch.robots import sawyer
from retouch.sim import native
from retouch.sim.world import Worlds
from retouch.tasks.threading import Threading

TASK = Threading()
ACTIONS = np.random.default_rng(7).uniform(-1, 1, (12, 6, 7))


def start(count: int, workers: int = 1) -> tuple[Worlds, sawyer.Sawyer]:
    worlds = Worlds(TASK.physics, count, workers)
    for slot in range(count):
        TASK.reset(worlds.reset(slot), np.random.default_rng(slot))
    return worlds, TASK.robot(worlds)


def states(worlds: Worlds) -> np.ndarray:
    return np.array([worlds.state(slot) for slot in range(len(worlds))])


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    """States after the actions of six worlds, each stepped on its own."""
    out = []
    for slot in range(6):
        worlds, robot = start(6)
        for actions in ACTIONS:
            robot.command(np.array([slot]), actions[slot : slot + 1])
        out.append(worlds.state(slot))
    return np.array(out)


@pytest.mark.parametrize("workers", [1, 2, 3, 16])
def test_the_same_bits_beside_others_and_with_any_workers(expected, workers):
    worlds, robot = start(6, workers)
    for actions in ACTIONS:
        robot.command(np.arange(6), actions)
    assert np.array_equal(states(worlds), expected)


def test_the_same_bits_in_any_order_of_slots(expected):
    worlds, robot = start(6, 2)
    rng = np.random.default_rng(0)
    for actions in ACTIONS:
        order = rng.permutation(6)
        robot.command(order, actions[order])
    assert np.array_equal(states(worlds), expected)


def test_worlds_that_are_not_commanded_stand_still():
    worlds, robot = start(3, 2)
    before = states(worlds)
    robot.command(np.array([2, 0]), ACTIONS[0, :2])
    after = states(worlds)
    assert np.array_equal(after[1], before[1])
    assert not np.array_equal(after[0], before[0])
    assert not np.array_equal(after[2], before[2])


def test_worlds_do_differ(expected):
    assert len(np.unique(expected[:, 1:8], axis=0)) == 6


@pytest.mark.parametrize("ticks", [0, 1, 9])
def test_a_state_goes_on_bit_for_bit_elsewhere(ticks):
    worlds, robot = start(2)
    down = np.array([[0.0, 0.0, -1.0, 0.3, 0.0, 0.0, 1.0]])  # into the table: contacts and warm starts matter
    for _ in range(ticks):
        robot.command(np.array([0]), down)
    worlds.datas[1].qpos[:] = 0.1  # another past must leave no trace
    robot.command(np.array([1]), ACTIONS[0, :1])
    worlds.set_state(1, worlds.state(0))
    assert np.array_equal(worlds.state(1), worlds.state(0))
    for _ in range(8):
        robot.command(np.array([0, 1]), np.repeat(down, 2, axis=0))
        assert np.array_equal(worlds.state(1), worlds.state(0))


def test_a_state_goes_on_bit_for_bit_where_limits_bend_the_law():
    """Pressed into the table and against limits at once: the law then looks at forces that the state does not hold."""
    for seed in range(8):
        worlds, robot = start(2)
        corner = np.random.default_rng(seed).choice([-1.0, 0.0, 1.0], (1, 7))
        corner[0, 2] = -1.0
        for tick in range(40):
            robot.command(np.array([0]), corner)
            if tick % 5 == 4:
                worlds.set_state(1, worlds.state(0))
                robot.command(np.array([0, 1]), np.repeat(corner, 2, axis=0))
                assert np.array_equal(worlds.state(1), worlds.state(0))


def test_the_warm_start_is_part_of_the_state():
    """Or the test above would not notice its absence."""
    worlds, robot = start(2)
    down = np.array([[0.0, 0.0, -1.0, 0.3, 0.0, 0.0, 1.0]])
    differs = []
    for _ in range(30):
        robot.command(np.array([0]), down)
        worlds.set_state(1, worlds.state(0))
        worlds.datas[1].qacc_warmstart[:] = 0
        robot.command(np.array([0, 1]), np.repeat(down, 2, axis=0))
        differs.append(not np.array_equal(worlds.state(1), worlds.state(0)))
    assert any(differs)


def test_what_is_seen_belongs_to_the_state():
    worlds, robot = start(2)
    for actions in ACTIONS:
        robot.command(np.array([0]), actions[:1])
        worlds.set_state(1, worlds.state(0))
        assert np.array_equal(TASK.observe(worlds.datas[0]), TASK.observe(worlds.datas[1]))


def test_reset_leaves_nothing_of_the_attempt_before():
    worlds, robot = start(2)
    for actions in ACTIONS:
        robot.command(np.array([0]), actions[:1])
    for slot in range(2):
        TASK.reset(worlds.reset(slot), np.random.default_rng(5))
    for actions in ACTIONS:
        robot.command(np.array([0, 1]), np.repeat(actions[:1], 2, axis=0))
    assert np.array_equal(worlds.state(0), worlds.state(1))


def test_the_drawing_model_has_the_same_positions():
    physics, drawing = TASK.physics, TASK.drawing
    assert drawing.nq == physics.nq
    assert drawing.nv == physics.nv
    for joint in range(physics.njnt):
        assert drawing.joint(joint).name == physics.joint(joint).name
        assert drawing.jnt_qposadr[joint] == physics.jnt_qposadr[joint]
    assert drawing.ngeom > physics.ngeom
    assert np.allclose(drawing.body_mass.sum(), physics.body_mass.sum())


def test_physics_has_nothing_that_is_only_drawn():
    physics = TASK.physics
    assert np.all(physics.geom_contype | physics.geom_conaffinity)
    assert physics.nmesh == physics.nmat == physics.ntex == 0


def test_drawn_shapes_neither_weigh_nor_touch():
    worlds, robot = start(1)
    seen = Worlds(TASK.drawing, 1)
    TASK.reset(seen.reset(0), np.random.default_rng(0))
    drawn = sawyer.Sawyer(seen)
    for actions in ACTIONS:
        robot.command(np.array([0]), actions[:1])
        drawn.command(np.array([0]), actions[:1])
    assert np.allclose(seen.datas[0].qpos, worlds.datas[0].qpos, atol=1e-6)


def test_a_worker_that_fails_says_so():
    worlds = Worlds(TASK.physics, 4, 2)
    home = threading.get_ident()

    def fail(counter: np.ndarray) -> None:
        if threading.get_ident() != home:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        worlds.together(fail, 4)


@njit(nogil=True)
def _count(counter, taken):  # type: ignore[no-untyped-def]
    while True:
        job = native.take(counter)
        if job >= taken.shape[0]:
            return
        taken[job] += 1


def test_every_job_is_taken_once():
    worlds = Worlds(TASK.physics, 8, 8)
    for jobs in (0, 1, 5, 20_000):
        taken = np.zeros(jobs, dtype=np.int64)
        worlds.together(lambda counter, taken=taken: _count(counter, taken), jobs)
        assert np.all(taken == 1)


def test_bare_steps_are_those_of_mujoco():
    worlds, _ = start(2)
    native.step_many(native.function_address("mj_step"), TASK.physics._address, worlds.datas[0]._address, 10)
    worlds.set_state(1, start(2)[0].state(0))
    mujoco.mj_step(TASK.physics, worlds.datas[1], 10)
    assert np.array_equal(worlds.datas[0].qpos, worlds.datas[1].qpos)


def test_the_next_process_compiles_nothing():
    _, robot = start(1)
    robot.command(np.array([0]), ACTIONS[0, :1])  # compiled and cached by now
    program = (
        "import numpy as np\n"
        "from retouch.robots import sawyer\n"
        "from retouch.sim.world import Worlds\n"
        "from retouch.tasks.threading import Threading\n"
        "task = Threading()\n"
        "worlds = Worlds(task.physics, 1)\n"
        "task.reset(worlds.reset(0), np.random.default_rng(0))\n"
        "task.robot(worlds).command(np.array([0]), np.zeros((1, 7)))\n"
        "stats = sawyer._tick.stats\n"
        "print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stdout.split() == ["1", "0"]


def test_a_changed_part_is_compiled_anew(tmp_path):
    """Numba alone looks at the file of the function, not at the files of what is compiled into it."""
    part = ModuleType("part")
    part.__file__ = str(tmp_path / "part.py")
    stamps = []
    for text in ("x = 1\n", "x = 12\n"):
        (tmp_path / "part.py").write_text(text)
        function = native.compiled_with(part)(njit(cache=True)(_nothing))
        stamps.append(function._cache._cache_file._source_stamp)
    assert stamps[0] != stamps[1]
    assert stamps[0][0] == stamps[1][0]


def _nothing() -> None:
    pass


def test_every_cached_function_is_compiled_anew_when_a_part_of_it_changes():
    """Also when the part is called by a part: its module must be named at the function that is cached."""
    forgotten = []
    for found in pkgutil.walk_packages(retouch.__path__, "retouch."):
        if found.name.endswith("__main__"):
            continue
        try:
            module = importlib.import_module(found.name)
        except MissingExtra:
            continue  # nothing is compiled there
        for name, function in vars(module).items():
            cached = getattr(getattr(function, "_cache", None), "_cache_file", None)
            if not isinstance(function, Dispatcher) or function.py_func.__module__ != found.name or cached is None:
                continue
            stamp = cached._source_stamp
            named = {part for part, *_ in stamp[1]} if isinstance(stamp[1], tuple) else set()
            missing = _parts(function) - named - {found.name, native.__name__}
            forgotten += [f"{found.name}.{name}: {part}" for part in sorted(missing)]
    assert forgotten == []


def _parts(function: Dispatcher) -> set[str]:
    """The modules that the compiled code of a function is made of."""
    modules = {function.py_func.__module__}
    for name in {step.argval for step in dis.get_instructions(function.py_func) if step.opname == "LOAD_GLOBAL"}:
        used = function.py_func.__globals__.get(name)
        called = [used] if isinstance(used, Dispatcher) else []
        if isinstance(used, ModuleType) and used.__name__.startswith("retouch."):
            called = [getattr(used, n) for n in function.py_func.__code__.co_names if hasattr(used, n)]
        for other in called:
            if isinstance(other, Dispatcher):
                modules |= _parts(other)
    return modules
