"""The server as an ASGI application: every request of docs/protocol.md."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from retouch.errors import InputError, RetouchError, UnknownName
from retouch.run_folder import REPORT, RunFolder
from retouch.server.accounts import Accounts
from retouch.server.catalogue import Catalogue
from retouch.server.channel import Channel
from retouch.server.guard import Guard
from retouch.server.limits import RateLimit
from retouch.server.pairing import EXPIRES_S, Pairings, qr
from retouch.server.replays import Replays
from retouch.server.seats import Seats
from retouch.server.socket import Socket
from retouch.server.station import Station, sweep
from retouch.server.trainings import Trainings

PAGES = Path(__file__).parent / "pages"
COOKIE, PHONE_COOKIE = "retouch", "retouch_phone"
COOKIE_S = 30 * 24 * 3600
REVOKED_S = 0.5  # between two looks at who is still logged in


class Refused(RetouchError):
    """A request that is answered with a status and one line."""

    def __init__(self, status: int, error: str):
        super().__init__(error)
        self.status = status


class Server:
    """What all requests share.

    Args:
        root: folder of the runs; `.server` in it holds accounts and logs.
        seats: people who operate at once.
        bridges: those that whoever started the server has named: what they start may be the base of a run.
    """

    def __init__(self, root: Path, seats: int, bridges: Sequence[Path] = ()):
        self.home = root / ".server"
        self.catalogue = Catalogue(root, bridges)
        self.accounts = Accounts(self.home / "accounts.json")
        self.pairings = Pairings()
        self.trainings = Trainings(self.home / "logs", bridges)
        self.bridges = bridges
        self.replays = Replays()
        self.seats = Seats(seats)
        self.stations: dict[str, Station] = {}
        self._opening: dict[str, asyncio.Lock] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        sweep()
        self.logins = RateLimit(burst=20, per_second=0.2)

    def app(self, origins: tuple[str, ...] = ()) -> ASGIApp:
        """The guarded application."""
        run = "/api/runs/{name}"
        edit = f"{run}/episodes/{{round:int}}/{{id}}"
        routes: list[BaseRoute] = [
            Route("/", self._page("index.html")),
            Route("/phone", self._page("phone.html")),
            Route("/api/login", self.login, methods=["POST"]),
            Route("/api/logout", self.logout, methods=["POST"]),
            Route("/api/me", self.me),
            Route("/api/pair", self.pair, methods=["POST"]),
            Route("/api/phone/login", self.phone_login, methods=["POST"]),
            Route("/api/options", self.options),
            Route("/api/runs", self.runs, methods=["GET"]),
            Route("/api/runs", self.create_run, methods=["POST"]),
            Route(run, self.run),
            Route(f"{run}/report", self.report),
            Route(f"{run}/train", self.train, methods=["POST"]),
            Route(f"{run}/stop", self.stop, methods=["POST"]),
            Route(f"{run}/episodes", self.episodes),
            Route(f"{edit}/replay", self.replay),
            Route(f"{edit}/edit", self.edit, methods=["POST"]),
            WebSocketRoute("/ws/session", self.session_socket),
            WebSocketRoute("/ws/phone", self.phone_socket),
            Mount("/assets", StaticFiles(directory=PAGES / "assets", check_dir=False)),
        ]
        handlers: dict[Any, Any] = {RetouchError: _answer_error, 404: _not_found, 405: _not_found}
        app = Starlette(routes=routes, exception_handlers=handlers, lifespan=self._lifespan)
        return Guard(app, origins)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        revoking = asyncio.create_task(self._send_away_who_is_logged_out())
        yield
        revoking.cancel()
        closing = [station.close("the server is being stopped") for station in self.stations.values()]
        await asyncio.gather(*closing, self.trainings.close(), return_exceptions=True)
        await asyncio.gather(*self._leaving)

    async def _send_away_who_is_logged_out(self) -> None:
        """End what people were doing whose logins have been revoked, or are too old."""
        while True:
            await asyncio.sleep(REVOKED_S)
            for name in {*self.stations, *self.pairings.operators()}:
                if not self.accounts.logged_in(name):
                    self.pairings.forget_all(name)
                    if (station := self.stations.get(name)) is not None and not station.closed:
                        await station.close("you are not logged in any more")

    # Who is it?

    def operator(self, connection: Request | WebSocket) -> str:
        """Who is logged in.

        Raises:
            Refused: nobody.
        """
        name = self.accounts.who(connection.cookies.get(COOKIE))
        if name is None:
            raise Refused(401, "log in first: open the link of your invitation (retouch serve --invite NAME)")
        return name

    async def login(self, request: Request) -> Response:
        """Use an invitation up."""
        if not self.logins.allows(_caller(request)):
            raise Refused(429, "too many attempts to log in: wait a minute")
        found = self.accounts.login(str((await _document(request)).get("token")))
        if found is None:
            raise Refused(
                403, "this invitation has been used or is too old: ask for a new one (retouch serve --invite)"
            )
        name, login = found
        return _with_cookie(request, {"name": name}, COOKIE, login)

    async def logout(self, request: Request) -> Response:
        """Forget a login, and end what its owner was doing."""
        name = self.operator(request)
        self.accounts.logout(request.cookies[COOKIE])
        self.pairings.forget_all(name)
        if name in self.stations:
            await self.stations[name].close("you have logged out")
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE)
        return answer

    async def me(self, request: Request) -> Response:
        """Who is logged in."""
        return JSONResponse({"name": self.operator(request)})

    async def pair(self, request: Request) -> Response:
        """A code for a phone."""
        code = self.pairings.code(self.operator(request))
        url = f"{request.headers['origin']}/phone#pair={code}"  # as the page was reached, behind a proxy too
        return JSONResponse({"url": url, "qr": qr(url), "expires_s": EXPIRES_S})

    async def phone_login(self, request: Request) -> Response:
        """Use a phone's code up."""
        if not self.logins.allows(_caller(request)):
            raise Refused(429, "too many attempts: wait a minute")
        found = self.pairings.redeem(str((await _document(request)).get("token")))
        if found is None:
            raise Refused(403, "this code has been used or is too old: scan a new one from the operator page")
        name, phone = found
        return _with_cookie(request, {"name": name}, PHONE_COOKIE, phone)

    # Runs and episodes.

    async def options(self, request: Request) -> Response:
        """What a run can be made of."""
        self.operator(request)
        return JSONResponse(self.catalogue.options())

    async def runs(self, request: Request) -> Response:
        """Every run; one that cannot be read says so and does not hide the others."""
        self.operator(request)
        return JSONResponse([await self._described(name) for name in self.catalogue.names()])

    async def run(self, request: Request) -> Response:
        """One run."""
        self.operator(request)
        return JSONResponse(await self._described(self._run(request).folder.name))

    async def report(self, request: Request) -> Response:
        """The report of the rounds that are done, a page of its own."""
        self.operator(request)
        report = self._run(request).folder / REPORT
        if not report.is_file():
            raise Refused(404, "no round has been trained yet: there is nothing to report")
        return FileResponse(report, headers={"Cache-Control": "no-cache"})

    async def create_run(self, request: Request) -> Response:
        """A new run."""
        self.operator(request)
        wishes = await _document(request)
        created = self.catalogue.create(str(wishes.pop("name", "")), wishes)
        return JSONResponse(await self._described(created.folder.name), 201)

    async def train(self, request: Request) -> Response:
        """Train the round that is complete."""
        self.operator(request)
        run = self._run(request)
        described = await self._described(run.folder.name)
        if not described["can_train"]:
            raise Refused(409, described["why_not"])
        at_work = [s for s in self.stations.values() if s.run.folder == run.folder]
        await asyncio.gather(*(s.close(f"round {described['round']} is being trained") for s in at_work))
        await self.trainings.start(run, described["round"])
        return JSONResponse({}, 202)

    async def stop(self, request: Request) -> Response:
        """Stop a training."""
        self.operator(request)
        await self.trainings.stop(self._run(request).folder.name)
        return JSONResponse({}, 202)

    async def episodes(self, request: Request) -> Response:
        """The episodes of a run."""
        self.operator(request)
        return JSONResponse(await run_in_threadpool(self.catalogue.episodes, self._run(request)))

    async def replay(self, request: Request) -> Response:
        """One episode, to be played."""
        self.operator(request)
        path = self.catalogue.data(self._run(request), request.path_params["round"])
        return Response(await self.replays.of(path, request.path_params["id"]), media_type="application/json")

    async def edit(self, request: Request) -> Response:
        """Change what an episode counts as."""
        who = self.operator(request)
        run, at = self._run(request), request.path_params
        wish = await _document(request)
        return JSONResponse(await run_in_threadpool(self.catalogue.edit, run, at["round"], at["id"], wish, who))

    def _run(self, request: Request) -> RunFolder:
        return self.catalogue.open(request.path_params["name"])

    async def _described(self, name: str) -> dict[str, Any]:
        training = self.trainings.of(name)
        described = await run_in_threadpool(self.catalogue.describe, name)
        if self.trainings.running(name):
            why = "it is being trained"
            described |= {"can_train": False, "can_collect": False, "why_not": why, "why_not_collect": why}
        return described | {"training": training}

    # People at work.

    async def session_socket(self, websocket: WebSocket) -> None:
        """An operator's page: wait for a seat, then work."""
        await websocket.accept()
        socket = Socket(websocket)
        try:
            name = self.operator(websocket)
            run = self.catalogue.open(websocket.query_params.get("run", ""))
            await self._work(socket, websocket, name, run, websocket.query_params.get("correct"))
        except RetouchError as error:
            await _say_and_close(websocket, str(error))

    async def _work(self, socket: Socket, websocket: WebSocket, name: str, run: RunFolder, way: str | None) -> None:
        async with self._opening.setdefault(name, asyncio.Lock()):
            station = await self._station(websocket, name, run, way)
        if station is not None:
            await station.serve_desktop(socket)

    async def _station(self, websocket: WebSocket, name: str, run: RunFolder, way: str | None) -> Station | None:
        """Where somebody works at a run: as left, or a new one once a seat is free; None when they leave the line."""
        number = await self._round_to_collect(run, way)
        station = self.stations.get(name)
        if station is not None and not station.closed and (station.run.folder, station.round) == (run.folder, number):
            return station
        if station is not None:
            await station.close("you opened another run")
            await station.gone.wait()
        seat = object()
        if not await self._seat(websocket, seat):
            return None
        try:
            self.operator(websocket)  # somebody may have logged out in the line, and the round have gone on
            number, logs = await self._round_to_collect(run, way), self.home / "logs"
            station = Station(name, run, number, logs, self.pairings.forget, self.bridges)
        except RetouchError:
            self.seats.leave(seat)
            raise
        self.stations[name] = station
        station.open()
        leaving = asyncio.create_task(self._leave(station, seat))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)
        return station

    async def _leave(self, station: Station, seat: object) -> None:
        """Wait until a station has ended, and give its seat to the next."""
        await station.gone.wait()
        if self.stations.get(station.operator) is station:
            del self.stations[station.operator]
        self.seats.leave(seat)

    async def _round_to_collect(self, run: RunFolder, way: str | None) -> int:
        described = await self._described(run.folder.name)
        number: int = described["round"]
        if not described["can_collect"]:
            raise InputError(f"nothing is collected now: {described['why_not_collect']}")
        if way is not None and way != run.way(number):
            raise InputError(f"round {number} of '{run.folder.name}' is collected by '{run.way(number)}', not '{way}'")
        if any(who.startswith("scripted:") for who in described["rounds"][number]["operators"]):
            raise InputError(f"a scripted person has begun round {number}: let 'retouch improve' finish it")
        return number

    async def _seat(self, websocket: WebSocket, seat: object) -> bool:
        """Wait for a seat; False when the person leaves the line."""
        places: asyncio.Queue[int] = asyncio.Queue()
        taking = asyncio.create_task(self.seats.take(seat, places.put_nowait))
        await asyncio.sleep(0)
        if taking.done():
            return True
        leaving = asyncio.create_task(_gone(websocket))
        telling = asyncio.create_task(_tell_places(websocket, places))
        try:
            await asyncio.wait((taking, leaving), return_when=asyncio.FIRST_COMPLETED)
            return taking.done()
        finally:
            for task in (taking, leaving, telling):
                task.cancel()
            await asyncio.gather(taking, leaving, telling, return_exceptions=True)

    async def phone_socket(self, websocket: WebSocket) -> None:
        """A phone: it steers for whom it is paired with."""
        await websocket.accept()
        name = self.pairings.who(websocket.cookies.get(PHONE_COOKIE))
        if name is None:
            await _say_and_close(websocket, "this phone is not paired: scan a new code from the operator page", "ended")
            return
        station = self.stations.get(name)
        if station is None or station.closed:
            await _say_and_close(websocket, f"{name} is not at work: open a run on the desktop")
            return
        socket = Socket(websocket, websocket.cookies.get(PHONE_COOKIE))
        channel = Channel(socket, lambda data: station.hand(data, socket, "webrtc"))

        async def text(message: dict[str, Any]) -> None:
            if message["type"] == "rtc":
                with suppress(RetouchError):  # the WebSocket serves too
                    socket.send(await channel.answer(message))

        try:
            await station.serve_phone(socket, text)
        finally:
            await channel.close()

    def _page(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        async def page(_: Request) -> Response:
            if not (PAGES / name).is_file():
                raise Refused(404, "the pages are not built: run 'make pages'")
            return FileResponse(PAGES / name, headers={"Cache-Control": "no-cache"})

        return page


async def _gone(websocket: WebSocket) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


async def _tell_places(websocket: WebSocket, places: asyncio.Queue[int]) -> None:
    while True:
        await websocket.send_text(json.dumps({"type": "queue", "place": await places.get()}))


async def _say_and_close(websocket: WebSocket, error: str, kind: str = "error") -> None:
    with suppress(RuntimeError, OSError, WebSocketDisconnect):
        await websocket.send_text(json.dumps({"type": kind, "error": error, "why": error}))
        await websocket.close(1008, error[:120])


async def _document(request: Request) -> dict[str, Any]:
    try:
        document = await request.json()
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise Refused(400, "the request needs a JSON object as its body")
    return document


def _caller(request: Request) -> str:
    return request.client.host if request.client is not None else "unknown"


def _with_cookie(request: Request, document: dict[str, Any], cookie: str, value: str) -> Response:
    answer = JSONResponse(document)
    secure = request.headers["origin"].startswith("https:")
    answer.set_cookie(cookie, value, max_age=COOKIE_S, httponly=True, samesite="strict", secure=secure, path="/")
    return answer


async def _answer_error(_: Request, error: Exception) -> Response:
    status = 500
    if isinstance(error, Refused):
        status = error.status
    elif isinstance(error, UnknownName):
        status = 404
    elif isinstance(error, InputError):
        status = 409
    return JSONResponse({"error": str(error)}, status)


async def _not_found(_: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    return JSONResponse({"error": "there is no such page" if status == 404 else "not with this method"}, status)
