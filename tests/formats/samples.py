"""A small dataset with everything that an export has to care about."""

from pathlib import Path

import numpy as np

from retouch.episodes import ControlSource, DatasetInfo, DatasetWriter, Feature, standard_features

OBSERVATION = ("tool_x", "tool_y", "finger_left", "rod_x", "rod_y")
LENGTHS = (10, 12, 1, 8)


def described() -> DatasetInfo:
    """Vectors with names, a matrix a step, single values and vectors of one, and names that are traps elsewhere."""
    features = standard_features(5, 3, 4, observation_names=OBSERVATION, action_names=("x", "y", "gripper"))
    features |= {
        "tick_wrench": Feature("float32", (4, 6)),
        "policy_waypoints": Feature("float32", (2, 3)),
        "alone": Feature("float64", (1,)),
        "count": Feature("uint16"),
        "action_delay": Feature("float32"),
        "observation_age": Feature("float32", (2,)),
        "timestamp": Feature("float64"),
        "rewards": Feature("int32"),
    }
    return DatasetInfo("threading", 0.05, features, {"robot": "sawyer"})


def record(path: Path, info: DatasetInfo, lengths: tuple[int, ...] = LENGTHS) -> Path:
    """Episodes of the given lengths: the first a demonstration, the others corrected from step 4 to 6."""
    rng = np.random.default_rng(0)
    with DatasetWriter.open(path, info) as writer:
        for number, steps in enumerate(lengths):
            shown = number == 0
            episode = writer.begin(
                kind="demonstration" if shown else "corrected",
                seed=None if number == 2 else 1000010000000000 + number,
                operator="scripted:steady",
                policy=None if shown else "bc-rnn@1",
                round=number,
                started_at="2026-11-27T21:31:40.138+01:00",
                causes=[[4, "stuck"]],
            )
            for step in range(steps):
                by_operator = shown or 4 <= step <= 6
                row = {
                    name: rng.normal(size=feature.shape).astype(feature.dtype)
                    if feature.dtype.startswith("float")
                    else int(rng.integers(0, 99))
                    for name, feature in info.features.items()
                    if name not in ("step", "time_s", "intervention", "policy_waypoints")
                }
                row |= {
                    "time_s": 0.05 * step + 1e-9 * number,
                    "control_source": ControlSource.OPERATOR if by_operator else ControlSource.POLICY,
                    "policy_action": None if shown else row["action"],
                    "operator_action": row["action"] if by_operator else None,
                    "success": step == steps - 1,
                }
                episode.append(row)
            episode.commit("failure" if number == 3 else "success", "the task's own test", force=1.5)
    return path
