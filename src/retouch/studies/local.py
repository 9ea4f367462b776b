"""Doing a study's jobs with processes of this machine, one torch thread each.

Workers share nothing but the store: each takes the first job whose needs are done and that nobody holds. So several
commands, or machines with one file system, can be at the same study, and any of them may be killed.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from retouch.errors import RetouchError
from retouch.progress import Progress
from retouch.studies.jobs import Job
from retouch.studies.store import Store

POLL_S = 0.5
WORKER = "retouch.studies.worker"
MOST_DEATHS = 20  # of workers that were killed; a job that fails ends the study at once


def work(jobs: Sequence[Job], store: Store, progress: Progress) -> None:
    """Do jobs until all are done, by this process or by others; `jobs` are in order.

    Raises:
        RetouchError: one failed.
    """
    while True:
        left = [job for job in jobs if not store.done(job)]
        if not left:
            return
        ready = (job for job in left if all(store.done(need) for need in job.needs))
        if not any(store.do(job, progress) for job in ready):
            time.sleep(POLL_S)


def run(jobs: Sequence[Job], store: Store, command: list[str], workers: int, progress: Progress) -> None:
    """Do all jobs with `workers` processes, and tell how far they are.

    Args:
        command: what a worker is told, from which it knows the same jobs.

    Raises:
        RetouchError: a job failed; what was done is kept.
    """
    running: list[subprocess.Popen[bytes]] = []
    deaths = 0
    try:
        with progress.stage(f"{len(jobs)} jobs", len(jobs)) as stage:
            while any(not store.done(job) for job in jobs):
                for worker in [w for w in running if w.poll() is not None]:
                    running.remove(worker)
                    _let_go(worker)
                    if worker.returncode > 0:
                        raise RetouchError("a job of the study failed (its message is above); what was done is kept")
                    deaths += worker.returncode < 0
                if deaths > MOST_DEATHS:
                    raise RetouchError(f"{deaths} workers were killed: is there enough memory?")
                while len(running) < workers:
                    running.append(_start(command))
                stage.at(sum(store.done(job) for job in jobs))
                time.sleep(POLL_S)
    finally:
        for worker in running:
            worker.terminate()
        for worker in running:
            _let_go(worker)


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    one_thread = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", WORKER, *command], stdin=subprocess.PIPE, env=os.environ | one_thread
    )


def _let_go(worker: subprocess.Popen[bytes]) -> None:
    """Close our end of its standard input, and wait until it has ended."""
    with worker:
        pass


def end_with_parent() -> None:
    """End this process when the one that started it has: its end of our standard input closes."""

    def watch() -> None:
        while os.read(0, 1):  # not through sys.stdin, whose lock the end of Python would find held
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
