"""What every robot must do, as checks that an adapter's author runs on it: in pytest, or `retouch doctor --robot`.

    @pytest.mark.parametrize("check", CHECKS)
    def test_my_robot(check: str) -> None:
        with my_robot() as robot:
            CHECKS[check](Bench(robot))

Each check arms the robot and moves it by no more than a centimetre or so, unless the adapter is wrong. One that does
not hold raises AssertionError and says why.
"""

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from retouch.errors import RobotError
from retouch.robots.protocol import Robot, State

SHARE = 0.2  # of the fastest that it may go
STEPS = 10


class Skipped(Exception):
    """A check that this robot cannot be given; the message says why."""


@dataclass(frozen=True)
class Bench:
    """A robot under test.

    Attributes:
        robot: connected.
        press: makes its tool feel more than it may, while it is armed; None where nobody can.
        roams: whether it may go to the edge of its workspace.
        tolerance: how much a tool [m] or a joint [rad] that stands may move.
    """

    robot: Robot
    press: Callable[[Robot], None] | None = None
    roams: bool = False
    tolerance: float = 2e-3


class Caller:
    """Somebody who commands a robot well, from the moment it is armed."""

    def __init__(self, robot: Robot):
        robot.stop("a check begins")
        robot.arm()
        self.robot, self.step, self.action = robot, 0, robot.hold()
        self.go(0)

    def send(self, action: object, step: int | None = None, issued: float | None = None) -> bool:
        """A command, in time and with the next number unless told otherwise."""
        self.step = self.step + 1 if step is None else self.step
        number = self.step if step is None else step
        return self.robot.command(action, number, self.robot.now() if issued is None else issued)  # type: ignore[arg-type]

    def go(self, steps: int = STEPS) -> int:
        """Nudge it along, a period each, one hold besides; how many commands were taken."""
        taken = 0
        for k in range(steps + 1):
            if k:
                self.action = nudged(self.robot, self.action)
            taken += self.send(self.action)
            self.robot.wait(self.robot.period)
        return taken

    def stay(self, periods: int) -> None:
        """Hold it where it was sent."""
        for _ in range(periods):
            self.send(self.action)
            self.robot.wait(self.robot.period)


def moving_entry(robot: Robot) -> int:
    """The entry of an action that the checks move it by: a pose's z, or the first that has a rate."""
    bounds = robot.bounds
    if bounds.poses:
        return bounds.poses[-1] + 2
    rated = [k for k, entry in enumerate(bounds.entries) if math.isfinite(entry.rate)]
    return rated[0] if rated else 0


def most(robot: Robot) -> float:
    """How far that entry may go in a step."""
    bounds, k = robot.bounds, moving_entry(robot)
    return (bounds.speed[0] if bounds.poses else bounds.entries[k].rate) * robot.period


def nudged(robot: Robot, action: np.ndarray, share: float = SHARE) -> np.ndarray:
    """An action that asks for `share` of the largest step, towards where there is more room."""
    entry, changed, k = robot.bounds.entries[moving_entry(robot)], action.copy(), moving_entry(robot)
    step = most(robot) if math.isfinite(most(robot)) else entry.high - entry.low
    changed[k] += share * step * (1.0 if action[k] <= (entry.low + entry.high) / 2 else -1.0)
    return changed


def moved(before: State, after: State) -> float:
    """The furthest that the tool [m] or a joint [rad] has gone; infinite where a state is not a number."""
    gone = np.abs(after.joints - before.joints).tolist()
    if before.tool_in_world is not None and after.tool_in_world is not None:
        gone.append(float(np.linalg.norm(after.tool_in_world[:3] - before.tool_in_world[:3])))
    return max((g if math.isfinite(g) else math.inf for g in gone), default=0.0)


def refuses(bench: Bench, action: object, what: str) -> None:
    """It raises RobotError, stands, says why, and takes no good command either.

    Args:
        action: or what makes it of the last good one.
    """
    robot, caller = bench.robot, Caller(bench.robot)
    before = robot.state()
    try:
        taken = caller.send(action(caller.action) if callable(action) else action)
    except RobotError:
        pass
    else:
        raise AssertionError(f"{what}: {'carried out' if taken else 'left out without a word'}, not refused")
    stands(bench, before, what)
    assert robot.state().stopped, f"{what}: refused, but the robot does not stop"
    deaf(bench, caller, what)


def stands(bench: Bench, before: State, what: str) -> None:
    """It stands where it was for a while."""
    bench.robot.wait(STEPS * bench.robot.period)
    gone = moved(before, bench.robot.state())
    assert gone <= bench.tolerance, f"{what}: the robot moved by {gone:.3g}"


def deaf(bench: Bench, caller: Caller, what: str) -> None:
    """One that has stopped takes no command."""
    before = bench.robot.state()
    try:
        taken = caller.send(nudged(bench.robot, caller.action))
    except RobotError:
        taken = False
    assert not taken, f"{what}: a command is taken before the robot is armed again"
    stands(bench, before, what)


def does_what_it_is_told(bench: Bench) -> None:
    """Commands within its bounds are taken, and move it."""
    caller = Caller(bench.robot)
    before = bench.robot.state()
    taken = caller.go()
    assert taken == STEPS + 1, f"only {taken} of {STEPS + 1} good commands were taken"
    caller.stay(2 * STEPS)
    gone, asked = moved(before, bench.robot.state()), STEPS * SHARE * most(bench.robot)
    assert gone > (0.5 * asked if math.isfinite(asked) else 0.0), f"it was told to go {asked:.3g}, and went {gone:.3g}"


def stands_until_it_is_armed(bench: Bench) -> None:
    """A stop lasts until it is armed; then it does not jump."""
    robot, caller = bench.robot, Caller(bench.robot)
    caller.go()
    robot.stop("enough")
    before = robot.state()
    deaf(bench, caller, "after a stop")
    caller = Caller(robot)
    assert not robot.state().stopped, f"armed, it has stopped: {robot.state().stopped}"
    caller.stay(STEPS)
    gone = moved(before, robot.state())
    assert gone <= 2 * bench.tolerance, f"armed, it jumps by {gone:.3g}"
    assert caller.go() == STEPS + 1, "armed again, it takes no commands"


def stops_once(bench: Bench) -> None:
    """A second stop changes nothing; the first reason stays."""
    robot = bench.robot
    Caller(robot).go()
    robot.stop("the first reason")
    before = robot.state()
    robot.stop("the second reason")
    assert "the first reason" in robot.state().stopped, f"stopped twice, it says '{robot.state().stopped}'"
    stands(bench, before, "after two stops")


def refuses_what_is_no_number(bench: Bench) -> None:
    """NaN and infinities, in any entry."""
    for bad in (math.nan, math.inf, -math.inf):
        for k in entries_of(bench.robot):
            action = nudged(bench.robot, bench.robot.hold(), 1.0)
            action[k] = bad
            refuses(bench, action, f"{bench.robot.bounds.entries[k].name} = {bad}")


def refuses_wrong_shapes(bench: Bench) -> None:
    """Too few numbers, too many, tables, texts, nothing."""
    good = nudged(bench.robot, bench.robot.hold(), 1.0)
    bad: list[object] = [good[:-1], np.append(good, 0.0), good[None], good[:, None], np.array([]), 0.0, None, "up"]
    for action in [*bad, {"action": good}, good.astype(object), [*good[:-1], None], np.stack([good, good]), good + 0j]:
        refuses(bench, action, type(action).__name__)


def refuses_what_is_out_of_bounds(bench: Bench) -> None:
    """Entries above their most and below their least."""
    for k in entries_of(bench.robot):
        entry = bench.robot.bounds.entries[k]
        for bad in (entry.low - 0.01 * (entry.high - entry.low), entry.high + 0.01 * (entry.high - entry.low)):
            action = nudged(bench.robot, bench.robot.hold(), 1.0)
            action[k] = bad
            refuses(bench, action, f"{entry.name} = {bad:.4g}, within {entry.low:g} and {entry.high:g}")


def stays_in_its_workspace(bench: Bench) -> None:
    """Small steps up, or onwards, lead no further than its bounds."""
    robot, k = bench.robot, moving_entry(bench.robot)
    entry, reach = robot.bounds.entries[k], most(robot)
    if not bench.roams:
        raise Skipped("it may not go to the edge of its workspace here")
    if not math.isfinite(reach):
        raise Skipped("no entry of its actions has a rate")
    caller = Caller(robot)
    for _ in range(math.ceil((entry.high - entry.low) / (0.9 * reach)) + 2):
        caller.action[k] += 0.9 * reach
        try:
            caller.send(caller.action)
        except RobotError:
            break
        robot.wait(robot.period)
    else:
        raise AssertionError(f"{entry.name} went on to {caller.action[k]:.4g}")
    assert caller.action[k] > entry.high, (
        f"stopped within its bounds at {caller.action[k]:.4g}: {robot.state().stopped}"
    )
    robot.wait(STEPS * robot.period)
    robot.arm()
    there = robot.hold()[k]
    assert entry.low - bench.tolerance <= there <= entry.high + bench.tolerance, f"{entry.name} is {there:.4g}"


def refuses_steps_that_are_too_large(bench: Bench) -> None:
    """Faster than it may go, and turned faster; a quaternion that is none."""
    robot = bench.robot
    if not math.isfinite(most(robot)):
        raise Skipped("no entry of its actions has a rate")
    for share in (1.05, 20.0):
        too_far = functools.partial(nudged, robot, share=share)
        refuses(bench, too_far, f"a step of {share:g} times the largest")
    for at in robot.bounds.poses:
        action = robot.hold()
        action[at + 3 : at + 7] = -action[at + 3 : at + 7]
        assert Caller(robot).send(action), "the same turn as a quaternion of the other sign is refused"
        action[at + 3 : at + 7] = np.roll(action[at + 3 : at + 7], 1)
        refuses(bench, action, "half a turn in one step")
        refuses(bench, robot.hold() * np.where(np.arange(len(action)) // 7 == at // 7, 0.5, 1.0), "half a quaternion")


def leaves_late_commands_out(bench: Bench) -> None:
    """Issued too long ago, or at a time that is to come, or at none."""
    robot, caller = bench.robot, Caller(bench.robot)
    before = robot.state()
    for off in (-1.5 * robot.bounds.age, -1e6, 1.0, math.nan, math.inf, -math.inf):
        caller.stay(3)
        assert not caller.send(nudged(robot, caller.action), issued=robot.now() + off), f"issued {off:g} s from now"
    caller.stay(STEPS)
    gone = moved(before, robot.state())
    assert gone <= bench.tolerance, f"a late command moved the robot by {gone:.3g}"
    assert not robot.state().stopped, f"it has stopped: {robot.state().stopped}"


def leaves_repeated_commands_out(bench: Bench) -> None:
    """The same number again, or one from before."""
    robot, caller = bench.robot, Caller(bench.robot)
    caller.stay(5)
    before = robot.state()
    for number in (caller.step, caller.step - 1, 0, -1, -(10**9)):
        caller.stay(3)
        assert not caller.send(nudged(robot, caller.action), min(number, caller.step)), f"step {number} after the next"
    caller.stay(STEPS)
    gone = moved(before, robot.state())
    assert gone <= bench.tolerance, f"a repeated command moved the robot by {gone:.3g}"
    assert not robot.state().stopped, f"it has stopped: {robot.state().stopped}"


def takes_no_more_than_its_rate(bench: Bench) -> None:
    """A flood of commands is no way to go faster than it may."""
    caller = Caller(bench.robot)
    sent, began, taken = 50, bench.robot.now(), 0
    for _ in range(sent):
        following = nudged(bench.robot, caller.action)
        if caller.send(following):
            taken, caller.action = taken + 1, following
    passed = (bench.robot.now() - began) / bench.robot.period
    assert taken <= passed + 4, f"{taken} of {sent} commands were taken in {passed:.1f} periods"


def stops_when_nobody_commands(bench: Bench) -> None:
    """Silence stops it, and what is left out does not count as a sign of life."""
    robot = bench.robot
    for noise in (None, "late", "repeated"):
        caller = Caller(robot)
        caller.go()
        began = robot.now()
        while not robot.state().stopped and robot.now() - began < 2 * robot.bounds.silence + 2 * robot.period:
            robot.wait(robot.period)
            try:
                if noise == "late":
                    caller.send(caller.action, issued=robot.now() - 10.0)
                if noise == "repeated":
                    caller.send(caller.action, caller.step)
            except RobotError:
                break
        what = f"{noise} commands" if noise else "silence"
        assert robot.state().stopped, f"after {robot.now() - began:.2f} s of {what} it has not stopped"
        lasted = robot.now() - began
        assert lasted > 0.5 * robot.bounds.silence, f"it stopped after {lasted:.3f} s of {what}"
        deaf(bench, caller, f"after {what}")


def stays_awake_while_commanded(bench: Bench) -> None:
    """Holding for longer than the silence that stops it is no silence."""
    caller = Caller(bench.robot)
    caller.stay(math.ceil(3 * bench.robot.bounds.silence / bench.robot.period))
    assert not bench.robot.state().stopped, f"commanded, it has stopped: {bench.robot.state().stopped}"


def stops_when_it_feels_too_much(bench: Bench) -> None:
    """Force and torque beyond its bounds."""
    if bench.press is None:
        raise Skipped("nobody here can press against its tool")
    Caller(bench.robot)
    bench.press(bench.robot)
    stopped = bench.robot.state().stopped
    assert "force" in stopped or "torque" in stopped, f"pressed beyond its bounds, it says '{stopped}'"


def lets_go(bench: Bench) -> None:
    """Closed, again too, it takes nothing, until it is connected and armed."""
    robot, caller = bench.robot, Caller(bench.robot)
    robot.close()
    robot.close()
    try:
        taken = caller.send(caller.action)
    except RobotError:
        taken = False
    assert not taken, "closed, it takes a command"
    robot.connect()
    robot.connect()
    before = robot.state()
    deaf(bench, caller, "connected and not armed")
    caller = Caller(robot)
    assert caller.go() == STEPS + 1, "connected and armed again, it takes no commands"
    assert moved(before, robot.state()) < math.inf, "its state is not a number"


def measures(bench: Bench) -> None:
    """A state is of finite numbers, of its own copy, and its time goes on."""
    caller = Caller(bench.robot)
    first = bench.robot.state()
    for name, size in (("joints", None), ("tool_in_world", 7), ("wrench_in_tool", 6)):
        found = getattr(first, name)
        if found is not None:
            assert np.isfinite(found).all(), f"{name} is {found}"
            assert size is None or found.shape == (size,), f"{name} has shape {found.shape}"
    assert np.shares_memory(first.joints, bench.robot.state().joints) is False, "two states share their numbers"
    caller.stay(3)
    assert bench.robot.state().time > first.time, "the time of its states stands still"
    held = bench.robot.hold()
    assert held.shape == (len(bench.robot.bounds.entries),), f"hold has shape {held.shape}"


def entries_of(robot: Robot) -> Iterator[int]:
    """Some entries of an action: of many, each third one, and the last."""
    count = len(robot.bounds.entries)
    yield from sorted({*range(0, count, 3 if count > 8 else 1), count - 1, moving_entry(robot)})


CHECKS: dict[str, Callable[[Bench], None]] = {
    function.__name__.replace("_", " "): function
    for function in (
        measures,
        does_what_it_is_told,
        stands_until_it_is_armed,
        stops_once,
        refuses_what_is_no_number,
        refuses_wrong_shapes,
        refuses_what_is_out_of_bounds,
        refuses_steps_that_are_too_large,
        stays_in_its_workspace,
        leaves_late_commands_out,
        leaves_repeated_commands_out,
        takes_no_more_than_its_rate,
        stops_when_nobody_commands,
        stays_awake_while_commanded,
        stops_when_it_feels_too_much,
        lets_go,
    )
}
"""Every check by its name."""
