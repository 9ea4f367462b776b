"""A person pushes while the policy goes on: what happens, and what is kept of it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from retouch.collection import collect, dataset_info
from retouch.counting import Target
from retouch.episodes.reader import Dataset
from retouch.episodes.schema import ControlSource
from retouch.errors import InputError
from retouch.geometry import Pose
from retouch.operators.correction import Push, Replace, Sight
from retouch.operators.profile import profile
from retouch.operators.scripted import ScriptedPerson
from retouch.robots.ur5e import command_of, grip_of
from retouch.robots.ur5e_arm import HANDLE_LENGTH, HANDLE_MIDDLE, pointing_down
from retouch.rollout import replay, rollout
from tests.pressing import BIAS, BlindPolicy, Pressing
from tests.robots.ur5e_scene import TOOL
from tests.tiny import StuckPolicy, tiny

TASK = Pressing()
ABOVE = HANDLE_LENGTH - HANDLE_MIDDLE + TOOL.length  # of the handle over the tool centre point [m]


class Nudger:
    """Pushes sideways towards the pad from step 20 on, with at most some newtons."""

    name, repeatable = "scripted: nudger", True

    def __init__(self, force: float = 15.0) -> None:
        self.force = force

    def session(self, task: Pressing, seed: int, way: str) -> "Nudger":
        return self

    def correct(self, sight: Sight) -> Push | None:
        if sight.step < 20:
            return None
        tool, pad = sight.observation[:3].astype(float), sight.observation[-3:].astype(float)
        target = Pose(np.array([*pad[:2], tool[2] + ABOVE]), pointing_down(tool).quat)
        grip = grip_of(target, stiffness=(333.0 * self.force, 0.0), damping=(50.0, 0.0), limit=(self.force, 0.0))
        return Push(grip, key=sight.step < 100, cause="beside the pad")


def test_the_policy_alone_presses_beside_it() -> None:
    (attempt,) = rollout(TASK, [1], policy=BlindPolicy())
    assert (attempt.outcome, attempt.reason) == ("failure", "pressed beside the pad")


def test_a_push_makes_it_succeed_while_the_policy_goes_on(tmp_path: Path) -> None:
    collect(TASK, Nudger(), "delta", tmp_path, Target(episodes=2), policy=BlindPolicy(), policy_name="blind")
    dataset = Dataset(tmp_path)
    assert [e.outcome for e in dataset.episodes] == ["success", "success"]
    frames = dataset.frames(dataset.episodes[0])
    source, pushed = frames["control_source"], frames["intervention"]
    assert set(np.unique(source)) <= {ControlSource.POLICY, ControlSource.BOTH}
    np.testing.assert_array_equal(pushed, source == ControlSource.BOTH)
    assert not pushed[:20].any()
    assert pushed[20:].all()
    np.testing.assert_array_equal(frames["action"], frames["policy_action"])
    hand = np.linalg.norm(frames["tick_hand_wrench"][..., :3], axis=-1)
    assert frames["tick_hand_wrench"].shape[1:] == (10, 6)
    assert hand[:20].max() == 0.0
    assert 3.0 < hand.max() <= 15.001
    moved = frames["tick_measured_pose"][-1, -1, :2] - frames["tick_base_reference"][-1, -1, :2]
    assert np.linalg.norm(moved + BIAS[:2]) < 0.005


def test_it_replays_bit_for_bit(tmp_path: Path) -> None:
    collect(TASK, Nudger(), "delta", tmp_path, Target(episodes=1), policy=BlindPolicy(), policy_name="blind")
    dataset = Dataset(tmp_path)
    (episode,) = dataset.episodes
    frames = dataset.frames(episode)
    states = replay(TASK, episode.seed, frames["action"], frames["grip"])
    np.testing.assert_array_equal(states[:-1], frames["sim_state"])


def test_attempts_do_not_depend_on_how_many_run() -> None:
    def states(worlds: int) -> list[np.ndarray]:
        attempts = rollout(TASK, range(5), policy=BlindPolicy(), operator=Nudger(), way="delta", worlds=worlds)
        return [attempt.final_state for attempt in attempts]

    np.testing.assert_array_equal(states(1), states(3))


def test_a_robot_that_stops_ends_the_attempt() -> None:
    """Somebody who throws it: 200 N at the handle."""
    (attempt,) = rollout(TASK, [1], policy=BlindPolicy(), operator=Nudger(force=200.0), way="delta")
    assert attempt.outcome == "failure"
    assert attempt.reason.startswith("stopped: ")
    assert attempt.steps < 40


@pytest.mark.parametrize("way", ["delta", "take-over"])
def test_a_scripted_person_corrects_in_either_way(way: str) -> None:
    """The policy alone never succeeds; the person notices, corrects, and it does."""
    person = ScriptedPerson(dataclasses.replace(profile("steady"), funnel_width=0.003, funnel_slope=0.1))
    attempts = list(rollout(TASK, range(6), policy=BlindPolicy(), operator=person, way=way))  # type: ignore[arg-type]
    assert [a.outcome for a in attempts] == ["success"] * 6
    assert all(a.causes and a.causes[0][1] == "funnel" for a in attempts)
    assert all(0 < a.human_steps < a.steps for a in attempts)


def test_who_takes_over_leads_a_robot_that_does_not_resist(tmp_path: Path) -> None:
    person = ScriptedPerson(dataclasses.replace(profile("steady"), funnel_width=0.003, funnel_slope=0.1))
    collect(TASK, person, "take-over", tmp_path, Target(episodes=1), policy=BlindPolicy(), policy_name="blind")
    dataset = Dataset(tmp_path)
    frames = dataset.frames(dataset.episodes[0])
    led = frames["control_source"] == ControlSource.OPERATOR
    assert led.any()
    assert frames["tick_stiffness"][led].max() == 0.0
    assert frames["tick_stiffness"][~led].min() > 0.0
    assert np.linalg.norm(frames["tick_hand_wrench"][led, -1, :3], axis=-1).max() > 3.0


class Leader:
    """Holds a robot that does not resist for 20 steps, and lets go."""

    name, repeatable = "scripted: leader", True

    def session(self, task: Pressing, seed: int, way: str) -> "Leader":
        return self

    def correct(self, sight: Sight) -> Replace | None:
        if not 20 <= sight.step < 40:
            return None
        return Replace(command_of(pointing_down(sight.observation[:3]), stiffness=(0.0, 0.0)))


def test_a_robot_that_was_led_takes_hold_of_itself_gently(tmp_path: Path) -> None:
    """For 0.3 s it stays where it was left, its stiffness growing; nobody learns from that; then the policy goes on."""
    target = Target(episodes=1, max_attempts=1)
    collect(TASK, Leader(), "take-over", tmp_path, target, policy=BlindPolicy(), policy_name="blind")
    dataset = Dataset(tmp_path)
    (episode,) = dataset.all_episodes
    frames = dataset.frames(episode)
    source, end = frames["control_source"], 40 + TASK.settling
    assert (source[20:40] == ControlSource.OPERATOR).all()
    assert (source[40:end] == ControlSource.NONE).all()
    assert (source[end:] == ControlSource.POLICY).all()
    assert frames["intervention"].sum() == 20
    stiffness = frames["tick_stiffness"][:, 0, 0]
    np.testing.assert_allclose(stiffness[40:end], np.arange(1, TASK.settling + 1) / TASK.settling * stiffness[0])
    reference = frames["tick_reference"][41:end].reshape(-1, 7)
    np.testing.assert_allclose(reference, np.tile(reference[0], (len(reference), 1)), atol=1e-6)
    states = replay(TASK, episode.seed, frames["action"], frames["grip"])
    np.testing.assert_array_equal(states[:-1], frames["sim_state"])


def test_a_robot_without_a_handle_cannot_be_pushed() -> None:
    with pytest.raises(InputError, match="no handle to push"):
        next(rollout(tiny(), [0], policy=StuckPolicy(), operator=Nudger(), way="delta"))


def test_every_tick_has_its_columns() -> None:
    features = dataset_info(TASK).features
    assert features["tick_reference"].shape == (10, 7)
    assert features["grip"].shape == (15,)
    assert features["policy_waypoints"].shape == (32, 8)
    assert not [name for name in dataset_info(tiny()).features if name.startswith("tick_")]
