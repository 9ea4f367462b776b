"""Doing a study's jobs on a Ray cluster: a task a job, which waits for the tasks it needs.

On the cluster that `ray start` made this machine part of, or that RAY_ADDRESS names (its nodes must see the study's
folder); where there is none, on a Ray of this command's own, which no other command joins. A worker that dies is
replaced, and its job done again: what it had saved is kept. On a Slurm cluster `ray symmetric-run` starts the cluster
and this command inside one allocation.
"""

import os
from collections.abc import Sequence
from typing import Any

from retouch.errors import MissingExtra, RetouchError
from retouch.progress import SILENT, Progress
from retouch.studies.jobs import Job
from retouch.studies.local import MOST_DEATHS, work
from retouch.studies.store import Store
from retouch.studies.worker import Order


def run(jobs: Sequence[Job], store: Store, order: Order, workers: int, progress: Progress) -> None:
    """Do all jobs, and tell how far they are.

    Args:
        workers: at once, where there is no cluster.

    Raises:
        MissingExtra: Ray is not installed.
        RetouchError: a job failed; what was done is kept.
    """
    try:
        import ray
    except ImportError:
        raise MissingExtra("ray", "ray") from None
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody unless it is asked for
    begun = not ray.is_initialized()
    if begun:
        try:
            ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
        except ValueError:  # there is a cluster, which has its own number
            ray.init(log_to_driver=False)
    try:
        do = ray.remote(num_cpus=1, max_retries=MOST_DEATHS, runtime_env={"env_vars": {"OMP_NUM_THREADS": "1"}})(do_one)
        tasks: dict[str, Any] = {}
        root, text = str(store.root.resolve()), order.to_text()
        for job in jobs:
            if not store.done(job):
                needs = [tasks[need.key] for need in job.needs if need.key in tasks]
                tasks[job.key] = do.remote(root, text, job.key, *needs)
        with progress.stage(f"{len(jobs)} jobs on Ray", len(jobs)) as stage:
            waiting = list(tasks.values())
            while waiting:
                ready, waiting = ray.wait(waiting, timeout=1.0)
                stage.at(len(jobs) - len(waiting))
                ray.get(ready)
    except ray.exceptions.RayTaskError as error:
        raise RetouchError(f"a job of the study failed: {error.cause}; what was done is kept") from None
    except ray.exceptions.RayError as error:
        raise RetouchError(f"Ray failed ({type(error).__name__}: {error}); what was done is kept") from None
    finally:
        if begun:
            ray.shutdown()


def do_one(root: str, order: str, key: str, *_: object) -> None:
    """Do one job in a worker of Ray, or wait until whoever is at it has done it."""
    from pathlib import Path

    from retouch.policies.torch_setup import single_thread

    single_thread()
    job = next((job for job in Order.from_text(order).jobs() if job.key == key), None)
    if job is None:
        raise RetouchError(f"this node has another retouch, or another task, than the one that asked for {key}")
    work([job], Store(Path(root)), SILENT)
