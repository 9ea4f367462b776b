"""`retouch study`: the papers' tables and figures, computed."""

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import tyro

from retouch.console import Terminal
from retouch.errors import InputError
from retouch.studies.interveners import IwrScale
from retouch.studies.pushers import PushingScale
from retouch.studies.worker import Order

Json = Annotated[bool, tyro.conf.arg(name="json")]
Executor = Literal["local", "ray"]
IWR_SCALE, PUSHING_SCALE = IwrScale(), PushingScale()


@dataclasses.dataclass(frozen=True)
class Work:
    """How a study is done.

    Attributes:
        out: folder of the jobs.
        workers: processes on this machine, or of Ray at once.
        executor: who does the jobs; `ray` needs retouch[ray] and, on a cluster, a folder that all nodes see.
        known: a jobs.jsonl that --write of another study wrote: what it has of the same jobs is not done again.
        write: folder that gets every table as JSON, Markdown and SVG, and jobs.jsonl with the result of every job
            that is done, also when it is interrupted.
    """

    out: Path = Path("runs/study")
    workers: int = 2
    executor: Executor = "local"
    known: Path | None = None
    write: Path | None = None

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise InputError(f"workers must be at least 1, not {self.workers}")


WORK = Work()


def iwr(
    *,
    table: tuple[str, ...],
    task: str | None = None,
    people: tuple[str, ...] | None = None,
    work: Annotated[Work, tyro.conf.arg(name="")] = WORK,
    scale: Annotated[IwrScale, tyro.conf.arg(name="")] = IWR_SCALE,
    as_json: Json = False,
) -> None:
    """Tables I to IV of paper 1 (IWR), and what it lacks.

    What is done is kept and shared between tables: run it again to go on, in several processes if you like.

    Args:
        table: which: 1, 2, 3, 4, rounds, rounds-coffee, alpha, people, demonstrations, labels, length; several
            share the work.
        task: another task than the table's own.
        people: other scripted people than the table's own.
        work: how it is done.
        scale: how large; the default is the paper's.
        as_json: print the figures as JSON.
    """
    _study(Order("iwr", scale, table, tasks=None if task is None else (task,), people=people), work, Terminal(as_json))


def cr_dagger(
    *,
    figure: tuple[str, ...] = (),
    table: tuple[str, ...] = (),
    task: tuple[str, ...] | None = None,
    people: tuple[str, ...] | None = None,
    work: Annotated[Work, tyro.conf.arg(name="")] = WORK,
    scale: Annotated[PushingScale, tyro.conf.arg(name="")] = PUSHING_SCALE,
    as_json: Json = False,
) -> None:
    """Figures 6 and 7 and table 1 of paper 2 (CR-DAgger), and what it lacks.

    What is done is kept and shared between them: run it again to go on, in several processes if you like.

    Args:
        figure: which: 6 (ways of correcting by methods of updating), 7 (batches and sampling).
        table: which: 1 (the base's action as an input), halves (force in, wrench out, labels, people), demonstrations
            (from how good a base on); several share the work.
        task: others than the paper's own, one after the other: gear-insertion, book-flipping, belt-assembly,
            cable-routing.
        people: other scripted people than steady.
        work: how it is done.
        scale: how large; the default is the paper's.
        as_json: print the figures as JSON.
    """
    _study(Order("cr-dagger", scale, table, figure, task, people), work, Terminal(as_json))


def _study(order: Order, work: Work, terminal: Terminal) -> None:
    """Do what is not done yet; tell, draw and keep what came of it."""
    from retouch.policies.files import write_atomically
    from retouch.report.study import cost_figure, figure, markdown, on_paper, page, rows
    from retouch.studies import local
    from retouch.studies.figures import costs, encoded, figures
    from retouch.studies.store import Store

    store, out = Store(work.out), work.out
    tables, jobs = order.all_tables(), order.jobs()
    if work.known is not None:
        store.know(work.known)
    to_do = store.to_do(jobs)
    try:
        if work.executor == "ray":
            from retouch.studies.on_ray import run as run_on_ray

            run_on_ray(to_do, store, order, work.workers, terminal)
        else:
            local.run(to_do, store, [str(out), order.to_text()], work.workers, terminal)
    finally:
        if work.write is not None:
            store.publish(jobs, work.write / "jobs.jsonl")
    documents = [figures(each, store) | {"scale": dataclasses.asdict(order.scale)} for each in tables]
    command = shlex.join(["retouch", *sys.argv[1:]])
    spent = [costs(each, store) for each in tables]
    files: dict[Path, bytes] = {out / "study.html": page(documents, spent, command).encode()}
    for each, cost in zip(tables, spent, strict=True):
        files[out / f"cost-{each.name}.svg"] = on_paper(cost_figure(each.name, cost)).encode()
    for document in documents:
        header, *lines = rows(document, brief=True)
        terminal.table(document["title"], header, lines)
        if work.write is not None:
            name = f"{document['kind']}-{document['table']}"
            files[work.write / f"{name}.json"] = encoded(document)
            files[work.write / f"{name}.md"] = markdown(document).encode()
            files[work.write / f"{name}.svg"] = on_paper(figure(document)).encode()
    for path, content in files.items():
        write_atomically(path, content)
    kinds = store.costs(jobs)
    hours = sum(kind["core_hours"] for kind in kinds.values())
    where = ", ".join(f"{kind['jobs']:.0f} {name} {kind['core_hours']:.2f} h" for name, kind in kinds.items())
    terminal.line(f"{len(jobs)} jobs, {hours:.2f} hours of a core ({where}); report: {out / 'study.html'}")
    terminal.result({"tables": documents, "costs": kinds})


study = {"iwr": iwr, "cr-dagger": cr_dagger}
