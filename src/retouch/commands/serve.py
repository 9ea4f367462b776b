"""`retouch serve`."""

import contextlib
import errno
import fcntl
import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from retouch.errors import InputError, MissingExtra, RetouchError
from retouch.policies.bridge_file import BridgeFile

SERVING = "serving"  # file that says where a running server is, locked as long as it runs


def serve(
    *,
    runs: Path = Path("runs"),
    host: str = "127.0.0.1",
    port: int = 8470,
    invite: str | None = None,
    revoke: str | None = None,
    seats: int | None = None,
    tls: Literal["none", "own"] = "none",
    cert: Path | None = None,
    key: Path | None = None,
    origin: tuple[str, ...] = (),
    bridge: tuple[Path, ...] = (),
) -> None:
    """Serve people: they watch a policy in a browser, take over with a phone, and train the next round.

    Args:
        runs: folder of the runs, the same that `retouch improve --out` writes to.
        host: address to listen on; 0.0.0.0 for other machines, which needs TLS.
        port: to listen on.
        invite: print a link with which this operator can log in, once. Where a server is running on these runs
            already, nothing else is done.
        revoke: end everything that this operator's logins, invitations and phones may do, and nothing else; a running
            server on these runs sends them away within a second.
        seats: people who operate at once; more wait in a line. One a core when left out.
        tls: own makes a certificate for this installation.
        cert: a certificate of yours, PEM; with --key.
        key: its key, PEM.
        origin: a further origin that pages may come from, as behind a proxy: https://robots.example.org.
        bridge: files of bridges that runs may be based on, as they were begun with --base-policy (docs/bridge.md). No
            run starts a command that is not named here.
    """
    try:
        import uvicorn

        from retouch.server.app import PAGES, Server
    except ImportError as error:
        raise MissingExtra(error.name or "starlette", "serve") from None
    if (cert is None) != (key is None):
        raise InputError("--cert and --key go together")
    if not 0 <= port < 65536:
        raise InputError(f"--port is a number from 0 to 65535, not {port}")
    if seats is not None and seats < 1:
        raise InputError(f"--seats is at least 1, not {seats}")
    for path in (cert, key):
        if path is not None and not path.is_file():
            raise InputError(f"there is no file {path}")
    if not (PAGES / "index.html").is_file():
        raise RetouchError("the pages are not built: run 'make pages'")
    secure = cert is not None or tls == "own"
    if not secure and not _is_this_machine(host):
        raise InputError(
            f"people on other machines need https, and so do their phones: add --tls own, or --cert and --key "
            f"(only this machine may do without: --host 127.0.0.1, not {host})"
        )
    for path in bridge:
        BridgeFile.read(path)
        if sum(other.name == path.name for other in bridge) > 1:
            raise InputError(f"two bridges are called {path.name}: people choose them by that name")
    server = Server(runs, seats or os.cpu_count() or 1, [path.absolute() for path in bridge])
    if revoke is not None:
        print(f"{revoke}: {server.accounts.revoke(revoke)} logins and invitations are worth nothing any more")
        return
    with only_one(server.home) as running:
        if running is not None:
            if invite is None:
                raise RetouchError(f"{runs} is being served already, at {running}")
            print(f"{invite} logs in once with {running}#invite={server.accounts.invite(invite)}")
            return
        authority = None
        if tls == "own" and cert is None:
            from retouch.server.tls import names_of_this_machine, own_certificate

            cert, key, authority = own_certificate(server.home / "tls", [*names_of_this_machine(), *_named(host)])
        listening = _listen(host, port)
        url = f"{'https' if secure else 'http'}://{_shown(host)}:{listening.getsockname()[1]}/"
        (server.home / SERVING).write_text(url)
        name = invite or ("operator" if server.accounts.empty() else None)
        if name is not None:
            print(f"{name} logs in once with {url}#invite={server.accounts.invite(name)}")
        if authority is not None:
            print(f"devices may trust {authority}; without that, browsers warn once (docs/serve.md)")
        print(f"retouch serves {runs} at {url} (Ctrl-C ends it)", flush=True)
        config = uvicorn.Config(
            server.app(origin),
            log_level="warning",
            access_log=False,
            ws="websockets-sansio",
            ws_max_size=64 * 1024,
            ws_max_queue=64,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=8,
            ssl_certfile=cert,
            ssl_keyfile=key,
            server_header=False,
            limit_concurrency=2000,
        )
        uvicorn.Server(config).run(sockets=[listening])


@contextlib.contextmanager
def only_one(home: Path) -> Iterator[str | None]:
    """Keeps a second server from the same runs: gives its address where there is one, else None."""
    with (home / SERVING).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            yield file.read()
        else:
            yield None


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        RetouchError: somebody has the port, or this machine has no such address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(1024)
    except socket.gaierror:
        made.close()
        raise InputError(f"--host {host} is no address of this machine") from None
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            raise RetouchError(f"port {port} of {host} is in use: choose another --port") from None
        raise InputError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    return made


def _named(host: str) -> list[str]:
    """The address that people use, where it is one."""
    return [] if host in ("0.0.0.0", "::") else [host]


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(host: str) -> str:
    """The address that people type."""
    if host in ("127.0.0.1", "::1"):
        return "localhost"
    if host in ("0.0.0.0", "::"):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
