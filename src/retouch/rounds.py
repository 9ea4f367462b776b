"""Rounds of improvement (IWR, sections V-B and V-C): collect, aggregate, train from scratch, evaluate.

A run is a folder. Every step of it is done when its result is there, so a run that was stopped or killed goes on when
it is run again (`run_folder` says what is where).
"""

import dataclasses
import functools
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from retouch.collection import HORIZON_OF_PEOPLE, collect
from retouch.counting import Tally, one_at_a_time, stream_of
from retouch.episodes.reader import Dataset
from retouch.errors import RetouchError
from retouch.evaluation import evaluate
from retouch.learning.loop import TrainProgress
from retouch.learning.update import update
from retouch.learning.weights import method
from retouch.operators.correction import Operator
from retouch.operators.expert import Expert
from retouch.operators.named import operator
from retouch.operators.profile import profile
from retouch.operators.scripted import ScriptedPerson
from retouch.outcomes import Evaluation
from retouch.policies.bridge_file import PREFIX
from retouch.policies.checkpoint import Averaging, checkpoint_steps, load_policy
from retouch.policies.files import write_json
from retouch.policies.newest import Newest
from retouch.policies.protocol import Policy
from retouch.processes.learner import Learner
from retouch.progress import SILENT, Progress
from retouch.run_folder import ImproveConfig, RunFolder
from retouch.run_policy import acting
from retouch.tasks.base import Task
from retouch.tasks.registry import make
from retouch.tracking import Tracking

NEEDED = {"episodes": "demonstrations", "samples": "samples by people", "attempts": "solved attempts"}


class PeopleNeeded(RetouchError):
    """A round waits for people to collect it."""


@dataclass(frozen=True)
class RoundResult:
    """One policy of one round.

    Attributes:
        round: 0 is the base.
        seed: of training.
        gradient_steps: taken; 0 of a base that was not trained here.
        final: success of the last averaged checkpoint on fresh states: the primary figure.
        late_mean: mean over the last half of the checkpoints (averaged weights); None where they were not tried.
        paper_maximum: highest of all checkpoints (raw weights), as the paper reports; likewise.
        checkpoints: gradient step, success of the averaged and of the raw weights.
    """

    round: int
    seed: int
    gradient_steps: int
    final: Evaluation
    late_mean: float | None
    paper_maximum: float | None
    checkpoints: list[tuple[int, float, float]]

    def figures(self) -> dict[str, float]:
        """What there is to compare between rounds; rates with Wilson's 95 % interval."""
        if not self.final.trials:
            return {}
        low, high = self.final.interval
        found = {"success": self.final.rate, "success_low": low, "success_high": high}
        others = {"late_mean": self.late_mean, "paper_maximum": self.paper_maximum}
        return found | {name: rate for name, rate in others.items() if rate is not None}


class Run(RunFolder):
    """One run in its folder.

    Args:
        bridges: those that a person has named, for a run whose base is served by one.
        tracking: who shows the run's figures.
        task: the run's, where making it takes more than its name.

    Raises:
        InputError: the folder holds a run of another configuration.
    """

    def __init__(
        self,
        folder: Path,
        config: ImproveConfig,
        progress: Progress = SILENT,
        command: str = "",
        bridges: Sequence[Path] = (),
        tracking: Tracking = Tracking(),
        task: Task | None = None,
    ):
        super().__init__(folder, config, command)
        self.progress, self.bridges, self.tracking = progress, bridges, tracking
        self.task: Task = task or make(config.task)
        if self.other_versions:
            changed = ", ".join(self.other_versions)
            progress.say(f"warning: this run was begun with another version of {changed}")

    def run(self, last: int | None = None) -> list[RoundResult]:
        """Do what is not done yet, up to round `last` or the run's own, and return all results.

        Raises:
            PeopleNeeded: a round is not complete, and it is people who collect.
        """
        results = []
        with one_at_a_time(self.folder), self.tracking.follow(self.folder, self.config.fingerprint()) as figures:
            for number in range((self.last_round if last is None else last) + 1):
                figures(number, {f"collected/{name}": value for name, value in asdict(self.collect(number)).items()})
                seeds = self.config.training_seeds
                for seed in seeds[:1] if self.bridged(number) else seeds:
                    self.train(number, seed)
                    results.append(self.evaluate(number, seed))
                    figures(number, {f"{name}/seed-{seed}": value for name, value in results[-1].figures().items()})
        write_json(self.folder / "results.json", {"results": [asdict(r) for r in results]})
        return results

    def collect(self, number: int) -> Tally:
        """The episodes of one round; round 0 are the demonstrations of the base.

        Raises:
            PeopleNeeded: people collect, and they are not done.
        """
        c, target, there = self.config, self.target(number), self.tally(number)
        if there.reached(target):
            return there
        if self.collected_by(number) == "web":
            far = self.how_far(number)
            missing = f"{far['target'] - far['done']} {NEEDED[far['unit']]}"
            serve = f"retouch serve --runs {self.folder.parent}"
            if self.bridged(number - 1):
                serve += f" --bridge {str(c.base_policy).removeprefix(PREFIX)}"
            raise PeopleNeeded(
                f"round {number} of {self.folder} needs {missing} more: "
                f"collect them with '{serve}', then run this again"
            )
        if self.way(number) == "demonstrate":
            return self._collect(number)
        if c.asynchronous:
            with Learner(self, self.progress) as learner:
                policy = Newest(learner.newest)
                return self._collect(number, policy, lambda: str(policy.version.relative_to(self.folder)))
        with self.acting(number - 1, c.training_seeds[0]) as (previous, name):
            return self._collect(number, previous, name)

    def acting(
        self, number: int, seed: int, checkpoint: int | None = None, weights: Averaging = "ema"
    ) -> AbstractContextManager[tuple[Policy, str]]:
        """What a round has come to, for as long as the block lasts, and what it is called; see `run_policy`."""
        return acting(self, self.task, number, seed, bridges=self.bridges, checkpoint=checkpoint, weights=weights)

    def _collect(
        self, number: int, policy: Policy | None = None, policy_name: str | Callable[[], str] | None = None
    ) -> Tally:
        c = self.config
        return collect(
            self.task,
            self._corrector(number),
            self.way(number),
            self.data(number),
            self.target(number),
            policy=policy,
            policy_name=policy_name,
            stream=stream_of(c.collection_seed, number),
            round_number=number,
            horizon=HORIZON_OF_PEOPLE * self.task.horizon,
            pictures=c.pictures,
            workers=c.workers,
            progress=self.progress,
            title=f"round {number}: interventions"
            if policy is not None
            else ("more demonstrations" if number else "demonstrations"),
        )

    def _corrector(self, number: int) -> Operator:
        """Who collects a round here."""
        c, who = self.config, self.collected_by(number)
        if who == "scripted":
            return ScriptedPerson(profile(c.profile))
        if who == "expert":
            assert c.expert is not None
            return Expert(load_policy(Path(c.expert)), c.expert, c.threshold)
        return operator(who)

    def train(self, number: int, seed: int) -> Path:
        """One policy: from scratch on all data up to this round, or beside or from the base, on corrections alone.

        Nothing is done where the policy is served from elsewhere.
        """
        if self.bridged(number):
            return self.policy(number, seed)
        out, config = self.policy(number, seed), dataclasses.replace(self.config.training, seed=seed)
        learning = self.config.learning if number else method("full-demos")
        base = self.policy(0, self.config.training_seeds[0]) if learning.update != "retrain" else None
        first = 0 if base is None and self.config.demonstrations else 1
        sets = [Dataset(self.data(r)) for r in range(first, number + 1)]
        title = f"round {number}: training" if number else "base: training"
        began, fresh = time.time(), not out.exists()
        described = {"method": learning.to_json(), "training": asdict(config)}
        with (
            self.tracking.follow(out, described) as figures,
            self.progress.stage(f"{title} (seed {seed})", 1.0) as stage,
        ):

            def progress(p: TrainProgress) -> None:
                stage.at(p.step / p.steps, f"loss {p.loss:.4f}")
                figures.training(p)

            result = update(sets, learning, config, out, base=base, progress=progress)
        if fresh:  # a run that was interrupted does not know how long it took
            write_json(out / "timing.json", {"seconds": time.time() - began, "gradient_steps": result.steps})
        return out

    def evaluate(self, number: int, seed: int) -> RoundResult:
        """Every checkpoint on the selection states, the final policy on the test states."""
        c, folder = self.config, self.policy(number, seed)
        steps = checkpoint_steps(folder)
        jobs: list[tuple[int | None, Literal["ema", "raw"]]] = [(None, "ema")]
        if c.checkpoint_trials:
            jobs += [(step, weights) for step in steps for weights in ("ema", "raw")]
        found: dict[tuple[int | None, str], Evaluation] = {}
        trials = c.test_trials + (len(jobs) - 1) * c.checkpoint_trials
        done = 0
        with self.progress.stage(f"round {number}: evaluation (seed {seed})", trials) as stage:
            for step, weights in jobs:
                note = "fresh states" if step is None else f"checkpoint {step}, {weights}"
                each = functools.partial(lambda before, note, n: stage.at(before + n, note), done, note)
                name = "final" if step is None else f"{weights}-{step:06d}"
                found[step, weights] = self._evaluated(number, seed, name, step, weights, each)
                done += found[step, weights].trials
        late = steps[len(steps) // 2 :]
        return RoundResult(
            number,
            seed,
            steps[-1] if steps else 0,
            found[None, "ema"],
            sum(found[s, "ema"].rate for s in late) / len(late) if c.checkpoint_trials and steps else None,
            max(found[s, "raw"].rate for s in steps) if c.checkpoint_trials and steps else None,
            [(s, found[s, "ema"].rate, found[s, "raw"].rate) for s in steps] if c.checkpoint_trials else [],
        )

    def _evaluated(
        self,
        number: int,
        seed: int,
        name: str,
        step: int | None,
        weights: Literal["ema", "raw"],
        each: Callable[[int], None],
    ) -> Evaluation:
        path = self.evaluation(number, seed, name)
        if path.exists():
            return Evaluation.load(path)
        if self.task.attended:  # people see how it does as they correct it in the next round
            nothing = Evaluation(f"{self.policy(number, seed).relative_to(self.folder)}:{name}", "test", (), (), ())
            nothing.save(path)
            return nothing
        with self.acting(number, seed, step, weights) as (policy, called):
            evaluation = evaluate(
                self.task,
                policy,
                self.config.test_trials if step is None else self.config.checkpoint_trials,
                "test" if step is None else "select",
                name=f"{called}:{name}",
                workers=self.config.workers,
                each=each,
            )
        evaluation.save(path)
        return evaluation
