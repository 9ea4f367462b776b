"""`retouch data`: looking after data sets of episodes."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from retouch.console import Terminal
from retouch.errors import InputError, RetouchError

if TYPE_CHECKING:
    from retouch.episodes import Edit

Dataset = tyro.conf.Positional[Path]
Episode = tyro.conf.Positional[int]
Name = tyro.conf.Positional[str]
Json = Annotated[bool, tyro.conf.arg(name="json")]
Outcome = Literal["success", "failure", "aborted"]
Kind = Literal["demonstration", "rollout", "corrected"]


def info(dataset: Dataset, *, as_json: Json = False) -> None:
    """Say what a data set holds.

    Args:
        dataset: its folder.
        as_json: print the result as JSON.
    """
    from retouch.episodes import describe

    terminal, found = Terminal(as_json), describe(dataset)
    rows = [
        ["task", f"{found.info.task}, {1 / found.info.control_period_s:g} Hz"],
        ["episodes", f"{found.episodes} ({found.excluded} excluded, {found.discarded} discarded while recording)"],
        ["unfinished", str(found.unfinished) + (" (retouch data repair brings them back)" if found.unfinished else "")],
        *([f"  {kind}", ", ".join(f"{n} {o}" for o, n in counts.items())] for kind, counts in found.outcomes.items()),
        ["steps", f"{found.steps} ({found.duration_s / 60:.1f} min)"],
        ["  by who acted", ", ".join(f"{n} {who}" for who, n in found.control_steps.items() if n)],
        ["human steps, all", f"{found.human_steps} (in successes: {found.human_steps_in_successes})"],
        ["operators", ", ".join(f"{who} ({n})" for who, n in found.operators.items())],
        ["policies", ", ".join(f"{what} ({n})" for what, n in found.policies.items()) or "none"],
        ["on disk", f"{found.size_bytes / 1e6:.1f} MB"],
    ]
    terminal.table(str(dataset), ("", ""), rows, justify="left")
    terminal.result(dataclasses.asdict(found))


def check(dataset: Dataset, *, as_json: Json = False) -> None:
    """Verify every file of a data set; exit code 1 if something is wrong.

    Args:
        dataset: its folder.
        as_json: print the result as JSON.
    """
    from retouch.episodes import check as verify

    terminal, problems = Terminal(as_json), verify(dataset)
    for problem in problems:
        terminal.line(problem)
    terminal.result({"problems": problems})
    if problems:
        raise RetouchError(f"{dataset}: {len(problems)} problem(s); retouch data repair mends what writers left behind")
    terminal.line(f"{dataset}: nothing is wrong")


def repair(dataset: Dataset, *, as_json: Json = False) -> None:
    """Bring back what writers that died left behind, as aborted episodes.

    Args:
        dataset: its folder.
        as_json: print the result as JSON.
    """
    from retouch.episodes import repair as mend

    terminal, summary = Terminal(as_json), mend(dataset)
    document = dataclasses.asdict(summary)
    for name, value in document.items():
        terminal.line(f"{name}: {len(value) if isinstance(value, list | tuple) else value}")
    terminal.result(document)


def show(
    dataset: Dataset,
    episode: Episode,
    *,
    plot: Path | None = None,
    rerun: Path | None = None,
    as_json: Json = False,
) -> None:
    """Show one episode: what is known of it, and who acted when.

    Args:
        dataset: its folder.
        episode: number of the episode.
        plot: an SVG file to draw it into: poses, forces and who acted, over time.
        rerun: an .rrd file to write it into, which the viewer of rerun plays, pictures and all.
        as_json: print the result as JSON.
    """
    from retouch.episodes import show as summarise

    if plot is not None and plot.suffix.lower() != ".svg":
        raise InputError(f"--plot draws an SVG file: say {plot.with_suffix('.svg')}, not {plot}")
    terminal, found = Terminal(as_json), summarise(dataset, episode)
    i = found.info
    rows = [
        ["kind, outcome", f"{i.kind}, {i.outcome}: {i.reason}" + (" (excluded)" if i.excluded else "")],
        ["operator", str(i.operator)],
        ["policy, round, seed", f"{i.policy}, {i.round}, {i.seed}"],
        ["started", i.started_at],
        ["steps", f"{i.steps} of {found.recorded_steps} recorded ({found.duration_s:.1f} s)"],
        ["interventions", str(found.interventions)],
        *([f"  step {s.first_step}-{s.last_step}", s.control_source] for s in found.segments),
    ]
    terminal.table(f"{dataset}, episode {i.name}", ("", ""), rows, justify="left")
    terminal.line(timeline([(s.control_source, s.last_step - s.first_step + 1) for s in found.segments]))
    if plot is not None:
        _draw(dataset, episode, plot)
        terminal.line(f"drawn: {plot}")
    if rerun is not None:
        from retouch.episodes import Dataset
        from retouch.report.recording import write

        left_out = write(Dataset(dataset), episode, rerun)
        terminal.line(f"written: {rerun} (rerun {rerun} plays it)")
        for line in left_out:
            terminal.line(f"left out: {line}")
    terminal.result(dataclasses.asdict(found))


def _draw(path: Path, number: int, out: Path) -> None:
    """One episode as a figure in a file."""
    from retouch.episodes import Dataset
    from retouch.policies.files import write_atomically
    from retouch.report.episode import figure
    from retouch.report.study import on_paper

    dataset = Dataset(path)
    episode = next(e for e in dataset.all_episodes if e.number == number)
    action, period = dataset.info.features["action"], dataset.info.control_period_s
    names = action.names or tuple(f"action {k}" for k in range(action.size))
    title = f"Episode {number} of {dataset.info.task}: {episode.outcome}, {episode.reason}"
    write_atomically(out, on_paper(figure(dataset.frames(episode), period, names, title)).encode())


def timeline(segments: list[tuple[str, int]], width: int = 72) -> str:
    """One line that shows who acted when: `-` the policy, `#` the operator, `+` both, `.` nobody."""
    marks = {"policy": "-", "operator": "#", "both": "+", "none": "."}
    steps = "".join(marks[who] * length for who, length in segments)
    return "".join(steps[k * len(steps) // width] for k in range(width)) if len(steps) > width else steps


def _edited(edit: "Edit", what: str, as_json: bool) -> None:
    """Say what an edit did, and its id, by which it can be taken back."""
    terminal = Terminal(as_json)
    terminal.line(f"edit {edit.id}: {what}")
    terminal.result(dataclasses.asdict(edit))


def exclude(
    dataset: Dataset, episodes: tyro.conf.Positional[tuple[int, ...]], *, reason: str = "", as_json: Json = False
) -> None:
    """Leave episodes out of training; nothing is deleted, and `undo` takes it back.

    Args:
        dataset: its folder.
        episodes: their numbers.
        reason: why.
        as_json: print the result as JSON.
    """
    from retouch.episodes import exclude as leave_out

    edit = leave_out(dataset, episodes, reason or None)
    _edited(edit, f"excluded {', '.join(edit.episodes)}", as_json)


def include(
    dataset: Dataset, episodes: tyro.conf.Positional[tuple[int, ...]], *, reason: str = "", as_json: Json = False
) -> None:
    """Take excluded episodes back in.

    Args:
        dataset: its folder.
        episodes: their numbers.
        reason: why.
        as_json: print the result as JSON.
    """
    from retouch.episodes import include as take_in

    edit = take_in(dataset, episodes, reason or None)
    _edited(edit, f"included {', '.join(edit.episodes)}", as_json)


def trim(dataset: Dataset, episode: Episode, first_step: int, last_step: int, *, as_json: Json = False) -> None:
    """Keep only a stretch of an episode, both ends included.

    Args:
        dataset: its folder.
        episode: its number.
        first_step: to keep.
        last_step: to keep.
        as_json: print the result as JSON.
    """
    from retouch.episodes import trim as cut

    _edited(cut(dataset, episode, first_step, last_step), "trimmed", as_json)


def relabel(
    dataset: Dataset,
    episode: Episode,
    outcome: Outcome,
    reason: str,
    *,
    as_json: Json = False,
) -> None:
    """Change an episode's outcome.

    Args:
        dataset: its folder.
        episode: its number.
        outcome: what it really was.
        reason: why.
        as_json: print the result as JSON.
    """
    from retouch.episodes import relabel as rename

    _edited(rename(dataset, episode, outcome, reason), f"relabelled {outcome}", as_json)


def undo(dataset: Dataset, *, edit: str | None = None, as_json: Json = False) -> None:
    """Take back an edit, the last one by default.

    Args:
        dataset: its folder.
        edit: its id.
        as_json: print the result as JSON.
    """
    from retouch.episodes import undo as take_back

    taken = take_back(dataset, edit)
    _edited(taken, f"took back {taken.edit}", as_json)


def forget(
    dataset: Dataset,
    operator: tyro.conf.Positional[str],
    pseudonym: tyro.conf.Positional[str],
    *,
    as_json: Json = False,
) -> None:
    """Give an operator another name in all that a data set says; this cannot be undone (docs/people.md).

    Args:
        dataset: its folder.
        operator: whose name shall not be in it any more.
        pseudonym: what stands there instead.
        as_json: print the result as JSON.
    """
    from retouch.episodes import forget as take_out

    terminal, found = Terminal(as_json), take_out(dataset, operator, pseudonym)
    terminal.line(f"{dataset}: {found} documents named {operator}" + (f", and say {pseudonym} now" if found else ""))
    terminal.result({"documents": found})
