"""The simulated UR5e behind the guard conforms."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from retouch.errors import RobotError
from retouch.robots.conformance import CHECKS, Bench, moving_entry
from retouch.robots.guard import Guard
from retouch.robots.protocol import Robot
from retouch.robots.simulated import BOUNDS, SimulatedUR5e, over_a_table


def into_the_table(robot: Robot) -> None:
    """Go down until it stops."""
    action = robot.hold()
    for step in range(2, 100):
        action[moving_entry(robot)] -= 0.004
        try:
            robot.command(action, step, robot.now())
        except RobotError:
            return
        robot.wait(robot.period)


def robot(force: float = 10.0) -> Guard:
    made = Guard(SimulatedUR5e(over_a_table(), dataclasses.replace(BOUNDS, force=force)))
    made.connect()
    return made


@pytest.mark.parametrize("check", CHECKS)
def test_the_simulated_ur5e_conforms(check: str) -> None:
    with robot() as made:
        CHECKS[check](Bench(made, into_the_table, roams=True))


def test_it_is_the_arm_of_the_tasks_bit_for_bit() -> None:
    """What goes through guard and adapter is what the tick gets."""
    made, plain = robot(), over_a_table()
    SimulatedUR5e(plain).take_hold()
    made.arm()
    action = made.hold()
    for step in range(1, 40):
        action[[0, 7]] += 0.002
        made.command(action, step, made.now())
        made.wait(made.period)
        plain.command(np.array([0]), action[None])
    there = plain.measured(plain.worlds.datas[0])
    np.testing.assert_array_equal(made.state().tool_in_world, [*there.position, *there.quat])


def test_the_loop_in_the_docs_moves_it_up(capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "robots.md").read_text()
    loop = page.split("```python\n")[1].split("```")[0]
    exec(compile(loop, "docs/robots.md", "exec"), {})
    height = float(capsys.readouterr().out.strip("[]\n").split()[2])
    assert height == pytest.approx(0.95 + 0.099, abs=0.005)


def test_a_stop_of_the_tick_is_the_robots() -> None:
    """The tick's own limit on force, beyond which the guard would not have stopped it."""
    made = robot(force=1000.0)
    made._arm._robot.limits = made._arm._robot.limits._replace(force=8.0)  # type: ignore[attr-defined]
    made.arm()
    into_the_table(made)
    assert made.state().stopped == "force"
