"""One WebSocket: messages in order, and of every stream of pictures or poses only the newest."""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from retouch.errors import InputError
from retouch.operators.clock import RemoteClock
from retouch.processes.wire import now_ms

OnText = Callable[[dict[str, Any]], Awaitable[None]]
OnData = Callable[[bytes], Awaitable[None]]
MOST_WAITING = 500  # messages; who lets more pile up is cut off
PING_S = 0.5
SILENCE_S = 3.0  # after which nobody is thought to be there


class Socket:
    """A person's browser.

    Attributes:
        clock: of the browser.
        number: of the connection, never used twice.
        login: what its cookie says, where that matters.
    """

    _connections = 0

    def __init__(self, websocket: WebSocket, login: str | None = None):
        Socket._connections += 1
        self.login = login
        self.number = Socket._connections
        self.clock = RemoteClock()
        self._websocket = websocket
        self._messages: deque[dict[str, Any]] = deque()
        self._newest: dict[str, bytes] = {}
        self._wake = asyncio.Event()
        self._heard_ms = now_ms()
        self._closing: str | None = None
        self._asked: deque[float] = deque(maxlen=50)

    def send(self, message: dict[str, Any]) -> None:
        """Send a message, after those sent before."""
        self._messages.append(message)
        if len(self._messages) > MOST_WAITING:
            self._messages.clear()
            self.close("too slow a connection")
        self._wake.set()

    def show(self, stream: str, data: bytes) -> None:
        """Send the newest of a stream, in place of what of it has not left yet."""
        self._newest[stream] = data
        self._wake.set()

    def close(self, why: str = "") -> None:
        """Close it when what was sent before has left."""
        self._closing = why
        self._wake.set()

    async def talk(self, text: OnText, data: OnData) -> None:
        """Send and receive until one side ends it; `text(message)` and `data(bytes)` are called with what comes.

        Both are coroutine functions; what they refuse with an `InputError` ends the conversation.
        """
        tasks = [asyncio.create_task(job) for job in (self._sending(), self._receiving(text, data), self._pinging())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._websocket.client_state is not WebSocketState.DISCONNECTED:
                with contextlib.suppress(RuntimeError, WebSocketDisconnect, OSError):
                    await asyncio.wait_for(self._websocket.close(1000, (self._closing or "")[:120]), 1.0)

    def pong(self, message: dict[str, Any]) -> None:
        """An answered ping says what the browser's clock shows."""
        sent, client = message.get("t"), message.get("client")
        if not (isinstance(sent, int | float) and isinstance(client, int | float)):
            return
        if sent in self._asked and abs(client) < 1e15:
            self._asked.remove(sent)
            self.clock.pong(float(sent), float(client), now_ms())

    def ping(self) -> dict[str, Any]:
        """A question of what the browser's clock shows."""
        asked = now_ms()
        self._asked.append(asked)
        return {"type": "ping", "t": asked}

    async def _sending(self) -> None:
        with contextlib.suppress(WebSocketDisconnect):  # it left before the receiver heard of it
            while self._closing is None or self._messages or self._newest:
                await self._wake.wait()
                self._wake.clear()
                while self._messages or self._newest:
                    if self._messages:
                        await self._websocket.send_text(json.dumps(self._messages.popleft(), allow_nan=False))
                    else:
                        await self._websocket.send_bytes(self._newest.pop(next(iter(self._newest))))

    async def _receiving(self, text: OnText, data: OnData) -> None:
        while True:
            event = await self._websocket.receive()
            if event["type"] == "websocket.disconnect":
                return
            self._heard_ms = now_ms()
            try:
                if event.get("bytes") is not None:
                    await data(event["bytes"])
                    continue
                message = parse(event["text"])
                if message["type"] == "pong":
                    self.pong(message)
                else:
                    await text(message)
            except InputError as error:
                self.send({"type": "error", "error": str(error)})
                self.close("not understood")
                await asyncio.sleep(1.0)  # in which the sender says so and ends it
                return

    async def _pinging(self) -> None:
        while True:
            self.send(self.ping())
            await asyncio.sleep(PING_S)
            if now_ms() - self._heard_ms > 1000 * SILENCE_S:
                return


def parse(text: str) -> dict[str, Any]:
    """A message.

    Raises:
        InputError: it is none.
    """
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise InputError("messages are JSON objects with a type: reload the page")
    return message
