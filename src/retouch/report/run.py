"""The report of a run, computed from its folder alone: episodes, policies and outcomes of evaluated attempts."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retouch.counting import human_steps
from retouch.episodes import ControlSource, Dataset
from retouch.outcomes import Evaluation, wilson
from retouch.report import html
from retouch.report.clips import banner, captioned, clip, side_by_side
from retouch.report.model import Clip, PolicyResult, RoundData, RunReport, Success, Timeline, Who, spans_of
from retouch.rollout import rollout
from retouch.run_folder import REPORT
from retouch.sim.camera import Camera
from retouch.sim.world import Worlds, set_state

if TYPE_CHECKING:
    from retouch.rounds import RoundResult, Run

WHO: dict[int, Who] = {
    ControlSource.POLICY: "policy",
    ControlSource.OPERATOR: "person",
    ControlSource.BOTH: "both",
    ControlSource.NONE: "none",
}
CLIPS = 3
FEW_INTERVENTIONS = 0.02
CLIP_SIZE = (320, 240)
CLIP_RATE = 10  # pictures a second; every second step at 20 Hz


def write_report(run: "Run", results: list["RoundResult"]) -> Path:
    """Write `report.html` into the run's folder and return its path."""
    return html.write(describe_run(run, results), run.folder / REPORT)


def describe_run(run: "Run", results: list["RoundResult"]) -> RunReport:
    """Everything on the page, from the run's folder, as far as the results go."""
    config = run.config
    document = json.loads((run.folder / "run.json").read_text())
    rounds = range(0 if config.demonstrations else 1, results[-1].round + 1)
    datasets = {number: Dataset(run.data(number)) for number in rounds}
    data = tuple(round_data(number, dataset) for number, dataset in datasets.items())
    people = sorted({str(e.operator) for dataset in datasets.values() for e in dataset.episodes})
    scripted = all(name.startswith("scripted:") for name in people)
    return RunReport(
        title=f"{config.task}: {config.method}",
        command=document["command"],
        date=datetime.fromisoformat(document["started_at"]).strftime("%Y-%m-%d %H:%M UTC"),
        person=config.profile if scripted else ", ".join(people),
        scripted=scripted,
        versions=document["versions"],
        settings=document["config"],
        policies=tuple(_policy(run, result) for result in results if result.final.trials),
        data=data,
        timelines=tuple(t for number, dataset in datasets.items() for t in _timelines(number, dataset)),
        clips=tuple(films(run, results)),
        warnings=tuple(_warnings(run, data)),
    )


def round_data(number: int, dataset: Dataset) -> RoundData:
    """What one round's data set holds, counted from its episodes."""
    demonstration = intervention = policy = discarded = kept = interventions = 0
    finished = [e for e in dataset.episodes if e.outcome != "aborted"]
    for episode in finished:
        human = human_steps(episode)
        interventions += len(episode.extra.get("causes", [])) if episode.kind == "corrected" else 0
        if episode.outcome != "success":
            discarded += human
            continue
        kept += 1
        policy += episode.control_steps.get("policy", 0)
        if episode.kind == "demonstration":
            demonstration += human
        else:
            intervention += human
    return RoundData(number, demonstration, intervention, policy, discarded, kept, len(finished) - kept, interventions)


def _policy(run: "Run", result: "RoundResult") -> PolicyResult:
    timing = run.policy(result.round, result.seed) / "timing.json"  # absent where training was interrupted
    return PolicyResult(
        result.round,
        result.seed,
        result.gradient_steps,
        _success(result.final),
        result.late_mean if result.checkpoints else None,
        result.paper_maximum if result.checkpoints else None,
        tuple(result.checkpoints),
        json.loads(timing.read_text())["seconds"] if timing.exists() else None,
    )


def _success(evaluation: Evaluation) -> Success:
    low, high = wilson(sum(evaluation.successes), evaluation.trials)
    return Success(sum(evaluation.successes), evaluation.trials, low, high)


def _timelines(number: int, dataset: Dataset) -> list[Timeline]:
    return [
        Timeline(
            number,
            episode.number,
            episode.kind,  # type: ignore[arg-type]
            episode.outcome,  # type: ignore[arg-type]
            episode.outcome == "success",
            spans_of([WHO[int(c)] for c in dataset.frames(episode, ["control_source"])["control_source"]]),
        )
        for episode in dataset.episodes
        if episode.outcome != "aborted"
    ]


def _warnings(run: "Run", data: tuple[RoundData, ...]) -> list[str]:
    lines: list[str] = []
    c = run.config
    if _unnamed(run):
        lines.append("There are no films of the base: the bridge that serves it was not named when this was written.")
    target = run.samples_wanted(data[0].demonstration) if data else 0
    for d in data:
        if d.round == 0:
            continue
        samples = d.demonstration + d.intervention
        if c.by_attempts:
            if d.episodes < c.corrected:
                lines.append(f"Round {d.round} ended with {d.episodes} completed attempts, short of {c.corrected}.")
        elif samples < target:
            lines.append(
                f"Round {d.round} ended with {samples} human samples, short of {target}, after "
                f"{run.config.max_attempts} attempts: the policy left too little to correct, or the person failed."
            )
        elif d.policy and samples / (samples + d.policy) < FEW_INTERVENTIONS:
            lines.append(f"Round {d.round}: only {samples} of {samples + d.policy} samples are interventions.")
        if d.human_discarded:
            lines.append(
                f"Round {d.round}: {d.human_discarded} steps of the person were spent in attempts that failed "
                "and are left out of training."
            )
    return lines


def _unnamed(run: "Run") -> bool:
    """Whether the base is served by a bridge that nobody has named this time."""
    return run.bridged(0) and not run.bridges


def films(run: "Run", results: list["RoundResult"]) -> list[Clip]:
    """The same initial states, where the base fails and the last policy succeeds, side by side."""
    seed = run.config.training_seeds[0]
    base = next(r.final for r in results if r.round == 0 and r.seed == seed)
    last = next(r.final for r in reversed(results) if r.seed == seed)
    better = [s for s, b, a in zip(base.seeds, base.successes, last.successes, strict=True) if a and not b][:CLIPS]
    if not better or _unnamed(run) or not run.task.cameras:
        return []
    number = results[-1].round
    name = f"after round {number}"
    sides = [_frames(run, 0, seed, better, "base"), _frames(run, number, seed, better, name)]
    return [
        clip(
            f"Initial state {state % 10**9}",
            f"left: the base policy fails; right: the policy {name} succeeds",
            [side_by_side(pair) for pair in _together(*(side[state] for side in sides))],
            CLIP_RATE,
        )
        for state in better
    ]


def _together(left: list[np.ndarray], right: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Two films of one length: the shorter one keeps its last picture, and what is too long runs on for two seconds."""
    length = min(max(len(left), len(right)), min(len(left), len(right)) + 2 * CLIP_RATE)
    return [(left[min(k, len(left) - 1)], right[min(k, len(right) - 1)]) for k in range(length)]


def _frames(run: "Run", number: int, seed: int, states: list[int], name: str) -> dict[int, list[np.ndarray]]:
    """Pictures of a policy from each of the given initial states."""
    from retouch.collection import InMemory

    task, drawn = run.task, {}
    camera = Camera(task.drawing, task.cameras[0], *CLIP_SIZE, samples=2)
    data = Worlds(task.drawing, 1).datas[0]
    every = max(1, round(1 / (CLIP_RATE * task.control_period)))
    with run.acting(number, seed) as (policy, _):
        attempts = list(rollout(task, states, policy=policy, worlds=len(states), record=lambda *_: InMemory()))
    for attempt in attempts:
        assert isinstance(attempt.recorder, InMemory)
        passed = [*attempt.recorder.column("sim_state")[::every], attempt.final_state]
        pictures = []
        for picture, state in enumerate(passed):
            set_state(task.drawing, data, state)
            text = attempt.outcome if picture == len(passed) - 1 else f"{picture / CLIP_RATE:.1f} s"
            pictures.append(captioned(banner(camera.draw(data), "policy", name), text))
        drawn[attempt.seed] = pictures
    return drawn
