"""The UR5e yields as it should, feels what touches it in the right frame, and stops in time."""

import mujoco
import numpy as np
import pytest
from tests.robots.ur5e_scene import START, robot

from retouch.errors import RobotError
from retouch.geometry import Pose, quat_from_vector, quat_multiply, quat_rotate
from retouch.robots.ur5e import STIFFNESS, UR5e, command_of, grip_of
from retouch.robots.ur5e_arm import pointing_down
from retouch.robots.ur5e_tick import STOPS, TRACKS, Limits

HIGH = START + np.array([0.0, 0.0, 0.15])


def run(arm: UR5e, poses: list[Pose], grip: np.ndarray | None = None, **options: object) -> np.ndarray:
    """Records of every tick, the poses each for one command."""
    grips = None if grip is None else grip[None]
    commands = [command_of(pose, **options)[None] for pose in poses]  # type: ignore[arg-type]
    return np.concatenate([arm.command(np.array([0]), command, grips)[0] for command in commands])


def way(start: np.ndarray, end: np.ndarray, speed: float, yaw: float = 0.0) -> list[Pose]:
    steps = max(1, int(np.ceil(np.linalg.norm(end - start) / (speed * 0.02))))
    return [pointing_down(start + (end - start) * (k + 1) / steps, yaw) for k in range(steps)]


def a_push(arm: UR5e, force: np.ndarray) -> np.ndarray:
    """A hand that pushes with a constant force in world, its target far away."""
    handle, size = arm.handle(arm.worlds.datas[0]), float(np.linalg.norm(force))
    target = Pose(handle.position + 10.0 * force / size, handle.quat)
    return grip_of(target, stiffness=(1000.0, 0.0), damping=(0.0, 0.0), limit=(size, 0.0))


def track(records: np.ndarray, name: str) -> np.ndarray:
    return records[:, TRACKS[name]]


@pytest.mark.parametrize("direction", [(1, 0, 0), (0, -1, 0), (0, 0, 1), (0.6, 0, 0.8)])
def test_a_push_of_ten_newtons_moves_it_by_a_centimetre(direction: tuple[float, ...]) -> None:
    arm, force = robot(start=HIGH), 10.0 * np.array(direction)
    hold, data = [pointing_down(HIGH)] * 100, arm.worlds.datas[0]
    pushed = run(arm, hold, a_push(arm, force), stiffness=(1000.0, 500.0))
    moved = arm.measured(data).position - HIGH
    assert moved @ np.array(direction) == pytest.approx(0.01, rel=0.04)
    assert np.linalg.norm(moved - 0.001 * force) < 5e-4
    assert np.abs(track(pushed, "contact_wrench")).max() < 0.3  # felt above the lower sensor alone, but for its weight
    back = run(arm, hold)
    assert np.linalg.norm(arm.measured(data).position - HIGH) < 1e-6
    assert np.abs(track(back, "hand_wrench"))[-1].max() == 0.0


@pytest.mark.parametrize("yaw", [0.0, np.pi / 2, np.pi, -2.0])
def test_wrenches_are_of_the_environment_on_the_tool_in_the_tool_frame(yaw: float) -> None:
    """A table under a tool that points down pushes against the tool's z axis, however it is turned."""
    arm = robot(yaw=yaw)
    below = START - [0, 0, 0.03]
    run(arm, way(START, below, 0.05, yaw))
    felt = track(run(arm, [pointing_down(below, yaw)] * 40), "contact_wrench")[-1]
    assert -12 < felt[2] < -5
    assert np.abs(felt[[0, 1]]).max() < 0.05 * abs(felt[2])
    assert np.abs(felt[3:]).max() < 0.02
    dragged = track(run(arm, way(below, below + np.array([0.05, 0, 0]), 0.05, yaw)), "contact_wrench")[-1]
    in_world = quat_rotate(pointing_down(below, yaw).quat, dragged[:3])
    assert in_world[0] < -2  # friction holds back
    assert abs(in_world[1]) < 0.4


def test_a_known_push_beside_the_tool_centre_point_is_felt_with_its_torque() -> None:
    """The hand's force at the handle, 17.5 cm above the tool centre point."""
    for yaw in (0.0, np.pi / 2, np.pi):
        arm, force = robot(start=HIGH, yaw=yaw), np.array([4.0, -3.0, 2.0])
        records = run(arm, [pointing_down(HIGH, yaw)] * 100, a_push(arm, force))
        data = arm.worlds.datas[0]
        pose, lever = arm.measured(data), arm.handle(data).position - arm.measured(data).position
        expected = np.concatenate(
            [pose.inverse().apply(pose.position + f) for f in (force, np.cross(lever, force))]
        )  # turned into the tool frame
        np.testing.assert_allclose(track(records, "hand_wrench")[-1], expected, atol=0.02)
        np.testing.assert_allclose(track(records, "wrist_wrench")[-1], expected, atol=0.02)


@pytest.mark.parametrize("tilt", [0.0, 0.6, -0.9])
def test_nothing_is_felt_in_the_air_however_the_tool_is_held(tilt: float) -> None:
    """Its weight is taken off at both sensors."""
    arm = robot(start=HIGH)
    level = pointing_down(HIGH)
    turns = [quat_from_vector(np.array([0.0, tilt * k / 100, 0.0])) for k in range(101)]
    records = run(arm, [Pose(HIGH, quat_multiply(turn, level.quat)) for turn in turns + turns[-1:] * 60])
    assert np.abs(track(records, "wrist_wrench")[-1]).max() < 1e-3
    assert np.abs(track(records, "contact_wrench")[-1]).max() < 1e-3


def test_a_hand_can_turn_it() -> None:
    arm = robot(start=HIGH)
    handle = arm.handle(arm.worlds.datas[0])
    turned = Pose(handle.position, quat_multiply(quat_from_vector(np.array([0, 0, 1.0])), handle.quat))
    grip = grip_of(turned, stiffness=(500.0, 20.0), damping=(5.0, 0.2), limit=(10.0, 0.7))
    records = run(arm, [pointing_down(HIGH)] * 100, grip)
    now = arm.measured(arm.worlds.datas[0])
    yaw = 2 * np.arcsin(np.linalg.norm(quat_multiply(now.quat, quat_from_vector(np.zeros(3)))[3]))
    assert track(records, "hand_wrench")[-1, 5] == pytest.approx(-0.7, abs=0.02)  # the tool's z points down
    turn = np.arccos(min(1.0, abs(float(now.quat @ pointing_down(HIGH).quat)))) * 2
    assert turn == pytest.approx(0.7 / STIFFNESS[1], rel=0.05)
    assert yaw < 0.1


def test_static_contact_without_a_hand_commands_the_base() -> None:
    """The executed pose holds the compliance's deflection: taken off by the wrench, what is left is the reference."""
    for yaw in (0.0, np.pi / 2, np.pi):
        arm, below = robot(yaw=yaw), START - [0, 0, 0.03]
        run(arm, way(START, below, 0.05, yaw))
        last = run(arm, [pointing_down(below, yaw)] * 60)[-1]
        base, measured = (Pose.from_vector(last[TRACKS[n]]) for n in ("base_reference", "asked_pose"))
        wrench = last[TRACKS["wrist_wrench"]]
        press = Pose(-wrench[:3] / STIFFNESS[0], quat_from_vector(-wrench[3:] / STIFFNESS[1]))
        delta = base.inverse() @ measured
        assert np.linalg.norm(delta.position) > 0.005
        assert np.linalg.norm((delta @ press).position) < 2e-4
        wrong = Pose(-press.position, press.quat)
        assert np.linalg.norm((delta @ wrong).position) > 0.01


def test_a_target_wrench_presses() -> None:
    """With the reference at the table, the tool feels what it was told to feel, but for the give of tip and table."""
    touch = START - [0, 0, 0.02]
    poses = [*way(START, touch, 0.05), *[pointing_down(touch)] * 100]
    felt = [
        track(run(robot(tip=20000.0), poses, wrench=np.array([0, 0, -force, 0, 0, 0])), "wrist_wrench")[-1, 2]
        for force in (0.0, 8.0)
    ]
    assert abs(felt[0]) < 0.5
    assert -8.0 < felt[1] < -6.8


@pytest.mark.parametrize("stiffness", [200.0, 1000.0, 2000.0])
@pytest.mark.parametrize("tip", [5000.0, 20000.0])
@pytest.mark.parametrize("friction", [0.3, 1.0])
def test_contact_comes_to_rest(stiffness: float, tip: float, friction: float) -> None:
    """No limit cycle on a rigid table, pressed and after being dragged."""
    arm, below = robot(tip=tip, friction=friction), START - [0, 0, 0.04]
    compliant = {"stiffness": (stiffness, 70.0)}
    for goal in (below, below + np.array([0.1, 0, 0])):
        run(arm, way(arm.reference(arm.worlds.datas[0]).position, goal, 0.1), **compliant)
        force = track(run(arm, [pointing_down(goal)] * 200, **compliant), "contact_wrench")[-250:, 2]
        assert force.mean() < -1.0
        creep = np.polyval(np.polyfit(np.arange(250), force, 2), np.arange(250))
        assert (force - creep).std() < 0.01
    assert arm.stopped(arm.worlds.datas[0]) == ""


def test_energy_does_not_grow() -> None:
    """Let go from a push against the table, every swing is smaller than the one before."""
    arm, below = robot(), START - [0, 0, 0.03]
    run(arm, way(START, below, 0.05))
    hold, data = [pointing_down(below)], arm.worlds.datas[0]
    run(arm, hold * 50, a_push(arm, np.array([8.0, 0, 5.0])))
    energies = []
    for _ in range(60):
        run(arm, hold)
        velocity, mass = data.qvel, np.zeros((data.qvel.size, data.qvel.size))
        mujoco.mj_fullM(arm.worlds.model, data, mass)
        energies.append(0.5 * float(velocity @ mass @ velocity))
    peaks = [max(energies[k : k + 10]) for k in range(0, 60, 10)]
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[-1] < 1e-3 * peaks[0]


def test_it_stops_within_a_tick_of_a_limit() -> None:
    arm = robot(limits=Limits(force=15.0))
    deep = START - [0, 0, 0.08]
    records = run(arm, way(START, deep, 0.3))
    data, force = arm.worlds.datas[0], np.linalg.norm(track(records, "contact_wrench")[:, :3], axis=1)
    stopped = track(records, "stopped")[:, 0]
    assert arm.stopped(data) == "force"
    assert np.argmax(stopped > 0) == np.argmax(force >= 15.0)
    asked = track(records, "asked_pose")[stopped > 0, :3]
    assert np.ptp(asked, axis=0).max() == 0.0
    before = arm.measured(data).position
    run(arm, way(deep, deep + np.array([0, 0, 0.1]), 0.3))
    assert np.linalg.norm(arm.measured(data).position - before) < 2e-3  # it does not go on by itself


@pytest.mark.parametrize(
    ("pose", "why"),
    [
        (pointing_down(HIGH + np.array([0.5, 0, 0])), "reference jumped"),
        (pointing_down(HIGH, 2.5), "reference jumped"),
        (Pose(np.array([np.nan, 0, 1.0]), np.array([1.0, 0, 0, 0])), "command is not a number"),
    ],
)
def test_it_stops_on_a_bad_command(pose: Pose, why: str) -> None:
    arm = robot(start=HIGH)
    run(arm, [pose])
    data = arm.worlds.datas[0]
    assert arm.stopped(data) == why
    assert why in STOPS
    run(arm, [pointing_down(HIGH)] * 10)
    assert np.linalg.norm(arm.measured(data).position - HIGH) < 2e-3


def test_commands_that_do_not_fit_are_refused() -> None:
    arm = robot(worlds=2)
    with pytest.raises(RobotError, match="2 worlds take 24 numbers each"):
        arm.command(np.array([0, 1]), np.zeros((1, 24)))
    with pytest.raises(RobotError, match="not a choice of 2 worlds"):
        arm.command(np.array([0, 2]), np.zeros((2, 24)))
    with pytest.raises(RobotError, match="cannot hold its tool"):
        arm.joints_for(pointing_down(np.array([2.0, 0.0, 1.0])))


def test_worlds_do_not_depend_on_each_other_and_go_on_from_their_state() -> None:
    poses = way(START, START - [0, 0, 0.04], 0.05) + way(START - [0, 0, 0.04], START + np.array([0.05, 0, -0.04]), 0.1)
    alone = robot()
    grip = a_push(alone, np.array([3.0, 2.0, 0.0]))
    expected = run(alone, poses, grip)
    together = robot(worlds=3)
    found = []
    for k, pose in enumerate(poses):
        if k == len(poses) // 2:  # move to another world in the middle of the contact
            together.worlds.set_state(1, together.worlds.state(0))
        slots = np.array([0, 2]) if k < len(poses) // 2 else np.array([1, 2])
        found.append(together.command(slots, np.stack([command_of(pose)] * 2), np.stack([grip] * 2)))
    np.testing.assert_array_equal(np.concatenate([f[0] for f in found]), expected)
    np.testing.assert_array_equal(np.concatenate([f[1] for f in found]), expected)
