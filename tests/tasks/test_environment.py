"""Gymnasium environments as tasks, corrected by an expert's take-overs."""

import json
from collections.abc import Iterator
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from tests.tasks.reach import ID, Reach

from retouch.cli import main
from retouch.collection import collect
from retouch.counting import Target
from retouch.episodes.reader import Dataset
from retouch.episodes.schema import ControlSource
from retouch.errors import InputError, RobotError
from retouch.operators.expert import Expert
from retouch.operators.threshold import Threshold
from retouch.rollout import rollout
from retouch.tasks.registry import make


class Straight:
    """A policy that goes to where it thinks the goal is; observations are `at`, then `goal`."""

    observation_dim, action_dim = 4, 2

    def __init__(self, thinks: float = 1.0):
        self.thinks = thinks

    def session(self, slots: int) -> "Straight":
        return self

    def reset(self, slot: int, seed: int) -> None:
        pass

    def forget(self, slot: int) -> None:
        pass

    def act(self, slots: np.ndarray, observations: np.ndarray) -> np.ndarray:
        way = self.thinks * observations[:, 2:] - observations[:, :2]
        return np.clip(way / 0.1, -1, 1).astype(np.float32)


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    gymnasium.register(ID, entry_point=Reach, max_episode_steps=40)
    yield
    del gymnasium.registry[ID]


def test_an_environment_is_a_task() -> None:
    task = make(f"gym:{ID}")
    assert (len(task.observation_names), len(task.action_names)) == (4, 2)
    assert (task.horizon, task.control_period) == (40, 0.04)
    alone = [a.outcome for a in rollout(task, range(6), policy=Straight(), worlds=4)]
    assert alone == ["success"] * 6
    lost = [(a.outcome, a.steps) for a in rollout(task, range(3), policy=Straight(-1.0), horizon=60)]
    assert lost == [("failure", 60)] * 3  # not cut at the environment's own 40 steps


def test_an_attempt_depends_on_its_seed_alone() -> None:
    task = make(f"gym:{ID}")
    together = [a.steps for a in rollout(task, range(8), policy=Straight(), worlds=8)]
    assert together == [a.steps for a in rollout(task, range(8), policy=Straight(), worlds=1)]
    assert len(set(together)) > 1


def test_an_expert_takes_over_and_gives_back(tmp_path: Path) -> None:
    """The base stops half-way; the expert goes on from where its action differs."""
    task = make(f"gym:{ID}")
    expert = Expert(Straight(), "straight", Threshold(differs=0.3, after=2, back=3))
    alone = [a.outcome for a in rollout(task, range(5), policy=Straight(0.5))]
    collect(task, expert, "take-over", tmp_path / "d", Target(episodes=5), policy=Straight(0.5), policy_name="half")
    dataset = Dataset(tmp_path / "d")
    assert alone == ["failure"] * 5
    assert [e.outcome for e in dataset.episodes] == ["success"] * 5
    assert {e.operator for e in dataset.episodes} == {"expert:straight"}
    assert "sim_state" not in dataset.info.features
    for episode in dataset.episodes:
        rows = dataset.frames(episode.number)
        acts = rows["control_source"] == ControlSource.OPERATOR
        assert acts.any()
        assert not acts[0]
        better = Straight().act(rows["step"], rows["observation"])
        differs = np.sqrt(np.mean(np.square(better - rows["policy_action"]), axis=1)) > 0.3
        begins = np.flatnonzero(np.diff(acts.astype(int)) == 1) + 1
        assert differs[begins].all()
        assert differs[begins - 1].all()


def test_what_cannot_be_corrected_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="Gymnasium cannot make 'NoSuch-v0'"):
        make("gym:NoSuch-v0")
    with pytest.raises(InputError, match="Gymnasium cannot make 'no_such_package:Thing-v0'"):
        make("gym:no_such_package:Thing-v0")
    with pytest.raises(InputError, match="bounded Box, not Discrete"):
        make("gym:CartPole-v1")
    task = make(f"gym:{ID}")
    monkeypatch.setattr(Reach, "says", False)
    with pytest.raises(InputError, match=r"give it info\['is_success'\]"):
        list(rollout(task, [0], policy=Straight()))
    with pytest.raises(InputError, match="nobody has scripted a person for gym:"):
        task.skill(np.random.default_rng(0))
    with pytest.raises(InputError, match="no scene of ours"):
        task.drawing  # noqa: B018


def test_an_action_that_is_not_finite_goes_nowhere() -> None:
    task = make(f"gym:{ID}")
    worlds = task.worlds(1)
    task.reset(worlds.reset(0), np.random.default_rng(0))
    before = task.observe(worlds.datas[0])
    with pytest.raises(RobotError, match="finite"):
        task.robot(worlds).command(np.array([0]), np.array([[np.nan, 0.0]]))
    assert (task.observe(worlds.datas[0]) == before).all()


def test_our_own_task_through_gymnasium_goes_the_same_way() -> None:
    """Threading as an environment, beside threading itself, from the same states under the same actions."""
    import retouch.tasks.gym  # noqa: F401

    outside, inside = make("gym:retouch/Threading-v0"), make("threading")
    assert outside.horizon == inside.horizon
    assert outside.control_period == inside.control_period
    there, here = outside.worlds(1), inside.worlds(1)
    outside.reset(there.reset(0), np.random.default_rng(3))
    inside.reset(here.reset(0), gymnasium.utils.seeding.np_random(int(np.random.default_rng(3).integers(2**31)))[0])
    arm, same = outside.robot(there), inside.robot(here)
    rng = np.random.default_rng(1)
    for _ in range(20):
        np.testing.assert_array_equal(outside.observe(there.datas[0]), inside.observe(here.datas[0]))
        action = rng.uniform(-1, 1, (1, len(inside.action_names))).astype(np.float32).astype(np.float64)
        arm.command(np.array([0]), action)
        same.command(np.array([0]), action)


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Demonstrations of an expert, a base, a round of its corrections, a report."""
    gymnasium_id = f"gym:{ID}"
    task = make(gymnasium_id)
    collect(task, Expert(Straight(), "straight"), "demonstrate", tmp_path / "demos", Target(episodes=20))
    few = ["--epochs", "3", "--checkpoints", "1"]
    assert main(["train", str(tmp_path / "demos"), "--out", str(tmp_path / "expert"), *few]) == 0
    run = ["improve", gymnasium_id, "--operator", "expert", "--out", str(tmp_path / "run"), "--rounds", "1"]
    assert main(run) == 2
    assert "needs its policy, --expert" in capsys.readouterr().err
    run += ["--expert", str(tmp_path / "expert"), "--demonstrations", "3", "--max-attempts", "5", "--json"]
    run += ["--threshold.differs", "0.02", "--checkpoint-trials", "0", "--test-trials", "4"]
    run += ["--training.epochs", "1", "--training.checkpoints", "1"]
    assert main(run) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert [r["round"] for r in results] == [0, 1]
    assert {e.operator for e in Dataset(tmp_path / "run/data/round-1").episodes} == {f"expert:{tmp_path / 'expert'}"}
    scripted = ["collect", gymnasium_id, "--out", str(tmp_path / "none")]
    assert main(scripted) == 2
    assert "nobody has scripted a person" in capsys.readouterr().err
