"""A hand far away at a robot's handle: bounded, without jumps, and gone when it lets go."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pressing import Pressing

from retouch.collection import InMemory
from retouch.errors import InputError
from retouch.geometry import Pose
from retouch.operators.correction import Push, Sight
from retouch.operators.frame import ControlFrame
from retouch.operators.hold import Grip, Hold
from retouch.operators.pushing import LIMIT, RAMP_S, STIFFNESS, PushingHand
from retouch.robots.ur5e import command_of
from retouch.robots.ur5e_arm import pointing_down
from retouch.rollout import rollout

TASK = Pressing()
TOOL = pointing_down(np.array([0.0, 0.1, 0.95]))
STEP = [limit * TASK.control_period / RAMP_S for limit in LIMIT]
NOTHING = np.zeros(3)
far = st.lists(st.floats(-1e3, 1e3), min_size=6, max_size=6)


@given(st.lists(far, min_size=1, max_size=12))
def test_whatever_is_sent_force_and_torque_are_bounded_and_do_not_jump(moves: list[list[float]]) -> None:
    hand, before = PushingHand(TASK), np.zeros(6)
    for move in moves:
        hand.push(TOOL, np.array(move[:3]), np.array(move[3:]))
        for half in range(2):
            part = slice(3 * half, 3 * half + 3)
            assert np.linalg.norm(hand.wrench[part]) <= LIMIT[half] * (1 + 1e-9)
            assert np.linalg.norm(hand.wrench[part] - before[part]) <= STEP[half] * (1 + 1e-9)
        before = hand.wrench.copy()


def test_force_is_stiffness_times_displacement_wherever_the_robot_has_gone() -> None:
    hand, moved = PushingHand(TASK), np.array([0.01, -0.02, 0.005])
    for k in range(50):
        hand.push(Pose(TOOL.position + 0.002 * k, TOOL.quat), moved, NOTHING)
    np.testing.assert_allclose(hand.wrench, [*(STIFFNESS[0] * moved), 0, 0, 0])
    assert hand.newtons == pytest.approx(400 * np.linalg.norm(moved))


def test_a_hand_that_lets_go_fades_within_the_ramp_and_is_gone() -> None:
    hand = PushingHand(TASK)
    for _ in range(20):
        hand.push(TOOL, np.array([0.0, 0.1, 0.0]), np.array([0.0, 0.0, 2.0]))
    assert hand.newtons == pytest.approx(LIMIT[0])
    left = []
    while hand.fade(TOOL) is not None:
        left.append(hand.newtons)
    assert len(left) == round(RAMP_S / TASK.control_period) - 1
    assert (np.diff(left) < 0).all()
    assert not hand.wrench.any()


class Somebody:
    """Whose hand is elsewhere by `moved` from the first step to step `until`; the robot stays where it is asked to."""

    name, repeatable = "scripted: somebody", True

    def __init__(self, moved: np.ndarray, turned: np.ndarray = NOTHING, until: int = 1000) -> None:
        self.moved, self.turned, self.until = moved, turned, until

    def session(self, task: Pressing, seed: int, way: str) -> "Somebody":
        self.hand, self.task = PushingHand(task), task
        return self

    def correct(self, sight: Sight) -> Push | None:
        tool = self.task.tool_pose(sight.observation)
        if sight.step < self.until:
            return Push(self.hand.push(tool, self.moved, self.turned))
        grip = self.hand.fade(tool)
        return None if grip is None else Push(grip, key=False)


class Still:
    """A policy that asks for one place."""

    observation_dim, action_dim = 3, 24

    def session(self, slots: int) -> "Still":
        return self

    def reset(self, slot: int, seed: int) -> None: ...

    def forget(self, slot: int) -> None: ...

    def act(self, slots: np.ndarray, observations: np.ndarray) -> np.ndarray:
        return np.stack([command_of(TOOL) for _ in slots]).astype(np.float32)


def pushed(person: Somebody, steps: int) -> InMemory:
    rows = InMemory()
    next(rollout(TASK, [1], policy=Still(), operator=person, horizon=steps, worlds=1, record=lambda *_: rows))
    return rows


def test_the_robot_feels_it_at_the_tool_gives_way_and_comes_back() -> None:
    moved, until = np.array([0.02, 0.0, 0.0]), 100
    rows = pushed(Somebody(moved, until=until), 160)
    felt = rows.column("tick_hand_wrench")
    force = np.linalg.norm(felt[..., :3], axis=-1)
    assert force[until - 1, -1] == pytest.approx(8.0, abs=0.05)
    assert np.abs(felt[..., 3:]).max() < 0.3  # about the tool centre point: the tool does not tip
    assert np.abs(felt[until - 1, -1, 3:]).max() < 0.02
    assert np.abs(np.diff(force.ravel())).max() < STEP[0] + 0.1
    away = rows.column("tick_measured_pose")[:, -1, :3] - TOOL.position
    assert away[until - 1, 0] == pytest.approx(0.008, abs=0.001)  # 8 N against the 1000 N/m of the tool's spring
    assert force[until + 5 :].max() == 0.0
    assert np.abs(away[-1]).max() < 0.001


def test_the_most_that_a_hand_does_never_moves_a_robot_out_of_its_springs_reach() -> None:
    rows = pushed(Somebody(np.array([0.0, 9.0, 0.0]), np.array([0.0, 0.0, 3.0])), 200)
    felt = rows.column("tick_hand_wrench")
    assert np.linalg.norm(felt[..., :3], axis=-1).max() <= LIMIT[0] + 1e-4
    assert np.linalg.norm(felt[..., 3:], axis=-1).max() <= LIMIT[1] + 0.3
    assert rows.column("tick_stopped").max() == 0
    away = np.linalg.norm(rows.column("tick_measured_pose")[-1, -1, :3] - TOOL.position)
    assert 0.014 < away < 0.018


def frame(sequence: int, position: tuple[float, float, float], **other) -> ControlFrame:
    values = {"hold": 1, "epoch": 0, "push": True, "clutch": False, "held": True} | other
    return ControlFrame(
        tracking=True, gripper=False, source="phone", sequence=sequence, client_ms=10.0 * sequence, position=position,
        quat=(1.0, 0.0, 0.0, 0.0), **values,
    )  # fmt: skip


def seen(hold: Hold, shown: ControlFrame) -> Grip:
    hold.see(shown, shown.client_ms, shown.client_ms)
    return hold.tick(shown.client_ms)


def test_a_displacement_counts_from_the_press_the_clutch_and_the_new_origin() -> None:
    hold = Hold()
    assert seen(hold, frame(1, (1.0, 1.0, 1.0))) is Grip.STEERING
    assert hold.pushes
    np.testing.assert_array_equal(hold.displacement()[0], NOTHING)
    seen(hold, frame(2, (1.02, 1.0, 1.0)))
    np.testing.assert_allclose(hold.displacement()[0], [0.0, -0.02, 0.0], atol=1e-12)  # right, seen along x, is -y
    assert seen(hold, frame(3, (1.04, 1.0, 1.0), clutch=True)) is Grip.FROZEN
    seen(hold, frame(4, (1.06, 1.0, 1.0)))
    np.testing.assert_array_equal(hold.displacement()[0], NOTHING)
    seen(hold, frame(5, (1.05, 1.0, 1.0)))
    assert np.linalg.norm(hold.displacement()[0]) == pytest.approx(0.01)
    seen(hold, frame(6, (3.0, 1.0, 1.0), epoch=1))
    np.testing.assert_array_equal(hold.displacement()[0], NOTHING)
    seen(hold, frame(7, (4.0, 1.0, 1.0), epoch=1))  # a metre in 10 ms is the tracker's
    np.testing.assert_array_equal(hold.displacement()[0], NOTHING)


def test_what_a_hold_does_is_said_by_its_first_frame() -> None:
    hold = Hold()
    seen(hold, frame(1, (0.0, 0.0, 0.0), push=False))
    seen(hold, frame(2, (0.0, 0.0, 0.0)))
    assert not hold.pushes
    seen(hold, frame(3, (0.0, 0.0, 0.0), hold=2))
    assert hold.pushes


def test_a_frame_says_whether_it_pushes() -> None:
    shown = frame(1, (0.0, 0.0, 0.0))
    assert ControlFrame.decode(shown.encode()) == shown
    data = bytearray(shown.encode())
    data[1] |= 32
    with pytest.raises(InputError, match="flags"):
        ControlFrame.decode(bytes(data))
