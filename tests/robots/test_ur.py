"""The UR adapter, through ur_rtde's own wire protocol, against a counterpart of the controller with a simulated arm."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retouch.errors import InputError, MissingExtra, RobotError
from retouch.geometry import Pose, quat_from_vector, quat_multiply, quat_rotate
from retouch.robots.conformance import CHECKS, Bench, Caller, moving_entry
from retouch.robots.guard import Guard
from retouch.robots.protocol import Robot
from retouch.robots.simulated import BOUNDS
from retouch.robots.ur import URArm, robot
from retouch.robots.ur5e import command_of
from retouch.robots.ur5e_arm import BASE
from retouch.robots.ur_process import from_ur, to_ur

RATE = 125.0
WIDE = dataclasses.replace(BOUNDS, silence=1.0, age=0.5)  # for machines that are busy with other things
needs_ur_rtde = pytest.mark.skipif(find_spec("rtde_control") is None, reason="ur_rtde is not installed (extra ur)")


class Counterpart:
    """The process, and what it says of itself."""

    def __init__(self) -> None:
        pid = os.getpid()
        self.address = f"127.{64 + pid // 62500 % 64}.{pid // 250 % 250}.{1 + pid % 250}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.robots.ur_counterpart", self.address, str(RATE)],
            cwd=Path(__file__).parents[2],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def ask(self, **wish: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(wish) + "\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told

    def close(self) -> None:
        self._process.communicate(timeout=20)


@pytest.fixture(scope="module")
def counterpart() -> Iterator[Counterpart]:
    made = Counterpart()
    yield made
    made.close()


@pytest.fixture(scope="module")
def guarded(counterpart: Counterpart) -> Iterator[Guard]:
    with arm(counterpart) as made:
        yield made


@pytest.fixture
def connected(guarded: Guard) -> Guard:
    guarded.connect()
    return guarded


def arm(counterpart: Counterpart, **options: Any) -> Guard:
    given = {"base_in_world": BASE, "bounds": WIDE, "rate": RATE, "lookahead": 0.05, "stale": 1.0, "watchdog": 1.0}
    given["timeout"] = 10.0
    return Guard(URArm(counterpart.address, **given | options))


def until(true: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


LONG = {"refuses what is no number", "refuses what is out of bounds", "refuses wrong shapes"}


@needs_ur_rtde
@pytest.mark.parametrize(
    "check", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in CHECKS]
)
def test_the_ur_conforms(counterpart: Counterpart, connected: Guard, check: str) -> None:
    def push(robot: Robot) -> None:
        counterpart.ask(push=[0.0, 0.0, -80.0])
        assert until(lambda: bool(robot.state().stopped))
        counterpart.ask(push=[0.0, 0.0, 0.0])
        time.sleep(0.3)

    CHECKS[check](Bench(connected, push, roams=True))


@needs_ur_rtde
def test_what_reaches_the_wire_is_finite_and_in_small_steps(counterpart: Counterpart, connected: Guard) -> None:
    """Whatever else is tried."""
    k = moving_entry(connected)
    began = len(counterpart.ask()["goals"])
    for bad in (np.nan, np.inf, 1e300, connected.state().joints[0] + 0.1):
        caller = Caller(connected)
        caller.go()
        wrong = caller.action.copy()
        wrong[k] = bad
        with pytest.raises(RobotError):
            caller.send(wrong)
    goals = np.array(counterpart.ask()["goals"])
    assert len(goals) > began
    assert np.isfinite(goals).all()
    assert np.linalg.norm(np.diff(goals[:, :3], axis=0), axis=1).max() < 0.02


@needs_ur_rtde
def test_it_measures_the_tool_and_the_joints_in_world(counterpart: Counterpart, connected: Guard) -> None:
    Caller(connected)
    state, there = connected.state(), BASE @ from_ur(counterpart.ask()["pose"])
    assert state.tool_in_world is not None
    np.testing.assert_allclose(state.tool_in_world[:3], there.position, atol=1e-3)
    assert abs(state.tool_in_world[3:] @ there.quat) > 1 - 1e-6
    assert state.joints.shape == (6,)


@needs_ur_rtde
@pytest.mark.parametrize("force", [(0.0, 0.0, 8.0), (8.0, 0.0, 0.0)])
def test_it_yields_to_a_push_and_comes_back(
    counterpart: Counterpart, connected: Guard, force: tuple[float, float, float]
) -> None:
    """8 N against 1000 N/m: 8 mm, along the push, with no frame mistaken for another; the wrench is in the tool's."""
    caller = Caller(connected)
    stiff = command_of(Pose.from_vector(connected.hold()[:7]), stiffness=(1000.0, 200.0))
    caller.action = stiff
    caller.stay(5)
    start = connected.state().tool_in_world
    counterpart.ask(push=force)
    caller.stay(120)
    pushed = connected.state()
    counterpart.ask(push=(0.0, 0.0, 0.0))
    caller.stay(120)
    back = connected.state().tool_in_world
    assert start is not None
    assert pushed.tool_in_world is not None
    assert pushed.wrench_in_tool is not None
    assert back is not None
    gone = pushed.tool_in_world[:3] - start[:3]
    assert gone @ np.array(force) / 8.0 == pytest.approx(0.008, rel=0.25)
    np.testing.assert_allclose(quat_rotate(start[3:], pushed.wrench_in_tool[:3]), force, atol=1.0)
    np.testing.assert_allclose(back[:3], start[:3], atol=1.5e-3)


@needs_ur_rtde
def test_it_turns_as_it_is_told(connected: Guard) -> None:
    caller = Caller(connected)
    start = connected.state().tool_in_world
    assert start is not None
    for _ in range(20):
        turned = quat_multiply(quat_from_vector(np.array([0.0, 0.0, 0.01])), caller.action[10:14])
        caller.action = command_of(Pose(caller.action[7:10], turned))
        caller.stay(1)
    caller.stay(60)
    after = connected.state().tool_in_world
    assert after is not None
    assert 2 * np.arccos(min(1.0, abs(after[3:] @ start[3:]))) == pytest.approx(0.2, abs=0.02)


@needs_ur_rtde
def test_a_protective_stop_is_told_and_waits_for_the_pendant(counterpart: Counterpart, connected: Guard) -> None:
    Caller(connected).go()
    counterpart.ask(protective=True)
    assert until(lambda: connected.state().stopped == "a protective stop")
    with pytest.raises(RobotError, match="release it on the pendant"):
        connected.arm()
    counterpart.ask(protective=False)

    def goes_on() -> bool:
        """Armed by a person, again where the controller was not ready yet."""
        try:
            return Caller(connected).go() == 11
        except RobotError:
            return False

    assert until(goes_on)


@needs_ur_rtde
def test_a_program_that_ends_on_the_pendant_is_started_again_when_armed(
    counterpart: Counterpart, connected: Guard
) -> None:
    Caller(connected).go()
    counterpart.ask(end=True)
    assert until(lambda: bool(connected.state().stopped))
    assert Caller(connected).go() == 11
    assert counterpart.ask()["program"]


@needs_ur_rtde
@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
def test_the_controller_stops_when_the_process_that_servoes_is_gone(
    counterpart: Counterpart, connected: Guard, how: signal.Signals
) -> None:
    """Its watchdog: RTDE's own, on the register that every cycle writes."""
    Caller(connected).go()
    told = counterpart.ask()
    assert told["servoing"]
    before = told["done"].get("watchdog stopped the program", 0)
    process = connected._arm._process  # type: ignore[attr-defined]
    process.send_signal(how)
    assert until(lambda: not counterpart.ask()["servoing"])
    assert counterpart.ask()["done"]["watchdog stopped the program"] == before + 1
    process.send_signal(signal.SIGCONT)

    def lost() -> bool:
        try:
            return bool(connected.state().stopped)
        except RobotError as error:
            return "nothing is heard" in str(error)

    assert until(lost)
    with pytest.raises(RobotError, match="has stopped"):
        connected.command(command_of(Pose.identity()), 10**6, connected.now())
    assert Caller(connected).go() == 11


@needs_ur_rtde
def test_a_controller_that_falls_silent_stops_the_robot(counterpart: Counterpart, connected: Guard) -> None:
    caller = Caller(connected)
    counterpart.ask(frozen=True)

    def stopped() -> bool:
        try:
            caller.stay(1)
        except RobotError as error:
            return "nothing is heard" in str(error)
        return False

    assert until(stopped)
    with pytest.raises(RobotError, match="nothing is heard"):
        connected.state()
    counterpart.ask(frozen=False)
    assert Caller(connected).go() == 11


@needs_ur_rtde
def test_closing_leaves_the_arm_standing_and_no_program(counterpart: Counterpart, connected: Guard) -> None:
    Caller(connected).go()
    connected.close()
    told = counterpart.ask()
    assert not told["program"]
    assert not told["servoing"]


@needs_ur_rtde
def test_an_address_where_nobody_is() -> None:
    with pytest.raises(RobotError, match=r"the UR at 127\.0\.0\.9 cannot be reached"):
        robot("127.0.0.9").connect()


def test_a_ur_wants_an_address() -> None:
    with pytest.raises(InputError, match="say ur:ADDRESS"):
        robot("")


def test_without_ur_rtde_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retouch.robots.ur.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"retouch\[ur\]"):
        robot("127.0.0.9").connect()


def test_poses_go_to_the_controller_and_back() -> None:
    pose = Pose(np.array([0.1, -0.2, 0.3]), quat_from_vector(np.array([0.4, -2.0, 1.0])))
    back = from_ur(to_ur(pose))
    np.testing.assert_allclose(back.position, pose.position)
    assert abs(back.quat @ pose.quat) > 1 - 1e-12


def test_its_moving_entry_is_the_height_of_the_reference() -> None:
    assert WIDE.entries[moving_entry(robot("127.0.0.9"))].name == "reference.z"
