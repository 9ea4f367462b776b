"""One process that does a study's jobs: python -m retouch.studies.worker ROOT ORDER

It is told which tables, not which jobs: from the same words it knows the same jobs.
"""

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retouch.errors import RetouchError
from retouch.learning.config import TrainConfig
from retouch.progress import Silent
from retouch.studies.grid import Scale, Table
from retouch.studies.iwr import table
from retouch.studies.jobs import Job, in_order
from retouch.studies.local import end_with_parent, work
from retouch.studies.store import Store


@dataclasses.dataclass(frozen=True)
class Order:
    """Which tables at which scale: all that a worker needs to know."""

    tables: tuple[str, ...]
    scale: Scale
    task: str | None = None
    people: tuple[str, ...] | None = None

    def to_text(self) -> str:
        """For a command line."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "Order":
        """The reverse."""
        document = json.loads(text)
        scale: dict[str, Any] = document["scale"]
        people = document["people"]
        return cls(
            tuple(document["tables"]),
            Scale(**dict(scale, training=TrainConfig.from_json(scale["training"]))),
            document["task"],
            None if people is None else tuple(people),
        )

    def all_tables(self) -> list[Table]:
        """The tables themselves."""
        return [table(name, self.scale, self.task, self.people) for name in self.tables]

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
