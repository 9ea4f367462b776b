"""A slow, lossy link between two network namespaces of this machine, emulated packet by packet (needs root).

    with Link(delay_ms=25, jitter_ms=5, loss=0.05, burst=3) as link:
        with link.inside(FAR):                  # what this thread opens or starts is at the far end
            ...
        subprocess.run(link.command(FAR, [...]))

Every packet of either direction waits for `delay_ms` and a normal jitter; losses come in bursts of `burst` on average.
"""

import contextlib
import ctypes
import fcntl
import heapq
import os
import random
import select
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

NEAR, FAR = "10.99.0.1", "10.99.0.2"
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_CLONE_NEWNET = 0x40000000


def possible() -> bool:
    """Whether this machine lets us make a link."""
    space = f"retouch-probe-{os.getpid()}"
    if os.geteuid() or not Path("/dev/net/tun").exists() or shutil.which("ip") is None:
        return False
    made = subprocess.run(["ip", "netns", "add", space], capture_output=True, check=False).returncode == 0
    subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)
    return made


class Link:
    """Two namespaces and a process that carries packets between them. Delays are one way [ms]."""

    def __init__(self, delay_ms: float, jitter_ms: float, loss: float, burst: float = 3.0, seed: int = 0):
        self.delay_ms, self.jitter_ms, self.loss, self.burst, self.seed = delay_ms, jitter_ms, loss, burst, seed
        self._relay = 0
        self._spaces = {NEAR: f"retouch-near-{os.getpid()}", FAR: f"retouch-far-{os.getpid()}"}

    def __enter__(self) -> "Link":
        self._clear()
        for space in self._spaces.values():
            _ip("netns", "add", space)
            _ip("-n", space, "link", "set", "lo", "up")
        ready, told = os.pipe()
        self._relay = os.fork()
        if self._relay == 0:
            try:
                os.close(ready)
                self._carry(told)
            finally:
                os._exit(1)
        os.close(told)
        assert os.read(ready, 1) == b"x", "the link could not be made"
        os.close(ready)
        for own, other in ((NEAR, FAR), (FAR, NEAR)):
            space = self._spaces[own]
            _ip("-n", space, "addr", "add", own, "peer", other, "dev", "wire0")
            _ip("-n", space, "link", "set", "dev", "wire0", "up")
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self._relay, signal.SIGKILL)
        os.waitpid(self._relay, 0)
        self._clear()

    def cut(self) -> None:
        """Nothing passes any more."""
        os.kill(self._relay, signal.SIGSTOP)

    def mend(self) -> None:
        """It passes again; what waited arrives at once."""
        os.kill(self._relay, signal.SIGCONT)

    def command(self, end: str, command: list[str]) -> list[str]:
        """The command, at one end."""
        return ["ip", "netns", "exec", self._spaces[end], *command]

    @contextlib.contextmanager
    def inside(self, end: str) -> Iterator[None]:
        """This thread, at one end: its new sockets and the programs it starts."""
        with Path("/proc/thread-self/ns/net").open() as home:
            _enter(Path("/run/netns") / self._spaces[end])
            try:
                yield
            finally:
                _set(home.fileno())

    def _clear(self) -> None:
        for space in self._spaces.values():
            subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)

    def _carry(self, told: int) -> None:
        """Read, wait, write, for ever."""
        ends = [_open(space) for space in self._spaces.values()]
        os.write(told, b"x")
        rng, waiting, count, lost = random.Random(self.seed), [], 0, [False, False]
        to_lost = self.loss / (1 - self.loss) / self.burst
        while True:
            patience = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
            for end in select.select(ends, [], [], patience)[0]:
                packet, way = os.read(end, 65536), ends.index(end)
                lost[way] = rng.random() < (1 - 1 / self.burst if lost[way] else to_lost)
                if not lost[way]:
                    delay_ms = max(0.0, rng.gauss(self.delay_ms, self.jitter_ms))
                    count += 1
                    heapq.heappush(waiting, (time.monotonic() + delay_ms / 1000, count, ends[1 - way], packet))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, end, packet = heapq.heappop(waiting)
                with contextlib.suppress(OSError):
                    os.write(end, packet)


def _open(space: str) -> int:
    """A tunnel's end in a namespace."""
    _enter(Path("/run/netns") / space)
    end = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH22x", b"wire0", _IFF_TUN | _IFF_NO_PI))
    return end


def _enter(space: Path) -> None:
    with space.open() as place:
        _set(place.fileno())


def _set(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "cannot enter a network namespace")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
