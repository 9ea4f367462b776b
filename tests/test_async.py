"""Learning while people correct: versions, who ran which, and that killing either side loses nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from retouch.cli import main
from retouch.collection import collect
from retouch.counting import Target
from retouch.episodes import Dataset, exclude, undo
from retouch.errors import InputError
from retouch.policies.checkpoint import load_policy
from retouch.policies.newest import Newest
from retouch.processes.learner import due, learn, newest, version_of
from retouch.run_folder import RunFolder
from tests.test_ways import SHAPE

CORRECTED = 12  # enough for a learner to be there before the last of them
SCALE = ["--rounds", "1", "--demonstrations", "2", "--corrected", str(CORRECTED)]
SCALE += ["--first-version", "1", "--version-every", "2"]
TRAINING = ["--training.steps", "3", "--training.batch", "8", "--training.checkpoints", "1"]
TRIED = ["--checkpoint-trials", "0", "--test-trials", "1", "--workers", "1"]
SHAPED = [part.replace("--diffusion", "--training.diffusion") for part in SHAPE]


def command(out: Path, *more: str) -> list[str]:
    what = ["improve", "gear-insertion", "--method", "compliant-residual", "--async", "--out", str(out)]
    return [*what, *SCALE, *TRAINING, *TRIED, *SHAPED, *more]


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> RunFolder:
    """A run whose actor was killed once a version was there, and that was then run again."""
    out = tmp_path_factory.mktemp("async") / "run"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = subprocess.Popen([sys.executable, "-m", "retouch", *command(out)], **quiet)  # type: ignore[call-overload]
    deadline = time.monotonic() + 300
    while not list(out.glob("policies/versions/*/policy.json")):
        assert running.poll() is None, "it ended before anything was killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert running.poll() is None
    learner = next(child for child in psutil.Process(running.pid).children() if "learner" in " ".join(child.cmdline()))
    running.send_signal(signal.SIGKILL)
    running.wait()
    learner.wait(20)  # it does not outlive who started it
    before = [e.id for e in Dataset(out / "data" / "round-1").all_episodes]
    assert main([*command(out), "--json"]) == 0
    after = [e.id for e in Dataset(out / "data" / "round-1").all_episodes]
    assert after[: len(before)] == before  # nothing that was finished is lost
    assert len(after) > len(before)
    return RunFolder.open(out)


def test_it_goes_on_after_a_kill_and_every_episode_says_its_version(done: RunFolder) -> None:
    episodes = Dataset(done.data(1)).all_episodes
    assert sum(e.outcome == "success" for e in episodes) >= 4
    ran = [e.policy for e in episodes]
    base, solved = "policies/round-0/seed-0", 0
    assert ran[0] == base
    for name, episode in zip(ran, episodes, strict=True):
        if name != base:  # a version learns from attempts that were solved before
            assert (done.folder / name / "policy.json").exists()
            assert int(Path(name).name.partition("-")[0]) <= solved
        solved += episode.outcome == "success"
    results = json.loads((done.folder / "results.json").read_text())["results"]
    assert [r["round"] for r in results] == [0, 1]  # the round's own policy learns from all of them


def test_a_version_learns_from_the_first_attempts_and_is_made_once(done: RunFolder) -> None:
    assert due(done, 0) is None
    assert due(replaced(done, first_version=4, version_every=10), 7) == 4
    first = learn(done, 1)  # or what is there already
    assert first == version_of(done, 1)
    told = json.loads((first / "policy.json").read_text())
    assert told["training"]["data"]["episodes"] == 1
    assert told["type"] == "residual"
    assert due(done, 2) is None
    third = learn(done, 3)
    assert (last := newest(done)) is not None
    assert last >= third
    unfinished = version_of(done, CORRECTED)
    unfinished.mkdir(exist_ok=True)
    assert newest(done) == (unfinished if (unfinished / "policy.json").exists() else last)


def replaced(run: RunFolder, **changes: int) -> RunFolder:
    """The same folder, seen with another configuration."""
    other = RunFolder.open(run.folder)
    other.config = replace(run.config, **changes)
    return other


def test_an_episode_that_is_excluded_is_learnt_from_no_more(done: RunFolder) -> None:
    """Neither does a version act that has learnt from it, nor is the run stuck on one that was half trained."""
    before = learn(done, 1)
    edit = exclude(done.data(1), [Dataset(done.data(1)).episodes[0].number], "bumped")
    try:
        assert version_of(done, 1) != before
        assert newest(done) not in (before, version_of(done, 1))
        assert due(done, 1) == 1
        told = json.loads((learn(done, 1) / "policy.json").read_text())
        assert told["training"]["data"]["sources"][0]["episodes"] != [before]
    finally:
        undo(done.data(1), edit.id)
    assert version_of(done, 1) == before


def test_a_running_attempt_keeps_its_version(done: RunFolder) -> None:
    base, version = done.policy(0, 0), version_of(done, 1)
    folders = [base]
    policy = Newest(lambda: folders[-1])
    session, dataset = policy.session(2), Dataset(done.data(1))
    seen = dataset.frames(dataset.episodes[0])["observation"][:1]
    session.reset(0, 7)
    folders.append(version)
    session.reset(1, 7)
    assert policy.version == version
    both = session.act(np.array([0, 1]), np.repeat(seen, 2, axis=0))
    for row, folder in zip(both, (base, version), strict=True):
        alone = load_policy(folder).session(1)
        alone.reset(0, 7)
        np.testing.assert_array_equal(row, alone.act(np.array([0]), seen)[0])


def test_a_collection_takes_over_a_version_between_two_attempts(done: RunFolder, tmp_path: Path) -> None:
    from retouch.operators.profile import profile
    from retouch.operators.scripted import ScriptedPerson
    from retouch.tasks.registry import make

    folders = [done.policy(0, 0)]
    policy = Newest(lambda: folders[-1])

    def name() -> str:
        folders.append(version_of(done, 1))  # there from the second attempt on
        return policy.version.name

    person = ScriptedPerson(profile("steady"))
    target = Target(episodes=2, max_attempts=2)
    collect(make("gear-insertion"), person, "delta", tmp_path, target, policy=policy, policy_name=name, worlds=1)
    assert [e.policy for e in Dataset(tmp_path).all_episodes] == ["seed-0", version_of(done, 1).name]


def test_a_learner_that_is_killed_is_started_again(done: RunFolder) -> None:
    from retouch.processes.learner import Learner
    from retouch.progress import SILENT

    waiting = replaced(done, corrected=99)
    with Learner(waiting, SILENT) as learner:
        process = learner._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert learner.newest() == newest(done)
        assert learner._process is not process
        assert learner._process is not None
        assert learner._process.poll() is None


@pytest.mark.parametrize(
    "change",
    [
        {"method": "finetune"},
        {"rounds": 2},
        {"operator": "web"},
        {"first_version": 0},
        {"version_every": 0},
        {"first_version": CORRECTED},
    ],
)
def test_what_cannot_be_asynchronous_says_so(done: RunFolder, change: dict) -> None:
    with pytest.raises(InputError, match=r"asynchronous learning is for|at least 1|is at most"):
        replace(done.config, **change)
