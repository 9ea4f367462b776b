"""People at work through the real server: what they do is in the data set afterwards."""

from contextlib import closing

import numpy as np

from retouch.episodes import Dataset, check
from retouch.episodes.schema import ControlSource

from .people import Person, Served, until


def episodes(server: Served, round_number: int = 1) -> Dataset:
    return Dataset(server.root / "short" / "data" / f"round-{round_number}")


def test_take_over_by_hand_and_mark_success(server: Served, anna: Person) -> None:
    assert anna.heard[1]["type"] == "scene"
    assert anna.mark("start")["ok"]
    anna.reach(state="POLICY")
    anna.listen_for(0.5)
    anna.steer(0.6)
    anna.reach(state="YOU")
    assert anna.status["control"]["source"] == "phone"
    assert anna.status["control"]["path"] == "websocket"
    assert anna.status["control"]["age_ms"] < 150
    median, ninety_ninth, largest = anna.status["late_ms"]
    assert 0 <= median <= ninety_ninth <= largest
    for _ in range(3):
        anna.hold(held=False)
    anna.reach(state="POLICY")
    anna.listen_for(0.3)
    assert anna.mark("success")["ok"]
    anna.reach(state="ENDED", safe=1)
    (episode,) = episodes(server).episodes
    assert (episode.outcome, episode.reason) == ("success", "marked by anna")
    assert (episode.operator, episode.kind, episode.round) == ("anna", "corrected", 1)
    assert episode.policy == "policies/round-0/seed-0"
    frames = episodes(server).frames(episode)
    sources = frames["control_source"]
    assert 8 <= (sources == ControlSource.OPERATOR).sum() <= 16
    turns = np.flatnonzero(np.diff(sources)) + 1
    assert sources[[0, turns[0], turns[-1]]].tolist() == [ControlSource.POLICY, ControlSource.OPERATOR, 0]
    assert not np.isnan(frames["policy_action"]).any()
    assert anna.status["progress"]["done"] == (sources == ControlSource.OPERATOR).sum()
    assert check(episodes(server).path) == []


def test_marks_count_once_and_can_be_undone(server: Served, anna: Person) -> None:
    anna.mark("start")
    anna.reach(state="POLICY")
    anna.listen_for(0.3)
    assert anna.mark("discard", "d1")["ok"]
    anna.reach(state="ENDED", safe=1)
    assert anna.status["last"]["excluded"]
    assert episodes(server).episodes == []
    anna.heard.clear()
    assert anna.mark("discard", "d1")["ok"]  # it is acknowledged again, and nothing else happens
    assert anna.mark("undo")["ok"]
    until(lambda: len(episodes(server).episodes) == 1)
    assert anna.mark("undo")["ok"]
    until(lambda: episodes(server).episodes[0].outcome == "success")
    assert "nothing" not in anna.status["why"]
    refused = anna.mark("success")
    assert not refused["ok"]
    assert "no attempt is running" in refused["error"]


def test_pictures_and_scenes_come_when_wanted(anna: Person) -> None:
    anna.mark("start")
    anna.send({"type": "want", "scene": True, "cameras": [{"name": "front", "width": 84, "height": 84, "hz": 20}]})
    anna.listen(lambda: anna.pictures > 5)
    assert len(anna.scenes) > 5
    anna.send({"type": "want", "scene": False, "cameras": [{"name": "nowhere", "width": 9, "height": 9, "hz": 9}]})
    anna.listen_for(0.5)
    pictures, scenes = anna.pictures, len(anna.scenes)
    anna.listen_for(0.5)
    assert (anna.pictures, len(anna.scenes)) == (pictures, scenes)


def test_the_next_attempt_starts_elsewhere(server: Served, anna: Person) -> None:
    for count in (1, 2):
        anna.mark("start")
        anna.reach(state="POLICY")
        anna.listen_for(0.2)
        anna.mark("failure")
        anna.reach(state="ENDED", safe=count)
    seeds = [episode.seed for episode in episodes(server).episodes]
    assert len(set(seeds)) == 2


def test_a_round_is_collected_trained_and_seen(server: Served, anna: Person) -> None:
    client = server.client("ben")
    refused = client.post("/api/runs/short/train")
    assert refused.status_code == 409
    assert "round 1 is not complete" in refused.json()["error"]
    anna.mark("start")
    target = anna.status["progress"]["target"]
    anna.steer(0.05 * (target + 12))
    anna.hold(held=False)
    anna.mark("success")
    anna.reach(complete=True)
    anna.close()
    assert client.post("/api/runs/short/train").status_code == 202
    assert client.post("/api/runs/short/train").status_code == 409
    assert client.get("/api/runs/short/report").status_code == 404
    until(lambda: client.get("/api/runs/short").json()["training"] is None, 90)
    run = client.get("/api/runs/short").json()
    assert run["round"] == 2
    assert run["rounds"][1]["result"]["trials"] == 2
    assert server.client().get("/api/runs/short/report").status_code == 401
    assert "round 1" in client.get("/api/runs/short/report").text
    listed = client.get("/api/runs/short/episodes").json()
    assert [e["round"] for e in listed] == [1, 0, 0]
    replay = client.get(f"/api/runs/short/episodes/1/{listed[0]['id']}/replay").json()
    assert replay["steps"] == listed[0]["steps"] == len(replay["policy_action"])
    refused = client.post(f"/api/runs/short/episodes/1/{listed[0]['id']}/edit", json={"action": "exclude"})
    assert "has been trained on" in refused.json()["error"]


def test_episodes_are_edited_until_their_round_is_trained_on(server: Served, anna: Person) -> None:
    anna.mark("start")
    anna.reach(state="POLICY")
    anna.listen_for(0.2)
    anna.mark("failure")
    anna.reach(state="ENDED", safe=1)
    client = server.client("ben")
    (listed, *_) = client.get("/api/runs/short/episodes").json()
    at = f"/api/runs/short/episodes/1/{listed['id']}/edit"
    assert client.post(at, json={"action": "exclude"}).json()["excluded"]
    assert not client.post(at, json={"action": "undo"}).json()["excluded"]
    relabelled = client.post(at, json={"action": "relabel", "outcome": "success"}).json()
    assert (relabelled["outcome"], relabelled["reason"]) == ("success", "by ben")
    for id in ("0", "nobody"):
        assert client.post(f"/api/runs/short/episodes/1/{id}/edit", json={"action": "exclude"}).status_code == 404
    assert client.post(at, json={"action": "explode"}).status_code == 404
    trimmed = client.post(at, json={"action": "trim", "first_step": 1, "last_step": 2}).json()
    assert (trimmed["first_step"], trimmed["steps"]) == (1, 2)
    assert client.post(at, json={"action": "undo"}).json()["steps"] == listed["steps"]
    for wrong, said in (((0, listed["steps"]), "has steps 0 to"), ((None, 1), "whole numbers"), ((2, 1), "not 2 to 1")):
        refused = client.post(at, json={"action": "trim", "first_step": wrong[0], "last_step": wrong[1]})
        assert refused.status_code == 409
        assert said in refused.json()["error"]


def test_training_sends_home_who_still_works_at_the_round(server: Served, anna: Person) -> None:
    anna.mark("start")
    anna.steer(0.05 * (anna.status["progress"]["target"] + 12))
    anna.hold(held=False)
    anna.mark("success")
    anna.reach(complete=True, state="ENDED")
    client = server.client("ben")
    assert client.post("/api/runs/short/train").status_code == 202
    assert "round 1 is being trained" in anna.hear("gone")["why"]
    late = Person(server, client, "/ws/session?run=short")
    assert "nothing is collected now" in late.hear("error")["error"]
    late.close()
    until(lambda: client.get("/api/runs/short").json()["training"] is None, 90)


def test_a_run_whose_demonstrations_are_scripted_begins_with_training(server: Served) -> None:
    client = server.client("anna")
    wish = {"name": "scripted", "task": "threading", "method": "iwr", "demonstrations": 2}
    made = client.post("/api/runs", json=wish | {"demonstrator": "scripted"}).json()
    assert made["can_train"]
    assert not made["can_collect"]
    assert "press Train" in made["why_not_collect"]
    with closing(Person(server, client, "/ws/session?run=scripted")) as early:
        assert "a scripted person demonstrates" in early.hear("error")["error"]
    for wrong in ({"demonstrator": "nobody"}, {"demonstrations": 10**9}):
        assert client.post("/api/runs", json=wish | {"name": "wrong"} | wrong).status_code in (404, 409)
    assert [run["name"] for run in client.get("/api/runs").json()] == ["scripted", "short"]


def test_demonstrations_without_a_policy(server: Served) -> None:
    client = server.client("anna")
    made = client.post("/api/runs", json={"name": "mine", "task": "threading", "method": "iwr", "demonstrations": 1})
    assert made.status_code == 201
    person = Person(server, client, "/ws/session?run=mine&correct=demonstrate")
    person.reach(state="ENDED", correct="demonstrate")
    assert not person.mark("start")["ok"]
    person.steer(0.5)
    person.hold(held=False)
    person.reach(state="PAUSED")
    person.mark("success")
    person.reach(complete=True)
    (episode,) = Dataset(server.root / "mine" / "data" / "round-0").episodes
    assert episode.kind == "demonstration"
    assert episode.policy is None
    person.close()
