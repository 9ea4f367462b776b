"""`retouch study`: the papers' tables, computed."""

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import tyro

from retouch.console import Terminal
from retouch.errors import InputError, UnknownName
from retouch.studies.iwr import TABLES, Scale

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
    write: Path | None = None,
    as_json: Json = False,
) -> None:
    """Tables I to IV of paper 1 (IWR), and what it lacks.

    What is done is kept and shared between tables: run it again to go on, in several processes if you like.

    Args:
        table: which: 1, 2, 3, 4, rounds, rounds-coffee, alpha, labels, length; several at once share the work.
        out: folder of the jobs.
        workers: processes on this machine, or of Ray at once.
        executor: who does the jobs; `ray` needs retouch[ray] and, on a cluster, a folder that all nodes see.
        scale: how large; the default is the paper's.
        task: another task than the table's own.
        people: other scripted people than the table's own.
        write: folder that gets table-NAME.json and table-NAME.md.
        as_json: print the figures as JSON.
    """
    from retouch.policies.files import write_atomically
    from retouch.studies import local
    from retouch.studies.figures import encoded, figures, markdown
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
    if executor == "ray":
        from retouch.studies.on_ray import run as run_on_ray

        run_on_ray(jobs, store, order, workers, terminal)
    else:
        local.run(jobs, store, [str(out), order.to_text()], workers, terminal)
    documents = []
    for each in tables:
        document = figures(each, store) | {"scale": dataclasses.asdict(scale)}
        documents.append(document)
        text = markdown(document)
        if write is not None:
            command = shlex.join(["retouch", *sys.argv[1:]])
            write_atomically(write / f"table-{each.name}.json", encoded(document))
            write_atomically(write / f"table-{each.name}.md", f"{each.title}\n\n    {command}\n\n{text}".encode())
        terminal.line(f"{each.title}\n\n{text}")
    hours = sum(store.spent(job)["cpu_seconds"] for job in jobs) / 3600
    terminal.line(f"{len(jobs)} jobs, {hours:.2f} hours of a core")
    terminal.result({"tables": documents, "core_hours": hours})


study = {"iwr": iwr}
