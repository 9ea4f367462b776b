"""A scripted person who steers through the real phone page: does it complete its interventions, and do they teach?

    .venv/bin/python benchmarks/phone_study.py --run runs/shared/collect-iwr --attempts 50

A real server, the phone page in Chromium with an emulated AR phone and real touches, poses over WebRTC. The person's
judgement and motions are those of the scripted person `steady`, computed from the scene that the desktop is sent; where
he wants the tool, the phone is moved there. Attempts begin where the base policy alone fails (found out beforehand,
for every initial state in turn). Then a policy is trained on the base's demonstrations and these episodes, and tried
beside the base on the same fresh states. Figures go to benchmarks/results/phone_study.json.
"""

import argparse
import json
import sys
import time
from itertools import islice
from pathlib import Path

import mujoco
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "server"))

from browser import Phone, chromium
from people import Person, Served

from retouch.counting import stream_of
from retouch.episodes import Dataset
from retouch.evaluation import evaluate
from retouch.geometry import Pose, quat_from_vector, quat_inverse, quat_multiply, quat_to_vector
from retouch.operators.correction import Replace, Sight
from retouch.operators.hold import person_frame
from retouch.operators.profile import profile
from retouch.operators.scripted import ScriptedPerson
from retouch.outcomes import Evaluation, attempt_seeds, wilson
from retouch.policies.checkpoint import load_policy
from retouch.policies.files import write_json
from retouch.policies.torch_setup import single_thread
from retouch.processes.wire import SCENE_HEAD, STATES
from retouch.robots.sawyer import MOST_ROTATION, MOST_TRANSLATION, REACH
from retouch.rollout import rollout
from retouch.rounds import Run
from retouch.run_folder import RunFolder
from retouch.studies.bootstrap import paired_difference
from retouch.tasks.threading import Threading
from web_run import copied

RESULT = Path(__file__).parent / "results" / "phone_study.json"
STANDING = np.array([0.0, 1.3, 0.0])  # where the phone is held at first, in its own frame [m]
FASTEST, FASTEST_TURN = 0.04, 0.2  # of the hand between two looks [m], [rad]
OLD_MS = 140.0  # a pose of that age: the robot may have stood still, and latched the hand anew
LONGEST_S = 60.0  # of an attempt
AZIMUTH = 0.0  # of the person's view: along world x [rad]


class Eyes:
    """Reads an observation off the bodies' poses that the pages are sent."""

    def __init__(self, task: Threading):
        self.task, self.data = task, mujoco.MjData(task.physics)

    def see(self, poses: np.ndarray) -> np.ndarray:
        """The task's observation, from float32[B, 7]."""
        model, data = self.task.physics, self.data
        for name in ("tool", "ring"):
            site = model.site(name)
            body = Pose.from_vector(poses[site.bodyid[0]])
            there = body @ Pose(site.pos.copy(), site.quat.copy())
            data.site_xpos[site.id] = there.position
            matrix = np.empty(9)
            mujoco.mju_quat2Mat(matrix, there.quat)
            data.site_xmat[site.id] = matrix
        for name in ("right_finger", "left_finger"):
            joint = model.joint(name)
            body = model.body(int(joint.bodyid[0]))
            parent = Pose.from_vector(poses[body.parentid[0]])
            moved = (parent.inverse() @ Pose.from_vector(poses[body.id])).position - body.pos
            own = Pose(np.zeros(3), body.quat.copy()).inverse()
            data.qpos[joint.qposadr[0]] = own.apply(moved) @ joint.axis
        for name in ("rod", "stand"):
            address = model.joint(name).qposadr[0]
            data.qpos[address : address + 7] = poses[model.body(name).id]
        return self.task.observe(data)


class Hand:
    """The phone in the person's hand, and where hand and tool were when the one took the other."""

    def __init__(self, phone: Phone):
        self.phone = phone
        self.latched: tuple[Pose, Pose] | None = None  # hand and tool
        self.pressed = 0.0
        self._hand = Pose(STANDING, np.array([1.0, 0.0, 0.0, 0.0]))
        self._tapped = 0.0

    def press(self) -> None:
        """Hold on."""
        self.latched, self.pressed = None, time.monotonic()
        self.phone.press()

    def lift(self) -> None:
        """Let go, so that it can be seen."""
        self.phone.lift()
        self.phone.page.wait_for_timeout(60)

    def steer(self, tool: Pose, action: np.ndarray, closed: bool) -> None:
        """Move the phone to where the tool is wanted, as fast as hands do, and tap for the gripper."""
        if self.latched is None:  # the robot stands where it was taken
            self.latched = self._hand, tool
        hand, latched = self.latched
        to_person = person_frame(AZIMUTH).T
        moved = tool.position + action[:3] * MOST_TRANSLATION / REACH - latched.position
        there = hand.position + to_person @ moved
        turn = quat_multiply(quat_from_vector(action[3:6] * MOST_ROTATION / REACH), tool.quat)
        turned = quat_to_vector(quat_multiply(turn, quat_inverse(latched.quat)))
        turned_there = quat_multiply(quat_from_vector(to_person @ turned), hand.quat)
        step = _at_most(there - self._hand.position, FASTEST)
        turn = _at_most(quat_to_vector(quat_multiply(turned_there, quat_inverse(self._hand.quat))), FASTEST_TURN)
        self._hand = Pose(self._hand.position + step, quat_multiply(quat_from_vector(turn), self._hand.quat))
        self.phone.move(self._hand.position, self._hand.quat)
        if (action[6] > 0) != closed and time.monotonic() - self._tapped > 0.5:
            self._tapped = time.monotonic()
            self.phone.tap("[data-slide=grip]")


def _at_most(vector: np.ndarray, length: float) -> np.ndarray:
    return vector / max(1.0, float(np.linalg.norm(vector)) / length)


def failing(task: Threading, run: RunFolder, count: int) -> dict[int, bool]:
    """Whether the base alone solves each of the round's initial states, until `count` of them have failed."""
    found, policy = {}, load_policy(run.policy(0, 0))
    seeds = attempt_seeds("collect", stream_of(run.config.collection_seed, 1))
    for attempt in rollout(task, islice(seeds, 4 * count), policy=policy, workers=2):
        found[attempt.seed] = attempt.outcome == "success"
        if sum(not solved for solved in found.values()) == count:
            return found
    return found


def attempt(person: Person, hand: Hand, eyes: Eyes, seed: int) -> dict:
    """One attempt, from its start to its end."""
    session = ScriptedPerson(profile("steady")).session(eyes.task, seed, "take-over")
    number, safe = person.status["attempt"]["number"], person.status["safe"]
    person.mark("start")
    begin, step_seen, steering, presses = time.monotonic(), -1, False, 0
    while person.status["attempt"]["number"] == number and time.monotonic() - begin < LONGEST_S:
        person.listen(lambda: bool(person.scenes) or person.status["attempt"]["number"] != number)
        if not person.scenes:
            break
        message = person.scenes[-1][1]
        person.scenes.clear()
        _, state, bodies, step, _, _, age_ms = SCENE_HEAD.unpack_from(message)
        if age_ms > OLD_MS:
            hand.latched = None
        if step == step_seen or (STATES[state] == "ENDED" and step == 0):
            continue
        step_seen = step
        observation = eyes.see(np.frombuffer(message, "<f4", 7 * bodies, SCENE_HEAD.size).reshape(bodies, 7))
        wish = session.correct(Sight(step, observation))
        if isinstance(wish, Replace):
            if steering and STATES[state] != "YOU" and time.monotonic() - hand.pressed > 1.0:
                hand.lift()  # it was lost: press again
                steering = False
            if not steering:
                hand.press()
                steering, presses = True, presses + 1
            elif STATES[state] == "YOU":
                hand.steer(eyes.task.tool_pose(observation), wish.action, person.status["gripper_closed"])
        elif steering:
            hand.lift()
            steering = False
    if steering:
        hand.lift()
    if person.status["attempt"]["number"] == number:
        person.mark("failure")
    person.listen(lambda: person.status["safe"] > safe and person.status["state"] == "ENDED")
    return {"seed": seed, "solved": person.status["last"]["outcome"] == "success", "takes": presses}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path, required=True, help="a run of threading whose base has been trained")
    parser.add_argument("--out", type=Path, default=Path("runs/phone-study"), help="where it is copied to")
    parser.add_argument("--attempts", type=int, default=50)
    args = parser.parse_args()
    single_thread()
    task = Threading()
    copy = args.out / "steered"
    if args.out.exists():
        parser.error(f"{args.out} is there already: choose another --out, or remove it")
    run = RunFolder.open(copied(args.run, copy))
    alone = failing(task, run, args.attempts)
    print(f"the base alone fails {args.attempts} of the first {len(alone)} initial states", flush=True)
    results: list[dict] = []
    server = Served(args.out)
    try:
        client = server.client("scripted-steady-by-phone")
        person = Person(server, client, "/ws/session?run=steered&correct=take-over")
        person.reach(state="ENDED", needs="start")
        person.send({"type": "view", "azimuth": AZIMUTH})
        with chromium() as browser:
            phone = Phone(browser, client.post("/api/pair").json()["url"])
            phone.move(STANDING)
            phone.begin()
            hand, eyes, paths = Hand(phone), Eyes(task), set()
            for seed, solved in alone.items():
                if solved:  # somebody else's attempt: it is passed over
                    number = person.status["attempt"]["number"]
                    person.mark("reset")
                    person.listen(lambda n=number: person.status["attempt"]["number"] > n)
                    continue
                results.append(attempt(person, hand, eyes, seed))
                paths.add(person.status["control"]["path"])
                write_json(args.out / "attempts.json", results)
                print(len(results), results[-1], person.status["progress"], flush=True)
            assert phone.complaints == [], phone.complaints
        person.close()
    finally:
        server.close()
    report(copy, results, sorted(p for p in paths if p))


def report(copy: Path, results: list[dict], paths: list[str]) -> None:
    """Train on what was recorded, try it beside the base, and write the figures."""
    episodes = Dataset(copy / "data" / "round-1").episodes
    assert {e.seed for e in episodes} == {r["seed"] for r in results}, "other attempts were recorded than counted"
    run = Run(copy, RunFolder.open(copy).config)
    run.train(1, 0)
    task, trials = Threading(), 200
    base = Evaluation.load(run.evaluation(0, 0))
    improved = evaluate(task, load_policy(run.policy(1, 0)), trials, "test", workers=2)
    assert base.seeds[:trials] == improved.seeds
    outcomes = [np.array([e.successes[:trials]]) for e in (improved, base)]
    solved = sum(r["solved"] for r in results)
    document = {
        "command": "benchmarks/phone_study.py",
        "attempts": len(results),
        "completed": solved,
        "completed_interval": wilson(solved, len(results)),
        "takes": sum(r["takes"] for r in results),
        "paths": paths,
        "human_samples": sum(e.control_steps["operator"] for e in episodes),
        "base": [base.rate, *base.interval],
        "improved": [improved.rate, *improved.interval],
        "improved_minus_base": paired_difference(*outcomes),
        "trials": trials,
    }
    write_json(RESULT, document)
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
