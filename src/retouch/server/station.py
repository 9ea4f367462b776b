"""Where one operator works: a session's process, the desktop that watches it, and the phone that steers.

The robot must stop when the person is gone: without a desktop the session is paused, and after a while ended.
"""

import asyncio
import contextlib
import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from retouch.episodes.repair import repair
from retouch.errors import InputError, RetouchError
from retouch.operators.frame import ControlFrame
from retouch.operators.mailbox import Mailbox
from retouch.processes import wire
from retouch.run_folder import RunFolder
from retouch.server.child import Child
from retouch.server.socket import Socket

CAMERAS = 8  # mailboxes for pictures
STAY_S = 15.0  # without a desktop, as after reloading a page
QUIET_HOLDER_MS = 300.0  # a hand that is not heard for so long no longer keeps others out
CRASHES, CRASHES_S = 3, 60.0
BEAT_S = 0.5  # between two signs of life to the session, which pauses without them
HUNG_S = 20.0  # a session that has said nothing for so long hangs; starting takes a few seconds
MAILBOXES = "retouch-mailboxes-"


class Station:
    """One operator at one run.

    Args:
        logs: folder for what goes wrong.
        forget: called with the login of a phone that must not come back by itself.
        bridges: that the server was started with.
    """

    def __init__(
        self,
        operator: str,
        run: RunFolder,
        number: int,
        logs: Path,
        forget: Callable[[str | None], None],
        bridges: Sequence[Path] = (),
    ):
        self.operator, self.run, self.round = operator, run, number
        self.desktop: Socket | None = None
        self.phone: Socket | None = None
        self.asking: Socket | None = None
        self.closed = False
        self.gone = asyncio.Event()  # set when all of it has ended
        self._logs, self._forget, self._bridges = logs, forget, bridges
        self._scene: dict[str, Any] | None = None
        self._status: dict[str, Any] = {}
        self._wish: dict[str, Any] = {}
        self._wants_scene = True
        self._azimuth = 0.0
        self._holder: tuple[int, float] | None = None  # connection, and when it was last heard
        self._path: str | None = None
        self._child: Child | None = None
        self._boxes: dict[str, Mailbox] = {}
        self._folder: Path | None = None
        self._crashes: list[float] = []
        self._running: asyncio.Task[None] | None = None
        self._leaving: asyncio.TimerHandle | None = None
        self._end: asyncio.Task[None] | None = None

    # The session's process.

    def open(self) -> None:
        """Start the session, and start it again when its process dies."""
        self._running = asyncio.create_task(self._keep_running())

    async def close(self, why: str = "") -> None:
        """End the session: a running attempt is kept as aborted."""
        if self.closed:
            return
        self.closed = True
        for socket in (self.desktop, self.phone, self.asking):
            if socket is not None:
                socket.send({"type": "gone", "why": why, "again": False})
                socket.close(why)
        try:
            if self._child is not None and await self._child.stop() < 0:
                await self._repair()
            if self._running is not None:
                self._running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._running
        finally:
            self._drop_mailboxes()
            self.gone.set()

    async def _keep_running(self) -> None:
        while True:
            self._tell_all({"type": "starting"})
            why, failed = "the simulation stopped unexpectedly", None
            try:
                await self._run_once()
            except OSError as error:
                failed = f"the simulation cannot be started: {error.strerror}"
            if self.closed:
                return
            if self._child is not None:
                failed = failed or self._child.failed
            why = failed or why
            await self._repair()
            self._crashes = [at for at in self._crashes if at > time.monotonic() - CRASHES_S] + [time.monotonic()]
            again = failed is None and len(self._crashes) < CRASHES
            saved = "; what was recorded of the attempt is kept as aborted"
            self._tell_all({"type": "gone", "why": why + saved, "again": again})
            if not again:
                self._end = asyncio.create_task(self.close(why))
                return

    async def _run_once(self) -> None:
        self._drop_mailboxes()
        self._child, self._scene, self._status = None, None, {}
        prefix = f"{MAILBOXES}{os.getpid()}-"
        self._folder = Path(tempfile.mkdtemp(prefix=prefix, dir=memory()))
        sizes = {wire.HAND: wire.HAND_SIZE, wire.SCENE: wire.SCENE_SIZE}
        sizes |= {wire.picture(k): wire.PICTURE_SIZE for k in range(CAMERAS)}
        self._boxes = {name: Mailbox(self._folder / name, size, create=True) for name, size in sizes.items()}
        order = wire.SessionOrder(
            str(self.run.folder), self.round, self.operator, str(self._folder), tuple(map(str, self._bridges))
        )
        log = self._logs / f"session-{self.operator}.log"
        self._child = await Child.start("retouch.processes.session", [], log, self._said)
        self._child.tell(asdict(order))
        ended = asyncio.create_task(self._child.ended())
        while not ended.done():
            self._child.tell({"type": "beat"})
            await asyncio.wait((ended,), timeout=BEAT_S)
            if time.monotonic() - self._child.heard > HUNG_S:
                await self._child.kill()
        ended.result()

    async def _repair(self) -> None:
        """Bring back what a session that was killed has left in its journal."""
        with contextlib.suppress(RetouchError):
            await asyncio.to_thread(repair, self.run.data(self.round))

    def _drop_mailboxes(self) -> None:
        for box in self._boxes.values():
            box.close()
        self._boxes = {}
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _said(self, message: dict[str, Any]) -> None:
        """Pass on what the session says."""
        kind = message["type"]
        if kind == "bell":
            name = message["mailbox"]
            data = self._boxes[name].get() if name in self._boxes else None
            if data is not None and self.desktop is not None and (name != wire.SCENE or self._wants_scene):
                self.desktop.show(name, data)
        elif kind == "scene":
            self._scene = message
            self._want(self._wish)
            if self.desktop is not None:
                self.desktop.send(message)
        elif kind == "status":
            self._status = message
            self._send_status()
        elif kind == "ack":
            self._tell_all(message)

    def _send_status(self) -> None:
        if not self._status:
            return
        steering = self.phone if self._status.get("source") in ("phone", "touch") else self.desktop
        rtt = steering.clock.rtt_ms if steering is not None else None
        status = {name: value for name, value in self._status.items() if name not in ("source", "age_ms")}
        status |= {name: for_person(status[name], self._azimuth) for name in ("contact", "push", "heading")}
        status["control"] = {
            "source": self._status["source"],
            "path": self._path if self._status["source"] is not None else None,
            "age_ms": self._status["age_ms"],
            "rtt_ms": None if rtt is None else round(rtt, 1),
        }
        status["phone"] = "asking" if self.asking is not None else "paired" if self.phone is not None else "none"
        self._tell_all(status)

    def _tell_all(self, message: dict[str, Any]) -> None:
        for socket in (self.desktop, self.phone):
            if socket is not None:
                socket.send(message)

    # The desktop.

    async def serve_desktop(self, socket: Socket) -> None:
        """Let a desktop watch until it leaves; it takes the place of an earlier one."""
        if self.desktop is not None:
            self.desktop.send({"type": "error", "error": "you have opened this in another window"})
            self.desktop.close("opened elsewhere")
        self.desktop = socket
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        if self._scene is not None:
            socket.send(self._scene)
        self._send_status()
        try:
            await socket.talk(self._from_desktop, lambda data: self.hand(data, socket, "websocket"))
        finally:
            if self.desktop is socket:
                self.desktop = None
                self._pause("nobody was watching: resume when you are ready")
                if not self.closed:
                    self._leaving = asyncio.get_running_loop().call_later(STAY_S, self._nobody_came)

    def _nobody_came(self) -> None:
        self._end = asyncio.create_task(self.close("nobody is there"))

    async def _from_desktop(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "mark":
            self._mark(message)
        elif kind == "view" and _is_number(message.get("azimuth")):
            self._azimuth = float(message["azimuth"])
        elif kind == "want":
            self._want(message)
        elif kind == "phone" and self.asking is not None:
            asking, self.asking = self.asking, None
            if message.get("allow") is True:
                if self.phone is not None:
                    self._send_away(self.phone, "another phone steers now")
                self.phone = asking
                asking.send({"type": "allowed"})
            else:
                self._send_away(asking, "the desktop said no")
            self._send_status()

    def _want(self, message: dict[str, Any]) -> None:
        if not isinstance(message.get("cameras", []), list):
            raise InputError("'cameras' is a list")
        self._wish = message
        names = self._scene["cameras"] if self._scene is not None else []
        cameras = [
            {
                "name": c["name"],
                "width": int(min(640, max(16, c["width"]))),
                "height": int(min(480, max(16, c["height"]))),
                "hz": min(30.0, max(0.2, float(c["hz"]))),
            }
            for c in message.get("cameras", [])[:CAMERAS]
            if isinstance(c, dict)
            and c.get("name") in names
            and all(_is_number(c.get(k)) for k in ("width", "height", "hz"))
        ]
        self._wants_scene = message.get("scene") is not False
        if self._child is not None:
            self._child.tell({"type": "want", "cameras": cameras})

    # The phone.

    async def serve_phone(self, socket: Socket, text: Callable[[dict[str, Any]], Any]) -> None:
        """Let a phone steer until it leaves; while another one does, the desktop is asked.

        Args:
            text: is given what is not for the robot.
        """
        if self.phone is None:
            self.phone = socket
        elif self.asking is None:
            self.asking = socket
            socket.send({"type": "wait", "why": "another phone steers; the desktop is being asked"})
        else:
            self._send_away(socket, "another phone is asking already: scan a new code in a moment")
        self._send_status()

        async def from_phone(message: dict[str, Any]) -> None:
            if message["type"] == "mark" and self.phone is socket:
                self._mark(message)
            elif message["type"] == "gone" and self.phone is socket:
                self._pause("the phone is gone: resume, or press again")
            else:
                await text(message)

        try:
            await socket.talk(from_phone, lambda data: self.hand(data, socket, "websocket"))
        finally:
            if self.asking is socket:
                self.asking = None
            if self.phone is socket:
                self.phone, self.asking = self.asking, None
                if self.phone is not None:
                    self.phone.send({"type": "allowed"})
                self._pause("the phone is gone: resume, or press again")
            self._send_status()

    # Both.

    async def hand(self, data: bytes, socket: Socket, path: str) -> None:
        """A control frame has come. One hand steers at a time: the one that pressed first.

        Raises:
            InputError: it is no control frame.
        """
        if socket not in (self.phone, self.desktop) or self.desktop is None:
            return  # nobody steers what nobody watches
        now = wire.now_ms()
        frame = ControlFrame.decode(data)
        if self._holder is not None and self._holder[0] != socket.number and now - self._holder[1] < QUIET_HOLDER_MS:
            return
        self._holder = (socket.number, now) if frame.held else None
        self._path = path
        made_ms = socket.clock.made_at(frame.client_ms, now)
        box = self._boxes.get(wire.HAND)
        if box is not None:
            box.put(wire.HAND_HEAD.pack(socket.number, made_ms, self._azimuth) + data)

    def _mark(self, message: dict[str, Any]) -> None:
        id, mark = message.get("id"), message.get("mark")
        if not (isinstance(id, str) and isinstance(mark, str) and len(id) <= 64 and len(mark) <= 20):
            raise InputError("a mark needs an id and a name")
        if self._child is None or self._scene is None:
            self._tell_all({"type": "ack", "id": id, "ok": False, "error": "the simulation is starting: try again"})
        elif self.desktop is None and mark != "pause":
            self._tell_all({"type": "ack", "id": id, "ok": False, "error": "nobody is watching: open the desktop page"})
        else:
            self._child.tell({"type": "mark", "id": id, "mark": mark, "why": ""})

    def _send_away(self, phone: Socket, why: str) -> None:
        self._forget(phone.login)
        phone.send({"type": "ended", "why": why})
        phone.close(why)

    def _pause(self, why: str) -> None:
        if self._child is not None and not self.closed:
            self._child.tell({"type": "mark", "id": f"server-{wire.now_ms()}", "mark": "pause", "why": why})


def memory() -> Path | None:
    """A folder in memory, where there is one."""
    folder = Path("/dev/shm")
    return folder if folder.is_dir() else None


def sweep() -> None:
    """Remove the mailboxes of servers that were killed."""
    for folder in Path(memory() or tempfile.gettempdir()).glob(f"{MAILBOXES}*"):
        owner = folder.name.removeprefix(MAILBOXES).partition("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def for_person(vector: list[float] | None, azimuth: float) -> list[float] | None:
    """A vector in world, as somebody sees it whose view looks there: right, up, towards them."""
    if vector is None:
        return None
    (x, y, z), c, s = vector, math.cos(azimuth), math.sin(azimuth)
    return [round(s * x - c * y, 4), z, round(-c * x - s * y, 4)]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6
