"""`retouch collect`, `train`, `evaluate` and `improve`."""

import dataclasses
import shlex
import sys
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import tyro

from retouch.console import Terminal
from retouch.errors import InputError, RetouchError, UnknownName
from retouch.learning.config import TrainConfig
from retouch.learning.weights import Alpha, CountAs
from retouch.operators.threshold import Threshold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retouch.operators.correction import Operator
    from retouch.rounds import RoundResult, Run

Json = Annotated[bool, tyro.conf.arg(name="json")]
DEFAULT_TRAINING = TrainConfig()
THRESHOLD = Threshold()
Config = TypeVar("Config")


def collect(
    task: tyro.conf.Positional[str],
    *,
    out: Path,
    operator: str = "scripted",
    correct: Literal["demonstrate", "observe", "take-over", "delta"] = "demonstrate",
    policy: str | None = None,
    profile: str = "steady",
    expert: str | None = None,
    threshold: Threshold = THRESHOLD,
    episodes: int = 30,
    camera: int | None = None,
    round_number: Annotated[int | None, tyro.conf.arg(name="round")] = None,
    seed: int = 0,
    max_attempts: int = 1000,
    workers: int = 2,
    as_json: Json = False,
) -> None:
    """Record attempts of a task into a data set. Exit code 1 if its target is not reached.

    Args:
        task: name of the task, e.g. threading; gym:ID, a Gymnasium environment; or gym:FILE.toml, one of another
            interpreter (docs/environments.md).
        out: folder of the data set; attempts are added to it.
        operator: who corrects: scripted, a person; expert, a policy that knows better; or whom a package brings.
        correct: how: whole demonstrations; those from where the policy was seen to fail; taking over from it; or
            pushing the robot's handle while it goes on.
        policy: folder of the policy that is corrected; or bridge:FILE.toml, one that runs in another environment
            (docs/bridge.md).
        profile: which scripted person: steady, hesitant or hasty.
        expert: the policy of an expert, as of `policy`.
        threshold: when an expert acts.
        episodes: completed attempts that the data set shall hold.
        camera: size of the pictures that are recorded of what policies look through, 12.5 a second, e.g. 96; 0 for
            none. When left out, as the policy sees them.
        round_number: which pass of collecting this is; no two start from the same states. When left out, 0 for
            demonstrations and 1 for take-over.
        seed: of everything random.
        max_attempts: to give up after.
        workers: threads that step the physics; the episodes do not depend on it.
        as_json: print the result as JSON.
    """
    from retouch import collection, counting
    from retouch.operators.expert import Expert
    from retouch.operators.named import check
    from retouch.operators.named import operator as brought
    from retouch.operators.profile import profile as named
    from retouch.operators.scripted import ScriptedPerson
    from retouch.policies.eyes import eyes_of
    from retouch.policies.named import acting
    from retouch.tasks.named import attempted

    if (correct != "demonstrate") != (policy is not None):
        raise InputError("--correct observe, take-over and delta need --policy, and demonstrate goes without one")
    for name, value in (("episodes", episodes), ("max-attempts", max_attempts), ("workers", workers)):
        if value < 1:
            raise InputError(f"--{name} is at least 1, not {value}")
    if camera is not None and camera < 0:
        raise InputError(f"--camera is a size in pixels, or 0, not {camera}")
    if round_number is None:
        round_number = 0 if correct == "demonstrate" else 1
    stream = counting.stream_of(seed, round_number)
    terminal = Terminal(as_json)
    target = counting.Target(episodes=episodes, max_attempts=max_attempts)
    check(operator, ("scripted", "expert"))
    if (expert is not None) != (operator == "expert"):
        raise InputError("an expert is --operator expert and its policy, --expert: one goes with the other")
    if policy or expert:
        from retouch.policies.torch_setup import single_thread

        single_thread()
    with (
        attempted(task) as made,
        acting(policy, made) if policy else nullcontext((None, None)) as (acts, called),
        acting(expert, made) if expert else nullcontext((None, "")) as (knows, expert_called),
    ):
        if knows is not None:
            person: Operator = Expert(knows, expert_called, threshold)
        else:
            person = ScriptedPerson(named(profile)) if operator == "scripted" else brought(operator)
        if camera is None:
            camera = eyes.size if (eyes := eyes_of(acts)) else 0
        counted = collection.collect(
            made,
            person,
            correct,
            out,
            target,
            policy=acts,
            policy_name=called,
            stream=stream,
            round_number=round_number,
            horizon=2 * made.horizon,
            pictures=camera,
            workers=workers,
            progress=terminal,
        )
    terminal.table(
        f"{out} ({person.name})",
        ("attempts", "solved", "corrected", "steps in solved", "by the person", "and in failures", "largest force"),
        [
            [
                str(counted.attempts),
                str(counted.successes),
                str(counted.corrected),
                str(counted.steps),
                str(counted.human_steps),
                str(counted.discarded_human_steps),
                f"{counted.largest_force:.0f} N" if counted.largest_force else "-",
            ]
        ],
    )
    terminal.result(dataclasses.asdict(counted) | {"reached": counted.reached(target)})
    if not counted.reached(target):
        raise RetouchError(f"{out} holds {counted.successes} completed attempts, not {episodes}")


def train(
    datasets: tyro.conf.Positional[tuple[Path, ...]],
    *,
    out: Path,
    method: str = "full-demos",
    base: Path | None = None,
    alpha: Alpha | None = None,
    demonstrations_count_as: CountAs = "rollout",
    config: Annotated[TrainConfig, tyro.conf.arg(name="")] = DEFAULT_TRAINING,
    track: tuple[str, ...] = (),
    as_json: Json = False,
) -> None:
    """Train a policy on the completed attempts of data sets.

    Args:
        datasets: folders of data sets.
        out: folder of the policy; a run that was stopped there goes on.
        method: full-demos, hg-dagger, iwr-nb, iwr or retrain; with a base finetune, finetune-kl, residual or
            compliant-residual.
        base: folder of the policy of waypoints that is finetuned, or that a residual goes beside.
        alpha: weight of an intervention sample, or balanced; the method's own when left out.
        demonstrations_count_as: where demonstrations go: with the interventions (D_I) or the rollout samples (D_R).
        config: how to train.
        track: who shows its figures, beside metrics.jsonl in `out`: tensorboard, trackio, wandb (docs/tracking.md).
        as_json: print the result as JSON.
    """
    from retouch.episodes.reader import Dataset
    from retouch.learning.loop import TrainProgress
    from retouch.learning.update import update
    from retouch.learning.weights import method as named
    from retouch.policies.checkpoint import read_info
    from retouch.tracking import Tracking

    terminal, tracking = Terminal(as_json), Tracking(track)
    chosen = named(method).replace(alpha=alpha, demonstrations_count_as=demonstrations_count_as)
    if (chosen.update == "retrain") != (base is None):
        raise InputError(f"the method {method} {'needs' if base is None else 'goes without'} --base")
    sets = [Dataset(path) for path in datasets]
    described = {"method": chosen.to_json(), "training": dataclasses.asdict(config)}
    with tracking.follow(out, described) as figures, terminal.stage(f"training {method}", 1.0) as stage:

        def progress(p: TrainProgress) -> None:
            stage.at(p.step / p.steps, f"loss {p.loss:.4f}")
            figures.training(p)

        result = update(sets, chosen, config, out, base=base, progress=progress)
    data = read_info(out).training["data"]
    terminal.line(
        f"{out}: {result.steps} gradient steps, {result.epochs:.1f} epochs over {data['steps']} samples of "
        f"{data['episodes']} episodes in {result.seconds:.0f} s"
    )
    terminal.result({"policy": str(out), "gradient_steps": result.steps, "seconds": result.seconds})


def evaluate(
    task: tyro.conf.Positional[str],
    policy: tyro.conf.Positional[str],
    *,
    episodes: int | None = None,
    until_width: float | None = None,
    grid: bool = False,
    checkpoint: int | None = None,
    weights: Literal["ema", "raw"] = "ema",
    purpose: Literal["tune", "select", "test"] = "test",
    seed: int = 0,
    workers: int = 2,
    as_json: Json = False,
) -> None:
    """Measure how often a policy alone solves its task, with Wilson's 95 % interval, and how it fails.

    Args:
        task: name of the task, as for collect.
        policy: folder of the policy; or bridge:FILE.toml, one that runs in another environment (docs/bridge.md).
        episodes: attempts (200 when left out); number i starts from the same state for every policy.
        until_width: stop once the interval is no wider, e.g. 0.1, after `episodes` (2000) at the most. For a quick
            look: no table does so, as to stop by what was seen makes the interval too narrow.
        grid: go through the cases of a contact-rich task's test grid in turn, also those that nobody demonstrated.
        checkpoint: gradient step; the last one when left out.
        weights: averaged or raw.
        purpose: which initial states: those for tuning, for selecting checkpoints, or for reporting.
        seed: another sequence of initial states.
        workers: threads that step the physics; the result does not depend on it.
        as_json: print the result as JSON.
    """
    from retouch import evaluation
    from retouch.policies.named import acting
    from retouch.policies.torch_setup import single_thread
    from retouch.tasks.contact import ContactTask
    from retouch.tasks.named import attempted

    if episodes is None:
        episodes = 200 if until_width is None else 2000
    if episodes < 1:
        raise InputError(f"--episodes is at least 1, not {episodes}")
    if until_width is not None and not 0 < until_width < 1:
        raise InputError(f"--until-width is a width of the interval between 0 and 1, not {until_width}")
    single_thread()
    terminal = Terminal(as_json)
    with (
        attempted(task) as made,
        acting(policy, made, checkpoint, weights) as (acts, name),
        terminal.stage("evaluation", episodes) as stage,
    ):
        if grid and not isinstance(made, ContactTask):
            raise InputError(f"the task {task} has no grid of cases: leave --grid out")
        found = evaluation.evaluate(
            made,
            acts,
            episodes,
            purpose,
            until_width=until_width,
            stream=seed,
            cases=made.cases() if grid and isinstance(made, ContactTask) else (),
            name=name,
            workers=workers,
            each=stage.at,
        )
    terminal.line(f"{policy}: success {found}")
    failed = Counter(why for why, success in zip(found.reasons, found.successes, strict=True) if not success)
    for why, times in failed.most_common():
        terminal.line(f"    {times} times {why}")
    low, high = found.interval
    terminal.result({**dataclasses.asdict(found), "rate": found.rate, "interval": [low, high], "n": found.trials})


def improve(
    task: tyro.conf.Positional[str],
    *,
    out: Path = Path("runs/improve"),
    method: str = "iwr",
    rounds: int = 3,
    operator: str = "scripted",
    demonstrator: str | None = None,
    profile: str = "steady",
    expert: str | None = None,
    threshold: Threshold = THRESHOLD,
    base_policy: str | None = None,
    demonstrations: int | None = None,
    share: float = 0.33,
    corrected: int = 50,
    asynchronous: Annotated[bool, tyro.conf.arg(name="async")] = False,
    first_version: int = 20,
    version_every: int = 10,
    seed: int = 0,
    training_seeds: tuple[int, ...] = (0,),
    alpha: Alpha | None = None,
    demonstrations_count_as: CountAs = "rollout",
    training: TrainConfig = DEFAULT_TRAINING,
    checkpoint_trials: int = 50,
    test_trials: int = 200,
    max_attempts: int = 300,
    workers: int = 2,
    track: tuple[str, ...] = (),
    as_json: Json = False,
) -> None:
    """Improve a policy by rounds of correction: collect, train from scratch, evaluate. Run it again to go on.

    Args:
        task: name of the task, as for collect; or the folder of a run, begun here or in a browser, to go on with as it
            was configured.
        out: folder of the run.
        method: full-demos, hg-dagger, iwr-nb or iwr; for a robot that yields retrain, finetune, finetune-kl, residual
            or compliant-residual, too.
        rounds: of correction after the demonstrations.
        operator: who corrects: scripted, a person; expert, a policy that knows better; web, people through retouch
            serve; or whom a package brings.
        demonstrator: who demonstrates at first; the operator when left out.
        profile: which scripted person: steady, hesitant or hasty.
        expert: folder of the policy that knows better.
        threshold: when it acts.
        base_policy: bridge:FILE.toml, where the base is not trained but runs in another environment (docs/bridge.md);
            to go on with such a run, name it again.
        demonstrations: that the base policy learns from; when left out 30 for threading and coffee, 150 for the others;
            none beside a base policy.
        share: human samples that a round adds, as a part of the base's samples.
        corrected: completed attempts that a round adds, where people push or where there are no demonstrations.
        asynchronous: train a residual again and again while the round is collected; each attempt begins with the
            newest version, and says which.
        first_version: completed attempts before the first such version,
        version_every: and between two.
        seed: of collecting.
        training_seeds: one policy each; the first one's last policy collects the next round.
        alpha: weight of an intervention sample, or balanced; the method's own when left out.
        demonstrations_count_as: where demonstrations go: with the interventions (D_I) or the rollout samples (D_R).
        training: how each policy is trained.
        checkpoint_trials: rollouts of every checkpoint; 0 leaves them out.
        test_trials: rollouts of each round's last policy on fresh states.
        max_attempts: of one round, before it ends with a warning.
        workers: threads that step the physics; no result depends on it.
        track: who shows its figures, beside its metrics.jsonl: tensorboard, trackio, wandb (docs/tracking.md).
        as_json: print the result as JSON.
    """
    from retouch.policies.bridge_file import PREFIX, BridgeFile, bridge_path
    from retouch.policies.torch_setup import single_thread
    from retouch.rounds import Run
    from retouch.run_folder import ImproveConfig, RunFolder, methods_for, usual
    from retouch.tasks.environment_file import kept_as
    from retouch.tasks.named import attempted
    from retouch.tasks.registry import known, names
    from retouch.tracking import Tracking

    single_thread()
    terminal, tracking = Terminal(as_json), Tracking(track)
    training = overlaid(usual(task).training, training, DEFAULT_TRAINING)
    goes_on = (Path(task) / "run.json").is_file()
    based = base_policy is not None and not goes_on
    bridge = bridge_path(base_policy) if base_policy is not None else None
    if bridge is not None:
        base_policy = f"{PREFIX}{bridge.absolute()}"
    if demonstrations is None:
        demonstrations = 0 if based else usual(task).demonstrations
    config = ImproveConfig(
        task=kept_as(task),
        method=method,
        rounds=rounds,
        operator=operator,
        demonstrator=demonstrator,
        profile=profile,
        expert=expert,
        threshold=threshold,
        base_policy=base_policy if based else None,
        base_digest=BridgeFile.read(bridge).digest if based and bridge is not None else "",
        demonstrations=demonstrations,
        share=share,
        corrected=corrected,
        asynchronous=asynchronous,
        first_version=first_version,
        version_every=version_every,
        collection_seed=seed,
        training_seeds=training_seeds,
        alpha=alpha,
        demonstrations_count_as=demonstrations_count_as,
        training=training,
        checkpoint_trials=checkpoint_trials,
        test_trials=test_trials,
        max_attempts=max_attempts,
        workers=workers,
    )
    if goes_on:
        if config != ImproveConfig(task=task):
            raise InputError(f"{task} is a run, which goes on as it was configured: leave the options out")
        out, config = Path(task), RunFolder.open(Path(task)).config
    elif not known(task):
        if "/" in task or Path(task).exists():
            raise InputError(f"no run in {task}: name a task ({', '.join(names())}) or the folder of a run")
        raise UnknownName("task", task, names())
    command, bridges = shlex.join(["retouch", *sys.argv[1:]]), [] if bridge is None else [bridge]
    with nullcontext() if goes_on else attempted(task) as made:
        if config.by_pushing and made is not None and not made.ticks:
            suits = ", ".join(methods_for(task))
            raise InputError(f"the robot of the task {task} has no handle to push: choose {suits}")
        show_run(Run(out, config, terminal, command, bridges, tracking, made), terminal)


def overlaid(preset: Config, given: Config, default: Config) -> Config:
    """A preset with everything in it changed that differs from the default in what was given; dataclasses all."""
    changes: dict[str, object] = {}
    for field in dataclasses.fields(given):  # type: ignore[arg-type]
        ours, theirs, usual = (getattr(config, field.name) for config in (preset, given, default))
        if theirs != usual:
            changes[field.name] = overlaid(ours, theirs, usual) if dataclasses.is_dataclass(theirs) else theirs
    return dataclasses.replace(preset, **changes)  # type: ignore[type-var]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"


def worse_than_base(results: "Sequence[RoundResult]") -> list[str]:
    """A line for every policy that is worse than its base beyond chance, on the same states, with what to do."""
    import numpy as np

    from retouch.studies.bootstrap import paired_difference

    bases = {r.seed: r.final for r in results if r.round == 0}
    said = []
    for result in results:
        base = bases.get(result.seed)
        if result.round == 0 or base is None or base.seeds != result.final.seeds:
            continue
        gain, low, high = paired_difference(np.array([result.final.successes]), np.array([base.successes]))
        if high < 0:
            said.append(
                f"round {result.round}, seed {result.seed} is worse than its base: {100 * gain:+.1f} points "
                f"[{100 * low:+.1f}, {100 * high:+.1f}] on the same {len(base.seeds)} states. Go on with the base, and "
                "look at the corrections (retouch data show): long, large ones teach badly (docs/methods.md)"
            )
    return said


def show_run(run: "Run", terminal: Terminal) -> None:
    """Do a run, print its table, write its report."""
    from retouch.report.run import write_report

    results = run.run()
    report = write_report(run, results)
    rows = [
        [
            "base" if r.round == 0 else f"round {r.round}",
            str(r.seed),
            str(r.gradient_steps),
            str(r.final),
            _percent(r.late_mean),
            _percent(r.paper_maximum),
        ]
        for r in results
    ]
    header = ("policy", "seed", "steps", "success", "late checkpoints", "paper's maximum")
    who, profile, expert = run.config.operator, run.config.profile, run.config.expert
    person = {"scripted": f"scripted person '{profile}'", "expert": f"expert {expert}", "web": "people"}.get(who, who)
    terminal.table(f"{run.config.task}, {run.config.method}, {person}", header, rows)
    for warning in worse_than_base(results):
        terminal.line(warning)
    terminal.line(f"report: {report}")
    terminal.result({"results": [dataclasses.asdict(r) for r in results], "report": str(report)})
