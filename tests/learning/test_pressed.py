"""Virtual targets against what a real arm was asked for, and what was felt by when."""

import numpy as np
import pytest

from retouch.errors import InputError
from retouch.learning.data import TrainingData
from retouch.learning.pressed import felt_before, virtual_targets
from retouch.robots.ur5e import command_of
from retouch.robots.ur5e_arm import pointing_down
from retouch.robots.ur5e_tick import TRACKS
from tests.robots.ur5e_scene import START, robot

from .samples import record


@pytest.mark.parametrize("yaw", [0.0, np.pi / 2, -2.0])
def test_a_tool_on_a_table_tells_what_its_robot_is_asked_for(yaw: float) -> None:
    """Pressed down, sideways and turned: an error in frame or sign is twice what the table holds the tool up by."""
    arm = robot(yaw=yaw)
    below = pointing_down(START - [0.004, 0.002, 0.032], yaw)
    for step in range(60):
        on = START + (below.position - START) * (step + 1) / 60
        arm.command(np.array([0]), command_of(pointing_down(on, yaw))[None])
    ticks = np.concatenate([arm.command(np.array([0]), command_of(below)[None]) for _ in range(100)])
    felt = felt_before(ticks[..., TRACKS["contact_wrench"]].astype(np.float32), np.array([100]))[-1]
    tool = ticks[-1, -1, TRACKS["measured_pose"]]
    assert np.linalg.norm(tool[:3] - below.position) > 0.004
    np.testing.assert_allclose(virtual_targets(tool, felt)[:3], below.position, atol=4e-4)  # the servos give


def test_what_was_felt_is_of_before_the_observation_and_of_its_episode() -> None:
    contact = np.zeros((24, 10, 6), np.float32)
    contact[4:12, :, 2] = -10.0  # to the end of the first episode
    felt = felt_before(contact, np.array([12, 12]))[:, 2]
    np.testing.assert_allclose(felt[:12], [0, 0, 0, 0, 0, -2, -4, -6, -8, -10, -10, -10], atol=1e-6)
    np.testing.assert_array_equal(felt[12:], 0.0)


def test_data_without_a_force_are_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="has no tick_contact_wrench: virtual targets need a robot that yields"):
        TrainingData.from_datasets([record(tmp_path, ("demonstration", "success", "OOO"))], felt=True)
