"""Small data sets for the tests of learning."""

import numpy as np

from retouch.episodes import Dataset, DatasetInfo, DatasetWriter, standard_features
from retouch.learning.data import TrainingData

SOURCES = {"P": 0, "O": 1, "B": 2, "-": 3}
"""Letters of `data_of`: the policy, the operator, both, nobody."""


def data_of(*episodes: tuple[str, str], seed: int = 0, observation_dim: int = 4, action_dim: int = 2) -> TrainingData:
    """Episodes written as (kind, a letter per step), of random numbers; entry 0 of an observation counts the steps."""
    letters = "".join(steps for _, steps in episodes)
    rng = np.random.default_rng(seed)
    observation = rng.normal(size=(len(letters), observation_dim)).astype(np.float32)
    observation[:, 0] = np.arange(len(letters))
    return TrainingData.build(
        observation,
        rng.uniform(-1, 1, size=(len(letters), action_dim)).astype(np.float32),
        np.array([SOURCES[letter] for letter in letters], np.int8),
        np.array([len(steps) for _, steps in episodes], np.int64),
        tuple(kind for kind, _ in episodes),
    )


def study(demonstrations: int = 6, corrected: int = 8) -> TrainingData:
    """As after a round of paper 1: whole demonstrations, and rollouts with two interventions each."""
    rollout = "P" * 13 + "O" * 5 + "P" * 11 + "O" * 6
    return data_of(*[("demonstration", "O" * 30)] * demonstrations, *[("corrected", rollout)] * corrected)


def record(path, *episodes, names=("x", "y", "z"), period=0.05, task="threading", state=None):
    """A data set of (kind, outcome, letter per step); entry 0 of an observation counts the steps."""
    info = DatasetInfo(task, period, standard_features(3, 2, state, observation_names=names))
    count = 0
    with DatasetWriter.open(path, info) as writer:
        for kind, outcome, letters in episodes:
            running = writer.begin(kind=kind, seed=0)
            for step, letter in enumerate(letters):
                row = {
                    "step": step,
                    "time_s": step * period,
                    "observation": np.array([count, 0, 0], np.float32),
                    "action": np.array([0.5, -0.5], np.float32),
                    "policy_action": np.full(2, np.nan, np.float32),
                    "operator_action": np.full(2, np.nan, np.float32),
                    "control_source": SOURCES[letter],
                    "intervention": letter in "OB",
                    "success": False,
                }
                running.append(row if state is None else row | {"sim_state": np.zeros(state)})
                count += 1
            running.commit(outcome, "test")
    return Dataset(path)
