"""The statistics of a LeRobotDataset, as lerobot 0.6 computes them: of each episode, and from those of all.

Minimum, maximum, mean, standard deviation and quantiles of every entry of a column. Quantiles come from a histogram of
5000 bins over an episode; those of a dataset are the mean of its episodes', weighted by their lengths.
"""

from collections.abc import Sequence

import numpy as np

Statistics = dict[str, np.ndarray]

QUANTILES = {"q01": 0.01, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q99": 0.99}
BINS = 5000


def of_episode(column: np.ndarray) -> Statistics:
    """Statistics of one column of one episode.

    Args:
        column: `[n]` or `[n, D]`.

    Returns:
        `min`, `max`, `mean`, `std`, `q01`, `q10`, `q50`, `q90`, `q99`, each `[D]` (`[1]` for a column of scalars), and
        `count`, `[1]`: the steps. Where the column has NaN all but `count` are NaN.
    """
    values = column.reshape(len(column), -1)
    values = values.astype(np.result_type(values.dtype, np.float32), copy=False)
    count = np.array([len(column)])
    if np.isnan(values).any():
        nothing = np.full(values.shape[1], np.nan, values.dtype)
        return {"min": nothing, "max": nothing, "mean": nothing, "std": nothing, "count": count} | dict.fromkeys(
            QUANTILES, nothing
        )
    mean = values.mean(axis=0)
    if len(values) < 2:
        same = {"min": values.min(axis=0), "max": values.max(axis=0), "mean": mean, "std": values.std(axis=0)}
        return same | {"count": count} | dict.fromkeys(QUANTILES, mean)
    variance = (values**2).mean(axis=0) - mean**2
    return {
        "min": values.min(axis=0),
        "max": values.max(axis=0),
        "mean": mean,
        "std": np.sqrt(np.maximum(0, variance)),
        "count": count,
    } | _quantiles(values)


def of_all(episodes: Sequence[Statistics]) -> Statistics:
    """Statistics of one column of a dataset, from those of its episodes."""
    counts = np.stack([one["count"] for one in episodes])  # [episodes, 1]
    total = counts.sum(axis=0)
    means = np.stack([one["mean"] for one in episodes])
    mean = (means * counts).sum(axis=0) / total
    variances = np.stack([one["std"] ** 2 for one in episodes]) + (means - mean) ** 2
    return {
        "min": np.stack([one["min"] for one in episodes]).min(axis=0),
        "max": np.stack([one["max"] for one in episodes]).max(axis=0),
        "mean": mean,
        "std": np.sqrt((variances * counts).sum(axis=0) / total),
        "count": total,
    } | {q: (np.stack([one[q] for one in episodes]) * counts).sum(axis=0) / total for q in QUANTILES}


def _quantiles(values: np.ndarray) -> Statistics:
    """Each `[D]`, from a histogram of every entry of `values [n, D]`."""
    found = {}
    per_entry = [_histogram(values[:, k]) for k in range(values.shape[1])]
    for name, share in QUANTILES.items():
        found[name] = np.array([_quantile(below, edges, share * len(values)) for below, edges in per_entry])
    return found


def _histogram(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many values lie up to the end of each bin, `[BINS]`, and the bins' edges, `[BINS + 1]`."""
    edges = np.linspace(values.min() - 1e-10, values.max() + 1e-10, BINS + 1)
    return np.cumsum(np.histogram(values, bins=edges)[0].astype(float)), edges


def _quantile(below: np.ndarray, edges: np.ndarray, target: float) -> float:
    index = int(np.searchsorted(below, target))
    if index == 0:
        return float(edges[0])
    if index >= len(below):
        return float(edges[-1])
    inside = below[index] - below[index - 1]
    if inside == 0:
        return float(edges[index])
    return float(edges[index] + (target - below[index - 1]) / inside * (edges[index + 1] - edges[index]))
