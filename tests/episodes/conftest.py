"""A small dataset and rows to record in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retouch.episodes import ControlSource, DatasetInfo, DatasetWriter, EpisodeInfo, standard_features

Row = dict[str, Any]


@pytest.fixture
def info() -> DatasetInfo:
    return DatasetInfo("threading", 0.05, standard_features(5, 3, 4, action_names=("x", "y", "gripper")))


@pytest.fixture
def row() -> Callable[..., Row]:
    def make(step: int = 0, source: ControlSource = ControlSource.POLICY, **values: Any) -> Row:
        rng = np.random.default_rng(step)
        made = {
            "observation": rng.normal(size=5).astype(np.float32),
            "action": rng.normal(size=3).astype(np.float32),
            "policy_action": rng.normal(size=3).astype(np.float32),
            "operator_action": rng.normal(size=3) if source == ControlSource.OPERATOR else None,
            "control_source": source,
            "sim_state": rng.normal(size=4),
            "success": step >= 9,
        }
        return made | values

    return make


@pytest.fixture
def record(row: Callable[..., Row]) -> Callable[..., EpisodeInfo]:
    """Records an episode: the policy acts, an operator from step 4 to 6."""

    def make(writer: DatasetWriter, steps: int = 10, outcome: str = "success", **values: Any) -> EpisodeInfo:
        values = {"kind": "corrected", "seed": 7, "operator": "scripted:careful", "policy": "bc-rnn@1", **values}
        episode = writer.begin(**values)
        for step in range(steps):
            episode.append(row(step, ControlSource.OPERATOR if 4 <= step <= 6 else ControlSource.POLICY))
        return episode.commit(outcome, "the task's own test")

    return make


@pytest.fixture
def dataset(tmp_path: Path, info: DatasetInfo, record: Callable[..., EpisodeInfo]) -> Path:
    """Three episodes of 10, 12 and 8 steps."""
    path = tmp_path / "dataset"
    with DatasetWriter.open(path, info) as writer:
        record(writer, 10)
        record(writer, 12, round=1)
        record(writer, 8, "failure", operator="scripted:slow", round=1)
    return path
