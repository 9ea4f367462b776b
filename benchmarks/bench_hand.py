"""How old the newest pose is when the robot uses it: `.venv/bin/python benchmarks/bench_hand.py --run runs/NAME`.

A real server; at the other end of a link the phone page in Chromium with an emulated AR phone (its frames come at the
screen's 60 Hz), and a sender of 90 frames a second over a data channel (aiortc) and over a WebSocket. The age is the
server's own: from when the frame was made, by a clock that pings have set, to the step that acts on it. Links are
emulated packet by packet (link.py; needs root). Figures go to benchmarks/results/bench_hand.json.
"""

import argparse
import asyncio
import functools
import json
import os
import shlex
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiortc
import httpx
import numpy as np
import websockets

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "server"))

from browser import CHROMIUM, Phone, chromium
from link import FAR, NEAR, Link
from people import STILL, Person, Served

from retouch.policies.files import write_json
from retouch.processes.wire import SCENE_HEAD, STATES
from web_run import copied

RESULT = Path(__file__).parent / "results" / "bench_hand.json"
HERTZ = 90.0
LINKS = {
    "2+-1 ms": (2, 1, 0.0),
    "20+-5 ms, 1 % loss": (20, 5, 0.01),
    "50+-10 ms, 5 % loss in bursts": (50, 10, 0.05),
}
HANDS = ("phone page", "data channel", "WebSocket")


def percentiles(values: np.ndarray) -> dict[str, float]:
    """p50, p99 and the largest."""
    p50, p99 = np.percentile(values, (50, 99))
    return {k: round(float(v), 1) for k, v in {"p50": p50, "p99": p99, "max": values.max()}.items()}


class Sender:
    """A phone without a page: holds on and sends where it is, 90 times a second."""

    def __init__(self, url: str, by: str):
        self.origin, _, self.code = url.partition("/phone#pair=")
        self.by = by
        self.sequence = 0
        self.peer: aiortc.RTCPeerConnection | None = None

    async def run(self, seconds: float) -> None:
        """Pair, connect, and hold on for so long."""
        async with httpx.AsyncClient(base_url=self.origin, verify=False, headers={"origin": self.origin}) as client:
            (await client.post("/api/phone/login", json={"token": self.code})).raise_for_status()
            cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        secure = ssl._create_unverified_context() if self.origin.startswith("https") else None
        address = self.origin.replace("http", "ws", 1) + "/ws/phone"
        async with websockets.connect(
            address, origin=self.origin, ssl=secure, additional_headers={"cookie": cookies}, compression=None
        ) as socket:
            listening = asyncio.create_task(self._listen(socket))
            channel = await self._channel(socket) if self.by == "data channel" else None
            await asyncio.sleep(3.0)  # in which pings set the clock
            begin = due = time.monotonic()
            while time.monotonic() - begin < seconds:
                frame = self._frame(0.01 * np.sin(time.monotonic() - begin))
                if channel is not None:
                    channel.send(frame)
                elif socket.transport.get_write_buffer_size() < 4096:
                    await socket.send(frame)
                due += 1 / HERTZ
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            listening.cancel()
            if self.peer is not None:
                await self.peer.close()

    async def _channel(self, socket: Any) -> aiortc.RTCDataChannel:
        """An open channel; one whose handshake was lost on the way is tried again, as the page does."""
        while True:
            peer = self.peer = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
            channel = peer.createDataChannel("control", ordered=False, maxRetransmits=0)
            channel.on("message", functools.partial(self._pong, send=channel.send))
            await peer.setLocalDescription(await peer.createOffer())
            await socket.send(json.dumps({"type": "rtc", "kind": "offer", "sdp": peer.localDescription.sdp}))
            for _ in range(100):
                if channel.readyState == "open":
                    return channel
                await asyncio.sleep(0.05)
            print("no channel yet: once more", file=sys.stderr)
            await peer.close()

    async def _listen(self, socket: Any) -> None:
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "rtc" and self.peer is not None:
                await self.peer.setRemoteDescription(aiortc.RTCSessionDescription(message["sdp"], "answer"))
            elif message["type"] == "ping":
                waiting: list[str] = []
                self._pong(text, waiting.append)
                await socket.send(waiting[0])

    def _pong(self, text: str, send: Any) -> None:
        message = json.loads(text)
        if message["type"] == "ping":
            send(json.dumps({"type": "pong", "t": message["t"], "client": 1000 * time.monotonic()}))

    def _frame(self, right: float) -> bytes:
        self.sequence += 1
        now = 1000 * time.monotonic()
        return replace(STILL, sequence=self.sequence, client_ms=now, position=(right, 0.0, 0.0)).encode()


class Desktop:
    """Who watches while the hand steers, in a thread of its own: the desktop's page must answer all the time."""

    def __init__(self, server: Served):
        self.client = server.client("holder")
        self.person = Person(server, self.client, "/ws/session?run=held&correct=take-over")
        self.person.reach(state="ENDED", needs="start")
        self.url = self.client.post("/api/pair").json()["url"]
        self._stopped = False
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Desktop":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        self._thread.join()
        self.person.mark("discard")
        self.person.close()

    def _watch(self) -> None:
        """Start what can be started; the hand does the rest."""
        while not self._stopped:
            self.person.listen_for(0.1)
            if self.person.status["needs"] == "start" and self.person.status["phone"] == "paired":
                self.person.send({"type": "mark", "id": str(time.monotonic()), "mark": "start"})

    def ages(self) -> dict[str, Any]:
        """Of the poses of all steps in which the hand steered, but for the first ones."""
        heads = [SCENE_HEAD.unpack_from(scene) for _, scene in self.person.scenes]
        ages = np.array([head[6] for head in heads if STATES[head[1]] == "YOU"])[10:]
        assert len(ages) > 50, f"the hand steered {len(ages)} steps; status {self.person.status}"
        pauses = sum(STATES[a[1]] == "YOU" and STATES[b[1]] == "PAUSED" for a, b in pairwise(heads))
        frozen = float((ages > 150).mean())
        return {"age_ms": percentiles(ages), "steps": len(ages), "frozen": round(frozen, 4), "holds_lost": pauses}


def measured(server: Served, hand: str, seconds: float, far: list[str]) -> dict[str, Any]:
    """Ages of one kind of hand, which runs behind `far`, the start of a command."""
    with Desktop(server) as desktop:
        if hand == "phone page":
            with ExitStack() as stack:
                page = stack.enter_context(chromium())
                phone = Phone(page, desktop.url)
                phone.begin()
                phone.page.wait_for_timeout(3000)  # the data channel, and pings that set the clock
                end, held = time.monotonic() + seconds, 0.0
                while time.monotonic() < end:
                    if desktop.person.status["state"] != "YOU" and time.monotonic() - held > 1.0:
                        if held:
                            phone.lift()
                        phone.press()
                        held = time.monotonic()
                    phone.move((0.01 * np.sin(time.monotonic()), 1.3, 0.0))
                    phone.page.wait_for_timeout(30)
                path = desktop.person.status["control"]["path"]
        else:
            again = [sys.executable, __file__, "--send-to", desktop.url, "--by", hand, "--seconds", str(seconds)]
            sending = subprocess.Popen([*far, *again])
            time.sleep(seconds)
            path = desktop.person.status["control"]["path"]
            assert sending.wait(60) == 0
        return {"path": path} | desktop.ages()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, help="a run whose base has been trained")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each measurement")
    parser.add_argument("--links", nargs="*", default=list(LINKS), choices=LINKS, help="which of them")
    parser.add_argument("--at", help="(inner) with the server at this address only")
    parser.add_argument("--far", default="", help="(inner) what starts a program at the other end")
    parser.add_argument("--send-to", help="(inner) be a sender, paired by this link")
    parser.add_argument("--by", choices=HANDS)
    args = parser.parse_args()
    if args.send_to:
        asyncio.run(Sender(args.send_to, args.by).run(args.seconds))
        return
    if args.run is None:
        parser.error("--run is needed")
    if args.at is None:
        result = {"command": "benchmarks/bench_hand.py", "cores": os.cpu_count(), "load": os.getloadavg()[0]}
        result["links"] = {"loopback": here(args, "localhost")}
        for name in args.links:
            result["links"][name] = there(args, *LINKS[name])
        write_json(RESULT, result)
    else:
        print(json.dumps(here(args, args.at)))


def here(args: argparse.Namespace, host: str) -> dict[str, Any]:
    """All hands, with a server in this namespace."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        copied(args.run, Path(folder) / "runs" / "held")
        with closing(Served(Path(folder) / "runs", host=host)) as server:
            for hand in HANDS:
                found[hand] = measured(server, hand, args.seconds, shlex.split(args.far))
                print(hand, found[hand], file=sys.stderr, flush=True)
    return found


def there(args: argparse.Namespace, delay_ms: float, jitter_ms: float, loss: float) -> dict[str, Any]:
    """The same with the hand at the other end of a link: this program again, in a namespace of its own."""
    with Link(delay_ms, jitter_ms, loss) as link, tempfile.TemporaryDirectory() as folder:
        print(f"{delay_ms}+-{jitter_ms} ms, {loss:.0%} loss", file=sys.stderr)
        wrapper = Path(folder) / "chromium"
        wrapper.write_text(f'#!/bin/sh\nexec {shlex.join(link.command(FAR, [str(CHROMIUM)]))} "$@"\n')
        wrapper.chmod(0o755)
        again = [sys.executable, __file__, "--run", str(args.run), "--seconds", str(args.seconds), "--at", NEAR]
        again += ["--far", shlex.join(link.command(FAR, []))]
        done = subprocess.run(
            link.command(NEAR, again),
            env=os.environ | {"CHROMIUM": str(wrapper)},
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
