"""A LeRobot robot in a process of its own, against what stands in lerobot's place and servos that are simulated."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.robots.lerobot_files import ACTION, lerobot_file, log

from retouch.bridge.process import Served
from retouch.cli import main
from retouch.errors import InputError, RobotError, UnknownName
from retouch.robots.conformance import CHECKS, Bench, Caller, Skipped, moving_entry
from retouch.robots.guard import Guard
from retouch.robots.lerobot import LeRobotArm, robot
from retouch.robots.lerobot_file import LeRobotFile

DEGREE = math.pi / 180
SILENCE = 0.6


def arm(folder: Path, *arguments: str, **settings: Any) -> Guard:
    return robot(str(lerobot_file(folder, *arguments, **settings)))


def process_of(guarded: Guard) -> int:
    return guarded._arm._served.process_id  # type: ignore[attr-defined]


def sends(folder: Path) -> list[dict[str, Any]]:
    return [row for row in log(folder) if row["do"] == "send"]


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(true: Callable[[], bool], seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    with arm(tmp_path_factory.mktemp("arm")) as made:
        yield made


@pytest.fixture
def connected(tmp_path: Path) -> Iterator[Guard]:
    with arm(tmp_path) as made:
        yield made


# What every robot must do.

LONG = {"refuses what is no number", "refuses what is out of bounds", "refuses wrong shapes"}


@pytest.mark.parametrize(
    "check", [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in CHECKS]
)
def test_it_conforms(guarded: Guard, check: str) -> None:
    guarded.connect()
    try:
        CHECKS[check](Bench(guarded, roams=True))
    except Skipped as why:
        assert check == "stops when it feels too much"
        pytest.skip(str(why))


@pytest.mark.slow
def test_the_doctor_runs_every_check_on_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--robot", f"lerobot:{lerobot_file(tmp_path)}", "--move", "--json"]) == 0
    found = {row["subject"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(found) == set(CHECKS)
    assert {row["level"] for row in found.values()} == {"ok", "note"}


def test_the_doctor_says_what_it_measures_and_moves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--robot", f"lerobot:{lerobot_file(tmp_path)}", "--json"]) == 0
    found = {row["subject"]: row["detail"] for row in json.loads(capsys.readouterr().out)}
    assert [float(q) for q in found["joints"].split()] == pytest.approx([10 * DEGREE, -20 * DEGREE, 0.5], abs=1e-4)
    assert found["tool in world"] == "not measured"
    assert [row["do"] for row in log(tmp_path)] == ["connect", "disconnect"]
    assert not log(tmp_path)[0]["calibrate"]  # which would ask somebody at a terminal


# Actions.


def test_what_is_sent_is_what_was_commanded_in_its_own_units(tmp_path: Path, connected: Guard) -> None:
    caller = Caller(connected)
    caller.action = caller.action + np.array([1.0 * DEGREE, -0.5 * DEGREE, 0.03])
    assert caller.send(caller.action)
    action = sends(tmp_path)[-1]["action"]
    assert action == pytest.approx({"shoulder.pos": 11.0, "elbow.pos": -20.5, "gripper.pos": 53.0}, abs=1e-9)


def test_a_step_beyond_a_joints_rate_is_refused_and_not_sent(tmp_path: Path, connected: Guard) -> None:
    caller = Caller(connected)
    before = len(sends(tmp_path))
    caller.action[1] += 60.0 * DEGREE * connected.period * 1.1
    with pytest.raises(RobotError, match=r"elbow\.pos goes from .* faster than 1\.047\d* a second"):
        caller.send(caller.action)
    (standing,) = sends(tmp_path)[before:]
    assert standing["action"]["elbow.pos"] == pytest.approx(-20, abs=0.1)


def test_stopped_on_its_way_it_is_told_to_stay_where_it_is(tmp_path: Path, connected: Guard) -> None:
    caller = Caller(connected)
    for _ in range(10):
        caller.action[0] += 0.9 * 60 * DEGREE * connected.period
        caller.send(caller.action)
        connected.wait(connected.period)
    connected.stop("enough")
    *_, going, standing = sends(tmp_path)
    assert standing["action"]["shoulder.pos"] < going["action"]["shoulder.pos"] - 0.3  # it lags behind its goal
    assert standing["action"]["shoulder.pos"] == pytest.approx(standing["at"]["shoulder.pos"], abs=0.5)
    connected.stop("again")
    assert sends(tmp_path)[-1] == standing


def test_a_speed_rests_where_the_robot_stands(tmp_path: Path) -> None:
    action = ACTION | {"x.vel": {"low": -0.3, "high": 0.3, "rate": 5.0, "rest": 0.0}}
    with arm(tmp_path, "arms:base", action=action) as mobile:
        caller = Caller(mobile)
        caller.action[3] = 0.1
        caller.send(caller.action)
        assert sends(tmp_path)[-1]["action"]["x.vel"] == 0.1
        assert mobile.hold()[3] == 0.0
        assert mobile.state().joints.shape == (3,)
        (tmp_path / "mood").write_text("unseen")  # it is to rest whatever cannot be seen
        assert until(lambda: sends(tmp_path)[-1]["action"]["x.vel"] == 0.0)
        assert sends(tmp_path)[-1]["action"]["elbow.pos"] == pytest.approx(-20.0)


# Who commands it is gone, or late.

COMMANDS = """
import sys
from retouch.robots.conformance import Caller
from retouch.robots.lerobot import robot
arm = robot(sys.argv[1])
arm.connect()
caller = Caller(arm)
print(arm._arm._served.process_id, flush=True)
towards = 1
while True:
    towards = -1 if caller.action[0] > 0.4 else 1 if caller.action[0] < -0.4 else towards
    caller.action[0] += 0.5 * towards * arm.bounds.entries[0].rate * arm.period
    caller.send(caller.action)
    arm.wait(arm.period)
"""


@pytest.fixture
def commanding(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Somebody who moves a robot on and on, and the process that drives it."""
    paths = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)])
    with subprocess.Popen(
        [sys.executable, "-c", COMMANDS, str(lerobot_file(tmp_path))],
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as asking:
        assert asking.stdout is not None
        driving = int(asking.stdout.readline())
        assert until(lambda: len(sends(tmp_path)) > 10)
        yield asking, driving
        asking.kill()


def test_killed_it_leaves_a_robot_that_stands_and_nobody_at_it(
    tmp_path: Path, commanding: tuple[subprocess.Popen[str], int]
) -> None:
    asking, driving = commanding
    asking.kill()
    assert until(lambda: not alive(driving))
    assert [row["do"] for row in log(tmp_path)][-2:] == ["send", "disconnect"]
    stands(sends(tmp_path)[-1])


def test_frozen_it_is_not_waited_for(tmp_path: Path, commanding: tuple[subprocess.Popen[str], int]) -> None:
    asking, driving = commanding
    asking.send_signal(signal.SIGSTOP)
    assert until(lambda: time.monotonic() - sends(tmp_path)[-1]["time"] > 2 * SILENCE)
    *_, going, standing = sends(tmp_path)
    assert SILENCE - 0.1 < standing["time"] - going["time"] < SILENCE + 0.5
    stands(standing)
    assert alive(driving)
    asking.send_signal(signal.SIGCONT)
    _, said = asking.communicate(timeout=20)
    assert "RobotError" in said
    assert sends(tmp_path)[-1] == standing  # what was under way is not carried out


def test_killed_while_the_robot_hangs_it_leaves_no_process(
    tmp_path: Path, commanding: tuple[subprocess.Popen[str], int]
) -> None:
    asking, driving = commanding
    (tmp_path / "mood").write_text("hangs")
    asking.kill()
    assert until(lambda: not alive(driving))


def stands(last: dict[str, Any]) -> None:
    """It was told to stay where it was, and not where it was going."""
    for name, goal in last["action"].items():
        assert goal == pytest.approx(last["at"][name], abs=0.5)


# What drives it is gone, or late, or says what cannot be.


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
def test_the_process_that_drives_it_is_gone(tmp_path: Path, how: signal.Signals) -> None:
    with arm(tmp_path, timeout_s=0.5) as guarded:
        Caller(guarded).go()
        process = process_of(guarded)
        os.kill(process, how)
        why = {signal.SIGKILL: r"was killed \(SIGKILL\)", signal.SIGSTOP: r"did not answer within 0\.5 s"}

        def stopped() -> bool:
            return bool(guarded._why)

        assert until(stopped)
        with pytest.raises(RobotError, match=why.get(how, "robot of arm.toml ended with status 1")):
            guarded.state()
        with pytest.raises(RobotError, match="has stopped"):
            guarded.command(guarded.hold(), 10**6, guarded.now())
        assert until(lambda: not alive(process))
        if how is signal.SIGTERM:
            assert [row["do"] for row in log(tmp_path)][-2:] == ["send", "disconnect"]
        assert Caller(guarded).go() == 11
        assert process_of(guarded) != process


@pytest.mark.parametrize(
    ("mood", "why"),
    [
        ("unseen", "it cannot be observed: ConnectionError: There is no status packet!"),
        ("unmoved", "it takes no action: ConnectionError: There is no status packet!"),
        ("nan", r"it observes elbow\.pos = nan"),
    ],
)
def test_what_the_robot_fails_at_stops_it_and_is_told(tmp_path: Path, connected: Guard, mood: str, why: str) -> None:
    caller = Caller(connected)
    process = process_of(connected)
    (tmp_path / "mood").write_text(mood)
    with pytest.raises(RobotError, match=why):
        caller.stay(100)
    with pytest.raises(RobotError):
        connected.arm()
    (tmp_path / "mood").write_text("")
    assert Caller(connected).go() == 11
    assert process_of(connected) == process  # nothing was let go of for it


def test_a_robot_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    with arm(tmp_path, timeout_s=0.5) as guarded:
        caller = Caller(guarded)
        process = process_of(guarded)
        (tmp_path / "mood").write_text("hangs")
        began = time.monotonic()
        with pytest.raises(RobotError, match=r"did not answer within 0\.5 s"):
            caller.stay(100)
        assert time.monotonic() - began < 5.0
        assert not alive(process)
        (tmp_path / "mood").write_text("")
        assert Caller(guarded).go() == 11


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"type": "state", "measured": [1.0, 2.0]}, r"measured \[1\.0, 2\.0\] where 3 numbers are due"),
        ({"type": "state", "measured": [1.0, 2.0, "up"]}, "where 3 numbers are due"),
        ({"type": "state"}, "measured None where 3 numbers are due"),
        ({"type": "done"}, "'done' in place of 'state'"),
    ],
)
def test_a_server_that_says_what_cannot_be_is_ended(tmp_path: Path, said: dict[str, Any], why: str) -> None:
    (tmp_path / "other.py").write_text(
        "import sys; sys.path.insert(0, sys.argv[1]); import frames, queue, os\n"
        "into, out = frames.take_over_streams()\n"
        "def answer(frame):\n"
        f"    said = {{'type': 'ready', 'protocol': 1}} if frame[0]['type'] == 'connect' else {said!r}\n"
        "    out.write(frames.encode(said)); out.flush()\n"
        "frames.read(into, answer, os._exit)\n"
    )
    from retouch.bridge import frames

    command = [sys.executable, "other.py", str(Path(frames.__file__).parent)]
    with pytest.raises(RobotError, match=why):
        arm(tmp_path, command=command).connect()


# Over there, whoever asks.


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Served]:
    """The process that drives it, without the guard that is before it."""
    guarded = LeRobotArm(LeRobotFile.read(lerobot_file(tmp_path)))
    guarded.open()
    assert guarded._served is not None
    yield guarded._served
    guarded.close()


def ask(served: Served, kind: str, **more: Any) -> dict[str, Any]:
    return served.ask({"type": kind, **more}, expected=("state", "refused", "done"))[0]


def test_it_takes_nothing_before_it_is_armed_and_nothing_after_a_stop(tmp_path: Path, asked: Served) -> None:
    assert "not armed" in ask(asked, "send", action=[10.0, -20.0, 50.0])["why"]
    assert ask(asked, "take_hold")["measured"] == pytest.approx([10.0, -20.0, 50.0])
    assert ask(asked, "send", action=[10.5, -20.0, 50.0])["type"] == "done"
    ask(asked, "halt")
    count = len(sends(tmp_path))
    assert ask(asked, "send", action=[10.5, -20.0, 50.0])["type"] == "refused"
    assert len(sends(tmp_path)) == count


def test_it_holds_where_it_hears_nothing(tmp_path: Path, asked: Served) -> None:
    ask(asked, "take_hold")
    ask(asked, "send", action=[11.0, -20.0, 50.0])
    time.sleep(SILENCE + 0.4)
    assert ask(asked, "sense")["stopped"] == "nothing was heard for 0.6 s"
    assert "nothing was heard" in ask(asked, "send", action=[11.0, -20.0, 50.0])["why"]
    *_, going, standing = sends(tmp_path)
    assert standing["time"] - going["time"] == pytest.approx(SILENCE, abs=0.3)


@pytest.mark.parametrize("action", [[10.0, -20.0], [10.0, -20.0, 50.0, 1.0], ["up", -20.0, 50.0], None])
def test_what_is_no_action_ends_it(tmp_path: Path, asked: Served, action: object) -> None:
    ask(asked, "take_hold")
    ask(asked, "send", action=[12.0, -20.0, 50.0])
    with pytest.raises(RobotError, match="failed"):
        ask(asked, "send", action=action)
    assert [row["do"] for row in log(tmp_path)][-2:] == ["send", "disconnect"]
    stands(sends(tmp_path)[-1])


# How it is named.


@pytest.mark.parametrize(
    ("factory", "settings", "why"),
    [
        ("arms:missing", {}, "failed: ConnectionError: Could not connect on port '/dev/ttyACM0'"),
        ("arms:uncalibrated", {}, "is not calibrated: calibrate it with lerobot's own tools"),
        ("arms:base", {}, r"its actions are shoulder\.pos, elbow\.pos, gripper\.pos, x\.vel; the file says shoulder"),
        (
            "arms:base",
            {"action": ACTION | {"x.vel": {"low": -1, "high": 1, "rate": 1}}},
            r"it does not observe x\.vel: say in the file what they are where it rests",
        ),
        ("arms", {}, "named MODULE:FACTORY"),
        ("", {"command": ["/no/such/python"]}, "cannot be started"),
        ("", {"command": [sys.executable, "-c", "raise SystemExit('no lerobot')"]}, "its last words: no lerobot"),
        ("", {"command": [sys.executable, "-c", "import time; time.sleep(60)"]}, "did not answer within 3 s"),
    ],
)
def test_what_cannot_be_connected_says_why(tmp_path: Path, factory: str, settings: dict[str, Any], why: str) -> None:
    with pytest.raises(RobotError, match=why) as told:
        arm(tmp_path, factory, start_timeout_s=3.0, **settings).connect()
    assert "\n" not in str(told.value)


def test_a_robot_that_cannot_be_observed_is_let_go_of(tmp_path: Path) -> None:
    made = arm(tmp_path)
    (tmp_path / "mood").write_text("unseen")
    with pytest.raises(RobotError, match="cannot be observed"):
        made.connect()
    assert [row["do"] for row in log(tmp_path)] == ["connect", "disconnect"]
    (tmp_path / "mood").write_text("")
    with made:
        assert Caller(made).go() == 11


ELBOW = {"low": -30, "high": 30, "rate": 60, "unit": "degree"}


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"command": "python"}, "command is a list of texts"),
        ({"period_s": 0}, "period_s is a time above 0"),
        ({"action": {}}, r"\[action\] says what each"),
        ({"action": {"elbow.pos": 3}}, r"elbow\.pos is a table"),
        ({"action": {"elbow.pos": {"low": -1, "high": 1}}}, r"elbow\.pos has no rate"),
        ({"action": {"elbow.pos": ELBOW | {"low": 40}}}, "goes from low to a higher high"),
        ({"action": {"elbow.pos": ELBOW | {"rate": -1}}}, "at a rate above 0"),
        ({"action": {"elbow.pos": ELBOW | {"high": "far"}}}, r"high of elbow\.pos is a number, not 'far'"),
        ({"action": {"elbow.pos": ELBOW | {"unit": "inch"}}}, r'is "degree" or "percent", or left out, not \'inch\''),
        ({"action": {"elbow.pos": ELBOW | {"rest": 90}}}, r"elbow\.pos rests at 90, which it may not be"),
    ],
)
def test_a_file_that_does_not_say_what_is_allowed_is_refused(tmp_path: Path, settings: dict, why: str) -> None:
    with pytest.raises(InputError, match=why):
        arm(tmp_path, **settings)


def test_an_unknown_setting_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"unknown setting .* 'period'; did you mean 'period_s'"):
        arm(tmp_path, period=0.02)
    with pytest.raises(UnknownName, match=r"unknown limit of elbow\.pos .* 'hihg'; did you mean 'high'"):
        arm(tmp_path, action={"elbow.pos": {"low": 0, "hihg": 1, "rate": 1}})


def test_a_robot_without_a_file() -> None:
    with pytest.raises(InputError, match=r"say lerobot:FILE\.toml"):
        robot("")
    with pytest.raises(InputError, match=r"no robot in none\.toml: no such file"):
        robot("none.toml")


def test_bounds_are_in_our_units(tmp_path: Path) -> None:
    made = arm(tmp_path)
    shoulder, _, gripper = made.bounds.entries
    assert (shoulder.low, shoulder.high, shoulder.rate) == pytest.approx((-30 * DEGREE, 30 * DEGREE, 60 * DEGREE))
    assert (gripper.low, gripper.high, gripper.rate) == pytest.approx((0.0, 1.0, 2.0))
    assert made.bounds.entries[moving_entry(made)].name == "shoulder.pos"
