"""The rules of docs/protocol.md, for any sequence of presses, losses, delays and jumps."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retouch.geometry import Pose, quat_about, quat_inverse, quat_multiply, quat_to_vector
from retouch.operators.frame import ControlFrame
from retouch.operators.hold import FREEZE_MS, GONE_MS, STALE_MS, Grip, Hold, person_frame

TOOL = Pose(np.array([0.1, -0.2, 0.9]), np.array([0.0, math.sqrt(0.5), math.sqrt(0.5), 0.0]))
STILL = (1.0, 0.0, 0.0, 0.0)


def frame(sequence: int, at_ms: float = 0.0, held: bool = True, hold: int = 1, **changes) -> ControlFrame:
    made = ControlFrame(held, True, False, False, "phone", sequence, hold, 0, at_ms, (0.0, 0.0, 0.0), STILL, 1.0)
    return dataclasses.replace(made, **changes)


def pressed(at_ms: float = 0.0, **changes) -> Hold:
    hold = Hold()
    hold.see(frame(1, at_ms, **changes), at_ms, at_ms)
    assert hold.tick(at_ms) is Grip.STEERING
    return hold


def test_nobody_holds_at_first():
    assert Hold().tick(0.0) is Grip.OPEN


def test_a_press_moves_nothing():
    hold = pressed(position=(3.0, 2.0, 1.0), quat=tuple(quat_about(np.array([0, 1.0, 0]), 1.0)))
    target, closed = hold.target(TOOL, True)
    assert np.allclose(target.position, TOOL.position)
    assert np.allclose(target.quat, TOOL.quat)
    assert closed


@pytest.mark.parametrize(
    ("hand", "azimuth", "world"),
    [
        ((0.1, 0, 0), 0.0, (0, -0.1, 0)),  # right, looking along x
        ((0, 0.1, 0), 0.0, (0, 0, 0.1)),  # up
        ((0, 0, -0.1), 0.0, (0.1, 0, 0)),  # forward
        ((0, 0, -0.1), math.pi / 2, (0, 0.1, 0)),
        ((0.1, 0, 0), math.pi, (0, 0.1, 0)),
    ],
)
def test_forward_is_where_the_person_looks(hand, azimuth, world):
    hold = Hold()
    hold.see(frame(1, 0.0), 0.0, 0.0, azimuth=azimuth)
    hold.tick(0.0)
    hold.target(TOOL, False)
    hold.see(frame(2, 100.0, position=hand), 100.0, 100.0, azimuth=azimuth + 1.0)  # the view turns on meanwhile
    hold.tick(100.0)
    target, _ = hold.target(TOOL, False)
    assert np.allclose(target.position - TOOL.position, world, atol=1e-9)


def test_a_turn_about_the_persons_axes_is_one_about_the_worlds():
    hold = pressed()
    hold.target(TOOL, False)
    nod = tuple(quat_about(np.array([1.0, 0, 0]), 0.2))  # about the person's right
    hold.see(frame(2, 100.0, quat=nod), 100.0, 100.0)
    hold.tick(100.0)
    target, _ = hold.target(TOOL, False)
    turn = quat_to_vector(quat_multiply(target.quat, quat_inverse(TOOL.quat)))
    assert np.allclose(turn, [0, -0.2, 0], atol=1e-9)
    assert np.allclose(person_frame(0.7) @ person_frame(0.7).T, np.eye(3))


def test_scale():
    hold = pressed(scale=0.5)
    hold.target(TOOL, False)
    hold.see(frame(2, 100.0, position=(0, 0.1, 0), scale=0.5), 100.0, 100.0)
    hold.tick(100.0)
    assert np.isclose(hold.target(TOOL, False)[0].position[2] - TOOL.position[2], 0.05)


def test_a_release_hands_back_and_a_loss_does_not():
    hold = pressed()
    hold.see(frame(2, 20.0, held=False), 20.0, 20.0)
    assert hold.tick(20.0) is Grip.RELEASED
    assert hold.tick(25.0) is Grip.OPEN
    hold = pressed()
    assert hold.tick(GONE_MS + 1) is Grip.GONE
    assert hold.tick(GONE_MS + 2) is Grip.OPEN


def test_a_release_without_a_pose_is_a_loss():
    """Tracking was lost, the page hidden, the touch interrupted: the person has not let go on purpose."""
    hold = pressed()
    hold.see(frame(2, 20.0, held=False, tracking=False), 20.0, 20.0)
    assert hold.tick(20.0) is Grip.GONE


def test_frozen_at_150_gone_at_300():
    hold = pressed()
    grips = {ms: hold.tick(float(ms)) for ms in range(0, 400, 10)}
    assert {ms for ms, grip in grips.items() if grip is Grip.STEERING} == set(range(0, 160, 10))
    assert {ms for ms, grip in grips.items() if grip is Grip.FROZEN} == set(range(160, 310, 10))
    assert grips[310] is Grip.GONE


def test_a_hold_that_was_lost_needs_a_new_press():
    hold = pressed()
    hold.tick(GONE_MS + 1)
    for k in range(20):
        at = 400.0 + 10 * k
        hold.see(frame(2 + k, at), at, at)
        assert hold.tick(at) is Grip.OPEN
    hold.see(frame(50, 700.0, hold=2), 700.0, 700.0)
    assert hold.tick(700.0) is Grip.STEERING


def test_a_pause_needs_a_new_press():
    hold = pressed()
    hold.drop()
    hold.see(frame(2, 10.0), 10.0, 10.0)
    assert hold.tick(10.0) is Grip.OPEN
    hold.see(frame(3, 20.0, hold=2), 20.0, 20.0)
    assert hold.tick(20.0) is Grip.STEERING


def test_a_backlog_moves_nothing():
    hold = pressed()
    hold.target(TOOL, False)
    for k in range(100):  # 90 Hz of frames arrive at once, each older than what still counts
        hold.see(frame(2 + k, 11.0 * k, position=(1.0, 1.0, 1.0)), 11.0 * k, 11.0 * 100 + STALE_MS)
    assert hold.frame.sequence == 1
    assert hold.tick(11.0 * 100 + STALE_MS) is Grip.GONE


def test_out_of_order_frames_are_dropped_over_the_end_of_32_bits():
    hold = Hold()
    for sequence in (2**32 - 2, 2**32 - 1, 0, 1, 2**32 - 1, 0):
        hold.see(frame(sequence), 0.0, 0.0)
    assert hold.frame.sequence == 1


@pytest.mark.parametrize("why", ["clutch", "tracking", "epoch", "jump", "turn", "freeze", "scale"])
def test_no_jump_after(why):
    """A clutch, lost tracking, a new origin, a leap, a gap: the robot stays where it is."""
    hold = pressed()
    hold.target(TOOL, False)
    moved = Pose(TOOL.position + 0.02, TOOL.quat)
    far = {"position": (0.0, 0.3, 0.0)}
    changes = {
        "epoch": {"epoch": 1, **far},
        "jump": far,
        "turn": {"quat": tuple(quat_about(np.array([0, 0, 1.0]), 1.5))},
        "scale": {"scale": 2.0},
    }.get(why, far)
    at = 30.0
    if why in ("clutch", "tracking"):
        hold.see(frame(2, at, **{why: why == "clutch"}), at, at)
        assert hold.tick(at) is Grip.FROZEN
    if why == "freeze":
        at = FREEZE_MS + 20
        assert hold.tick(at) is Grip.FROZEN
    hold.see(frame(3, at + 30, **changes), at + 30, at + 30)
    assert hold.tick(at + 30) is Grip.STEERING
    target, _ = hold.target(moved, False)
    assert np.allclose(target.position, moved.position)
    assert np.allclose(target.quat, moved.quat)


def test_the_gripper_changes_when_it_is_tapped_and_not_at_a_press():
    hold = pressed(gripper=True)
    assert hold.target(TOOL, False)[1] is False
    for sequence, gripper, wanted in ((2, True, False), (3, False, True), (4, False, True), (5, True, False)):
        hold.see(frame(sequence, 10.0 * sequence, gripper=gripper), 10.0 * sequence, 10.0 * sequence)
        hold.tick(10.0 * sequence)
        assert hold.target(TOOL, False)[1] is wanted


def test_another_hand_does_not_interrupt():
    hold = pressed()
    hold.see(frame(9, 10.0, hold=5, position=(1, 1, 1)), 10.0, 10.0, sender=2)
    assert hold.frame.sequence == 1
    hold.see(frame(2, 20.0, held=False), 20.0, 20.0)
    hold.tick(20.0)
    hold.see(frame(1, 30.0, hold=5), 30.0, 30.0, sender=2)  # whose frames are counted anew
    assert hold.tick(30.0) is Grip.STEERING


event = st.tuples(
    st.floats(0, 120),  # ms until it
    st.floats(0, 400),  # its delay [ms]
    st.booleans(),  # held
    st.booleans(),  # tracking
    st.booleans(),  # clutch
    st.integers(1, 3),  # hold
    st.tuples(*[st.floats(-2, 2)] * 3),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(event, min_size=1, max_size=60))
def test_whatever_comes(events):
    """The target never is further from the robot than a hand can have gone in the time; old frames never act."""
    hold, now, reference = Hold(), 0.0, None
    for sequence, (wait, delay, held, tracking, clutch, number, position) in enumerate(events):
        now += wait
        made = now - delay
        client = max(0.0, made)
        hold.see(frame(sequence, client, held, number, tracking=tracking, clutch=clutch, position=position), made, now)
        grip = hold.tick(now)
        if grip is not Grip.STEERING:
            reference = None
            continue
        assert now - hold.made_ms <= FREEZE_MS
        assert hold.frame.held
        assert hold.frame.tracking
        assert not hold.frame.clutch
        target, _ = hold.target(TOOL, False)
        assert np.isfinite(target.position).all()
        if reference is None:
            assert np.allclose(target.position, TOOL.position)
            reference = 0.0, client
        else:
            reference = reference[0] + 4.0 * max(0.0, client - reference[1]) / 1000 + 0.05, client
            assert np.linalg.norm(target.position - TOOL.position) <= reference[0] + 1e-6
