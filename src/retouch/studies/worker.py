"""One process that does a study's jobs: python -m retouch.studies.worker ROOT ORDER

It is told which tables, not which jobs: from the same words it knows the same jobs.
"""

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from retouch.errors import RetouchError
from retouch.learning.config import TrainConfig
from retouch.progress import Silent
from retouch.studies import crdagger, iwr
from retouch.studies.grid import Scale, Table
from retouch.studies.interveners import IwrScale
from retouch.studies.jobs import Job, in_order
from retouch.studies.local import end_with_parent, work
from retouch.studies.pushers import PushingScale
from retouch.studies.store import Store

Study = Literal["iwr", "cr-dagger"]
SCALES: dict[Study, type[IwrScale] | type[PushingScale]] = {"iwr": IwrScale, "cr-dagger": PushingScale}


@dataclasses.dataclass(frozen=True)
class Order:
    """Which tables of a study at which scale: all that a worker needs to know."""

    study: Study
    scale: Scale
    tables: tuple[str, ...]
    figures: tuple[str, ...] = ()
    tasks: tuple[str, ...] | None = None
    people: tuple[str, ...] | None = None

    def to_text(self) -> str:
        """For a command line."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "Order":
        """The reverse."""
        document: dict[str, Any] = json.loads(text)
        scale: dict[str, Any] = document.pop("scale")
        made = SCALES[document["study"]](**dict(scale, training=TrainConfig.from_json(scale["training"])))
        others: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in document.items()}
        return cls(scale=made, **others)

    def all_tables(self) -> list[Table]:
        """The tables themselves."""
        if isinstance(self.scale, PushingScale):
            return crdagger.tables(self.figures, self.tables, self.scale, self.tasks, self.people)
        assert isinstance(self.scale, IwrScale)
        return iwr.tables(self.tables, self.scale, self.tasks, self.people)

    def jobs(self) -> list[Job]:
        """Everything that they need, in order."""
        return in_order(job for each in self.all_tables() for job in each.jobs)


class Lines(Silent):
    """Says what is worth keeping, on standard error."""

    def say(self, message: str) -> None:
        """One line."""
        print(message, file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says."""
    from retouch.policies.torch_setup import single_thread

    end_with_parent()
    single_thread()
    root, order = Path(arguments[0]), Order.from_text(arguments[1])
    try:
        store = Store(root)
        work(store.to_do(order.jobs()), store, Lines())
    except RetouchError as error:
        print(f"retouch: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
