"""Every figure of a table, computed from the results of its jobs alone.

Outcomes of a cell are an array `[people, collections, training seeds, initial states]`. The same results give the same
figures, byte for byte.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from retouch.outcomes import wilson
from retouch.studies.bootstrap import Outcomes, mean_rate, paired_difference
from retouch.studies.grid import Table
from retouch.studies.jobs import Job, Policy
from retouch.studies.store import Store


def outcomes(table: Table, store: Store, row: str, column: str) -> Outcomes:
    """Of a cell, on the test states."""
    return _tried(table, store, (row, column), table.trials)


def _tried(table: Table, store: Store, cell: tuple[str, str], job: Callable[[Policy, str], Job | None]) -> Outcomes:
    """Of a cell, as some job of each policy found it."""
    less = table.without.get(cell, "")

    def found(policy: Policy) -> list[bool]:
        done = job(policy, less)
        assert done is not None
        return _successes(store.result(done))

    return np.array([[[found(p) for p in each] for each in person] for person in table.policies(*cell)])


def _felt(tried: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """What robots that feel have had: stages reached, failures, the largest force of an attempt, and jerk."""
    if "forces" not in tried[0]:
        return None
    failures: Counter[str] = Counter()
    for result in tried:
        failures.update(result["failures"])
    return {
        "stages": [
            [name, float(np.mean([digit == "1" for result in tried for digit in result["stages"][k][1]]))]
            for k, (name, _) in enumerate(tried[0]["stages"])
        ],
        "failures": dict(failures.most_common()),
        "force_median": float(np.median([force for result in tried for force in result["forces"]])),
        "jerk_median": float(np.median([jerk for result in tried for jerk in result["jerks"]])),
    }


def _successes(result: dict[str, Any]) -> list[bool]:
    return [digit == "1" for digit in result["successes"]]


def _wilson(outcomes: Outcomes) -> list[list[list[tuple[float, float]]]]:
    """The 95 % interval of every single policy, in the order of the levels."""
    states = outcomes.shape[3]
    return [[[wilson(int(n), states) for n in c] for c in person] for person in outcomes.sum(axis=3).tolist()]


def paper_maximum(table: Table, store: Store, policy: Policy) -> float | None:
    """The best checkpoint's success: the paper's metric of one training run; None where it was not asked for."""
    job = table.checkpoints(policy)
    if job is None:
        return None
    return max(float(np.mean(_successes(c))) for c in store.result(job)["checkpoints"])


def _human_samples(policy: Policy, store: Store) -> int:
    """Steps in which a person acted, in what a policy has learnt from."""
    return sum(store.result(collection)["human_steps"] for collection in policy.data)


def figures(table: Table, store: Store) -> dict[str, Any]:
    """Everything that is known of a table, as JSON."""
    found = {cell: outcomes(table, store, *cell) for cell in table.cells}
    cells = []
    for row, column in table.cells:
        policies = [p for person in table.policies(row, column) for collection in person for p in collection]
        trained = [store.result(policy) for policy in policies]
        different = list(dict.fromkeys(policies))
        best = [value for policy in different if (value := paper_maximum(table, store, policy)) is not None]
        tried = [store.result(table.trials(p, table.without.get((row, column), ""))) for p in different]
        on_grid = _tried(table, store, (row, column), table.on_grid) if table.grid else None
        against = table.compared_with((row, column))
        cells.append(
            {
                "row": row,
                "column": column,
                "success": mean_rate(found[row, column]),
                "each": found[row, column].mean(axis=3).tolist(),
                "each_wilson": _wilson(found[row, column]),
                "trials": sum(len(_successes(result)) for result in tried),
                "grid": None if on_grid is None else [*mean_rate(on_grid), on_grid.shape[-1] * len(different)],
                "felt": _felt(tried),
                "reference_minus_this": paired_difference(found[against], found[row, column])
                if against is not None
                else None,
                "paper_metric": [float(np.mean(best)), float(np.std(best, ddof=1)) if len(best) > 1 else None]
                if best
                else None,
                "human_samples": [_human_samples(policy, store) for policy in policies],
                "paper": table.paper.get((row, column)),
                "gradient_steps": [t["gradient_steps"] for t in trained],
                "samples": [t["samples"] for t in trained],
                "hand_mm": [t["hand_mm"] for t in trained],
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
        "kind": table.kind,
        "title": table.title,
        "people": [f"scripted '{name}'" for name in table.everybody],
        "collections_each": table.scale.collection_seeds,
        "training_seeds": table.scale.training_seeds,
        "states": table.scale.trials,
        "reference": table.reference,
        "reference_column": table.reference_column,
        "code": sorted({job.description["code"] for job in table.jobs}),
        "cells": cells,
        "collections": collected,
    }


def costs(table: Table, store: Store) -> list[dict[str, Any]]:
    """What the policies of each cell took, mean seconds of a core: no part of the figures, which never differ."""
    found = []
    for row, column in table.cells:
        policies = [p for person in table.policies(row, column) for collection in person for p in collection]
        tried = [checkpoints for policy in policies if (checkpoints := table.checkpoints(policy)) is not None]
        kinds: dict[str, Sequence[Job]] = {
            "training": policies,
            "trials": [
                job
                for policy in policies
                for tried_on in (table.trials, table.on_grid)
                if (job := tried_on(policy, table.without.get((row, column), ""))) is not None
            ],
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
