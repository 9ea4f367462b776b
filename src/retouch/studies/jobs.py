"""What a study is made of: episodes collected, policies trained, policies tried. Each is named by what it depends on.

A job is a frozen description; two that are equal are the same job, whichever table asks for them. Nothing here imports
torch or MuJoCo before a job is done.
"""

import ast
import dataclasses
import functools
import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from retouch.errors import RetouchError
from retouch.learning.config import TrainConfig
from retouch.learning.weights import Method
from retouch.operators.profile import Profile
from retouch.operators.way import Way
from retouch.progress import Progress
from retouch.tasks.registry import targets

_ROOT = Path(__file__).parents[1]

# What tells of results and keeps them, but does not shape them: no part of a job's name.
SHAPELESS = ("episodes", "errors.py", "progress.py", "tasks/registry.py", "versions.py")


class Results(Protocol):
    """Where the results of other jobs are."""

    def folder(self, job: "Job") -> Path:
        """The folder of a job."""

    def result(self, job: "Job") -> dict[str, Any]:
        """What it found out."""


@dataclass(frozen=True, eq=False)
class Job:
    """One step of a study, done once."""

    @property
    def task_name(self) -> str:
        """Name of the task that it is about."""
        raise NotImplementedError

    @property
    def needs(self) -> tuple["Job", ...]:
        """What must be done before."""
        raise NotImplementedError

    @property
    def title(self) -> str:
        """For people who watch."""
        raise NotImplementedError

    def do(self, folder: Path, others: Results, progress: Progress) -> dict[str, Any]:
        """Do it in its folder, or go on with it there, and return what it found out."""
        raise NotImplementedError

    @functools.cached_property
    def description(self) -> dict[str, Any]:
        """All that the result depends on, as JSON; other jobs by their keys."""
        values = {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}
        return {"code": code_digest(self.task_name), "kind": type(self).__name__, **values}

    @functools.cached_property
    def key(self) -> str:
        """The name of its folder: what it is, and a hash of the description."""
        text = json.dumps(self.description, sort_keys=True, allow_nan=False)
        return f"{type(self).__name__.lower()}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Job) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@dataclass(frozen=True, eq=False)
class Collection(Job):
    """Episodes of one person (IWR, section V-C).

    Attributes:
        task: name; `task_digest` is of its physics and observation, so that a changed task is another job.
        person: who demonstrates or intervenes.
        stream: which sequence of initial states.
        way: how they correct; whole demonstrations need no policy.
        policy: that is corrected.
        episodes: completed ones to collect, or
        share: human samples in completed attempts, as a share of those of `base`.
        max_attempts: to give up after.
        number: the round.
    """

    task: str
    task_digest: str
    person: Profile
    stream: int
    way: Way = "demonstrate"
    policy: "Policy | None" = None
    episodes: int | None = None
    share: float | None = None
    base: "Collection | None" = None
    max_attempts: int = 1000
    number: int = 0

    @property
    def task_name(self) -> str:
        """The task."""
        return self.task

    @property
    def needs(self) -> tuple[Job, ...]:
        """The policy, and the collection whose size counts."""
        return tuple(job for job in (self.base, self.policy) if job is not None)

    @property
    def title(self) -> str:
        """For people who watch."""
        on = "" if self.policy is None else f" on {self.policy.method.name}"
        what = "demonstrations" if self.way == "demonstrate" else f"{self.way}{on}"
        return f"{self.task}, round {self.number}: {what} by scripted '{self.person.name}'"

    def do(self, folder: Path, others: Results, progress: Progress) -> dict[str, Any]:
        """Collect.

        Raises:
            RetouchError: the target was not reached within `max_attempts`.
        """
        from retouch.collection import HORIZON_OF_PEOPLE, collect
        from retouch.counting import Target
        from retouch.operators.scripted import ScriptedPerson
        from retouch.policies.checkpoint import load_policy
        from retouch.tasks.registry import make

        task = make(self.task)
        samples = None
        if self.base is not None and self.share is not None:
            samples = round(self.share * others.result(self.base)["human_steps"])
        target = Target(self.episodes, samples, self.max_attempts)
        tally = collect(
            task,
            ScriptedPerson(self.person),
            self.way,
            data_of(folder),
            target,
            policy=load_policy(policy_of(others.folder(self.policy))) if self.policy is not None else None,
            policy_name=self.policy.key if self.policy is not None else None,
            stream=self.stream,
            round_number=self.number,
            horizon=HORIZON_OF_PEOPLE * task.horizon,
            progress=progress,
            title=self.title,
        )
        if not tally.reached(target):
            reached = f"{tally.human_steps} of {samples} samples ({tally.successes} successes)"
            if samples is None:
                reached = f"{tally.successes} of {self.episodes} episodes"
            raise RetouchError(
                f"{self.title}: {reached} after {tally.attempts} attempts: the methods could not be compared on equal "
                "terms"
            )
        return dataclasses.asdict(tally)


@dataclass(frozen=True, eq=False)
class Policy(Job):
    """A policy: trained from scratch, finetuned, or a residual.

    Attributes:
        method: what is updated; which samples count, how much.
        data: what it learns from; the demonstrations first, where it learns from them.
        training: how, with its seed.
        base: that is finetuned, or that a residual goes beside.
        start: a residual whose weights are trained on.
    """

    method: Method
    data: tuple[Collection, ...]
    training: TrainConfig
    base: "Policy | None" = None
    start: "Policy | None" = None

    @property
    def task_name(self) -> str:
        """That of the data."""
        return self.data[0].task

    @property
    def needs(self) -> tuple[Job, ...]:
        """The data, and the policies that it begins with."""
        return (*self.data, *(job for job in (self.base, self.start) if job is not None))

    @property
    def title(self) -> str:
        """For people who watch."""
        ways = ", ".join(dict.fromkeys(part.way for part in self.data))
        on = f"{self.method.name} on {len(self.data)} collections ({ways})"
        return f"{self.task_name}, {on}, seed {self.training.seed}: training"

    def do(self, folder: Path, others: Results, progress: Progress) -> dict[str, Any]:
        """Train."""
        from retouch.episodes import Dataset
        from retouch.learning.update import update
        from retouch.policies.checkpoint import read_info

        out = policy_of(folder)
        with progress.stage(self.title, 1.0) as stage:
            update(
                [Dataset(data_of(others.folder(part))) for part in self.data],
                self.method,
                self.training,
                out,
                base=None if self.base is None else policy_of(others.folder(self.base)),
                start=None if self.start is None else policy_of(others.folder(self.start)),
                progress=lambda p: stage.at(p.step / p.steps, f"loss {p.loss:.4f}"),
            )
        told = read_info(out).training
        return {
            "gradient_steps": told["gradient_steps"],
            "epochs": told["epochs"],
            "samples": told["data"]["steps"],
            "windows": told["windows"],
            "intervention_share": told["intervention_share"],
            "data_sha256": told["data"]["sha256"],
            "weights_sha256": _sha256(out / "weights.safetensors"),
            "hand_mm": (told.get("labels_apart_mm") or (None, None))[1],
        }


@dataclass(frozen=True, eq=False)
class Tried(Job):
    """A policy on initial states."""

    policy: Policy
    trials: int

    @property
    def task_name(self) -> str:
        """That of the policy."""
        return self.policy.task_name

    @property
    def needs(self) -> tuple[Job, ...]:
        """The policy."""
        return (self.policy,)


@dataclass(frozen=True, eq=False)
class Trials(Tried):
    """The last averaged policy on fresh initial states: the primary figure.

    Attributes:
        without: what is taken from a residual when it is tried: "force" or "wrench".
        grid: whether on the cases of the task's test grid in turn, not on states as in the demonstrations.
    """

    without: str = ""
    grid: bool = False

    @property
    def title(self) -> str:
        """For people who watch."""
        what = ("test grid" if self.grid else "fresh states") + (f", without {self.without}" if self.without else "")
        return self.policy.title.removesuffix("training") + what

    def do(self, folder: Path, others: Results, progress: Progress) -> dict[str, Any]:
        """Try it.

        Raises:
            RetouchError: the task has no grid, or the policy nothing to take away.
        """
        from retouch.evaluation import evaluate
        from retouch.policies.checkpoint import load_policy
        from retouch.policies.residual import ResidualPolicy
        from retouch.tasks.contact import ContactTask
        from retouch.tasks.registry import make

        task, policy = make(self.task_name), load_policy(policy_of(others.folder(self.policy)))
        if self.grid and not isinstance(task, ContactTask):
            raise RetouchError(f"the task {self.task_name} has no grid of cases")
        if self.without:
            if not isinstance(policy, ResidualPolicy):
                raise RetouchError(f"{self.title}: only a residual can be tried without its {self.without}")
            policy.without = frozenset({self.without})
        cases = task.cases() if isinstance(task, ContactTask) and self.grid else ()
        with progress.stage(self.title, self.trials) as stage:
            found = evaluate(task, policy, self.trials, "test", cases=cases, each=stage.at)
        result: dict[str, Any] = {"successes": _as_text(found.successes), "steps": found.steps}
        if task.ticks:
            held = zip(task.stage_names, zip(*found.stages, strict=True), strict=True)
            why = Counter(why for why, success in zip(found.reasons, found.successes, strict=True) if not success)
            result["stages"] = [[name, _as_text(at_end)] for name, at_end in held]
            result["failures"] = dict(sorted(why.items()))
            result["forces"], result["jerks"] = ([round(v, 3) for v in some] for some in (found.forces, found.jerks))
        return result


@dataclass(frozen=True, eq=False)
class Checkpoints(Tried):
    """Every checkpoint's raw weights on the selection states: the paper's metric is the best of them."""

    @property
    def title(self) -> str:
        """For people who watch."""
        return self.policy.title.removesuffix("training") + "checkpoints"

    def do(self, folder: Path, others: Results, progress: Progress) -> dict[str, Any]:
        """Try all of them; those that an interrupted job has tried are kept."""
        from retouch.evaluation import evaluate
        from retouch.outcomes import Evaluation
        from retouch.policies.checkpoint import checkpoint_steps, load_policy
        from retouch.tasks.registry import make

        task, at = make(self.task_name), policy_of(others.folder(self.policy))
        steps, found = checkpoint_steps(at), []
        with progress.stage(self.title, len(steps)) as stage:
            for k, step in enumerate(steps):
                path = folder / f"step-{step:06d}.json"
                if not path.exists():
                    evaluate(task, load_policy(at, step, "raw"), self.trials, "select", name=str(step)).save(path)
                found.append({"step": step, "successes": _as_text(Evaluation.load(path).successes)})
                stage.at(k + 1)
        return {"checkpoints": found}


def data_of(folder: Path) -> Path:
    """Where a collection's episodes are."""
    return folder / "data"


def policy_of(folder: Path) -> Path:
    """Where a trained policy is."""
    return folder / "policy"


def in_order(wanted: Iterable[Job]) -> list[Job]:
    """All jobs that are needed for some, each once, none before what it needs; what most waits for comes first."""
    found: dict[Job, int] = {}  # how long the longest chain is that begins with it

    def see(job: Job, above: int) -> None:
        if found.get(job, -1) < above:
            found[job] = above
            for need in job.needs:
                see(need, above + 1)

    for job in wanted:
        see(job, 0)
    return sorted(found, key=lambda job: -found[job])


@functools.cache
def code_digest(task: str) -> str:
    """Of every source file of ours that a job of a task imports, but for comments and docstrings; once a process."""
    total = hashlib.sha256()
    for path in code_of(task):
        total.update(f"{path.relative_to(_ROOT)}\0{_meaning(path)}".encode())
    return total.hexdigest()[:16]


def code_of(task: str) -> list[Path]:
    """The files behind that digest: what is imported from here and from the task's module, at once or while at it."""
    module = targets()[task].partition(":")[0] if task in targets() else ""
    found: set[Path] = set()
    ahead = [Path(__file__), *_files(module)]
    while ahead:
        path = ahead.pop()
        if path not in found and not any(path.is_relative_to(_ROOT / name) for name in SHAPELESS):
            found.add(path)
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and node.module:
                    ahead += _files(node.module)
                    for name in node.names:
                        ahead += _files(f"{node.module}.{name.name}")
    return sorted(found)


def _files(module: str) -> list[Path]:
    """Source files of a module of ours: its own, or its package's."""
    package, *parts = module.split(".")
    place = _ROOT.joinpath(*parts)
    files = (place.with_suffix(".py"), place / "__init__.py") if package == _ROOT.name and parts else ()
    return [path for path in files if path.is_file()]


def _meaning(path: Path) -> str:
    """What a source file says to Python."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:]
    return ast.dump(tree)


@functools.cache
def task_digest(name: str) -> str:
    """Of a task's physics, observation, rate and horizon, as a task of another package has them; once a process."""
    import mujoco
    import numpy as np

    from retouch.tasks.registry import make

    task = make(name)
    size = mujoco.mj_sizeModel(task.physics)
    buffer = np.empty(size, np.uint8)
    mujoco.mj_saveModel(task.physics, None, buffer)
    said = (task.observation_names, task.action_names, task.control_period, task.horizon)
    return hashlib.sha256(buffer.tobytes() + repr(said).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, Job):
        return value.key
    if isinstance(value, TrainConfig):
        return value.what_matters()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value


def _as_text(successes: Iterable[bool]) -> str:
    """One digit an attempt: 1 where it succeeded."""
    return "".join("1" if success else "0" for success in successes)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
