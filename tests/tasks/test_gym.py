"""Tasks as Gymnasium environments."""

import subprocess
import sys

import numpy as np
import pytest

from retouch.errors import InputError, RobotError
from retouch.tasks.cable import AT_CABLE
from retouch.tasks.coffee import Coffee
from retouch.tasks.threading import Threading

gymnasium = pytest.importorskip("gymnasium")

from gymnasium.utils.env_checker import check_env  # noqa: E402

from retouch.tasks.gym import TaskEnv, environment_id  # noqa: E402

NAME = "retouch/Threading-v0"


class Short(Threading):
    """Over after five steps."""

    horizon = 5


# The bounds of an observation are those of the world: there are none.
@pytest.mark.filterwarnings("ignore:.*A Box observation space m.*imum value is -?infinity.*:UserWarning")
@pytest.mark.parametrize("render_mode", [None, "rgb_array"])
@pytest.mark.parametrize("name", [NAME, "retouch/Coffee-v0", "retouch/GearInsertion-v0"])
def test_gymnasiums_checker_passes(name, render_mode):
    check_env(gymnasium.make(name, render_mode=render_mode).unwrapped)


def test_made_by_name_alone():
    program = "import gymnasium; print(gymnasium.make('retouch.tasks.gym:retouch/Threading-v0').reset(seed=0)[0].shape)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"({len(Threading.observation_names)},)"


def test_names():
    assert environment_id("threading") == NAME
    assert environment_id("gear-on-shaft") == "retouch/GearOnShaft-v0"


@pytest.mark.parametrize("task", [Threading, Coffee])
def test_spaces_are_those_of_the_task(task):
    env = TaskEnv(task.name)
    assert env.observation_space.shape == (len(task.observation_names),)
    assert env.action_space.shape == (7,)
    assert np.all(env.action_space.high == 1)
    assert np.all(env.action_space.low == -1)
    assert env.metadata["render_fps"] == 20


def test_shares_move_and_press_a_compliant_robot():
    env = TaskEnv("gear-insertion")
    seen, _ = env.reset(seed=0)
    assert env.action_space.shape == (12,)
    forward = np.zeros(12, np.float32)
    forward[0] = 0.4
    for _ in range(25):
        moved, *_ = env.step(forward)
    assert 0.04 < moved[0] - seen[0] < 0.052  # 0.1 m/s for half a second
    with pytest.raises(RobotError, match="12 finite shares"):
        env.step(np.zeros(7, np.float32))


def test_an_episode_ends_when_the_robot_stops():
    env = TaskEnv("gear-insertion")
    env.reset(seed=0)
    down = np.zeros(12, np.float32)
    down[[2, 8]] = -1.0, -1.0
    for _ in range(300):
        _, reward, terminated, truncated, info = env.step(down)
        if terminated or truncated:
            break
    assert (terminated, truncated, reward) == (True, False, 0.0)
    assert info["failure"].startswith("stopped: ")


def test_a_seed_gives_one_episode():
    runs = []
    for seed in (3, 3, 4):
        env = TaskEnv(Short())
        env.action_space.seed(0)
        seen = [env.reset(seed=seed)[0]]
        seen += [env.step(env.action_space.sample())[0] for _ in range(5)]
        runs.append(np.array(seen))
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_without_a_seed_attempts_differ_and_follow_from_the_first_seed():
    one, other = TaskEnv(Short()), TaskEnv(Short())
    first = [one.reset(seed=1)[0], one.reset()[0], one.reset()[0]]
    again = [other.reset(seed=1)[0], other.reset()[0], other.reset()[0]]
    assert np.array_equal(first, again)
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[1], first[2])


def test_truncated_at_the_horizon():
    env = TaskEnv(Short())
    for _ in range(2):
        env.reset(seed=0)
        ends = [env.step(np.zeros(7, np.float32))[1:] for _ in range(5)]
        assert [end[2] for end in ends] == [False] * 4 + [True]
        assert all(end[0] == 0 and end[1] is False and end[3] == {"is_success": False} for end in ends)


def test_terminated_with_reward_one_on_success():
    env = TaskEnv(Short())
    env.reset(seed=0)
    task, data = env.task, env._worlds.datas[0]
    rod = task.physics.joint("rod").qposadr[0]
    stand = task.physics.joint("stand").qposadr[0]
    data.qpos[rod : rod + 3] = data.qpos[stand : stand + 3] + np.array([0, 0, 0.189])
    data.qpos[rod + 3 : rod + 7] = data.qpos[stand + 3 : stand + 7]
    _, reward, terminated, truncated, info = env.step(np.zeros(7, np.float32))
    assert (reward, terminated, truncated, info) == (1.0, True, False, {"is_success": True})


def test_step_before_reset_is_refused():
    with pytest.raises(gymnasium.error.ResetNeeded):
        TaskEnv("threading").step(np.zeros(7, np.float32))


def test_actions_that_are_no_numbers_are_refused():
    env = TaskEnv("threading")
    env.reset(seed=0)
    with pytest.raises(RobotError):
        env.step(np.full(7, np.nan, np.float32))


def test_pictures():
    env = TaskEnv("threading", render_mode="rgb_array", camera="side", width=64, height=48)
    env.reset(seed=0)
    first = env.render()
    assert first.shape == (48, 64, 3)
    assert first.dtype == np.uint8
    assert first.std() > 10
    assert np.array_equal(env.render(), first)
    for _ in range(5):
        env.step(np.array([1, 1, 1, 0, 0, 0, 0], np.float32))
    assert not np.array_equal(env.render(), first)
    env.close()


def test_pictures_have_the_colours_of_the_attempt():
    """The same scene with another cable in it."""
    env = TaskEnv("cable-routing", render_mode="rgb_array", camera="wrist", width=64, height=48)
    env.reset(seed=0)
    first = env.render()
    userdata = env._worlds.datas[0].userdata
    userdata[AT_CABLE] = 3 if userdata[AT_CABLE] != 3 else 4
    assert not np.array_equal(env.render(), first)
    env.close()


def test_no_pictures_without_a_render_mode():
    env = TaskEnv("threading")
    env.reset(seed=0)
    with pytest.warns(UserWarning, match="rgb_array"):
        assert env.render() is None
    with pytest.raises(InputError, match="human"):
        TaskEnv("threading", render_mode="human")


def test_gymnasium_is_an_extra():
    program = (
        "import sys; sys.modules['gymnasium'] = None\n"
        "from retouch.errors import MissingExtra\n"
        "try:\n    import retouch.tasks.gym\n"
        "except MissingExtra as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "'gymnasium' is not installed: pip install 'retouch[gym]'"
