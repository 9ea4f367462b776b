"""A robot of its own, as the robot of a task: what is measured is what is seen, pauses, pushes, stops."""

import time

import numpy as np
import pytest

from retouch.errors import InputError
from retouch.geometry import Pose, quat_rotate
from retouch.operators.correction import End
from retouch.operators.profile import profile
from retouch.operators.pushing import PushingHand
from retouch.operators.scripted import ScriptedPerson
from retouch.robots.guard import Guard
from retouch.robots.mirror import Mirror
from retouch.robots.protocol import Robot
from retouch.robots.simulated import SimulatedUR5e, over_a_table
from retouch.robots.ur5e import command_of
from retouch.robots.ur5e_tick import TRACKS
from retouch.rollout import rollout
from retouch.sim.scene import TABLE_TOP
from retouch.tasks.real import RealTask

from .live_arm import LiveArm
from .plain_arm import PlainArm

FIRST = np.array([0])


class Cell(RealTask):
    name = "cell"

    def __init__(self, robot: Robot):
        super().__init__()
        self._robot = robot

    def arm(self) -> Robot:
        return self._robot


def begun(robot: Robot) -> tuple[Cell, Mirror]:
    """A task and its robot, at the beginning of an attempt."""
    task = Cell(robot)
    mirror = task.robot(task.worlds(1))
    task.reset(mirror.worlds.reset(0), np.random.default_rng(0))
    return task, mirror


def go(task: Cell, mirror: Mirror, by: np.ndarray, steps: int, grip: np.ndarray | None = None) -> np.ndarray:
    """The reference on by so much a step; the last record."""
    data = mirror.worlds.datas[0]
    pose = task.reference_in_world(data)
    for step in range(1, steps + 1):
        command = command_of(Pose(pose.position + step * by, pose.quat))
        record = mirror.command(FIRST, command[None], None if grip is None else grip[None])
    return record[0]


def test_what_the_arm_measures_is_what_a_task_sees() -> None:
    robot = Guard(SimulatedUR5e(over_a_table()))
    task, mirror = begun(robot)
    record = go(task, mirror, np.array([0.001, 0.0, -0.001]), 60)
    seen, state = task.sight(mirror.worlds.datas[0]), robot.state()
    np.testing.assert_allclose(seen[:3], state.tool_in_world[:3], atol=1e-6)
    np.testing.assert_allclose(record[-1, TRACKS["measured_pose"]], state.tool_in_world)
    np.testing.assert_allclose(mirror.worlds.datas[0].site("tcp").xpos, state.tool_in_world[:3], atol=1e-6)
    assert np.linalg.norm(seen[7:10] - seen[:3]) < 0.003  # it follows its reference
    assert mirror.worlds.datas[0].time == pytest.approx(61 * 0.02)


def test_a_push_from_afar_gives_way_as_under_a_hand() -> None:
    """10 N of a hand that nobody has on the arm, at a stiffness of 1000 N/m: a centimetre, and nothing is touched."""
    task, mirror = begun(Guard(SimulatedUR5e(over_a_table())))
    data, hand = mirror.worlds.datas[0], PushingHand(task)
    pose = task.reference_in_world(data)
    for _ in range(120):
        grip = hand.push(task.tool_in_world(data), np.array([0.0, 10.0 / 400.0, 0.0]), np.zeros(3))
        record = mirror.command(FIRST, command_of(pose)[None], grip[None])[0]
    tool = task.tool_in_world(data)
    np.testing.assert_allclose(tool.position - pose.position, [0.0, 0.01, 0.0], atol=7e-4)
    pulled = quat_rotate(tool.quat, record[-1, TRACKS["hand_wrench"]][:3])
    np.testing.assert_allclose(pulled, [0.0, 10.0, 0.0], atol=0.05)
    np.testing.assert_allclose(record[-1, TRACKS["hand_wrench"]][3:], 0.0, atol=0.05)
    assert np.linalg.norm(record[-1, TRACKS["contact_wrench"]]) < 0.5


def test_after_a_pause_it_goes_on_from_where_it_stands() -> None:
    """Nobody commands it, so it stops; what it leant on the table with is asked for again bit by bit."""
    robot = Guard(LiveArm())
    task, mirror = begun(robot)
    try:
        height = task.tool_in_world(mirror.worlds.datas[0]).position[2] - TABLE_TOP
        go(task, mirror, np.array([0.0, 0.0, -0.002]), int((height - 0.004) / 0.002))
        go(task, mirror, np.array([0.0, 0.0, -0.0005]), 24)  # 8 mm into the table
        low = task.reference_in_world(mirror.worlds.datas[0])
        time.sleep(0.4)
        assert robot.state().stopped.startswith("no command for")
        asked = []
        for _ in range(25):
            record = mirror.command(FIRST, command_of(low)[None])[0]
            asked.append(record[-1, TRACKS["reference"]][2])
        assert mirror.why == ""
        assert asked[0] - asked[-1] > 0.003  # it had been let go
        assert np.diff(asked).min() > -0.25 * 0.02
        assert asked[-1] == pytest.approx(low.position[2])
    finally:
        robot.close()


class Steered:
    """A policy that goes straight down, fast."""

    observation_dim, action_dim = 21, 24

    def session(self, slots: int) -> "Steered":
        return self

    def reset(self, slot: int, seed: int) -> None: ...

    def forget(self, slot: int) -> None: ...

    def act(self, slots: np.ndarray, observations: np.ndarray) -> np.ndarray:
        reference = Pose.from_vector(observations[0, 7:14].astype(np.float64))
        return command_of(Pose(reference.position - [0.0, 0.0, 0.004], reference.quat))[None].astype(np.float32)


class Anna:
    """Somebody who watches, and goes home after so many steps."""

    name, repeatable = "anna", False

    def __init__(self, steps: int = 400):
        self.steps = steps

    def session(self, task: object, seed: int, way: str) -> "Anna":
        return self

    def correct(self, sight) -> End | None:
        return End("success", "marked by anna") if sight.step == self.steps else None


def test_a_blow_ends_the_attempt_and_the_next_one_begins_where_it_stands() -> None:
    robot = Guard(SimulatedUR5e(over_a_table()))
    task = Cell(robot)
    attempts = rollout(task, [0], policy=Steered(), operator=Anna(), worlds=4)
    first = next(attempts)
    assert (first.outcome, first.reason) == ("failure", "stopped: force")
    low = robot.state().tool_in_world[2]
    assert low < TABLE_TOP + 0.01
    again = next(rollout(task, [1], policy=Steered(), operator=Anna(1)))
    assert (again.outcome, again.steps) == ("success", 1)


def test_a_command_that_is_not_allowed_ends_the_attempt_too() -> None:
    task, mirror = begun(Guard(SimulatedUR5e(over_a_table())))
    go(task, mirror, np.zeros(3), 5)
    go(task, mirror, np.array([0.05, 0.0, 0.0]), 1)
    assert "faster than 0.25 m/s" in task.failure(mirror.worlds.datas[0])
    assert task.over(mirror.worlds.datas[0])


def test_nothing_runs_without_a_person() -> None:
    task = Cell(Guard(SimulatedUR5e(over_a_table())))
    for operator in (None, ScriptedPerson(profile("steady"))):
        with pytest.raises(InputError, match="cell is real: it only runs with a person who watches"):
            next(rollout(task, [0], policy=Steered(), operator=operator))


def test_what_cannot_be_mirrored_is_refused() -> None:
    task = Cell(Guard(PlainArm()))
    with pytest.raises(InputError, match=r"takes 8 numbers every 0.02 s: an arm that yields takes 24"):
        task.robot(task.worlds(1))
    with pytest.raises(InputError, match="there is one the plain arm, not 2"):
        task.robot(task.worlds(2))
    with pytest.raises(InputError, match="cannot be laid out without its robot"):
        task.reset(task.worlds(1).reset(0), np.random.default_rng(0))
