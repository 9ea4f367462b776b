"""What a robot feels when a correction starts and ends: taking over against pushing (CR-DAgger, sections 3.1 and 4.4).

    .venv/bin/python benchmarks/corrections.py gear-insertion=runs/gear/policy book-flipping=runs/book/policy

The same scripted person corrects the same policy from the same initial states, once by taking over and once by pushing;
until the first correction both go the same way to the last bit, so it starts in the same state. Figures go to
benchmarks/results/corrections.json and to standard output, the picture to docs/corrections.svg.
"""

import itertools
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retouch.collection import InMemory
from retouch.episodes.schema import ControlSource
from retouch.operators.profile import profile
from retouch.operators.scripted import ScriptedPerson
from retouch.operators.way import Way
from retouch.outcomes import attempt_seeds, wilson
from retouch.policies.checkpoint import load_policy
from retouch.policies.files import write_json
from retouch.policies.torch_setup import single_thread
from retouch.report.plots import BOTH, PERSON, svg
from retouch.report.study import on_paper
from retouch.robots.ur5e_tick import TICK
from retouch.rollout import Attempt, rollout
from retouch.tasks.contact import ContactTask
from retouch.tasks.registry import make

ROOT = Path(__file__).resolve().parents[1]
WAYS: tuple[Way, ...] = ("take-over", "delta")
ATTEMPTS = 60
BEFORE, AFTER = 100, 200  # ticks around an event
QUICK = 10  # ticks within which a change is felt as a jolt: 20 ms
TOUCH = 2.0  # [N]
SMOOTH = 10  # ticks over which positions are averaged before they are derived


class Event(NamedTuple):
    """A correction that starts or ends.

    Attributes:
        kind: `start` or `end`.
        pressing: whether the tool touched something then, with more than `TOUCH`.
        force: change of what the tool feels, from the moment itself on, `BEFORE + AFTER` ticks [N].
        jolt: largest change of that force within 20 ms, in the 0.4 s from then on [N].
        spring: largest change within a tick of the force with which the robot itself pulls the tool, in that time [N].
        jerk: largest of the tool, in that time [m/s^3].
    """

    kind: str
    pressing: bool
    force: NDArray[np.float64]
    jolt: float
    spring: float
    jerk: float


def events(rows: InMemory) -> Iterator[Event]:
    """Of one attempt, where there is room around them."""
    source = rows.column("control_source")
    acts = np.isin(source, (ControlSource.OPERATOR, ControlSource.BOTH))

    def ticks(name: str) -> NDArray[np.float64]:
        track = rows.column(f"tick_{name}").astype(np.float64)
        return track.reshape(-1, track.shape[-1])

    contact, stiffness = ticks("contact_wrench")[:, :3], ticks("stiffness")[:, :1]
    asked, reference, measured = (ticks(n)[:, :3] for n in ("asked_pose", "reference", "measured_pose"))
    spring = stiffness * (reference - asked)
    even = np.ones(SMOOTH) / SMOOTH
    smooth = np.column_stack([np.convolve(measured[:, k], even, "same") for k in range(3)])
    jerk = np.linalg.norm(np.diff(smooth, 3, axis=0), axis=1) / TICK**3
    per_step = len(contact) // len(source)
    for step in np.flatnonzero(np.diff(acts.astype(int))) + 1:
        at = int(step) * per_step
        if at < BEFORE + SMOOTH or at + AFTER + SMOOTH > len(contact):
            continue
        around = slice(at - BEFORE, at + AFTER)
        force = contact[around]
        near = slice(at - QUICK, at + AFTER)
        yield Event(
            "start" if acts[step] else "end",
            bool(np.linalg.norm(contact[at - 1]) > TOUCH),
            np.linalg.norm(force - contact[at - 1], axis=1),
            float(np.linalg.norm(contact[near][QUICK:] - contact[near][:-QUICK], axis=1).max()),
            float(np.linalg.norm(np.diff(spring[near], axis=0), axis=1).max()),
            float(jerk[near].max()),
        )


def corrected(task: ContactTask, folder: Path, way: Way) -> list[Attempt]:
    """Attempts in which the scripted person corrects."""
    seeds = itertools.islice(attempt_seeds("tune", 0), ATTEMPTS)
    person = ScriptedPerson(profile("steady"))
    policy = load_policy(folder)
    keep = lambda number, seed: InMemory()  # noqa: E731
    return list(rollout(task, seeds, policy=policy, operator=person, way=way, horizon=2 * task.horizon, record=keep))


def summary(attempts: list[Attempt]) -> tuple[dict[str, Any], list[Event]]:
    """Figures of one way."""
    found: list[Event] = []
    for attempt in attempts:
        assert isinstance(attempt.recorder, InMemory)
        found += events(attempt.recorder)
    solved = sum(a.outcome == "success" for a in attempts)
    figures: dict[str, Any] = {
        "attempts": len(attempts),
        "assisted success": [solved, *wilson(solved, len(attempts))],
        "corrected": sum(a.human_steps > 0 for a in attempts),
        "seconds corrected": float(np.mean([a.human_steps for a in attempts])) * 0.02,
        "largest force N": max(a.force for a in attempts),
        "median of largest force N": float(np.median([a.force for a in attempts])),
    }
    for kind, pressing in itertools.product(("start", "end"), (True, False)):
        some = [event for event in found if (event.kind, event.pressing) == (kind, pressing)]
        here: dict[str, Any] = {"events": len(some)}
        for name in ("jolt", "spring", "jerk") if some else ():
            values = [getattr(event, name) for event in some]
            here[name] = {"median": float(np.median(values)), "90 %": float(np.quantile(values, 0.9))}
        figures[f"{kind}, {'touching' if pressing else 'in the air'}"] = here
    return figures, found


def picture(found: Mapping[str, Mapping[Way, list[Event]]]) -> str:
    """How far what a touching tool feels has changed, around the start and the end: medians, and the middle half."""
    time = 1000 * TICK * (np.arange(BEFORE + AFTER) - BEFORE)

    def draw(first: Any) -> None:
        whole = first.get_figure()
        first.remove()
        panels = whole.subplots(len(found), 2, sharex=True, sharey="row", squeeze=False)
        for row, (task, ways) in zip(panels, found.items(), strict=True):
            for axes, kind in zip(row, ("start", "end"), strict=True):
                axes.patch.set_alpha(0.0)
                for way, colour in zip(WAYS, (PERSON, BOTH), strict=True):
                    some = [event.force for event in ways[way] if event.kind == kind and event.pressing]
                    if not some:
                        continue
                    low, middle, high = np.quantile(some, (0.25, 0.5, 0.75), axis=0)
                    axes.plot(time, middle, color=colour, label=f"{way} (n = {len(some)})")
                    axes.fill_between(time, low, high, color=colour, alpha=0.2, lw=0)
                axes.axvline(0, color="0.6", lw=0.8)
                axes.set_title(f"{task}: correction {kind}s", fontsize=9)
                if not axes.lines[:-1]:
                    axes.text(0.5, 0.5, "none touched anything", transform=axes.transAxes, ha="center", fontsize=8)
                else:
                    axes.legend(frameon=False, fontsize=8, loc="upper left")
                axes.grid(axis="y")
            row[0].set_ylim(0, 1.45 * row[0].get_ylim()[1])  # room for the legends
            row[0].set_ylabel("change of contact force, N")
        for axes in panels[-1]:
            axes.set_xlabel("time, ms")

    return svg(
        "corrections", "What a tool that touches feels when a correction starts and ends", 2.4 * len(found) + 0.6, draw
    )


def main() -> None:
    """Measure, print and keep."""
    single_thread()
    if len(sys.argv) < 2 or not all("=" in argument for argument in sys.argv[1:]):
        sys.exit("name tasks and the folders of their policies: gear-insertion=runs/gear/policy ...")
    figures: dict[str, dict[str, Any]] = {}
    found: dict[str, dict[Way, list[Event]]] = {}
    for argument in sys.argv[1:]:
        name, folder = argument.split("=", 1)
        task = make(name)
        assert isinstance(task, ContactTask)
        figures[name], found[name] = {}, {}
        for way in WAYS:
            figures[name][way], found[name][way] = summary(corrected(task, Path(folder), way))
            print(name, way)
            for key, value in figures[name][way].items():
                print(f"    {key}: {value}")
    write_json(ROOT / "benchmarks" / "results" / "corrections.json", figures)
    (ROOT / "docs" / "corrections.svg").write_text(on_paper(picture(found)))


if __name__ == "__main__":
    main()
