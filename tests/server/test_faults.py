"""What goes wrong with people and machines, through the real server: the robot stops, and nothing finished is lost."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from contextlib import closing

import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from retouch.episodes import Dataset, check, repair
from retouch.operators.frame import LAYOUT

from .people import PATIENCE_S, Person, Served, state_of

POLICY, PAUSED, YOU, ENDED = range(4)


def data(server: Served) -> Dataset:
    return Dataset(server.root / "short" / "data" / "round-1")


def finish_one(person: Person) -> None:
    """One attempt that must never be lost."""
    person.mark("start")
    person.reach(state="POLICY")
    person.listen_for(0.3)
    person.mark("success")
    person.reach(state="ENDED", safe=1)


def session_process(server: Served) -> psutil.Process:
    found = [p for p in psutil.Process(server.process.pid).children() if "session" in " ".join(p.cmdline())]
    return found[0]


def phone(server: Served, name: str = "anna") -> Person:
    code = server.client(name).post("/api/pair").json()["url"].partition("#pair=")[2]
    client = server.client()
    assert client.post("/api/phone/login", json={"token": code}).status_code == 200
    return Person(server, client, "/ws/phone")


def test_a_hand_that_is_not_heard_any_more(anna: Person) -> None:
    """Frozen 150 ms after its last frame was made, gone at 300: by the scene's own times."""
    anna.mark("start")
    anna.steer(1.0, speed=0.1)
    last_ms = 1000 * time.monotonic()
    anna.scenes.clear()
    anna.listen(lambda: any(state_of(scene) == PAUSED for _, scene in anna.scenes))
    anna.reach(state="PAUSED")
    assert "nothing was heard" in anna.status["why"]
    steering = [arrived for arrived, scene in anna.scenes if state_of(scene) == YOU]
    paused = next(arrived for arrived, scene in anna.scenes if state_of(scene) == PAUSED)
    assert max(steering) - last_ms < 340
    assert 270 < paused - last_ms < 380
    anna.listen_for(0.5)
    assert anna.status["state"] == "PAUSED"  # nothing goes on by itself
    anna.steer(0.3, number=1)  # nor by the hold that was lost
    assert anna.status["state"] == "PAUSED"
    anna.steer(0.3, number=2)
    anna.reach(state="YOU")


def test_a_desktop_that_is_closed_pauses_and_comes_back(server: Served, anna: Person) -> None:
    anna.mark("start")
    anna.reach(state="POLICY")
    anna.close()
    time.sleep(0.3)
    again = Person(server, server.client("anna"), "/ws/session?run=short&correct=take-over")
    again.reach(state="PAUSED")
    assert "nobody was watching" in again.status["why"]
    steps = again.status["attempt"]["steps"]
    again.listen_for(0.4)
    assert again.status["attempt"]["steps"] == steps
    assert again.mark("resume")["ok"]
    again.reach(state="POLICY")
    again.close()


def test_a_page_that_no_longer_answers(anna: Person) -> None:
    """A network that is cut leaves the socket open: the pings find out."""
    anna.mark("start")
    anna.reach(state="POLICY")
    anna.answers_pings = False
    with pytest.raises(ConnectionClosed):
        anna.listen_for(10.0)


def test_two_phones(server: Served, anna: Person) -> None:
    first = phone(server)
    anna.reach(phone="paired")
    second = phone(server)
    assert "desktop is being asked" in second.hear("wait")["why"]
    anna.reach(phone="asking")
    anna.mark("start")
    second.steer(0.3)  # it has not been allowed yet
    anna.listen_for(0.2)
    assert anna.status["state"] == "POLICY"
    first.steer(0.3)
    anna.reach(state="YOU")
    first.hold(held=False)
    anna.send({"type": "phone", "allow": True})
    second.hear("allowed")
    assert "another phone" in first.hear("ended")["why"]
    second.steer(0.3, number=5)
    anna.reach(state="YOU")
    third = phone(server)
    third.hear("wait")
    anna.send({"type": "phone", "allow": False})
    assert "no" in third.hear("ended")["why"]
    for person in (first, second, third):
        person.close()


def test_a_phone_that_was_refused_does_not_come_back(server: Served, anna: Person) -> None:
    first, second = phone(server), phone(server)
    second.hear("wait")
    anna.send({"type": "phone", "allow": False})
    second.hear("ended")
    first.close()
    again = connect_again(server, second)
    assert "not paired" in again.hear("ended")["why"]
    again.close()


def test_nobody_steers_what_nobody_watches(server: Served, anna: Person) -> None:
    steering = phone(server)
    anna.mark("start")
    anna.reach(state="POLICY")
    anna.close()
    steering.reach(state="PAUSED")
    steering.steer(0.4)
    assert steering.status["state"] == "PAUSED"
    assert "nobody is watching" in steering.mark("resume")["error"]
    steering.close()


def test_a_stalled_server_pauses_the_robot(server: Served, anna: Person) -> None:
    anna.mark("start")
    anna.reach(state="POLICY")
    server.process.send_signal(signal.SIGSTOP)
    time.sleep(2.2)
    server.process.send_signal(signal.SIGCONT)
    anna.reach(state="PAUSED")
    assert "server was not heard" in anna.status["why"]
    steps = anna.status["attempt"]["steps"]
    anna.listen_for(0.3)
    assert anna.status["attempt"]["steps"] == steps


def test_two_windows_of_one_person_share_a_session(server: Served, anna: Person) -> None:
    other = Person(server, server.client("anna"), "/ws/session?run=short")
    assert "another window" in anna.hear("error")["error"]
    other.reach(state="ENDED")
    sessions = [p for p in psutil.Process(server.process.pid).children() if "session" in " ".join(p.cmdline())]
    assert len(sessions) == 1
    other.close()


@pytest.mark.parametrize(
    "message",
    [
        {"type": "want", "cameras": None},
        {"type": "want", "cameras": 5},
        {"type": "want", "cameras": [5, {"name": ["front"]}, {"name": "front", "width": "9"}]},
        {"type": "pong", "t": -1e300, "client": 1e300},
        {"type": "pong", "t": [], "client": {}},
        {"type": "view", "azimuth": "north"},
        {"type": "mark"},
        {"type": "mark", "id": "x" * 100, "mark": "start"},
        {"type": "phone", "allow": "yes"},
        {"type": "never heard of"},
    ],
)
def test_strange_messages_hurt_nobody(server: Served, anna: Person, message) -> None:
    """The conversation may end; the seat, the session and the next conversation do not suffer."""
    with contextlib.suppress(ConnectionClosed):
        anna.send(message)
        anna.listen_for(0.3)
    anna.close()
    again = Person(server, server.client("anna"), "/ws/session?run=short")
    again.reach(state="ENDED", needs="start")
    assert again.mark("start")["ok"]
    again.reach(state="POLICY")
    again.close()
    assert "Traceback" not in server.said


def connect_again(server: Served, person: Person) -> Person:
    """The same browser's next connection."""
    return Person(server, person.client, "/ws/phone")


def test_a_phone_that_goes_pauses_and_the_desktop_knows(server: Served, anna: Person) -> None:
    steering = phone(server)
    anna.mark("start")
    steering.steer(0.3)
    anna.reach(state="YOU", phone="paired")
    steering.close()
    anna.reach(state="PAUSED", phone="none")


@pytest.mark.parametrize("rubbish", [b"", b"x", bytes(LAYOUT.size), b"\xff" * LAYOUT.size, "{", "[]", '{"type": 1}'])
def test_rubbish_ends_the_conversation_and_pauses_the_robot(server: Served, anna: Person, rubbish) -> None:
    anna.mark("start")
    anna.reach(state="POLICY")
    anna.socket.send(rubbish)
    assert "\n" not in anna.hear("error")["error"]
    with pytest.raises(ConnectionClosed):
        anna.listen_for(5.0)
    again = Person(server, server.client("anna"), "/ws/session?run=short")
    again.reach(state="PAUSED")
    again.close()


def test_a_frame_of_ten_megabytes(server: Served, anna: Person) -> None:
    finish_one(anna)
    with contextlib.suppress(ConnectionClosed, OSError):
        anna.socket.send(bytes(10_000_000))
    with pytest.raises((ConnectionClosed, OSError)):
        anna.listen_for(5.0)
    assert len(data(server).episodes) == 1
    assert psutil.Process(server.process.pid).memory_info().rss < 400e6


def test_a_killed_session_starts_again_and_the_neighbour_does_not_notice(server: Served, anna: Person) -> None:
    finish_one(anna)
    ben = Person(server, server.client("ben"), "/ws/session?run=short")
    begin = time.monotonic()
    while ben.status.get("state") != "ENDED":  # who does not answer meanwhile is thought to have left
        assert time.monotonic() < begin + PATIENCE_S
        anna.listen_for(0.1)
        ben.listen_for(0.1)
    processes = [p for p in psutil.Process(server.process.pid).children() if "session" in " ".join(p.cmdline())]
    assert len(processes) == 2
    ben.mark("start")
    ben.reach(state="POLICY")
    anna.mark("start")
    anna.reach(state="POLICY")
    anna.listen_for(0.4)
    min(processes, key=lambda p: p.create_time()).kill()
    gone = anna.hear("gone")
    assert gone["again"]
    assert "kept as aborted" in gone["why"]
    assert "Traceback" not in gone["why"]
    before, heard, begin = ben.status["attempt"]["steps"], len(anna.heard), time.monotonic()
    while not any(message["type"] == "scene" for message in anna.heard[heard:]):
        assert time.monotonic() < begin + PATIENCE_S
        anna.listen_for(0.1)
        ben.listen_for(0.1)
    assert ben.status["attempt"]["steps"] > before + 5
    anna.reach(state="ENDED", needs="start")
    assert anna.mark("start")["ok"]
    anna.reach(state="POLICY")
    outcomes = [e.outcome for e in data(server).all_episodes]
    assert sorted(outcomes) == ["aborted", "success"]
    ben.close()


def test_a_killed_server_takes_its_sessions_with_it(server: Served, anna: Person) -> None:
    finish_one(anna)
    anna.mark("start")
    anna.reach(state="POLICY")
    anna.listen_for(0.3)
    session = session_process(server)
    server.process.kill()
    server.process.wait()
    _, alive = psutil.wait_procs([session], 10)
    assert not alive
    assert [e.outcome for e in data(server).episodes if e.outcome == "success"] == ["success"]
    assert all(e.outcome in ("success", "aborted") for e in data(server).all_episodes)
    assert check(data(server).path) == []


def test_ctrl_c_ends_in_order(server: Served, anna: Person) -> None:
    finish_one(anna)
    anna.mark("start")
    anna.reach(state="POLICY")
    anna.listen_for(0.3)
    session = session_process(server)
    begin = time.monotonic()
    assert server.stop() in (0, 130, -signal.SIGINT)
    assert time.monotonic() - begin < 15
    assert not psutil.pid_exists(session.pid)
    assert [e.outcome for e in data(server).all_episodes] == ["success", "aborted"]
    assert "Traceback" not in server.said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_is_said_and_nothing_finished_is_lost(trained, tmp_path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", disk], capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a small disk")
    stack = contextlib.ExitStack()
    try:
        root = disk / "runs"
        shutil.copytree(trained, root)
        server = stack.enter_context(closing(Served(root)))
        anna = Person(server, server.client("anna"), "/ws/session?run=short")
        anna.reach(state="ENDED", needs="start")
        finish_one(anna)
        with (disk / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while filler.write(bytes(4096)):
                pass
        anna.mark("start")
        gone = anna.hear("gone")
        assert "No space left on device" in gone["why"]
        assert not gone["again"]
        (disk / "filler").unlink()
        round_1 = Dataset(root / "short" / "data" / "round-1")
        assert [e.outcome for e in round_1.episodes] == ["success"]
        repair(round_1.path)
        found = [e.outcome for e in Dataset(round_1.path).all_episodes]
        assert found in (["success"], ["success", "aborted"])  # the disk may have been too full to begin a second one
        assert check(round_1.path) == []
        anna.close()
    finally:
        stack.close()
        subprocess.run(["umount", "-l", disk], check=True)


def test_a_success_that_cannot_be_stored_is_stored_once_it_can(server: Served, anna: Person) -> None:
    """A marked success waits for its place on the disk; until then nothing else begins, and the person is told."""
    finish_one(anna)
    anna.mark("start")
    anna.reach(state="POLICY")
    anna.listen_for(0.3)
    episodes = data(server).path / "episodes"
    aside = episodes.with_name("elsewhere")
    episodes.rename(aside)
    episodes.touch()  # a file where the folder should be: nothing can be committed
    anna.mark("success")
    anna.listen(lambda: "NOT SAVED" in anna.status["why"])
    assert anna.status["safe"] == 1
    assert "NOT SAVED" in anna.mark("start")["error"]
    episodes.unlink()
    aside.rename(episodes)
    anna.reach(safe=2, needs="start")
    anna.listen(lambda: "NOT SAVED" not in anna.status["why"])
    assert [e.outcome for e in data(server).all_episodes] == ["success", "success"]
    assert anna.mark("start")["ok"]
    assert check(data(server).path) == []


def test_more_people_than_seats(trained, tmp_path) -> None:
    root = tmp_path / "runs"
    shutil.copytree(trained, root)
    server = Served(root, "--seats", "1")
    anna = Person(server, server.client("anna"), "/ws/session?run=short")
    anna.reach(state="ENDED")
    ben = Person(server, server.client("ben"), "/ws/session?run=short")
    assert ben.hear("queue") == {"type": "queue", "place": 1}
    carl = Person(server, server.client("carl"), "/ws/session?run=short")
    assert carl.hear("queue")["place"] == 2
    ben.close()
    assert carl.hear("queue")["place"] == 1
    server.client().post("/api/logout")
    anna.close()
    carl.reach(state="ENDED")  # once anna has been away for long enough
    carl.close()
    server.close()
