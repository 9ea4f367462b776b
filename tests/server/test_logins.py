"""Who gets in, and what happens to those who should not."""

import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from retouch.episodes.reader import Dataset
from retouch.errors import InputError
from retouch.server.accounts import Accounts
from retouch.server.limits import RateLimit
from retouch.server.pairing import Pairings
from retouch.server.seats import Seats

from .people import Person, Served, until


def test_an_invitation_works_once(server: Served) -> None:
    token = server.invitation("anna")
    client = server.client()
    answer = client.post("/api/login", json={"token": token})
    assert answer.json() == {"name": "anna"}
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert client.get("/api/me").json() == {"name": "anna"}
    again = server.client().post("/api/login", json={"token": token})
    assert again.status_code == 403
    assert "ask for a new one" in again.json()["error"]
    assert token not in (server.root / ".server" / "accounts.json").read_text()
    assert (server.root / ".server" / "accounts.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/me"),
        ("GET", "/api/runs"),
        ("GET", "/api/runs/short"),
        ("GET", "/api/runs/short/episodes"),
        ("POST", "/api/runs"),
        ("POST", "/api/runs/short/train"),
        ("POST", "/api/pair"),
    ],
)
def test_nothing_without_a_login(server: Served, method: str, path: str) -> None:
    answer = server.client().request(method, path, json={} if method == "POST" else None)
    assert answer.status_code == 401
    assert "log in first" in answer.json()["error"]


def test_no_socket_without_a_login(server: Served) -> None:
    for path, says in (("/ws/session?run=short", "log in first"), ("/ws/phone", "not paired")):
        with connect(f"ws://localhost:{server.port}{path}", origin=server.url) as stranger:
            assert says in str(stranger.recv(5))
            with pytest.raises(ConnectionClosed):
                stranger.recv(5)


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", None])
def test_another_pages_requests_are_refused(server: Served, origin: str | None) -> None:
    client = server.client("anna")
    client.headers.pop("origin")
    headers = {} if origin is None else {"origin": origin}
    assert client.post("/api/pair", headers=headers).status_code == 403
    cookies = {"cookie": f"retouch={client.cookies['retouch']}"}
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(f"ws://localhost:{server.port}/ws/session?run=short", origin=origin, additional_headers=cookies),
    ):
        pass
    assert refused.value.response.status_code == 403


def test_a_phones_code_works_once(server: Served, anna: Person) -> None:
    desktop = server.client("anna")
    pair = desktop.post("/api/pair").json()
    assert pair["qr"].startswith("<?xml")
    assert pair["expires_s"] == 120
    token = pair["url"].partition("#pair=")[2]
    assert len(token) * 6 >= 128
    assert "?" not in pair["url"]  # a fragment never reaches a server's log
    phone = server.client()
    assert phone.post("/api/phone/login", json={"token": token}).json() == {"name": "anna"}
    reused = server.client().post("/api/phone/login", json={"token": token})
    assert reused.status_code == 403
    assert "scan a new one" in reused.json()["error"]
    assert phone.get("/api/runs").status_code == 401  # a phone steers, and does nothing else


def test_codes_grow_old_and_a_new_one_ends_the_last() -> None:
    now = [0.0]
    pairings = Pairings(lambda: now[0])
    first, second = pairings.code("anna"), pairings.code("anna")
    assert pairings.redeem(first) is None
    now[0] = 119.0
    third = pairings.code("ben")
    assert pairings.redeem(second) is not None
    now[0] = 240.0
    assert pairings.redeem(third) is None


def test_a_logout_ends_it(server: Served) -> None:
    client = server.client("anna")
    cookie = client.cookies["retouch"]
    assert client.post("/api/logout").status_code == 204
    assert server.client().get("/api/me", headers={"cookie": f"retouch={cookie}"}).status_code == 401


def test_logins_are_counted(server: Served) -> None:
    client = server.client()
    answers = [client.post("/api/login", json={"token": str(k)}).status_code for k in range(25)]
    assert answers[:20] == [403] * 20
    assert 429 in answers[20:]


def test_a_thousand_requests_at_once(server: Served, anna: Person) -> None:
    """Everybody gets an answer, some perhaps to wait; the session goes on, and others are served afterwards."""
    anna.mark("start")
    anna.reach(state="POLICY")
    before = len(anna.scenes)

    def ask(_: int) -> int:
        with closing(HTTPConnection("localhost", server.port, timeout=20)) as connection:
            connection.request("GET", "/api/me")
            return connection.getresponse().status

    with ThreadPoolExecutor(100) as pool:
        asked = [pool.submit(ask, k) for k in range(1000)]
        anna.listen(lambda: all(one.done() for one in asked))
    statuses = [one.result() for one in asked]
    assert set(statuses) <= {401, 429}
    assert 401 in statuses
    anna.listen(lambda: len(anna.scenes) > before + 20)
    time.sleep(1.5)
    assert server.client("ben").get("/api/me").status_code == 200


def test_large_and_broken_requests_get_one_line(server: Served) -> None:
    client = server.client("anna")
    assert client.post("/api/runs", content=b"x" * 10_000_000).status_code == 413
    for body in (b"", b"{", b"[1]", b"\xff\xfe"):
        answer = client.post("/api/runs", content=body)
        assert answer.status_code == 400
        assert "JSON object" in answer.json()["error"]
    for wish in (
        {"name": "../up"},
        {"name": "a", "task": "thredding"},
        {"name": "a", "method": "iwrr"},
        {"name": "a", "rounds": "3"},
        {"name": "a", "share": -1},
        {"name": "a", "colour": 1},
        {"name": "short"},
    ):
        answer = client.post("/api/runs", json=wish)
        assert 400 <= answer.status_code < 500, wish
        assert "\n" not in answer.json()["error"]
    assert not (server.root / "a").exists()
    assert client.get("/api/runs/shrt").json()["error"].startswith("unknown run 'shrt'; did you mean 'short'?")
    assert client.get("/nowhere").status_code == 404
    assert client.get("/api/runs/short/episodes/0/..%2f..%2fetc/replay").status_code in (404, 409)
    assert "Traceback" not in server.said


def test_pages_may_load_nothing_from_elsewhere(server: Served) -> None:
    headers = server.client().get("/api/me").headers
    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert headers["x-content-type-options"] == "nosniff"


def test_other_machines_need_https(tmp_path) -> None:
    command = [sys.executable, "-m", "retouch", "serve", "--runs", tmp_path, "--host", "0.0.0.0"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--tls own" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_in_use_is_said(tmp_path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        command = [sys.executable, "-m", "retouch", "serve", "--runs", tmp_path, "--port", port]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert "choose another --port" in done.stderr


def test_names_of_operators(tmp_path) -> None:
    accounts = Accounts(tmp_path / "accounts.json")
    for name in ("", "a b", "../x", "x" * 41, "é\n"):
        with pytest.raises(InputError, match="operator's name"):
            accounts.invite(name)
    assert accounts.empty()
    assert accounts.login("nothing") is None


def test_a_rate_fills_again() -> None:
    now = [0.0]
    rate = RateLimit(burst=2, per_second=1, callers=2, clock=lambda: now[0])
    assert [rate.allows("a") for _ in range(3)] == [True, True, False]
    assert rate.allows("b")
    now[0] = 1.0
    assert [rate.allows("a") for _ in range(2)] == [True, False]


def test_the_line_for_seats() -> None:
    import asyncio

    async def wait_in_line() -> None:
        seats, places = Seats(1), {"b": [], "c": []}
        await seats.take("a", lambda place: None)
        await seats.take("a", lambda place: None)  # whoever has one keeps it
        b, c = (asyncio.create_task(seats.take(n, places[n].append)) for n in "bc")
        await asyncio.sleep(0)
        assert places == {"b": [1], "c": [2]} or places == {"b": [1, 1], "c": [2]}
        b.cancel()
        await asyncio.gather(b, return_exceptions=True)
        assert places["c"][-1] == 1
        seats.leave("a")
        await asyncio.wait_for(c, 1)
        assert seats.free == 0

    asyncio.run(wait_in_line())


def test_the_server_is_light() -> None:
    code = "import retouch.server.app, sys; print([m for m in ('torch', 'mujoco', 'numba', 'av') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ))
    assert out.stdout.strip() == "[]"


def test_an_old_invitation_is_worth_nothing(tmp_path, monkeypatch) -> None:
    accounts = Accounts(tmp_path / "accounts.json")
    token = accounts.invite("anna")
    then = time.time()
    monkeypatch.setattr(time, "time", lambda: then + 8 * 24 * 3600)
    assert accounts.login(token) is None


def test_whoever_is_revoked_is_sent_away_at_once(server: Served, anna: Person) -> None:
    """The session ends, what was recorded is kept, and neither login, invitation nor phone code is worth anything."""
    unused = server.invitation("anna")
    other = server.client("ben")
    code = anna.client.post("/api/pair").json()
    anna.mark("start")
    anna.reach(state="POLICY")
    command = [sys.executable, "-m", "retouch", "serve", "--runs", str(server.root), "--revoke", "anna"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == "anna: 2 logins and invitations are worth nothing any more\n"
    with pytest.raises(ConnectionClosed, match="not logged in any more"):
        anna.listen(lambda: False)
    assert anna.client.get("/api/me").status_code == 401
    assert server.client().post("/api/login", json={"token": unused}).status_code == 403
    redeemed = server.client().post("/api/phone/login", json={"token": code["url"].rpartition("=")[2]})
    assert redeemed.status_code == 403
    assert other.get("/api/me").status_code == 200
    data = server.root / "short" / "data" / "round-1"
    until(lambda: [e.outcome for e in Dataset(data).all_episodes] == ["aborted"])
