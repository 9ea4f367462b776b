"""A data channel to a phone: unordered and without retransmission, so that a lost pose holds nobody up."""

import asyncio
import importlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

from retouch.errors import InputError, MissingExtra
from retouch.server.socket import PING_S, Socket, parse

# What aiortc's parser makes of a text that is no offer, by 42 000 texts made from one.
BAD_OFFER = (ValueError, AssertionError, AttributeError, LookupError, TypeError)


class Channel:
    """The peer connection of one phone.

    Args:
        socket: the phone's WebSocket: its clock is shared.
        data: called with every control frame.
    """

    def __init__(self, socket: Socket, data: Callable[[bytes], Awaitable[None]]):
        self._socket, self._data = socket, data
        self._peer: Any = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def answer(self, offer: dict[str, Any]) -> dict[str, Any]:
        """The answer to a phone's offer; an earlier connection is closed.

        Raises:
            MissingExtra: aiortc is not installed; the WebSocket serves too.
            InputError: it is no offer.
        """
        try:  # in a thread: loading it takes long enough for robots to notice
            aiortc = await asyncio.to_thread(importlib.import_module, "aiortc")
        except ImportError:
            raise MissingExtra("aiortc", "serve") from None
        await self.close()
        peer = self._peer = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
        peer.on("datachannel", self._opened)
        try:
            await peer.setRemoteDescription(aiortc.RTCSessionDescription(sdp=str(offer.get("sdp")), type="offer"))
            await peer.setLocalDescription(await peer.createAnswer())
        except BAD_OFFER as error:
            await self.close()
            raise InputError(f"that is no offer of a connection ({type(error).__name__})") from error
        return {"type": "rtc", "kind": "answer", "sdp": peer.localDescription.sdp}

    async def close(self) -> None:
        """Close the connection."""
        for task in self._tasks:
            task.cancel()
        if self._peer is not None:
            await self._peer.close()
            self._peer = None

    def _opened(self, channel: Any) -> None:
        if channel.label != "control":
            channel.close()
            return

        async def arrived(message: bytes | str) -> None:
            try:
                if isinstance(message, bytes):
                    await self._data(message)
                else:
                    parsed = parse(message)
                    if parsed["type"] == "pong":
                        self._socket.pong(parsed)
            except InputError as error:
                self._socket.send({"type": "error", "error": str(error)})
                channel.close()

        channel.on("message", arrived)
        pinging = asyncio.create_task(self._ping(channel))
        self._tasks.add(pinging)
        pinging.add_done_callback(self._tasks.discard)

    async def _ping(self, channel: Any) -> None:
        while channel.readyState == "open":
            channel.send(json.dumps(self._socket.ping()))
            await asyncio.sleep(PING_S)
