"""A policy in another process: what it is asked, what it may answer, and what happens when it does not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.policies.served import bridge, toml
from tests.tiny import tiny

from retouch.bridge import frames
from retouch.cli import main
from retouch.collection import collect
from retouch.counting import Target
from retouch.episodes.reader import Dataset
from retouch.episodes.schema import ControlSource
from retouch.errors import InputError, PolicyError, PolicyStopped, UnknownName
from retouch.evaluation import evaluate
from retouch.operators.profile import profile
from retouch.operators.scripted import ScriptedPerson
from retouch.policies.bridge import BridgedPolicy
from retouch.policies.bridge_file import BridgeFile
from retouch.policies.checkpoint import load_policy
from retouch.policies.named import acting


def served(folder: Path, factory: str, *arguments: str, **settings) -> BridgedPolicy:
    return BridgedPolicy(BridgeFile.read(bridge(folder, factory, *arguments, **settings)), tiny())


def acts(policy: BridgedPolicy, times: int = 1) -> np.ndarray:
    session = policy.session(1)
    session.reset(0, 10**15)
    observation = np.array([[0.0, 0.0, 0.5, -0.1]], np.float32)
    return np.concatenate([session.act(np.array([0]), observation) for _ in range(times)])


# What a policy is.


def test_an_action_at_a_time(tmp_path: Path) -> None:
    with served(tmp_path, "Selects") as policy:
        np.testing.assert_allclose(acts(policy), [[1.0, -0.4, -1.0]])
        assert policy.name.startswith("bridge:straight.toml@")
        assert policy.name.endswith(" straight-1")
        assert policy.versions["bridge"] == "1"
        assert policy.versions["bridge.numpy"] == np.__version__


def test_parts_of_the_observation_have_names(tmp_path: Path) -> None:
    parts = {"observation.state": ["x", "y"], "goal": ["goal_*"]}
    with served(tmp_path, "Selects", observation=parts) as policy:
        np.testing.assert_allclose(acts(policy), [[1.0, -0.4, -1.0]])
    with pytest.raises(InputError, match=r"'gaol_\*' fits nothing that is observed \(x, y, goal_x, goal_y\)"):
        served(tmp_path, "Selects", observation={"goal": ["gaol_*"]})


def test_what_looks_like_a_tensor_is_taken(tmp_path: Path) -> None:
    with served(tmp_path, "tensors") as policy:
        np.testing.assert_array_equal(acts(policy), [[0.25, 0.25, 0.25]])


def test_torch_gives_and_takes_tensors_with_a_batch_axis(tmp_path: Path) -> None:
    (tmp_path / "doubles.py").write_text(
        "import torch\n"
        "class Doubles:\n"
        "    def reset(self): pass\n"
        "    def select_action(self, batch):\n"
        "        assert torch.is_inference_mode_enabled() and batch['s'].shape == (1, 4)\n"
        "        return (2 * batch['s'][:, :3]).bfloat16()\n"
    )
    command = [sys.executable, "{server}", "--torch", "cpu", "doubles:Doubles"]
    with served(tmp_path, "", command=command, observation={"s": ["*"]}) as policy:
        np.testing.assert_array_equal(acts(policy), [[0.0, 0.0, 1.0]])


def test_a_chunk_is_carried_out_as_far_as_it_says(tmp_path: Path) -> None:
    with served(tmp_path, "Chunks") as policy:
        assert acts(policy, 5)[:, :2].tolist() == [[0, 1], [1, 1], [0, 2], [1, 2], [0, 3]]
        session = policy.session(1)
        session.reset(0, 0)
        one = (np.array([0]), np.zeros((1, 4), np.float32))
        asked = session.act(*one)[0, 1]
        session.forget(0)
        assert session.act(*one)[0].tolist()[:2] == [0, asked + 1]  # what was left is not carried out after hand-back


def test_a_batched_policy_is_asked_for_all_at_once(tmp_path: Path) -> None:
    with served(tmp_path, "Chunks", "batched", slots=3) as policy:
        session = policy.session(3)
        for slot in range(3):
            session.reset(slot, slot)
        every, none = np.arange(3), np.zeros((3, 4), np.float32)
        assert session.act(every, none).tolist() == [[0, 1, 3]] * 3
        session.forget(1)
        assert session.act(every, none).tolist() == [[1, 1, 3], [0, 2, 1], [1, 1, 3]]


def test_an_attempt_depends_on_its_seed_alone(tmp_path: Path) -> None:
    def ran(slots: int) -> list:
        with served(tmp_path, "Noisy", slots=slots) as policy:
            found = evaluate(tiny(), policy, 4, workers=1)
        return [found.successes, found.steps]

    actions = []
    for order in ([0, 1], [1, 0]):
        with served(tmp_path, "Noisy", slots=2) as policy:
            session = policy.session(2)
            for slot in order:
                session.reset(slot, 10**15 + slot)
            rows = [session.act(np.array(order), np.zeros((2, 4), np.float32))[np.argsort(order)] for _ in range(3)]
            session.forget(0)
            actions.append([*rows, session.act(np.array([0]), np.zeros((1, 4), np.float32))])
    for once, again in zip(*actions, strict=True):
        np.testing.assert_array_equal(once, again)
    assert len(np.unique(np.concatenate(actions[0]))) == 7 * 3
    assert ran(1) == ran(3)


def test_somebody_may_say_that_they_are_waiting_and_last_words_are_recent(tmp_path: Path) -> None:
    waited = []
    file = BridgeFile.read(bridge(tmp_path, "sleeps"))
    with BridgedPolicy(file, tiny(), lambda: waited.append(1)) as policy:
        assert len(waited) >= 2
        acts(policy)
        os.kill(policy.process_id, signal.SIGKILL)
        with pytest.raises(PolicyStopped) as stopped:
            acts(policy)
        assert str(stopped.value) == "the policy served by straight.toml was killed (SIGKILL)"


def test_two_sessions_share_no_slot_and_slots_come_back(tmp_path: Path) -> None:
    with served(tmp_path, "Selects", slots=2) as policy:
        one, two = policy.session(2), policy.session(1)
        assert not set(one._there) & set(two._there)
        del one, two
        assert policy.session(2)._there == [0, 1]
        with pytest.raises(PolicyError, match="slot 0 was never reset"):
            policy.session(1).act(np.array([0]), np.zeros((1, 4), np.float32))


# Another environment.


def test_it_is_served_where_retouch_cannot_be_imported(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    for name in ("numpy", "numpy.libs"):
        if (there := Path(np.__file__).parents[1] / name).exists():
            (site / name).symlink_to(there)
    environment = {"PYTHONPATH": f"{site}{os.pathsep}{Path(__file__).parent}"}
    command = [sys.executable, "-S", "{server}", "served:only_isolated"]
    with served(tmp_path, "", command=command, environment=environment) as policy:
        np.testing.assert_allclose(acts(policy), [[1.0, -0.4, -1.0]])


@pytest.mark.slow
def test_it_is_served_from_an_environment_of_its_own(tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "numpy"]
    if subprocess.run(install, capture_output=True, timeout=300).returncode:
        pytest.skip("numpy cannot be installed here")
    with served(tmp_path, "", command=[str(python), "{server}", "served:only_isolated"]) as policy:
        found = evaluate(tiny(), policy, 20)
    assert found.rate == 1.0


def test_prints_and_reads_of_a_policy_do_not_touch_the_frames(tmp_path: Path) -> None:
    with served(tmp_path, "Selects", "chatty") as policy:
        np.testing.assert_allclose(acts(policy, 3)[-1], [1.0, -0.4, -1.0])


def test_the_server_ends_with_whoever_asks_whatever_its_policy_does(tmp_path: Path) -> None:
    file = BridgeFile.read(bridge(tmp_path, "Selects", "hangs"))
    script = (
        "import os, sys, threading; from pathlib import Path; from retouch.policies.bridge import *; "
        "from tests.tiny import tiny; import numpy as np\n"
        f"p = BridgedPolicy(BridgeFile.read(Path({str(file.path)!r})), tiny()); s = p.session(1); s.reset(0, 0)\n"
        "print(p.process_id, flush=True); s.act(np.array([0]), np.zeros((1, 4), np.float32))"
    )
    paths = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)])
    asking = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": paths}
    )
    with asking:
        assert asking.stdout is not None
        serving = int(asking.stdout.readline())
        time.sleep(0.3)
        assert alive(serving)
        asking.kill()
    until(lambda: not alive(serving))


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(holds) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# What goes wrong.


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("dies", r"straight.toml was killed \(SIGKILL\); its last words: out of memory, it says"),
        ("leaves", "straight.toml ended with status 3"),
        ("raises", "straight.toml failed: RuntimeError: no such weights"),
        ("nan", "wants y = nan: no robot can do that"),
        ("inf", "wants x = inf: no robot can do that"),
        ("short", r"answered with numbers of shape \[1, 2\] where actions of shape \[1, 3\] are due"),
        ("several", r"answered with numbers of shape"),
        ("text", "failed: ValueError"),
    ],
)
def test_what_no_robot_can_do_stops_it(tmp_path: Path, then: str, said: str) -> None:
    with served(tmp_path, "Selects", then, "1") as policy:
        session = policy.session(1)
        session.reset(0, 0)
        one = (np.array([0]), np.zeros((1, 4), np.float32))
        session.act(*one)
        with pytest.raises(PolicyStopped, match=said) as stopped:
            session.act(*one)
        assert "\n" not in str(stopped.value)
        assert not alive(policy.process_id)
        with pytest.raises(PolicyStopped, match=said):  # and it stays so
            session.act(*one)


@pytest.mark.parametrize("then", ["hangs", "stops"])
def test_what_is_late_stops_it(tmp_path: Path, then: str) -> None:
    with served(tmp_path, "Selects", then, "1", timeout_s=0.3) as policy:
        session = policy.session(1)
        session.reset(0, 0)
        one = (np.array([0]), np.zeros((1, 4), np.float32))
        session.act(*one)
        began = time.monotonic()
        with pytest.raises(PolicyStopped, match=r"straight.toml did not answer within 0.3 s"):
            session.act(*one)
        assert time.monotonic() - began < 5
        assert not alive(policy.process_id)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["/no/such/python"], "'/no/such/python' cannot be started: No such file or directory"),
        ([sys.executable, "-c", "print('hello, I am a program')"], "does not speak the bridge's protocol: it began"),
        ([sys.executable, "-c", "raise SystemExit('no GPU')"], "ended with status 1; its last words: no GPU"),
        ([sys.executable, "{server}", "served:breaks"], "failed: OSError: there is no checkpoint"),
        ([sys.executable, "{server}", "served:nothing"], "failed: AttributeError"),
        ([sys.executable, "{server}", "no_such_module:make"], "failed: ModuleNotFoundError"),
        ([sys.executable, "{server}", "served"], "failed: ValueError: what is served is named MODULE:FACTORY"),
        ([sys.executable, "{server}", "builtins:dict"], "neither select_action nor predict_action_chunk"),
        ([sys.executable, "-c", "import time; time.sleep(60)"], "did not answer within 2 s"),
    ],
)
def test_what_cannot_be_started_says_why(tmp_path: Path, command: list[str], said: str) -> None:
    with pytest.raises(PolicyStopped) as stopped:
        served(tmp_path, "", command=command, start_timeout_s=2.0)
    assert said in str(stopped.value)
    assert "\n" not in str(stopped.value)


OLD = """
import sys
sys.path.insert(0, {folder!r})
import frames
frames.PROTOCOL = 7
source = open({folder!r} + "/policy_server.py").read()
if {meek}:
    source = source.replace('header.get("protocol") != PROTOCOL', "False")
sys.argv = ["server", "served:Selects"]
exec(compile(source, "server", "exec"))
"""


@pytest.mark.parametrize(
    ("meek", "said"),
    [
        (False, "this server speaks version 7, not 1"),
        (True, "speaks version 7 of the protocol, this retouch version 1"),
    ],
)
def test_another_version_is_refused_by_either_side(tmp_path: Path, meek: bool, said: str) -> None:
    other = tmp_path / "old.py"
    other.write_text("__package__ = ''\n" + OLD.format(folder=str(Path(frames.__file__).parent), meek=meek))
    with pytest.raises(PolicyStopped, match=said):
        served(tmp_path, "", command=[sys.executable, str(other)])


# How it is named.


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"command": "python server.py"}, "command is a list of texts"),
        ({"command": []}, "command is a list of texts"),
        ({"timeout_s": 0}, "timeout_s is a time above 0"),
        ({"timeout_s": True}, "timeout_s is a time above 0"),
        ({"slots": 0}, "slots is a number from 1"),
        ({"observation": {"state": "x"}}, "observation.state is a list of texts"),
        ({"observation": 3}, "observation is a table"),
        ({"timeout": 3}, "unknown setting in .* 'timeout'; did you mean 'timeout_s'"),
    ],
)
def test_a_file_that_is_no_bridge_is_refused(tmp_path: Path, settings: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        BridgeFile.read(bridge(tmp_path, "Selects", **settings))


def test_a_folder_never_starts_a_command(tmp_path: Path) -> None:
    marker = tmp_path / "started"
    folder = tmp_path / "downloaded"
    folder.mkdir()
    content = {"command": ["touch", str(marker)]}
    (folder / "bridge.toml").write_text(toml(content))
    (folder / "policy.json").write_text('{"format": 1, "type": "bridge", "observation_dim": 4, "action_dim": 3}')
    with pytest.raises(UnknownName, match="unknown policy type 'bridge'"):
        load_policy(folder)
    with (
        pytest.raises(InputError, match=r"to start the command in it, say bridge:.*bridge\.toml"),
        acting(str(folder / "bridge.toml"), tiny()),
    ):
        pass
    with pytest.raises(InputError, match=r"no bridge in .*: no such file"), acting(f"bridge:{marker}", tiny()):
        pass
    assert not marker.exists()


# Attempts.


def corrected(folder: Path, *arguments: str, episodes: int = 3, **settings) -> Dataset:
    person = ScriptedPerson(profile("steady"))
    with served(folder, *arguments, **settings) as policy:
        collect(
            tiny(),
            person,
            "take-over",
            folder / "data",
            Target(episodes=episodes, max_attempts=20),
            policy=policy,
            policy_name=policy.name,
            horizon=200,
        )
    return Dataset(folder / "data")


def test_it_is_corrected_as_any_other_and_every_episode_says_who_it_was(tmp_path: Path) -> None:
    data = corrected(tmp_path, "Selects", "still", slots=2)
    assert len(data.episodes) >= 3
    for episode in data.episodes:
        assert episode.policy is not None
        assert episode.policy.startswith("bridge:straight.toml@")
        assert episode.versions["bridge"] == "1"
        assert "bridge.python" in episode.versions
    assert sum(episode.control_steps["operator"] for episode in data.episodes) > 0


@pytest.mark.parametrize(("then", "why"), [("dies", "was killed"), ("hangs", "did not answer"), ("nan", "wants y")])
def test_when_it_dies_the_attempt_is_kept_as_aborted_and_done_again(tmp_path: Path, then: str, why: str) -> None:
    with pytest.raises(PolicyStopped, match=why):
        corrected(tmp_path, "Selects", then, "25", slots=2, timeout_s=1.0)
    kept = Dataset(tmp_path / "data").all_episodes
    aborted = [episode for episode in kept if episode.outcome == "aborted"]
    assert aborted
    for episode in aborted:
        assert why in episode.reason
        rows = Dataset(tmp_path / "data").frames(episode)
        assert len(rows["step"]) == episode.steps > 0
        assert np.isfinite(rows["action"]).all()
        assert np.isfinite(rows["policy_action"]).all()
        assert (rows["control_source"] != ControlSource.NONE).all()
    assert not list((tmp_path / "data" / "journal").glob("*"))
    (tmp_path / "well").touch()
    done = corrected(tmp_path, "Selects", then, "25", slots=1, timeout_s=30.0)  # which makes it no other bridge
    finished = [episode for episode in done.episodes if episode.outcome == "success"]
    assert len(finished) == 3
    seeds = [e.seed for e in done.all_episodes if e.outcome != "aborted"]
    assert seeds == list(range(seeds[0], seeds[0] + len(seeds)))  # in the order of their seeds, none left out


def test_a_served_process_that_is_killed_from_outside(tmp_path: Path) -> None:
    with served(tmp_path, "Selects", "slow") as policy:
        person = ScriptedPerson(profile("steady"))
        person.repeatable = True
        watched = 0

        def name() -> str:
            nonlocal watched
            watched += 1
            if watched == 2:  # the second attempt has begun
                os.kill(policy.process_id, signal.SIGKILL)
            return policy.name

        with pytest.raises(PolicyStopped, match="SIGKILL"):
            collect(tiny(), person, "take-over", tmp_path / "data", Target(episodes=5), policy=policy, policy_name=name)
    first, *_ = Dataset(tmp_path / "data").all_episodes
    assert first.outcome in ("success", "failure")


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dying = bridge(tmp_path, "Zeros", "dies", "20", name="dying.toml")
    data = tmp_path / "data"
    options = ["--correct", "take-over", "--episodes", "1", "--workers", "1", "--out", str(data)]
    assert main(["collect", "threading", "--policy", f"bridge:{dying}", *options]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1].startswith("retouch: the policy served by dying.toml was killed (SIGKILL)")
    (episode,) = Dataset(data).all_episodes
    assert episode.outcome == "aborted"
    assert episode.steps == 20

    living = f"bridge:{bridge(tmp_path, 'Zeros', name='living.toml')}"
    assert main(["evaluate", "threading", living, "--episodes", "2", "--json"]) == 0
    assert '"bridge:living.toml@' in capsys.readouterr().out
    assert main(["evaluate", "threading", living, "--checkpoint", "3"]) == 2
    assert main(["evaluate", "threading", f"bridge:{tmp_path}/none.toml"]) == 2
    assert main(["evaluate", "threading", str(dying)]) == 2
