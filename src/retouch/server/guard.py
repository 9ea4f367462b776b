"""What stands before every request: who may send it, how large, how often; and what an answer may do in a browser."""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retouch.server.limits import RateLimit

LARGEST_BODY = 64 * 1024
POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "xr-spatial-tracking=(self), accelerometer=(self), gyroscope=(self), hid=(self)",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """ASGI middleware.

    Args:
        app: what is guarded.
        origins: further origins (`https://robots.example.org`) from which pages may come, as behind a proxy.
    """

    def __init__(self, app: ASGIApp, origins: Iterable[str] = ()):
        self._app = app
        self._origins = frozenset(origins)
        self._rate = RateLimit(burst=300, per_second=100)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refused = self._refused(scope, headers)
        if refused is not None:
            await _refuse(scope, receive, send, *refused)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            await self._app(scope, _limited(receive), _with_headers(send))

    def _refused(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        caller = (scope.get("client") or ("unknown", 0))[0]
        changes = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD", "OPTIONS")
        if changes and not self._is_own(headers.get("origin"), headers.get("host", ""), scope):
            return 403, "this request does not come from the server's own page"
        if not self._rate.allows(caller):
            return 429, "too many requests: wait a moment"
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            return 413, f"a request may have {LARGEST_BODY // 1024} KB"
        return None

    def _is_own(self, origin: str | None, host: str, scope: Scope) -> bool:
        if origin is None or origin in self._origins:
            return origin is not None
        parts = urlsplit(origin)
        secure = scope["scheme"] in ("https", "wss")
        return parts.netloc == host and parts.scheme == ("https" if secure else "http")


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, error: str) -> None:
    body = json.dumps({"error": error}).encode()
    kind = "http.response"
    if scope["type"] == "websocket":
        await receive()
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": error})
            return
        kind = "websocket.http.response"
    headers = [(b"content-type", b"application/json")]
    if status == 429:
        headers.append((b"retry-after", b"1"))
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})


def _limited(receive: Receive) -> Receive:
    """Cuts a body off that is longer than it said."""
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return message if taken <= LARGEST_BODY else {"type": "http.disconnect"}

    return limited


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            own: list[Any] = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
            message = {**message, "headers": [*message.get("headers", []), *own]}
        await send(message)

    return with_headers
