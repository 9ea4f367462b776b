"""The server's side of one WebSocket, with a browser that leaves at any moment."""

import asyncio
import json
from typing import Any

import pytest
from starlette.websockets import WebSocket

from retouch.server.app import _say_and_close
from retouch.server.socket import Socket


class Leaving:
    """An ASGI connection that breaks at the n-th message to it, as uvicorn tells it: an `OSError`."""

    def __init__(self, after: int):
        self.sent: list[dict[str, Any]] = []
        self.websocket = WebSocket({"type": "websocket", "headers": []}, self.receive, self.send)
        self._after = after
        self._connected = False

    async def receive(self) -> dict[str, Any]:
        if not self._connected:
            self._connected = True
            return {"type": "websocket.connect"}
        await asyncio.sleep(60)  # the sender hears of it first
        raise AssertionError

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] != "websocket.accept" and len(self.sent) >= self._after:
            raise OSError
        self.sent.append(message)


async def _nothing(_: object) -> None:
    pass


@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_browser_that_leaves_while_it_is_sent_to(after: int) -> None:
    async def talk() -> Leaving:
        leaving = Leaving(after)
        await leaving.websocket.accept()
        socket = Socket(leaving.websocket)
        for k in range(3):
            socket.send({"type": "status", "k": k})
        await asyncio.wait_for(socket.talk(_nothing, _nothing), 5.0)
        return leaving

    sent = asyncio.run(talk()).sent[1:]
    assert [json.loads(m["text"])["k"] for m in sent] == list(range(after - 1))


def test_a_browser_that_leaves_before_it_hears_why_it_is_refused() -> None:
    async def refuse() -> None:
        leaving = Leaving(1)
        await leaving.websocket.accept()
        await _say_and_close(leaving.websocket, "no such run")

    asyncio.run(refuse())


def test_what_was_said_before_the_end_is_sent() -> None:
    async def talk() -> Leaving:
        leaving = Leaving(100)
        await leaving.websocket.accept()
        socket = Socket(leaving.websocket)
        socket.send({"type": "gone"})
        socket.close("the end")
        await asyncio.wait_for(socket.talk(_nothing, _nothing), 5.0)
        return leaving

    sent = asyncio.run(talk()).sent[1:]
    assert json.loads(sent[0]["text"]) == {"type": "gone"}
    assert sent[-1] == {"type": "websocket.close", "code": 1000, "reason": "the end"}
