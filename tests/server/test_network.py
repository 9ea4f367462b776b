"""The network between a person and the server is cut: two machines' worth of namespaces, joined by a link of ours."""

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import pairwise
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from retouch.episodes import ControlSource, Dataset, check
from retouch.processes.wire import SCENE_HEAD, STATES

from .link import FAR, NEAR, Link, possible
from .people import Person, Served

pytestmark = pytest.mark.skipif(not possible(), reason="this machine lets us make no network namespaces")

ONE_WAY_MS = 20.0


@pytest.fixture
def link() -> Iterator[Link]:
    with Link(ONE_WAY_MS, 2.0, 0.0) as made:
        yield made


@pytest.fixture
def far(link: Link, trained: Path, tmp_path: Path) -> Iterator[tuple[Served, Person]]:
    """A server at one end, and a person at the other who has been steering for a moment."""
    shutil.copytree(trained, tmp_path / "runs")
    with ExitStack() as stack:
        with link.inside(NEAR):
            server = stack.enter_context(closing(Served(tmp_path / "runs", host=NEAR)))
        with link.inside(FAR):
            anna = Person(server, server.client("anna"), "/ws/session?run=short&correct=take-over")
        stack.callback(anna.close)
        anna.reach(state="ENDED", needs="start")
        anna.mark("start")
        anna.steer(1.5, speed=0.1)
        anna.reach(state="YOU")
        yield server, anna
        link.mend()


def test_a_short_cut_stops_the_robot_and_what_was_held_up_does_not_move_it(link: Link, far) -> None:
    server, anna = far
    anna.scenes.clear()
    anna.steer(0.3, speed=0.1)
    link.cut()
    cut_ms = 1000 * time.monotonic()
    anna.steer(1.2, speed=0.1)  # the hand goes on; all of it waits in the cut
    link.mend()
    anna.reach(state="PAUSED")
    assert "nothing was heard" in anna.status["why"]
    anna.steer(0.6, speed=0.1)  # nor does holding on: it takes another press
    assert anna.status["state"] == "PAUSED"
    heads = [SCENE_HEAD.unpack_from(scene) for _, scene in anna.scenes]  # state, ..., step, sent
    steered = max(sent for _, state, _, _, sent, *_ in heads if STATES[state] == "YOU")
    paused = min(sent for _, state, _, _, sent, *_ in heads if STATES[state] == "PAUSED")
    assert steered < paused < cut_ms + 300 + 3 * ONE_WAY_MS + 50
    steps = [step for _, state, _, step, sent, *_ in heads if sent >= paused]
    assert len(set(steps)) == 1
    anna.mark("success")
    anna.reach(safe=1)
    (episode,) = Dataset(server.root / "short" / "data" / "round-1").episodes
    sources = Dataset(server.root / "short" / "data" / "round-1").frames(episode, ["control_source"])["control_source"]
    turns = [int(b) for a, b in pairwise([-1, *sources.tolist()]) if a != b]
    assert turns[-2:] == [ControlSource.OPERATOR, ControlSource.NONE]  # frozen before it was paused


def test_a_long_cut_leaves_the_attempt_paused_for_the_person_to_come_back(link: Link, far) -> None:
    server, anna = far
    link.cut()
    time.sleep(5.0)  # the server thinks nobody is there after 3 s
    link.mend()
    with pytest.raises(ConnectionClosed):
        anna.listen_for(30.0)
    with link.inside(FAR):
        again = Person(server, anna.client, "/ws/session?run=short&correct=take-over")
    again.reach(state="PAUSED")
    assert again.status["attempt"]["human_steps"] > 10
    assert again.mark("resume")["ok"]
    again.reach(state="POLICY")
    again.mark("success")
    again.reach(safe=1)
    again.close()
    dataset = Dataset(server.root / "short" / "data" / "round-1")
    assert [e.outcome for e in dataset.all_episodes] == ["success"]
    assert check(dataset.path) == []
