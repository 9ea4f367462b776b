"""Every figure of a table, computed from the results of its jobs alone.

Outcomes of a cell are an array `[people, collections, training seeds, initial states]`. The same results give the same
figures, byte for byte.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool

from retouch.errors import InputError
from retouch.studies.iwr import Table
from retouch.studies.jobs import Job, Policy
from retouch.studies.store import Store

Outcomes = Bool[np.ndarray, "people collections seeds states"]
RESAMPLES = 10_000


def mean_rate(outcomes: Outcomes, resamples: int = RESAMPLES, seed: int = 0) -> tuple[float, float, float]:
    """Mean success with its 95 % interval by a bootstrap: people, each one's collections, their training seeds, states.

    A level with one member (one person, one collection) adds nothing, so its variance is not in the interval; with a
    few members the interval is too narrow.
    """
    means = _means(outcomes[None], resamples, np.random.default_rng(seed))[0]
    low, high = np.quantile(means, (0.025, 0.975))
    return float(outcomes.mean()), float(low), float(high)


def paired_difference(
    reference: Outcomes, other: Outcomes, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[float, float, float]:
    """Difference of two methods with its 95 % interval; all levels are drawn for both at once.

    Raises:
        InputError: they were not tried with the same people on the same states.
    """
    if reference.shape != other.shape:
        raise InputError(f"a paired comparison needs the same trials on both sides: {reference.shape}, {other.shape}")
    means = _means(np.stack([reference, other]), resamples, np.random.default_rng(seed))
    low, high = np.quantile(means[0] - means[1], (0.025, 0.975))
    return float(reference.mean() - other.mean()), float(low), float(high)


def _means(outcomes: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Resampled means of each of several cells, `[cells, resamples]`; all cells are resampled alike."""
    cells, people, collections, seeds, states = outcomes.shape
    values: Any = outcomes.astype(np.float64)
    means = np.empty((cells, resamples))
    for k in range(resamples):
        who: Any = np.asarray(rng.integers(people, size=people))[:, None, None]
        what: Any = np.asarray(rng.integers(collections, size=(people, collections)))[:, :, None]
        which: Any = rng.integers(seeds, size=(people, collections, seeds))
        at = rng.integers(states, size=states)
        means[:, k] = values[:, who, what, which].mean(axis=(1, 2, 3))[:, at].mean(axis=1)
    return means


def outcomes(table: Table, store: Store, row: str, column: str) -> Outcomes:
    """Of a cell, on the test states."""
    return np.array(
        [
            [[store.result(table.trials(policy))["successes"] for policy in collection] for collection in person]
            for person in table.policies(row, column)
        ],
        dtype=bool,
    )


def paper_maximum(table: Table, store: Store, policy: Policy) -> float | None:
    """The best checkpoint's success: the paper's metric of one training run; None where it was not asked for."""
    job = table.checkpoints(policy)
    if job is None:
        return None
    return max(float(np.mean(c["successes"])) for c in store.result(job)["checkpoints"])


def _human_samples(policy: Policy, store: Store) -> int:
    """Steps in which a person acted, in what a policy has learnt from."""
    return sum(store.result(collection)["human_steps"] for collection in policy.data)


def figures(table: Table, store: Store) -> dict[str, Any]:
    """Everything that is known of a table, as JSON."""
    found = {cell: outcomes(table, store, *cell) for cell in table.cells}
    cells = []
    for row, column in table.cells:
        policies = [p for person in table.policies(row, column) for collection in person for p in collection]
        best = [value for policy in policies if (value := paper_maximum(table, store, policy)) is not None]
        trained = [store.result(policy) for policy in policies]
        against = (table.reference, column)
        cells.append(
            {
                "row": row,
                "column": column,
                "success": mean_rate(found[row, column]),
                "each": found[row, column].mean(axis=3).tolist(),
                "trials": int(found[row, column].size),
                "reference_minus_this": paired_difference(found[against], found[row, column])
                if against in found and row != table.reference
                else None,
                "paper_metric": [float(np.mean(best)), float(np.std(best, ddof=1)) if len(best) > 1 else None]
                if best
                else None,
                "human_samples": [_human_samples(policy, store) for policy in policies],
                "paper": table.paper.get((row, column)),
                "gradient_steps": [t["gradient_steps"] for t in trained],
                "samples": [t["samples"] for t in trained],
                "intervention_share": [t["intervention_share"] for t in trained],
                "jobs": [policy.key for policy in policies],
                "weights_sha256": [t["weights_sha256"] for t in trained],
                "outcomes_sha256": hashlib.sha256(np.packbits(found[row, column]).tobytes()).hexdigest(),
            }
        )
    collected = {}
    for job in table.jobs:
        result = store.result(job)
        if "human_steps" in result:
            collected[job.key] = {"title": job.title, **result}
    return {
        "table": table.name,
        "title": table.title,
        "people": [f"scripted '{name}'" for name in table.everybody],
        "collections_each": table.scale.collection_seeds,
        "training_seeds": table.scale.training_seeds,
        "states": table.scale.trials,
        "reference": table.reference,
        "cells": cells,
        "collections": collected,
    }


def costs(table: Table, store: Store) -> list[dict[str, Any]]:
    """What the policies of each cell took, mean seconds of a core: no part of the figures, which never differ."""
    found = []
    for row, column in table.cells:
        policies = [p for person in table.policies(row, column) for collection in person for p in collection]
        tried = [job for policy in policies if (job := table.checkpoints(policy)) is not None]
        kinds: dict[str, Sequence[Job]] = {
            "training": policies,
            "trials": [table.trials(policy) for policy in policies],
            "checkpoints": tried,
        }
        spent = {
            name: float(np.mean([store.spent(j)["cpu_seconds"] for j in jobs] or [0])) for name, jobs in kinds.items()
        }
        samples = float(np.mean([store.result(policy)["samples"] for policy in policies]))
        found.append({"row": row, "column": column, "samples": samples, **spent})
    return found


def encoded(document: dict[str, Any]) -> bytes:
    """As it is stored: the same figures are the same bytes."""
    return (json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
