"""The residual policy: what it adds to its base's commands, in which frame, and what it leaves as it is."""

import threading
import time

import numpy as np
import pytest

from policies.residuals import D, Onward, make_policy, observations, ticks
from retouch.errors import PolicyError
from retouch.geometry import Pose, quat_from_vector, quat_multiply
from retouch.policies.chunks import ChunkSession, in_real_time
from retouch.policies.nine import IDENTITY, nine_of, poses_of
from retouch.policies.residual import MOST_DELTA, MOST_WRENCH, capped_delta, capped_wrench
from retouch.policies.residual_network import nothing
from retouch.robots.ur5e_tick import ACTIONS, BASE, REFERENCE, TRACKS, WRENCH

HERE = np.array([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0])


def run(policy, steps=12, slots=(0, 1, 2)):
    """Commands of some steps in which something is felt, `steps k A`."""
    session = policy.session(len(slots))
    chosen = np.array(slots)
    for slot in slots:
        session.reset(slot, seed=slot + 5)
    seen, felt, commands = observations(len(slots)), ticks(len(slots)), []
    for _ in range(steps):
        commands.append(session.act(chosen, seen))
        session.feel(chosen, felt)
    return np.array(commands)


@pytest.mark.parametrize("head", ["mlp", "flow"])
@pytest.mark.parametrize("base_action", [False, True])
def test_a_residual_that_says_nothing_leaves_the_base_as_it_is_to_the_last_bit(head, base_action):
    policy = make_policy(None, head=head, base_action=base_action)
    base = ChunkSession(Onward(), 3)
    for slot in range(3):
        base.reset(slot, seed=slot + 5)
    alone = np.array([base.act(np.arange(3), observations(3)) for _ in range(12)])
    np.testing.assert_array_equal(run(policy), alone)


def test_what_it_says_moves_the_reference_in_the_tools_frame_and_keeps_the_base_beside_it():
    """The same delta, whichever way the base holds the tool: yaw of 90 and 180 degrees, and tilted."""
    policy = make_policy(None, settling=0.0)
    said = nothing(15)
    said[:3], said[9:] = [0.003, -0.002, 0.001], [1.0, 2.0, -3.0, 0.1, -0.2, 0.3]
    frames = np.tile(said, (1, 5, 1))
    policy.correct = lambda *given: frames
    for turn in ([0, 0, np.pi / 2], [0, 0, np.pi], [0.4, -0.3, 1.0]):
        seen = observations(1)
        seen[0, 3:7] = quat_from_vector(np.array(turn))
        session = policy.session(1)
        session.reset(0, 0)
        command = session.act(np.array([0]), seen)[0].astype(np.float64)
        base, reference = (Pose.from_vector(command[at]) for at in (BASE, REFERENCE))
        np.testing.assert_allclose((base.inverse() @ reference).position, said[:3], atol=1e-7)
        np.testing.assert_allclose(command[WRENCH], said[9:], atol=1e-7)
        np.testing.assert_allclose(base.quat, seen[0, 3:7], atol=1e-6)


def test_the_frame_that_is_due_when_the_step_ends_is_carried_out():
    policy = make_policy(None, settling=0.0)
    frames = np.tile(nothing(15), (1, 5, 1))
    frames[0, :, 11] = [10.0, 1.0, 20.0, 30.0, 40.0]
    policy.correct = lambda *given: frames
    assert run(policy, 1, (0,))[0, 0, WRENCH][2] == pytest.approx(1.0)


def test_what_it_says_settles_evenly_delta_and_wrench_alike():
    policy = make_policy(None, settling=0.06)
    frames = np.tile(nothing(15), (1, 5, 1))
    frames[..., 0], frames[..., 9] = 0.004, 8.0
    policy.correct = lambda *given: frames
    commands = run(policy, 40, (0,))[:, 0].astype(np.float64)
    moved = np.linalg.norm(commands[:, REFERENCE][:, :3] - commands[:, BASE][:, :3], axis=1)
    np.testing.assert_allclose(moved, 0.004 * (1 - 0.75 ** np.arange(1, 41)), atol=1e-7)
    np.testing.assert_allclose(commands[:, WRENCH][:, 0] / 8.0, moved / 0.004, atol=1e-4)


@pytest.mark.parametrize("head", ["mlp", "flow"])
def test_rows_are_independent_bit_for_bit(head):
    policy = make_policy(head=head)
    count, config = 21, policy.network.config
    rng = np.random.default_rng(0)
    given = (
        observations(count),
        np.tile(HERE, (count, config.poses, 1)),
        rng.normal(size=(count, 32, 6)),
        None,
        rng.standard_normal((count, config.frames * 15), dtype=np.float32),
    )

    def said(rows):
        return policy.correct(*(None if part is None else part[rows] for part in given))

    together = said(np.arange(count))
    np.testing.assert_array_equal(np.concatenate([said(np.array([row])) for row in range(count)]), together)
    assert np.ptp(together[:, 1, 0]) > 1e-4
    assert np.ptp(together[:, 1, 9]) > 1e-2


def test_what_is_felt_changes_what_is_said_and_can_be_taken_away():
    policy = make_policy()
    felt = run(policy)
    policy.without = frozenset({"force"})
    unfelt = run(policy)
    policy.without = frozenset({"wrench"})
    np.testing.assert_array_equal(unfelt[0], felt[0])  # nothing has been felt yet
    assert np.abs(unfelt[5:, :, WRENCH] - felt[5:, :, WRENCH]).max() > 0.01
    assert not run(policy)[:, :, WRENCH].any()


def test_a_residual_without_force_does_not_feel():
    policy, commands = make_policy(force=False), []
    for loud in (0.0, 100.0):
        session, felt = policy.session(1), ticks(1)
        session.reset(0, 1)
        felt[..., TRACKS["contact_wrench"]] *= loud
        session.feel(np.array([0]), felt)
        commands.append(session.act(np.array([0]), observations(1)))
    np.testing.assert_array_equal(*commands)
    assert commands[0][:, WRENCH].any()


def test_the_newest_reading_is_the_last_and_nothing_is_known_before_the_first():
    policy = make_policy()
    given = []
    policy.correct = lambda *parts: given.append(parts) or np.tile(nothing(15), (1, 5, 1))
    session = policy.session(1)
    session.reset(0, 0)
    seen, felt = observations(1), ticks(1)
    felt[..., TRACKS["contact_wrench"]] = np.arange(10)[None, :, None]
    felt[..., TRACKS["measured_pose"]] += 0.001 * np.arange(10)[None, :, None]
    session.act(np.array([0]), seen)
    session.feel(np.array([0]), felt)
    session.act(np.array([0]), seen)
    (_, poses, readings, _, _), (_, later, after, _, _) = given
    assert not readings.any()
    np.testing.assert_allclose(poses[0], np.tile(seen[0, :7], (3, 1)))
    np.testing.assert_allclose(after[0, -2:, 0], [3.5, 7.5])  # ticks 2 to 5, and 6 to 9
    np.testing.assert_allclose(after[0, :-3], 0.0)
    np.testing.assert_allclose(later[0, 1:, 0], [0.004, 0.009])  # 10 ms apart; before it where it is now
    np.testing.assert_allclose(later[0, 0], seen[0, :7])


def test_no_correction_is_larger_than_the_robot_bears():
    turned = quat_multiply(quat_from_vector(np.array([0.0, 2.0, 0.0])), np.array([1.0, 0, 0, 0]))
    far = nine_of(np.array([[0.3, 0.4, 0.0, *turned]]), HERE)
    pose = poses_of(capped_delta(far), HERE)[0]
    np.testing.assert_allclose(pose[:3], [0.6 * MOST_DELTA[0], 0.8 * MOST_DELTA[0], 0.0], atol=1e-12)
    assert 2 * np.arccos(pose[3]) == pytest.approx(MOST_DELTA[1])
    np.testing.assert_allclose(capped_delta(IDENTITY[None])[0], IDENTITY, atol=1e-12)
    strong = capped_wrench(np.array([[0.0, 300.0, 400.0, 0.1, 0.0, 0.0]]))[0]
    np.testing.assert_allclose(strong, [0, 0.6 * MOST_WRENCH[0], 0.8 * MOST_WRENCH[0], 0.1, 0, 0], atol=1e-12)


def test_in_real_time_the_base_thinks_aside():
    """A step does not wait for a chunk; once it has come, it is followed."""
    may_go_on = threading.Event()

    class Slow(Onward):
        def predict_action_chunk(self, history, random):
            assert may_go_on.wait(30)
            return super().predict_action_chunk(history, random)

    policy = in_real_time(make_policy(None, base=Slow()))
    assert (policy.observation_dim, policy.action_dim) == (D, ACTIONS)
    session, seen, slot = policy.session(1), observations(1), np.array([0])
    session.reset(0, 0)
    held = np.concatenate([session.act(slot, seen) for _ in range(5)])
    assert not len(session.waypoints(0))
    np.testing.assert_allclose(held[:, REFERENCE][:, :3], np.tile(seen[0, :3], (5, 1)), atol=1e-6)
    may_go_on.set()
    for _ in range(14):  # the chunk is of 20 steps
        time.sleep(0.2)
        moved = session.act(slot, seen)[0, REFERENCE.start] - seen[0, 0]
        if len(session.waypoints(0)):
            break
    assert moved > 1e-3


def test_at_hand_back_nothing_is_left_of_what_was_said_before():
    policy = make_policy()
    session = policy.session(1)
    session.reset(0, 0)
    for _ in range(20):
        late = session.act(np.array([0]), observations(1))
        session.feel(np.array([0]), ticks(1))
    session.forget(0)
    fresh = session.act(np.array([0]), observations(1))
    force = slice(WRENCH.start, WRENCH.start + 3)
    np.testing.assert_allclose(fresh[:, force], late[:, force] / 3, rtol=0.01)  # of 20 ms, with 40 ms to settle


def test_a_slot_that_was_never_reset_says_so():
    session = make_policy().session(2)
    session.reset(0, 0)
    with pytest.raises(PolicyError, match="slot 1 was never reset"):
        session.act(np.array([0, 1]), observations(2))
