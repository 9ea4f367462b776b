"""Where a study's jobs are: a folder each, named by the job's key; done when its result.json is there.

`<key>/job.json` says what the job is and what made it, `data/` or `policy/` hold what came of it. Any number of
processes may share a store: whoever holds a job's lock does it.

`known.jsonl` has results from elsewhere, a line a job: what others have done need not be done here, unless its data or
policy are needed for a job that nobody has done.
"""

import json
import time
from collections.abc import Iterable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

from retouch.counting import one_at_a_time
from retouch.errors import InputError, InUse, RetouchError
from retouch.policies.files import write_atomically, write_json
from retouch.progress import SILENT, Progress
from retouch.studies.jobs import Job, in_order
from retouch.versions import versions

KNOWN = "known.jsonl"


class Store:
    """The jobs in one folder."""

    def __init__(self, root: Path):
        self.root = root
        self._results: dict[str, dict[str, Any]] = {}

    @cached_property
    def _known(self) -> dict[str, dict[str, Any]]:
        return read_known(self.root / KNOWN)

    def know(self, path: Path) -> None:
        """Take over what `publish` wrote elsewhere.

        Raises:
            InputError: the file is not there, or is not such a file.
        """
        if not path.is_file():
            raise InputError(f"there is no {path}: it is a jobs.jsonl that --write of another study wrote")
        _write_known(self.root / KNOWN, read_known(self.root / KNOWN) | read_known(path))
        self.__dict__.pop("_known", None)

    def publish(self, jobs: Iterable[Job], path: Path) -> None:
        """Write what those of the jobs that are done found out to a file, beside what others have written there."""
        known = (job for job in jobs if self.done(job) or job.key in self._known)
        mine = {job.key: {"result": self.result(job), "spent": self.spent(job)} for job in known}
        _write_known(path, read_known(path) | mine)

    def to_do(self, wanted: Iterable[Job]) -> list[Job]:
        """Jobs that must be done before the results of all `wanted` are there, in order."""
        missing: set[Job] = set()

        def see(job: Job) -> None:
            if job not in missing and not self.done(job):
                missing.add(job)
                for need in job.needs:
                    see(need)

        wanted = list(wanted)
        for job in wanted:
            if job.key not in self._known:
                see(job)
        return [job for job in in_order(wanted) if job in missing]

    def folder(self, job: Job) -> Path:
        """The folder of a job."""
        return self.root / job.key

    def done(self, job: Job) -> bool:
        """Whether it was done here: its result is there, and its data or policy."""
        return job.key in self._results or (self.folder(job) / "result.json").exists()

    def result(self, job: Job) -> dict[str, Any]:
        """What it found out.

        Raises:
            RetouchError: it has not been done, or its file is damaged.
        """
        if job.key not in self._results:
            path = self.folder(job) / "result.json"
            try:
                self._results[job.key] = json.loads(path.read_text())
            except FileNotFoundError:
                if job.key in self._known:
                    return self._known[job.key]["result"]
                raise RetouchError(f"{job.title} has not been done yet ({path} is missing)") from None
            except ValueError as error:
                raise RetouchError(f"{path} is damaged ({error}): delete it to do it again") from None
        return self._results[job.key]

    def do(self, job: Job, progress: Progress = SILENT) -> bool:
        """Do a job whose needs are done; False when it is done or another process is at it."""
        folder = self.folder(job)
        with ExitStack() as held:
            try:
                held.enter_context(one_at_a_time(folder))
            except InUse:
                return False
            if self.done(job):
                return False
            self._describe(job)
            wall, cpu = time.monotonic(), time.process_time()
            found = job.do(folder, self, progress)
            spent = {"seconds": time.monotonic() - wall, "cpu_seconds": time.process_time() - cpu}
            write_json(folder / "spent.json", spent)  # of this time: one that was killed knows of its last part
            write_json(folder / "result.json", found)
            return True

    def _describe(self, job: Job) -> None:
        """Say what the job is and which versions do it.

        Raises:
            InputError: other versions have begun it.
        """
        path, now = self.folder(job) / "job.json", versions()
        try:
            before = json.loads(path.read_text())["versions"]
        except (FileNotFoundError, ValueError, KeyError):
            write_json(path, {"title": job.title, **job.description, "versions": now})
            return
        changed = sorted(name for name in now if before.get(name) != now[name])
        if changed:
            raise InputError(
                f"{path.parent} was begun with another version of {', '.join(changed)}: remove it to do it again"
            )

    def spent(self, job: Job) -> dict[str, float]:
        """Seconds it took, by the clock and of a core."""
        try:
            found: dict[str, float] = json.loads((self.folder(job) / "spent.json").read_text())
        except (FileNotFoundError, ValueError):
            return self._known[job.key]["spent"] if job.key in self._known else {"seconds": 0.0, "cpu_seconds": 0.0}
        return found

    def costs(self, jobs: Iterable[Job]) -> dict[str, dict[str, float]]:
        """Of each kind of job: how many, and hours of a core."""
        found: dict[str, dict[str, float]] = {}
        for job in jobs:
            kind = found.setdefault(type(job).__name__.lower(), {"jobs": 0, "core_hours": 0.0})
            kind["jobs"] += 1
            kind["core_hours"] += self.spent(job)["cpu_seconds"] / 3600
        return found


def read_known(path: Path) -> dict[str, dict[str, Any]]:
    """Results by the job's key; none where there is no file.

    Raises:
        InputError: it is not a file of results.
    """
    if not path.exists():
        return {}
    found = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        try:
            entry = json.loads(line)
            found[entry.pop("job")] = {"result": dict(entry["result"]), "spent": dict(entry["spent"])}
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(f"{path}, line {number}, is no job's result: is it a jobs.jsonl, and undamaged?") from None
    return found


def _write_known(path: Path, results: dict[str, dict[str, Any]]) -> None:
    lines = (json.dumps({"job": key, **results[key]}, sort_keys=True, separators=(",", ":")) for key in sorted(results))
    write_atomically(path, "".join(f"{line}\n" for line in lines).encode())
