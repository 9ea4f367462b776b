"""A session's side of the line to the server: what a page is told to draw."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest

from retouch.operators.mailbox import Mailbox
from retouch.processes import wire
from retouch.processes.link import ServerLink
from retouch.sim.world import Worlds
from retouch.tasks.cable import AT_CABLE, CableRouting
from retouch.tasks.cable_scene import CABLES


class Lines:
    """Takes the place of the line to the server."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def instead_of(self, file: BinaryIO) -> "Lines":
        file.close()
        return self

    def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def ring(self, mailbox: str) -> None:
        pass


def test_the_scene_is_told_again_when_its_colours_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, lines = CableRouting(), Lines()
    for name, size in ((wire.HAND, wire.HAND_SIZE), (wire.SCENE, wire.SCENE_SIZE)):
        Mailbox(tmp_path / name, size, create=True)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO()))
    monkeypatch.setattr("retouch.processes.link.Outbox", lines.instead_of)
    link = ServerLink(wire.SessionOrder("run", 0, "anna", str(tmp_path)), task)
    link.begin("take-over", None)
    data = Worlds(task.physics, 1).reset(0)
    for livery in (0, 0, 3, 3, 1):
        data.userdata[AT_CABLE] = livery
        link.watch(0, data)
    assert [message["type"] for message in lines.sent] == ["scene"] * 3
    number = {cable.colour: k for k, cable in enumerate(CABLES)}
    told = [{number.get(tuple(geom["rgba"])) for geom in message["scene"]["geoms"]} for message in lines.sent]
    assert [seen - {None} for seen in told] == [{0}, {3}, {1}]
