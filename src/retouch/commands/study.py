"""`retouch study`: the papers' tables, computed."""

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import tyro

from retouch.console import Terminal
from retouch.errors import InputError, UnknownName
from retouch.studies.grid import Scale
from retouch.studies.iwr import TABLES

Json = Annotated[bool, tyro.conf.arg(name="json")]
DEFAULT_SCALE = Scale()


def iwr(
    *,
    table: tuple[str, ...],
    out: Path = Path("runs/study"),
    workers: int = 2,
    executor: Literal["local", "ray"] = "local",
    scale: Annotated[Scale, tyro.conf.arg(name="")] = DEFAULT_SCALE,
    task: str | None = None,
    people: tuple[str, ...] | None = None,
    known: Path | None = None,
    write: Path | None = None,
    as_json: Json = False,
) -> None:
    """Tables I to IV of paper 1 (IWR), and what it lacks.

    What is done is kept and shared between tables: run it again to go on, in several processes if you like.

    Args:
        table: which: 1, 2, 3, 4, rounds, rounds-coffee, alpha, people, demonstrations, labels, length; several
            share the work.
        out: folder of the jobs.
        workers: processes on this machine, or of Ray at once.
        executor: who does the jobs; `ray` needs retouch[ray] and, on a cluster, a folder that all nodes see.
        scale: how large; the default is the paper's.
        task: another task than the table's own.
        people: other scripted people than the table's own.
        known: a jobs.jsonl that --write of another study wrote: what it has of the same jobs is not done again.
        write: folder that gets every table as JSON, Markdown and SVG, and jobs.jsonl with the result of every job
            that is done, also when it is interrupted.
        as_json: print the figures as JSON.
    """
    from retouch.policies.files import write_atomically
    from retouch.report.study import cost_figure, figure, header, lines, markdown, on_paper, page
    from retouch.studies import local
    from retouch.studies.figures import costs, encoded, figures
    from retouch.studies.store import Store
    from retouch.studies.worker import Order

    for name in table:
        if name not in TABLES:
            raise UnknownName("table", name, TABLES)
    if workers < 1:
        raise InputError(f"workers must be at least 1, not {workers}")
    terminal, store = Terminal(as_json), Store(out)
    order = Order(tuple(table), scale, task, people)
    tables, jobs = order.all_tables(), order.jobs()
    if known is not None:
        store.know(known)
    to_do = store.to_do(jobs)
    try:
        if executor == "ray":
            from retouch.studies.on_ray import run as run_on_ray

            run_on_ray(to_do, store, order, workers, terminal)
        else:
            local.run(to_do, store, [str(out), order.to_text()], workers, terminal)
    finally:
        if write is not None:
            store.publish(jobs, write / "jobs.jsonl")
    documents = [figures(each, store) | {"scale": dataclasses.asdict(scale)} for each in tables]
    command = shlex.join(["retouch", *sys.argv[1:]])
    spent = [costs(each, store) for each in tables]
    files: dict[Path, bytes] = {out / "study.html": page(documents, spent, command).encode()}
    for each, cost in zip(tables, spent, strict=True):
        files[out / f"cost-{each.name}.svg"] = on_paper(cost_figure(each.name, cost)).encode()
    for document in documents:
        terminal.table(document["title"], header(document), lines(document))
        if write is not None:
            name = f"table-{document['table']}"
            files[write / f"{name}.json"] = encoded(document)
            files[write / f"{name}.md"] = markdown(document).encode()
            files[write / f"{name}.svg"] = on_paper(figure(document)).encode()
    for path, content in files.items():
        write_atomically(path, content)
    kinds = store.costs(jobs)
    hours = sum(kind["core_hours"] for kind in kinds.values())
    where = ", ".join(f"{kind['jobs']:.0f} {name} {kind['core_hours']:.2f} h" for name, kind in kinds.items())
    terminal.line(f"{len(jobs)} jobs, {hours:.2f} hours of a core ({where}); report: {out / 'study.html'}")
    terminal.result({"tables": documents, "costs": kinds})


study = {"iwr": iwr}
