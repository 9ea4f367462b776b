"""A server as people start it, and people made of sockets."""

import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from retouch.operators.frame import ControlFrame

STILL = ControlFrame(True, True, False, False, "phone", 0, 1, 0, 0.0, (0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0), 1.0)
PATIENCE_S = 30.0


class Served:
    """A running server; on another address than localhost it has a certificate of its own."""

    def __init__(self, root: Path, *options: str, host: str = "localhost"):
        self.root, self.host, self.secure = root, host, host != "localhost"
        if self.secure:
            options = (*options, "--host", host, "--tls", "own")
        self._clients = ExitStack()
        with closing(socket.socket()) as probe:
            probe.bind((host, 0))
            self.port = probe.getsockname()[1]
        self.log = root / "serve.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "retouch", "serve", "--runs", root, "--port", str(self.port), *options],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
            )
        self.url = f"{'https' if self.secure else 'http'}://{host}:{self.port}"
        until(lambda: "retouch serves" in self.said or self.process.poll() is not None)
        assert self.process.poll() is None, self.said

    @property
    def said(self) -> str:
        return self.log.read_text()

    def invitation(self, name: str) -> str:
        """As `retouch serve --invite` prints it, beside a running server."""
        out = subprocess.run(
            [sys.executable, "-m", "retouch", "serve", "--runs", self.root, "--invite", name],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        return re.findall(r"#invite=(\S+)", out)[0]

    def client(self, name: str | None = None) -> httpx.Client:
        """A browser, logged in when it has a name."""
        headers = {"origin": self.url}
        made = httpx.Client(base_url=self.url, headers=headers, timeout=30, verify=not self.secure)
        client = self._clients.enter_context(made)
        if name is not None:
            assert client.post("/api/login", json={"token": self.invitation(name)}).status_code == 200
        return client

    def close(self) -> None:
        """End it as Ctrl-C does, unless it has ended."""
        self._clients.close()
        if self.process.poll() is None:
            self.stop()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


class Person:
    """A page's WebSocket, and what it has heard."""

    def __init__(self, server: Served, client: httpx.Client, path: str):
        self.client = client
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        self._open = ExitStack()
        self.socket: ClientConnection = self._open.enter_context(
            connect(
                f"{server.url.replace('http', 'ws', 1)}{path}",
                origin=server.url,
                ssl=ssl._create_unverified_context() if server.secure else None,
                additional_headers={"cookie": cookies},
                max_size=None,
                compression=None,
            )
        )
        self.status: dict[str, Any] = {}
        self.heard: list[dict[str, Any]] = []
        self.scenes: list[tuple[float, bytes]] = []
        self.pictures = 0
        self.sequence = 0
        self.answers_pings = True

    def listen(self, done: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        """Take in what comes until something holds."""
        end = time.monotonic() + patience_s
        while not done():
            assert time.monotonic() < end, f"waited in vain; status {self.status}, heard {str(self.heard[-3:])[-300:]}"
            try:
                self.take(self.socket.recv(0.05))
            except TimeoutError:
                continue

    def take(self, message: str | bytes) -> None:
        if isinstance(message, bytes):
            if message[0] == 1:
                self.scenes.append((1000 * time.monotonic(), message))
            else:
                self.pictures += 1
            return
        document = json.loads(message)
        if document["type"] == "ping" and self.answers_pings:
            with suppress(ConnectionClosed):  # what was said before the end can still be read
                self.send({"type": "pong", "t": document["t"], "client": 1000 * time.monotonic()})
        elif document["type"] == "status":
            self.status = document
        elif document["type"] != "ping":
            self.heard.append(document)

    def hear(self, kind: str) -> dict[str, Any]:
        """The next message of a kind."""
        before = len(self.heard)
        self.listen(lambda: any(m["type"] == kind for m in self.heard[before:]))
        return next(m for m in self.heard[before:] if m["type"] == kind)

    def reach(self, **wanted: Any) -> None:
        """Wait for a status."""
        self.listen(lambda: all(self.status.get(name) == value for name, value in wanted.items()))

    def send(self, message: dict[str, Any]) -> None:
        self.socket.send(json.dumps(message))

    def mark(self, mark: str, id: str | None = None) -> dict[str, Any]:
        """Tap, and wait for the answer."""
        id = id or f"{mark}-{time.monotonic()}"
        self.send({"type": "mark", "id": id, "mark": mark})
        self.listen(lambda: any(m["type"] == "ack" and m["id"] == id for m in self.heard))
        return next(m for m in self.heard if m["type"] == "ack" and m["id"] == id)

    def hold(self, number: int = 1, held: bool = True, position=(0.0, 0.0, 0.0), push: bool = False) -> None:
        """Send one frame."""
        self.sequence += 1
        frame = replace(
            STILL,
            held=held,
            hold=number,
            sequence=self.sequence,
            client_ms=1000 * time.monotonic(),
            position=position,
            push=push,
        )
        self.socket.send(frame.encode())

    def steer(self, seconds: float, number: int = 1, speed: float = 0.02) -> None:
        """Hold on and move to the right."""
        begin = time.monotonic()
        while (t := time.monotonic() - begin) < seconds:
            self.hold(number, position=(speed * t, 0.0, 0.0))
            self.listen_for(0.012)

    def push(self, seconds: float, position: tuple[float, float, float], number: int = 1) -> None:
        """Press, and push from there."""
        begin = time.monotonic()
        while (t := time.monotonic() - begin) < seconds:
            self.hold(number, position=position if t > 0.2 else (0.0, 0.0, 0.0), push=True)
            self.listen_for(0.012)

    def listen_for(self, seconds: float) -> None:
        """Take in what comes for a while."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                self.take(self.socket.recv(left))
            except TimeoutError:
                return

    def close(self) -> None:
        self._open.close()


def until(holds: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
    end = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def state_of(scene: bytes) -> int:
    return struct.unpack_from("<BB", scene)[1]
