"""The arrays that every training benchmark reads: made up, smooth, of the size of a small data set.

.venv/bin/python benchmarks/arrays.py arrays.npz
"""

import sys
from pathlib import Path

import numpy as np

OBSERVATION_DIM, ACTION_DIM = 45, 7


def make_arrays(episodes: int = 90, demonstrations: int = 30, seed: int = 0) -> dict[str, np.ndarray]:
    """Episodes laid end to end.

    `observation` float32[T, 45], `action` float32[T, 7] in [-1, 1], `lengths` int64[E], and `group` int64[E]: 0 for the
    demonstrations, 1 for episodes that count as interventions.
    """
    rng = np.random.default_rng(seed)
    lengths = rng.integers(100, 200, episodes)
    walk = rng.normal(size=(lengths.sum(), OBSERVATION_DIM)).cumsum(0) * 0.05
    mixing = rng.normal(size=(OBSERVATION_DIM, ACTION_DIM)) / OBSERVATION_DIM
    return {
        "observation": walk.astype(np.float32),
        "action": np.tanh(walk @ mixing).astype(np.float32),
        "lengths": lengths.astype(np.int64),
        "group": (np.arange(episodes) >= demonstrations).astype(np.int64),
    }


if __name__ == "__main__":
    np.savez(Path(sys.argv[1]), **make_arrays())
