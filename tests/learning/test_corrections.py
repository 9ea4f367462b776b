"""Labels of a residual policy: frames, signs, what counts, and that it is given in training what it is given later."""

import dataclasses

import numpy as np
import pytest

from policies.residuals import NAMES, make_policy, observations
from retouch.control.hand import GRIP
from retouch.errors import InputError
from retouch.geometry import Pose, quat_from_vector
from retouch.learning.corrections import Corrections, Samples, disagreement, pushed_targets, smoothed, targets
from retouch.learning.residual_config import CorrectionConfig
from retouch.policies.nine import HERE, IDENTITY, nine_of, poses_of
from retouch.policies.residual_config import ResidualConfig
from retouch.robots.ur5e import STIFFNESS, command_of, grip_of
from retouch.robots.ur5e_arm import pointing_down
from retouch.robots.ur5e_tick import REFERENCE, TRACKS, WRENCH
from tests.robots.ur5e_scene import START, robot

PROMPT = CorrectionConfig(smoothing=0.002)  # the last tick's reading, so that what stands still is exact
TURNS = ([0.0, 0.0, np.pi / 2], [0.0, 0.0, np.pi], [0.5, -0.3, 1.0])


def corrections(episodes: int = 2, steps: int = 40, sources: str | None = None, **given) -> Corrections:
    """A tool that stays at the origin; `sources` has a letter a step: policy, both, operator, - for nobody."""
    total = episodes * steps
    letters = (sources or "P" * steps) * episodes
    command = np.tile(command_of(Pose.from_vector(HERE)), (total, 1)).astype(np.float32)
    still = np.tile(HERE, (total, 10, 1)).astype(np.float32)
    data = Corrections(
        observation=np.tile(observations(1), (total, 1)),
        command=command,
        proposed=command.copy(),
        control_source=np.array(["POB-".index(letter) for letter in letters], np.int8),
        waypoints=np.full((total, 32, 8), np.nan, np.float32),
        contact=np.zeros((total, 10, 6), np.float32),
        hand=np.zeros((total, 10, 6), np.float32),
        measured=still,
        lengths=np.full(episodes, steps),
        observation_names=NAMES,
        task="",
        control_period_s=0.02,
        keys=tuple(str(number) for number in range(100, 100 + episodes)),
    )
    return dataclasses.replace(data, **given)


def asked(frame: np.ndarray) -> np.ndarray:
    """Where a robot of the usual stiffness is drawn: dT Exp(-w / K), as a pose in its base's frame."""
    wrench = frame[9:15]
    turned = quat_from_vector(-wrench[3:] / STIFFNESS[1])
    pressed = np.concatenate([-wrench[:3] / STIFFNESS[0], turned])
    return poses_of(nine_of(pressed, HERE), poses_of(frame[:9], HERE))


def recorded(arm, base: Pose, steps: int, grip: np.ndarray | None, source: str) -> Corrections:
    """What a real arm records while its base stays where it is, the hand as given."""
    command = command_of(base)
    grips = np.zeros((1, GRIP)) if grip is None else grip[None]
    ticks = np.stack([arm.command(np.array([0]), command[None], grips)[0] for _ in range(steps)])
    commands = np.tile(command, (steps, 1)).astype(np.float32)
    tracks = {name: ticks[..., at].astype(np.float32) for name, at in TRACKS.items()}
    return corrections(
        1,
        steps,
        source * steps,
        command=commands,
        proposed=commands,
        contact=tracks["contact_wrench"],
        hand=tracks["hand_wrench"],
        measured=tracks["measured_pose"],
    )


@pytest.mark.parametrize("yaw", [0.0, np.pi / 2, np.pi, -2.0])
def test_static_contact_without_a_hand_asks_for_the_base(yaw):
    """A base that presses into a table is held up by it: the delta and the wrench undo each other."""
    arm = robot(yaw=yaw)
    below = pointing_down(START - [0.004, 0.002, 0.032], yaw)
    for step in range(60):
        on = START + (below.position - START) * (step + 1) / 60
        arm.command(np.array([0]), command_of(pointing_down(on, yaw))[None])
    data = recorded(arm, below, 100, None, "B")
    right = targets(data, PROMPT)[-1]
    assert right[11] < -4.0  # the table presses against the tool
    assert np.linalg.norm(right[:3]) > 0.004
    np.testing.assert_allclose(asked(right)[:3], 0.0, atol=4e-4)  # of the 10 to 12 mm; the servos give
    np.testing.assert_allclose(asked(right)[4:], 0.0, atol=2e-3)


@pytest.mark.parametrize("turn", [0.0, np.pi / 2, np.pi])
def test_a_push_in_the_air_asks_for_where_it_pushed(turn):
    """10 N along world's x: a delta of 1 cm, in the tool's frame, whichever way the tool is turned; by either label."""
    high = START + np.array([0.0, 0.0, 0.15])
    arm, base = robot(start=high, yaw=turn), pointing_down(high, turn)
    handle = arm.handle(arm.worlds.datas[0])
    grip = grip_of(
        Pose(handle.position + np.array([10.0, 0, 0]), handle.quat),
        stiffness=(1000.0, 0.0),
        damping=(0.0, 0.0),
        limit=(10.0, 0),
    )
    data = recorded(arm, base, 150, grip, "B")
    wanted = base.inverse().apply(base.position + np.array([0.01, 0.0, 0.0]))
    for labels in ("executed", "hand"):
        right = targets(data, dataclasses.replace(PROMPT, labels=labels))[-1]
        np.testing.assert_allclose(right[:3], wanted, atol=8e-4)
        np.testing.assert_allclose(right[9:12], 0.0, atol=0.3)
    apart, size = disagreement(data)
    assert size == pytest.approx(10.0, rel=0.1)
    assert apart < 3.0


def test_what_was_executed_leads_where_it_was_led():
    """Following the labels without a hand moves the tool as the hand did, all the way."""
    high = START + np.array([0.0, 0.0, 0.15])
    arm, base = robot(start=high), pointing_down(high)
    handle, command, ticks = arm.handle(arm.worlds.datas[0]), command_of(base)[None], []
    for step in range(40):  # a hand that takes hold at 6 mm and goes on at 3 cm/s
        drawn = Pose(handle.position + np.array([0.0, 0.006 + 0.0006 * step, 0.0]), handle.quat)
        grip = grip_of(drawn, stiffness=(1500.0, 0.0), damping=(60.0, 0.0), limit=(20.0, 0.0))
        ticks.append(arm.command(np.array([0]), command, grip[None])[0])
    tracks = {name: np.stack(ticks)[..., at].astype(np.float32) for name, at in TRACKS.items()}
    commands = np.tile(command, (40, 1)).astype(np.float32)
    data = corrections(
        1,
        40,
        "B" * 40,
        command=commands,
        proposed=commands,
        contact=tracks["contact_wrench"],
        hand=tracks["hand_wrench"],
        measured=tracks["measured_pose"],
    )
    follower, where = robot(start=high), []
    for row in targets(data, PROMPT):
        pose = Pose.from_vector(poses_of(row[:9], np.array([*base.position, *base.quat])))
        follower.command(np.array([0]), command_of(pose, base=base, wrench=row[9:])[None])
        where.append(follower.measured(follower.worlds.datas[0]).position)
    led = tracks["measured_pose"][:, -1, :3]
    assert led[-1, 1] - high[1] > 0.01
    np.testing.assert_allclose(np.array(where)[3:], led[3:], atol=1.5e-3)


@pytest.mark.parametrize("turn", TURNS)
def test_a_delta_is_seen_from_the_base(turn):
    quat = quat_from_vector(np.array(turn))
    base = Pose(np.array([0.3, -0.2, 0.1]), quat)
    delta = Pose(np.array([0.004, -0.003, 0.002]), quat_from_vector(np.array([0.02, 0.0, -0.05])))
    executed = base @ delta
    command = np.tile(command_of(base), (40, 1)).astype(np.float32)
    measured = np.tile([*executed.position, *executed.quat], (40, 10, 1)).astype(np.float32)
    data = corrections(1, 40, "P" * 20 + "B" * 20, command=command, proposed=command, measured=measured)
    right = targets(data, PROMPT)
    np.testing.assert_array_equal(right[:20], np.tile([*IDENTITY, *np.zeros(6)], (20, 1)))
    found = Pose.from_vector(poses_of(right[-1, :9], HERE))
    np.testing.assert_allclose(found.position, delta.position, atol=1e-6)
    np.testing.assert_allclose(found.quat, delta.quat, atol=1e-6)


def test_an_uncorrected_step_teaches_what_the_running_residual_said_or_nothing():
    data = corrections(1, 40)
    said = data.proposed.copy()
    said[10:, REFERENCE.start] += 0.002
    said[10:, WRENCH.start + 2] = -4.0
    data = dataclasses.replace(data, proposed=said, command=said)
    own, none = targets(data, PROMPT), targets(data, dataclasses.replace(PROMPT, uncorrected="nothing"))
    np.testing.assert_array_equal(own[:10], none[:10])
    np.testing.assert_allclose(own[10:, [0, 11]], np.tile([0.002, -4.0], (30, 1)), atol=1e-7)
    np.testing.assert_array_equal(none, np.tile([*IDENTITY, *np.zeros(6)], (40, 1)))


def test_uncorrected_steps_can_be_left_out():
    data = corrections(2, 40, "P" * 20 + "B" * 20)
    rest = dataclasses.replace(PROMPT, uncorrected="left-out", marked_whole=1)
    learnt = Samples.of(data, rest, ResidualConfig()).learnt.reshape(2, 40)
    assert learnt[0].all()
    assert (learnt[1] == ([False] * 20 + [True] * 20)).all()
    assert Samples.of(data, PROMPT, ResidualConfig()).learnt.all()


def test_whole_episodes_can_count_as_corrected():
    measured = np.tile(HERE + 0.003 * np.eye(7)[0], (80, 10, 1)).astype(np.float32)
    data = corrections(2, 40, measured=measured)
    right = targets(data, dataclasses.replace(PROMPT, marked_whole=1))
    np.testing.assert_allclose(right[1:40, 0], 0.003, atol=1e-7)
    np.testing.assert_array_equal(right[40:, 0], 0.0)


def test_the_hands_label_has_no_wrench_and_adds_to_what_was_asked():
    data = corrections(1, 10, "B" * 10)
    command, hand = data.command.copy(), data.hand.copy()
    command[:, REFERENCE.start] += 0.002
    hand[..., 1], hand[..., 5] = 5.0, 0.7
    data = dataclasses.replace(data, command=command, hand=hand)
    found = pushed_targets(data)[-1]
    np.testing.assert_allclose(found[:3], [0.002, 0.005, 0.0], atol=1e-7)
    np.testing.assert_allclose(found[3:], quat_from_vector(np.array([0, 0, 0.01])), atol=1e-7)
    assert not targets(data, CorrectionConfig(labels="hand"))[:, 9:].any()


def test_a_wrench_is_averaged_over_what_was_unless_asked_otherwise():
    contact = np.zeros((20, 10, 6), np.float32)
    contact[10:, :, 2] = -10.0
    data = corrections(1, 20, contact=contact)
    causal = smoothed(data, CorrectionConfig(smoothing=0.1))[:, 2]
    np.testing.assert_allclose(causal[9:16], [0, -2, -4, -6, -8, -10, -10])
    centred = smoothed(data, CorrectionConfig(smoothing=0.1, centred=True))[:, 2]
    np.testing.assert_allclose(centred[7:13], [-1, -3, -5, -7, -9, -10])


def test_what_counts_more():
    data = corrections(2, 100, "P" * 40 + "B" * 30 + "P" * 30)
    np.testing.assert_array_equal(data.onsets(), [40, 140])
    config = CorrectionConfig(dense_time=0.4)
    samples = Samples.of(data, config, ResidualConfig())
    np.testing.assert_array_equal(np.flatnonzero(samples.dense[:100]), np.arange(40, 60))
    assert samples.learnt.all()
    around = Samples.of(data, dataclasses.replace(config, dense="around"), ResidualConfig())
    np.testing.assert_array_equal(np.flatnonzero(around.dense[:100]), np.arange(20, 60))
    assert not Samples.of(data, dataclasses.replace(config, dense="none"), ResidualConfig()).dense.any()


def test_nothing_is_learnt_from_a_robot_that_stood_still():
    data = corrections(1, 30, "P" * 10 + "-" * 5 + "P" * 15)
    samples = Samples.of(data, CorrectionConfig(), ResidualConfig())
    np.testing.assert_array_equal(np.flatnonzero(~samples.learnt), np.arange(7, 16))


def test_frames_are_of_where_steps_ended_and_stay_in_their_episode():
    measured = np.tile(HERE, (80, 10, 1)).astype(np.float32)
    measured[..., 0] = 0.001 * np.arange(80)[:, None]
    base = corrections(2, 40, "B" * 40).proposed
    data = corrections(2, 40, "B" * 40, measured=measured, proposed=base)
    samples = Samples.of(data, PROMPT, ResidualConfig())
    whole = samples.targets[:, 0]
    first, middle, last = samples.frames(np.array([40, 50, 79]))[..., 0]
    np.testing.assert_allclose(first, [0, *whole[40:44]])
    np.testing.assert_allclose(middle, whole[49:54])
    np.testing.assert_allclose(last, [whole[78], *[whole[79]] * 4])


def test_held_out_episodes_stay_held_out_as_others_come():
    few, more = corrections(30, 2), corrections(60, 2)
    np.testing.assert_array_equal(few.held_out(0.3), more.held_out(0.3)[:30])
    assert 5 < more.held_out(0.3).sum() < 30
    assert not few.held_out(0.0).any()
    assert not corrections(1, 2).held_out(0.999).any()  # something has to be learnt from


def test_training_gives_what_a_session_gives():
    """The same readings and poses, from what the session felt and from what was recorded of it."""
    policy, given = make_policy(), []
    policy.correct = lambda *parts: given.append(parts) or np.tile([*IDENTITY, *np.zeros(6)], (1, 5, 1))
    session, rng = policy.session(1), np.random.default_rng(3)
    session.reset(0, 0)
    contact = rng.normal(size=(30, 10, 6)).astype(np.float32)
    measured = np.tile(HERE, (30, 10, 1)).astype(np.float32)
    measured[..., :3] = rng.normal(size=(30, 10, 3)) * 0.01
    seen = np.tile(observations(1), (30, 1))
    for step in range(30):
        session.act(np.array([0]), seen[step : step + 1])
        record = np.zeros((1, 10, 52))
        record[..., TRACKS["contact_wrench"]], record[..., TRACKS["measured_pose"]] = contact[step], measured[step]
        session.feel(np.array([0]), record)
    data = corrections(1, 30, contact=contact, measured=measured, observation=seen)
    samples, steps = Samples.of(data, CorrectionConfig(), policy.network.config), np.arange(30)
    np.testing.assert_allclose(np.concatenate([part[2] for part in given]), samples.readings(steps), atol=1e-6)
    np.testing.assert_allclose(
        np.concatenate([part[1] for part in given]), samples.poses(steps, seen[:, :7].astype(float)), atol=1e-6
    )


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match="held_out"):
        CorrectionConfig(held_out=1.0)
