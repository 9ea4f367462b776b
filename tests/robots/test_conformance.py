"""The guard lets nothing through that is not allowed, and each check finds the fault that it is there for."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.robots.plain_arm import BOUNDS, PlainArm

from retouch.errors import RobotError
from retouch.geometry import quat_from_vector, quat_multiply
from retouch.robots import guard
from retouch.robots.conformance import CHECKS, Bench, Skipped, nudged
from retouch.robots.guard import Guard
from retouch.robots.protocol import Bounds, Entry, Robot, State


def press(robot: Robot) -> None:
    robot._arm.felt[2] = -61.0  # type: ignore[attr-defined]
    robot.wait(robot.period)


def bench(arm: PlainArm | None = None, made: type[Guard] = Guard) -> Bench:
    robot = made(arm or PlainArm())
    robot.connect()
    return Bench(robot, press, roams=True)


@pytest.mark.parametrize("check", CHECKS)
def test_a_plain_arm_behind_the_guard_conforms(check: str) -> None:
    CHECKS[check](bench())


def test_the_guard_is_a_robot() -> None:
    assert isinstance(Guard(PlainArm()), Robot)


# Faults of arms.


class Forgetful(PlainArm):
    def send(self, action: np.ndarray) -> None:
        pass


class Shares(PlainArm):
    def sense(self) -> State:
        return State(self.time, self.at[:4], self.at[:7], self.felt)


class Blind(PlainArm):
    def sense(self) -> State:
        return State(self.time, np.full(4, np.nan))


class Timeless(PlainArm):
    def sense(self) -> State:
        return State(0.0, self.at[:4].copy())


class Jumps(PlainArm):
    def take_hold(self) -> None:
        self.halted = False
        self.heading[2] += 0.05


class CoastsOn(PlainArm):
    def wait(self, seconds: float) -> None:
        super().wait(seconds)
        self.at = self.heading.copy()

    def halt(self) -> None:
        self.heading[2] += 0.05


# Faults of robots that do without the guard, or with another one.


class Willing(Guard):
    """Takes whatever it is given, stopped or not."""

    def command(self, action: object, step: int, issued: float) -> bool:
        self._arm.send(np.asarray(action))
        return True


class Fatalist(Guard):
    """Refuses what is wrong, and does it."""

    def command(self, action: object, step: int, issued: float) -> bool:
        try:
            return super().command(action, step, issued)
        except RobotError:
            self._arm.halted = False  # type: ignore[attr-defined]
            self._arm.send(np.resize(np.nan_to_num(np.asarray(action, dtype=float)), len(self.bounds.entries)))
            raise


class Polite(Guard):
    """Leaves wrong commands out, and goes on."""

    def command(self, action: object, step: int, issued: float) -> bool:
        given, why = guard.as_action(action, self.bounds)
        if why or guard.not_allowed(given, self._asked, self.bounds, self.period):
            return False
        return super().command(action, step, issued)


class Impatient(Guard):
    def _in_turn(self, step: int, now: float) -> bool:
        return step > self._step


class Repeats(Guard):
    def _in_turn(self, step: int, now: float) -> bool:
        return now >= self._due - guard.BURST * self.period


class Patient(Guard):
    """Does what was asked for long ago."""

    def command(self, action: object, step: int, issued: float) -> bool:
        return super().command(action, step, self.now())


class Sleepless(Guard):
    """Nothing watches it."""

    def _watch(self) -> None:
        pass


class WokenByNoise(Guard):
    def command(self, action: object, step: int, issued: float) -> bool:
        self._heard = self.now()
        return super().command(action, step, issued)


class Nervous(Guard):
    def _watch(self) -> None:
        if self.now() - self._heard >= self.period:
            self.stop("too quiet here")


class LastWord(Guard):
    def stop(self, reason: str) -> None:
        self._why = ""
        super().stop(reason)


class NeverRests(Guard):
    """Takes commands though it has stopped."""

    def command(self, action: object, step: int, issued: float) -> bool:
        if self._why:
            self._why, self._arm.halted = "", False  # type: ignore[attr-defined]
        return super().command(action, step, issued)


class Undead(Guard):
    def close(self) -> None:
        pass


def numb(found: State, bounds: Bounds) -> str:
    return ""


def any_number(given: object, bounds: Bounds) -> tuple[np.ndarray, str]:
    action = np.array(given, dtype=np.float64)
    return action, "" if action.shape == (len(bounds.entries),) else "its shape"


def any_shape(given: object, bounds: Bounds) -> tuple[np.ndarray, str]:
    return np.resize(np.asarray(given).astype(float), len(bounds.entries)), ""


def bounds_alone(action: np.ndarray, before: np.ndarray, bounds: Bounds, period: float) -> str:
    return next((e.name for e, v in zip(bounds.entries, action, strict=True) if not e.low <= v <= e.high), "")


def rates_alone(action: np.ndarray, before: np.ndarray, bounds: Bounds, period: float) -> str:
    return "faster" if np.abs(action - before).max() > bounds.speed[0] * period else ""


def anything(action: np.ndarray, before: np.ndarray, bounds: Bounds, period: float) -> str:
    return ""


ARMS = [
    (Forgetful, "does what it is told"),
    (Shares, "measures"),
    (Blind, "measures"),
    (Timeless, "measures"),
    (Jumps, "stands until it is armed"),
    (CoastsOn, "stops once"),
    (CoastsOn, "refuses what is no number"),
]
GUARDS = [
    *((Willing, name) for name in CHECKS if name not in ("measures", "does what it is told", "stops once")
      and "awake" not in name and "feels" not in name and "nobody" not in name),
    (Fatalist, "refuses what is no number"),
    (Fatalist, "refuses steps that are too large"),
    (Polite, "refuses what is no number"),
    (Polite, "refuses wrong shapes"),
    (Polite, "refuses what is out of bounds"),
    (Polite, "refuses steps that are too large"),
    (Impatient, "takes no more than its rate"),
    (Repeats, "leaves repeated commands out"),
    (Patient, "leaves late commands out"),
    (Sleepless, "stops when nobody commands"),
    (Sleepless, "stops when it feels too much"),
    (WokenByNoise, "stops when nobody commands"),
    (Nervous, "stays awake while commanded"),
    (LastWord, "stops once"),
    (NeverRests, "stands until it is armed"),
    (Undead, "lets go"),
]  # fmt: skip
PIECES = [
    ("too_much", numb, "stops when it feels too much"),
    ("as_action", any_number, "refuses wrong shapes"),
    ("as_action", any_shape, "refuses wrong shapes"),
    ("not_allowed", bounds_alone, "refuses steps that are too large"),
    ("not_allowed", rates_alone, "stays in its workspace"),
    ("not_allowed", anything, "refuses what is out of bounds"),
]


def fails(check: str, tested: Bench) -> None:
    """The check does not hold, or the robot breaks under it: no robot passes by raising what it should not."""
    with pytest.raises((AssertionError, RobotError, ValueError, TypeError)):
        CHECKS[check](tested)


@pytest.mark.parametrize(("arm", "check"), ARMS)
def test_a_fault_of_an_arm_is_found(arm: type[PlainArm], check: str) -> None:
    fails(check, bench(arm()))


@pytest.mark.parametrize(("made", "check"), GUARDS)
def test_a_fault_of_a_robot_is_found(made: type[Guard], check: str) -> None:
    fails(check, bench(made=made))


@pytest.mark.parametrize(("name", "piece", "check"), PIECES)
def test_a_guard_that_looks_away_is_found(
    monkeypatch: pytest.MonkeyPatch, name: str, piece: Callable[..., object], check: str
) -> None:
    monkeypatch.setattr(guard, name, piece)
    fails(check, bench())


def test_there_is_a_fault_for_every_check() -> None:
    assert {check for _, check in [*ARMS, *GUARDS]} | {check for *_, check in PIECES} == set(CHECKS)


def test_what_nobody_can_press_is_skipped_and_said() -> None:
    with pytest.raises(Skipped, match="nobody here can press"):
        CHECKS["stops when it feels too much"](Bench(bench().robot))


# Anything at all as input.

numbers = st.floats(width=64) | st.sampled_from([math.nan, math.inf, -math.inf, 1e308, -0.0, 0.5])
rows = st.lists(numbers, min_size=7, max_size=9).map(np.array)
near = st.lists(st.floats(-0.03, 0.03), min_size=8, max_size=8).map(np.array)
junk = st.none() | st.text(max_size=3) | st.binary(max_size=9) | st.integers() | st.dictionaries(st.text(), numbers)
actions = rows | near | junk | st.lists(junk, max_size=9) | st.just(np.zeros((8, 8)))
steps = st.integers(-3, 40) | st.just(math.nan)
ages = st.floats(-0.5, 0.5) | numbers


@settings(max_examples=200)
@given(st.lists(st.tuples(actions, steps, ages, st.sampled_from([0.0, 0.005, 0.02, 0.1])), max_size=30))
def test_whatever_comes_the_arm_gets_only_what_is_allowed(calls: list[tuple[object, int, float, float]]) -> None:
    arm = PlainArm()
    robot = Guard(arm)
    robot.connect()
    robot.arm()
    before, last, began = arm.hold(), arm.hold(), 0
    for action, step, age, pause in calls:
        if isinstance(action, np.ndarray) and action.shape == (8,) and np.abs(action).max() < 0.1:
            action = before + 0.1 * action
            action[3:7] /= np.linalg.norm(action[3:7])
        count = len(arm.sent)
        try:
            taken = robot.command(action, step, robot.now() - age)
        except RobotError:
            taken = False
            assert robot.state().stopped
            robot.arm()
            last, began = arm.hold(), len(arm.sent)
        assert len(arm.sent) == count + taken
        before = arm.hold()
        robot.wait(pause)
    for sent in arm.sent[began:]:
        assert sent.shape == (8,)
        assert np.isfinite(sent).all()
        assert all(e.low <= v <= e.high for e, v in zip(BOUNDS.entries, sent, strict=True))
        assert np.linalg.norm(sent[:3] - last[:3]) <= 0.25 * 0.02 + 1e-5
        assert abs(sent[7] - last[7]) <= 2.0 * 0.02 + 1e-5
        last = sent


@given(st.lists(st.floats(-1, 1), min_size=4, max_size=4), st.floats(0, 0.3), st.sampled_from([1.0, -1.0]))
def test_a_turn_counts_by_its_angle_whatever_the_sign_of_its_quaternion(
    numbers: list[float], angle: float, sign: float
) -> None:
    at = np.array(numbers)
    at[0] += 2.0
    at /= np.linalg.norm(at)
    turned = sign * quat_multiply(quat_from_vector(np.array([0.0, angle, 0.0])), at)
    before, action = PlainArm().hold(), PlainArm().hold()
    before[3:7], action[3:7] = at, turned
    why = guard.not_allowed(action, before, BOUNDS, 0.1)  # at most 0.1 rad then
    if abs(angle - 0.1) > 1e-5:
        assert ("rad" in why) == (angle > 0.1)


def test_commands_of_single_precision_pass() -> None:
    """Rollouts' actions are of float32."""
    robot = bench().robot
    robot.arm()
    assert robot.command(nudged(robot, robot.hold(), 1.0).astype(np.float32), 1, robot.now())


def test_an_arm_that_stops_by_itself_stays_stopped() -> None:
    arm = PlainArm()
    robot = bench(arm).robot
    robot.arm()
    arm.fault = "a protective stop"
    robot.wait(0.02)
    arm.fault = ""
    assert robot.state().stopped == "a protective stop"
    assert arm.halted
    robot.arm()
    assert robot.state().stopped == ""


def test_an_arm_with_a_fault_cannot_be_armed() -> None:
    arm = PlainArm()
    robot = bench(arm).robot
    arm.fault = "a protective stop"
    with pytest.raises(RobotError, match="cannot be armed: a protective stop"):
        robot.arm()
    with pytest.raises(RobotError, match="has stopped"):
        robot.command(arm.hold(), 1, 0.0)


def test_an_arm_that_is_not_heard_stops() -> None:
    arm = PlainArm()
    robot = bench(arm).robot
    robot.arm()
    arm.there = False
    robot.wait(0.02)
    arm.there = True
    assert robot.state().stopped == "nobody is there"


def test_an_arm_that_does_not_take_a_command_stops() -> None:
    class Unreached(PlainArm):
        def send(self, action: np.ndarray) -> None:
            raise RobotError("nobody is there")

    robot = bench(Unreached()).robot
    robot.arm()
    for why in ("^nobody is there", "has stopped: nobody is there"):
        with pytest.raises(RobotError, match=why):
            robot.command(nudged(robot, robot.hold()), 1, robot.now())


def test_a_message_says_which_entry_and_what_is_allowed() -> None:
    robot = bench().robot
    robot.arm()
    action = robot.hold()
    action[7] = 1.2
    with pytest.raises(RobotError, match=r"the plain arm stops: gripper is 1\.2, not within 0 and 1"):
        robot.command(action, 1, robot.now())
    with pytest.raises(RobotError, match=r"has stopped: a command was refused: gripper is 1\.2"):
        robot.command(action, 2, robot.now())


def test_an_action_without_rates_skips_the_check_of_steps() -> None:
    class Shares(PlainArm):
        bounds = Bounds(tuple(Entry(f"share_{k}", -10.0, 10.0) for k in range(8)))

    with pytest.raises(Skipped):
        CHECKS["refuses steps that are too large"](bench(Shares()))
