"""A session's side of the line to the server: marks in, states and pictures out, and the hand's newest frame."""

import json
import math
import os
import queue
import sys
import threading
from typing import Any, BinaryIO

import mujoco
import numpy as np

from retouch.operators.frame import ControlFrame
from retouch.operators.hold import Hold
from retouch.operators.mailbox import Mailbox
from retouch.operators.remote import Condition, Mark, PersonGone
from retouch.processes import wire
from retouch.processes.film import Film
from retouch.processes.intention import Watched
from retouch.processes.senses import Senses
from retouch.sim.describe import body_poses, describe, drawn_bodies
from retouch.sim.liveries import livery_of, painted
from retouch.tasks.base import Task
from retouch.tasks.contact import ContactTask

EVERY_S = 0.1  # a status is sent again when a figure in it has changed
AT_LEAST_S = 0.5
SCENE_S = 0.04  # between two scenes, however short a step is
SILENCE_MS = 1500.0  # of the server, which says something every half second
_NOT_YET = "not carried out yet"
URGENT = ("state", "why", "needs", "source", "gripper_closed")  # sent at once


class Outbox:
    """Lines to the server, written by a thread of their own: the control loop never waits for a reader."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self._lines: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._rung: set[str] = set()
        self._closed = False
        threading.Thread(target=self._write, daemon=True).start()

    def send(self, message: dict[str, Any]) -> None:
        """Send one message.

        Raises:
            PersonGone: nobody reads any more.
        """
        if self._closed:
            raise PersonGone("the session was ended")
        self._lines.put(message)

    def ring(self, mailbox: str) -> None:
        """Say that a mailbox holds something new; once is enough until it has been said."""
        if mailbox not in self._rung:
            self._rung.add(mailbox)
            self._lines.put({"type": "bell", "mailbox": mailbox})

    def _write(self) -> None:
        while True:
            message = self._lines.get()
            if message["type"] == "bell":
                self._rung.discard(message["mailbox"])
            try:
                wire.write_line(self._file, message)
            except OSError:
                self._closed = True
                return


class ServerLink:
    """What `RemotePerson` talks to (`retouch.operators.remote.Link`)."""

    def __init__(self, order: wire.SessionOrder, task: Task):
        self.task = task
        self.counted: dict[str, Any] = {}
        self._outbox = Outbox(os.fdopen(os.dup(1), "wb"))
        self._hand, self._scene = (
            Mailbox(wire.mailbox_path(order.mailboxes, name), size)
            for name, size in ((wire.HAND, wire.HAND_SIZE), (wire.SCENE, wire.SCENE_SIZE))
        )
        self._film = Film(task, order.mailboxes, self._outbox.ring)
        self._senses = Senses(task)
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._answered: dict[str, str | None] = {}
        self._heard_ms = math.inf
        self._poses = b""
        self._bodies = drawn_bodies(task.physics)
        self._late_ms: list[float] | None = None
        self._told: dict[str, Any] = {}
        self._told_ms = -1e9
        self._shown: tuple[int, str] | None = None
        self._stale, self._livery = False, 0
        self._shown_ms = -1e9
        threading.Thread(target=self._read, daemon=True).start()

    def begin(self, way: str, policy: Watched | None) -> None:
        """Say what there is to see; of a policy, what it intends."""
        self._way, self._senses = way, Senses(self.task, policy)
        self._present(0)

    def say_alive(self) -> None:
        """While a step waits for a policy that thinks elsewhere: without a sign of life the server ends a session.

        Raises:
            PersonGone: nobody reads any more.
        """
        self._outbox.send({"type": "waiting"})

    def _present(self, livery: int) -> None:
        """Say what there is to see, painted so."""
        task, self._livery = self.task, livery
        cameras = {"cameras": list(task.cameras), "observation_cameras": list(task.observation_cameras)}
        scene = describe(painted(task.drawing, livery))
        self._outbox.send({"type": "scene", "scene": scene, "task": task.name, **cameras})

    def now_ms(self) -> float:
        """The machine's monotonic clock."""
        return wire.now_ms()

    def watch(self, _: int, data: mujoco.MjData) -> None:
        """See the world as it is before a step."""
        if (livery := livery_of(data)) != self._livery:
            self._present(livery)
        self._poses = body_poses(data).tobytes()
        self._senses.look(data)
        self._film.see(data)
        self._stale = True

    def hear(self, hold: Hold) -> list[Mark]:
        """The newest frame goes to `hold`; the marks that have come are returned.

        Raises:
            PersonGone: the server has closed the line.
        """
        message = self._hand.get()
        if message is not None:
            sender, made_ms, azimuth = wire.HAND_HEAD.unpack_from(message)
            frame = ControlFrame.decode(message[wire.HAND_HEAD.size :])
            hold.see(frame, made_ms, self.now_ms(), sender, azimuth)
        marks = []
        while not self._lines.empty():
            line = self._lines.get()
            if line is None:
                raise PersonGone("the session was ended")
            self._heard_ms = self.now_ms()
            if line["type"] == "want":
                self._film.want(line["cameras"])
            elif line["type"] == "mark" and line["id"] not in self._answered:
                self._answered[line["id"]] = _NOT_YET
                marks.append(Mark(line["id"], line["mark"], line["why"]))
            elif line["type"] == "mark" and self._answered[line["id"]] != _NOT_YET:
                self._acknowledge(line["id"])
        if self.now_ms() - self._heard_ms > SILENCE_MS:
            self._heard_ms = math.inf  # once, until it is heard again
            marks.append(Mark("silence", "pause", "the server was not heard: resume when you are ready"))
        return marks

    def answer(self, mark: Mark, error: str | None = None) -> None:
        """Acknowledge a mark; when it arrives again, it is acknowledged again and nothing else happens."""
        if mark.id == "silence":
            return
        self._answered[mark.id] = error
        if len(self._answered) > 1000:
            del self._answered[next(iter(self._answered))]
        self._acknowledge(mark.id)

    def show(self, condition: Condition) -> None:
        """Send the poses when they or the state are new, and the status when it is."""
        now, what = self.now_ms(), (condition.attempt, condition.state)
        waited_s = (now - self._shown_ms) / 1000
        if self._shown != what or (self._stale and waited_s > SCENE_S) or waited_s > AT_LEAST_S:
            self._shown, self._shown_ms, self._stale = what, now, False
            head = wire.SCENE_HEAD.pack(
                1,
                wire.STATES.index(condition.state),
                self._bodies,
                condition.steps,
                now,
                self._senses.contact_n,
                -1.0 if condition.age_ms is None else condition.age_ms,
            )
            senses = self._senses
            tail = wire.SCENE_TAIL.pack(*senses.tool, *senses.contact, *senses.push, *senses.heading)
            self._scene.put(head + self._poses + tail)
            self._film.step = condition.steps
            self._outbox.ring(wire.SCENE)
        self._tell(condition, now)

    def _tell(self, condition: Condition, now: float) -> None:
        if condition.late_ms and now - self._told_ms > 1000 * EVERY_S:
            self._late_ms = _numbers(np.percentile(condition.late_ms, (50, 99, 100)), 2)
        status = {
            "type": "status",
            "state": condition.state,
            "why": condition.why,
            "needs": condition.needs,
            "correct": self._way,
            "attempt": {
                "number": condition.attempt,
                "steps": condition.steps,
                "seconds": round(condition.steps * self.task.control_period, 2),
                "human_steps": condition.human_steps,
            },
            "source": condition.source,
            "age_ms": None if condition.age_ms is None else round(condition.age_ms, 1),
            "gripper_closed": None if isinstance(self.task, ContactTask) else condition.gripper_closed,
            "late_ms": self._late_ms,
            "can_push": condition.can_push,
            "contact_n": round(self._senses.contact_n, 1),
            "push_n": round(condition.push_n, 1),
            "contact": _numbers(self._senses.contact, 1),
            "push": _numbers(self._senses.push, 1),
            "heading": _numbers(self._senses.heading, 4),
            **self.counted,
        }
        urgent = any(
            status[name] != self._told.get(name) for name in ("state", "why", "needs", "last", "gripper_closed")
        )
        due = now - self._told_ms > 1000 * (EVERY_S if status != self._told else AT_LEAST_S)
        if urgent or due:
            self._told, self._told_ms = status, now
            self._outbox.send(status)

    def _acknowledge(self, id: str) -> None:
        error = self._answered[id]
        self._outbox.send({"type": "ack", "id": id, "ok": error is None} | ({} if error is None else {"error": error}))

    def _read(self) -> None:
        """Take lines in until the server closes its end."""
        for line in sys.stdin.buffer:
            self._lines.put(json.loads(line))
        self._lines.put(None)


def _numbers(vector: np.ndarray, digits: int) -> list[float] | None:
    return None if np.isnan(vector).any() else [round(float(v), digits) for v in vector]
