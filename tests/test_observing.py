"""Observe, then collect: demonstrations from where the policy was seen to fail."""

from pathlib import Path

import numpy as np

from retouch.collection import collect, where_it_fails
from retouch.counting import Target
from retouch.episodes.reader import Dataset
from retouch.evaluation import evaluate
from retouch.operators.profile import profile
from retouch.operators.scripted import ScriptedPerson
from retouch.outcomes import attempt_seeds
from tests.tiny import StuckPolicy, tiny


class HalfPolicy(StuckPolicy):
    """Goes straight to marks on the right, and nowhere else."""

    def act(self, slots: np.ndarray, observations: np.ndarray) -> np.ndarray:
        away = np.clip(10 * (observations[:, 2:4] - observations[:, :2]), -1, 1)
        away[observations[:, 2] < 0] = 0
        return np.column_stack([away, np.ones(len(slots))]).astype(np.float32)


def watch(out: Path, episodes: int) -> Dataset:
    person, policy = ScriptedPerson(profile("steady")), HalfPolicy()
    collect(tiny(), person, "observe", out, Target(episodes=episodes), policy=policy, policy_name="half", stream=3)
    return Dataset(out)


def test_it_starts_where_the_policy_fails(tmp_path: Path) -> None:
    dataset = watch(tmp_path, 6)
    assert {episode.kind for episode in dataset.episodes} == {"demonstration"}
    assert {episode.policy for episode in dataset.episodes} == {"half"}
    seeds = [episode.seed for episode in dataset.all_episodes]
    first = next(attempt_seeds("collect", 3))
    alone = evaluate(tiny(), HalfPolicy(), seeds[-1] - first + 1, "collect", stream=3)
    failed = [seed for seed, success in zip(alone.seeds, alone.successes, strict=True) if not success]
    assert seeds == failed
    assert 0 < len(failed) < alone.trials
    assert list(where_it_fails(tiny(), HalfPolicy(), alone.seeds)) == failed


def test_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    watch(tmp_path / "twice", 3)
    again = watch(tmp_path / "twice", 6)
    through = watch(tmp_path / "once", 6)
    assert [e.seed for e in again.all_episodes] == [e.seed for e in through.all_episodes]
    for mine, theirs in zip(again.episodes, through.episodes, strict=True):
        np.testing.assert_array_equal(again.frames(mine)["action"], through.frames(theirs)["action"])
