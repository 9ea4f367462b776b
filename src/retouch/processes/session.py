"""One operator's session: a robot, a policy, a recorder and a camera, in a process of their own.

    python -m retouch.processes.session      started by the server, which sends a `SessionOrder` as the first line

Ends when its standard input does: without a server there is no person.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import mujoco

from retouch.collection import dataset_info, noted
from retouch.counting import one_at_a_time, stream_of
from retouch.episodes import edits
from retouch.episodes.reader import Dataset
from retouch.episodes.schema import EpisodeInfo
from retouch.episodes.writer import DatasetWriter, EpisodeWriter
from retouch.errors import RetouchError, StoreError
from retouch.operators.remote import RUNNING, MarkRefused, PersonGone, RemotePerson
from retouch.outcomes import attempt_seeds
from retouch.policies.chunks import in_real_time
from retouch.policies.protocol import Policy
from retouch.policies.torch_setup import single_thread
from retouch.processes.attempts import claim
from retouch.processes.intention import Watched
from retouch.processes.link import ServerLink
from retouch.processes.wire import SessionOrder, write_line
from retouch.rollout import Attempt, rollout
from retouch.run_folder import RunFolder
from retouch.run_policy import acting
from retouch.tasks.registry import make
from retouch.versions import versions

LONGEST_S = 1800.0  # an attempt; people are not hurried
SWITCH_S = 0.0005  # a thread that packs or reads gives way to the control step after so long
AGAIN_S = 1.0  # after which it is tried again to store what could not be stored

Stored = TypeVar("Stored")


class Session:
    """Attempts of one person, until the link closes."""

    def __init__(self, order: SessionOrder):
        self.order = order
        self.run_folder = RunFolder.open(Path(order.run))
        self.task = make(self.run_folder.config.task)
        self.link = ServerLink(order, self.task)
        self.person = RemotePerson(order.operator, self.link, self._undo)
        self.path = self.run_folder.data(order.round)
        self.last: EpisodeInfo | None = None
        self.last_edit: edits.Edit | None = None
        self.undone = False
        self._world: mujoco.MjData | None = None  # as last seen

    def run(self) -> None:
        """Attempt after attempt."""
        run, order = self.run_folder, self.order
        if run.way(order.round) == "demonstrate":
            self._attempts(None, None)
            return
        seed, bridges = run.config.training_seeds[0], [Path(bridge) for bridge in order.bridges]
        alive = self.link.say_alive
        with acting(run, self.task, order.round - 1, seed, bridges=bridges, waiting=alive) as (policy, name):
            self._attempts(policy, name)

    def _attempts(self, acts: Policy | None, name: str | None) -> None:
        run, order, task = self.run_folder, self.order, self.task
        way = run.way(order.round)
        policy = Watched(in_real_time(acts)) if acts is not None else None
        store = DatasetWriter.open(self.path, dataset_info(task, run.config.pictures), versions=versions(acts))
        self._count()
        self.link.begin(way, policy)

        def record(_: int, seed: int) -> EpisodeWriter:
            return store.begin(
                kind="demonstration" if way == "demonstrate" else "corrected",
                seed=seed,
                operator=order.operator,
                policy=name,
                round=order.round,
            )

        attempts = rollout(
            task,
            self._seeds(),
            policy=policy,
            operator=self.person,
            way=way,
            horizon=round(LONGEST_S / task.control_period),
            worlds=1,
            record=record,
            pictures=run.config.pictures,
            watch=self._watch,
        )
        with one_at_a_time(self.path, together=True), store:
            for attempt in attempts:
                self._keep(attempt)

    def _seeds(self) -> Iterator[int]:
        """Initial states that nobody has had in this round."""
        stream = stream_of(self.run_folder.config.collection_seed, self.order.round)
        while True:
            yield next(attempt_seeds("collect", stream, start=claim(self.path)))

    def _watch(self, number: int, data: mujoco.MjData) -> None:
        self._world = data
        self.link.watch(number, data)

    def _keep(self, attempt: Attempt) -> None:
        writer = attempt.recorder
        assert isinstance(writer, EpisodeWriter)
        self.last_edit, self.undone = None, False
        if not attempt.steps:
            self.last = None
            self._insist(lambda: writer.discard(attempt.reason))
        else:
            reason = self._reason(attempt)
            last = self._insist(lambda: writer.commit(attempt.outcome, reason, **noted(attempt)))
            self.last = last
            if attempt.discard:
                self.last_edit = self._insist(lambda: edits.exclude(self.path, [last.id], attempt.reason))
        self.person.condition.why = attempt.reason
        self._count()

    def _reason(self, attempt: Attempt) -> str:
        """Of its outcome; of a failure that a person marked, also how the task names it."""
        assert self._world is not None
        named = self.task.failure(self._world) if attempt.outcome == "failure" and not attempt.discard else ""
        return attempt.reason if named in attempt.reason else f"{named} ({attempt.reason})"

    def _insist(self, store: Callable[[], Stored]) -> Stored:
        """Store something; while that fails, as on a full disk, the person is told and it is tried again."""
        while True:
            try:
                return store()
            except StoreError as error:
                self.person.stand_by(f"NOT SAVED yet, and tried again every second: {error}", AGAIN_S)

    def _undo(self) -> None:
        """Take the last mark back: what was discarded counts again, a success becomes a failure and the reverse."""
        if self.last is None:
            raise MarkRefused("there is nothing to undo")
        if self.person.condition.state in RUNNING:
            raise MarkRefused("an attempt is running: pause it to undo the last one")
        if self.last_edit is not None:
            edits.undo(self.path, self.last_edit.id)
            self.last_edit = None
        else:
            other = "failure" if self.last.outcome == "success" else "success"
            reason = f"{self.order.operator} took '{self.last.outcome}' back"
            self.last_edit = edits.relabel(self.path, self.last.id, other, reason)
        self.undone = not self.undone
        self._count()

    def _count(self) -> None:
        """Tell what is safe on disk and how far the round has come."""
        dataset, run, number = Dataset(self.path), self.run_folder, self.order.round
        last = dataset.episode(self.last.id) if self.last is not None else None
        self.link.counted = {
            "safe": len(dataset.all_episodes),
            "progress": run.how_far(number),
            "complete": run.tally(number).reached(run.target(number)),
            "last": None
            if last is None
            else {
                "id": last.id,
                "outcome": last.outcome,
                "reason": last.reason,
                "excluded": last.excluded,
                "undone": self.undone,
            },
        }


def main() -> int:
    """Run the session that standard input orders."""
    single_thread()
    sys.setswitchinterval(SWITCH_S)
    out = sys.stdout.buffer
    sys.stdout = sys.stderr  # a stray print must not end up among the messages
    order = SessionOrder(**json.loads(sys.stdin.buffer.readline()))
    try:
        Session(order).run()
    except PersonGone:
        return 0
    except RetouchError as error:
        write_line(out, {"type": "failed", "error": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
