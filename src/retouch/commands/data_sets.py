"""`retouch data merge`, `filter`, `weights`, `export`, `import`: from data sets to others, or to training."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from retouch.commands.data import (
    Dataset,
    Json,
    Kind,
    Outcome,
    check,
    exclude,
    forget,
    include,
    info,
    relabel,
    repair,
    show,
    trim,
    undo,
)
from retouch.console import Terminal
from retouch.errors import InputError
from retouch.learning.weights import Alpha, CountAs

if TYPE_CHECKING:
    from retouch.episodes import EpisodeInfo
    from retouch.formats import Exchanged


def merge(datasets: tyro.conf.Positional[tuple[Path, ...]], *, out: Path, as_json: Json = False) -> None:
    """Make one data set of several, edits and all. What was recorded is shared, not copied; an episode is there once.

    What was discarded while recording is not told of in the new one.

    Args:
        datasets: their folders, of one task.
        out: folder of the new one.
        as_json: print the result as JSON.
    """
    from retouch.episodes import merge as join

    _made(out, join(datasets, out), as_json)


def filter_(
    datasets: tyro.conf.Positional[tuple[Path, ...]],
    *,
    out: Path,
    outcome: tuple[Outcome, ...] = (),
    kind: tuple[Kind, ...] = (),
    operator: tuple[str, ...] = (),
    policy: tuple[str, ...] = (),
    round_number: Annotated[tuple[int, ...], tyro.conf.arg(name="round")] = (),
    corrected: bool | None = None,
    as_json: Json = False,
) -> None:
    """Make a data set of some episodes of others; all that is asked for must hold, edits counted.

    Args:
        datasets: their folders, of one task.
        out: folder of the new one.
        outcome: any of these.
        kind: any of these.
        operator: any of these.
        policy: any of these.
        round_number: any of these.
        corrected: only episodes in which somebody corrected a policy, or none of them.
        as_json: print the result as JSON.
    """
    from retouch.counting import human_steps
    from retouch.episodes import merge as join

    wanted = {"outcome": outcome, "kind": kind, "operator": operator, "policy": policy, "round": round_number}

    def keep(episode: "EpisodeInfo") -> bool:
        acted = episode.kind == "corrected" and human_steps(episode) > 0
        right = all(getattr(episode, name) in values for name, values in wanted.items() if values)
        return right and (corrected is None or corrected == acted)

    _made(out, join(datasets, out, keep), as_json)


def _made(out: Path, episodes: "Sequence[EpisodeInfo]", as_json: bool) -> None:
    terminal, excluded = Terminal(as_json), sum(episode.excluded for episode in episodes)
    terminal.line(f"{out}: {len(episodes)} episodes" + (f", {excluded} of them excluded" if excluded else ""))
    terminal.result({"dataset": str(out), "episodes": len(episodes), "excluded": excluded})


def weights(
    datasets: tyro.conf.Positional[tuple[Path, ...]],
    *,
    method: str = "iwr",
    alpha: Alpha | None = None,
    demonstrations_count_as: CountAs = "rollout",
    as_json: Json = False,
) -> None:
    """Say what a method that weighs samples would draw from data sets, before anything is trained.

    Args:
        datasets: their folders.
        method: full-demos, hg-dagger, iwr-nb, iwr or retrain.
        alpha: weight of an intervention sample, or balanced; the method's own when left out.
        demonstrations_count_as: where demonstrations go: with the interventions (D_I) or the rollout samples (D_R).
        as_json: print the result as JSON.
    """
    from retouch.episodes import Dataset as Opened
    from retouch.learning.data import TrainingData
    from retouch.learning.labels import Label
    from retouch.learning.weights import intervention_share
    from retouch.learning.weights import method as named

    how = named(method).replace(alpha=alpha, demonstrations_count_as=demonstrations_count_as)
    if how.update == "residual":
        raise InputError(f"{method} weighs its samples by when they were: see --corrections.dense of retouch train")
    labels = TrainingData.from_datasets([Opened(path) for path in datasets]).labels
    kept, chosen = how.in_loss(labels), how.in_interventions(labels)
    sizes = {"interventions": int((kept & chosen).sum()), "rollout": int((kept & ~chosen).sum())}
    share = intervention_share(how.alpha, sizes["interventions"], sizes["rollout"])
    rows, found = [], []
    for label in (Label.DEMONSTRATION, Label.POLICY, Label.INTERVENTION):
        mine = (labels == label) & kept
        where = "interventions" if (chosen & mine).any() else "rollout"
        part = float(share if where == "interventions" else 1 - share) * int(mine.sum()) / max(1, sizes[where])
        named_set = "-" if not mine.any() else {"interventions": "D_I", "rollout": "D_R"}[where]
        count = int((labels == label).sum())
        found.append({"label": label.name.lower(), "steps": count, "samples": int(mine.sum()), "drawn": part})
        rows.append([label.name.lower(), str(count), str(int(mine.sum())), named_set, f"{100 * part:.1f} %"])
    terminal = Terminal(as_json)
    title = f"{method}, alpha {how.alpha if isinstance(how.alpha, str) else format(how.alpha, 'g')}"
    terminal.table(title, ("steps of", "recorded", "samples", "set", "of all that is drawn"), rows)
    terminal.result({"method": how.to_json(), "intervention_share": float(share), "samples": found})


def export(dataset: Dataset, *, format: Literal["lerobot", "robomimic"], out: Path, as_json: Json = False) -> None:
    """Write a data set, as its edits leave it, as a LeRobotDataset v3 or as robomimic's HDF5.

    Args:
        dataset: its folder.
        format: lerobot (a folder) or robomimic (a file).
        out: what to write; it must not be there yet.
        as_json: print the result as JSON.
    """
    from retouch.formats import export_dataset

    _exchanged(export_dataset(dataset, format, out), f"written to {out}", as_json)


def import_(
    source: tyro.conf.Positional[Path],
    *,
    format: Literal["lerobot", "robomimic"],
    out: Path,
    kind: Literal["demonstration", "rollout", "corrected"] | None = None,
    outcome: Literal["success", "failure", "aborted"] | None = None,
    task: str | None = None,
    rate: float | None = None,
    as_json: Json = False,
) -> None:
    """Make a new data set of a LeRobotDataset v3 or a robomimic HDF5 file. What the source says itself goes first.

    Args:
        source: the folder or file.
        format: lerobot (a folder) or robomimic (a file).
        out: folder of the new data set; it must not be there yet.
        kind: what the episodes are, where the source does not say.
        outcome: how they ended, where the source does not say; when left out, by its successes or rewards.
        task: which one to take of several; else how to call the task.
        rate: steps a second, where the source does not say.
        as_json: print the result as JSON.
    """
    from retouch.formats import Choices, import_dataset

    found = import_dataset(source, format, out, Choices(kind, outcome, task, rate))
    _exchanged(found, f"imported into {out}", as_json)


def _exchanged(found: "Exchanged", what: str, as_json: bool) -> None:
    """Say what an export or import did, and what did not come along."""
    terminal = Terminal(as_json)
    ended = ", ".join(f"{count} {outcome}" for outcome, count in found.outcomes.items())
    terminal.line(f"{found.episodes} episodes ({ended}), {found.steps} steps {what}")
    for line in found.left_out:
        terminal.line(f"left out: {line}")
    terminal.result(dataclasses.asdict(found))


COMMANDS: tuple[Callable[..., None], ...] = (info, check, repair, show, exclude, include, trim, relabel, undo, forget)
COMMANDS += (merge, filter_, weights, export, import_)
data = {f.__name__.rstrip("_"): f for f in COMMANDS}
