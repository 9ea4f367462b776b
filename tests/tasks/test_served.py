"""An environment in another process: it is any other environment, and what happens when it dies, is late or wrong."""

import ast
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from tests.policies.served import bridge, toml
from tests.policies.test_bridge import alive, until
from tests.tasks.reach import ID, Reach
from tests.tasks.test_environment import Straight

from retouch.bridge import frames
from retouch.cli import main
from retouch.collection import InMemory, collect
from retouch.counting import Target
from retouch.episodes.reader import Dataset
from retouch.errors import EnvironmentStopped, InputError, RobotError, UnknownName
from retouch.evaluation import evaluate
from retouch.operators.expert import Expert
from retouch.policies.bridge_file import BridgeFile
from retouch.rollout import rollout
from retouch.run_folder import RunFolder
from retouch.tasks.environment_file import EnvironmentFile
from retouch.tasks.named import attempted
from retouch.tasks.registry import make
from retouch.tasks.served import ServedTask

SERVER = Path(frames.__file__).with_name("environment_server.py")


def named(folder: Path, factory: str, *arguments: str, name: str = "reach.toml", **settings: object) -> Path:
    """A file that names one of the environments of `reach.py`."""
    command = [sys.executable, "{server}", f"reach:{factory}", *arguments]
    path = folder / name
    path.write_text(toml({"command": command, "environment": {"PYTHONPATH": str(Path(__file__).parent)}} | settings))
    return path


def served(folder: Path, factory: str, *arguments: str, **settings: object) -> ServedTask:
    return ServedTask(EnvironmentFile.read(named(folder, factory, *arguments, **settings)))


@pytest.fixture
def known() -> Iterator[None]:
    gymnasium.register(ID, entry_point=Reach, max_episode_steps=40)
    yield
    del gymnasium.registry[ID]


def rows(task, policy, seeds, **options) -> list[tuple[int, np.ndarray]]:
    """Steps and observations of attempts."""
    kept: dict[int, InMemory] = {}

    def record(number: int, _: int) -> InMemory:
        return kept.setdefault(number, InMemory())

    found = [attempt.steps for attempt in rollout(task, seeds, policy=policy, record=record, **options)]
    return [(steps, kept[number].column("observation")) for number, steps in enumerate(found)]


# Any other environment.


def test_it_is_seen_and_acted_on_as_from_here(tmp_path: Path, known: None) -> None:
    here = make(f"gym:{ID}")
    command = [sys.executable, "{server}", "gymnasium:make", f"reach:{ID}"]
    with served(tmp_path, "", command=command, slots=3) as there:
        for name in ("observation_names", "action_names", "horizon", "control_period"):
            assert getattr(there, name) == getattr(here, name)
        ours, theirs = (rows(task, Straight(0.5), range(4), horizon=60) for task in (here, there))
        assert there.versions["environment.numpy"] == np.__version__
    for (steps, seen), (steps_there, seen_there) in zip(ours, theirs, strict=True):
        assert steps == steps_there == 60  # not cut at the environment's own 40 steps
        np.testing.assert_allclose(seen_there, seen, atol=1e-6)


@pytest.mark.parametrize("factory", ["Reach", "Careless"])
def test_an_attempt_depends_on_its_seed_alone(tmp_path: Path, factory: str) -> None:
    ran = []
    for slots in (1, 3):
        with served(tmp_path, factory, slots=slots) as task:
            ran += [evaluate(task, Straight(), 6).steps, evaluate(task, Straight(), 6).steps]
    assert len(set(ran)) == 1
    assert len(set(ran[0])) > 1


def test_no_more_processes_than_it_may_have_and_they_are_used_again(tmp_path: Path) -> None:
    with served(tmp_path, "Reach", slots=2) as task:
        assert len(task._started) == 1
        for _ in range(3):
            assert [a.outcome for a in rollout(task, range(8), policy=Straight())] == ["success"] * 8
        assert len(task._started) == 2
        processes = [world.process_id for world in task._started]
        assert all(map(alive, processes))
    assert not any(map(alive, processes))


def test_what_ends_over_there_has_ended(tmp_path: Path) -> None:
    with served(tmp_path, "Ends") as task:
        assert [a.steps for a in rollout(task, [0], policy=Straight())] == [3]


def test_an_action_that_is_not_finite_goes_nowhere(tmp_path: Path) -> None:
    with served(tmp_path, "Reach", slots=2) as task:
        worlds = task.worlds(2)
        for slot in (0, 1):
            task.reset(worlds.reset(slot), np.random.default_rng(slot))
        before = [task.observe(data) for data in worlds.datas]
        with pytest.raises(RobotError, match="finite"):
            task.robot(worlds).command(np.array([0, 1]), np.array([[0.5, 0.0], [np.nan, 0.0]]))
        task.robot(worlds).command(np.array([0, 1]), np.zeros((2, 2)))
        np.testing.assert_array_equal([task.observe(data) for data in worlds.datas], before)


def test_it_is_served_where_retouch_cannot_be_imported(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    for name in ("numpy", "numpy.libs", "gymnasium", "cloudpickle", "farama_notifications", "typing_extensions.py"):
        if (installed := Path(np.__file__).parents[1] / name).exists():
            (site / name).symlink_to(installed)
    environment = {"PYTHONPATH": f"{site}{os.pathsep}{Path(__file__).parent}"}
    command = [sys.executable, "-S", "{server}", "reach:only_isolated"]
    with served(tmp_path, "", command=command, environment=environment) as task:
        assert evaluate(task, Straight(), 2).rate == 1.0


def test_the_server_needs_python_3_10_numpy_and_gymnasium_alone() -> None:
    tree = ast.parse(SERVER.read_text(), feature_version=(3, 10))
    imported = {
        (node.module or "" if isinstance(node, ast.ImportFrom) else name.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    ours = {"frames", "retouch.bridge.frames"}  # the file beside it, by either name
    assert {name.partition(".")[0] for name in imported - ours} <= sys.stdlib_module_names | {"numpy", "gymnasium"}


def test_the_process_ends_with_whoever_asks_whatever_it_is_doing(tmp_path: Path) -> None:
    file = named(tmp_path, "Breaks", "hangs", timeout_s=600)
    script = (
        "from pathlib import Path; from retouch.tasks.environment_file import EnvironmentFile; import numpy as np\n"
        f"from retouch.tasks.served import ServedTask; t = ServedTask(EnvironmentFile.read(Path({str(file)!r})))\n"
        "w = t.worlds(1); print(w.datas[0].process_id, flush=True); w.datas[0].reset(0); w.datas[0].step(np.zeros(2))"
    )
    paths = os.pathsep.join(filter(None, sys.path))
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


# What goes wrong.


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("dies", r"reach.toml was killed \(SIGKILL\); its last words: out of memory, it says"),
        ("raises", "reach.toml failed: RuntimeError: the simulation is unstable"),
        ("silent", r"reach.toml failed: ValueError: it does not say whether it is solved: give it info\['is_succ"),
        ("nan", "reach.toml shows nan in observation_1"),
        ("hangs", "reach.toml did not answer within 0.5 s"),
        ("stops", "reach.toml did not answer within 0.5 s"),
    ],
)
def test_what_goes_wrong_ends_all_its_processes(tmp_path: Path, then: str, said: str) -> None:
    with served(tmp_path, "Breaks", then, "3", slots=2, timeout_s=0.5) as task:
        began = time.monotonic()
        with pytest.raises(EnvironmentStopped, match=said) as stopped:
            list(rollout(task, range(2), policy=Straight()))
        assert "\n" not in str(stopped.value)
        assert time.monotonic() - began < 10
        assert len(task._started) == 2
        assert not any(alive(world.process_id) for world in task._started)
        with pytest.raises(EnvironmentStopped):  # and it stays so
            list(rollout(task, range(2), policy=Straight()))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["/no/such/python"], "'/no/such/python' cannot be started: No such file or directory"),
        ([sys.executable, "-c", "print('hello, I am a program')"], "does not speak the bridge's protocol: it began"),
        ([sys.executable, "-c", "raise SystemExit('no simulator')"], "ended with status 1; its last words: no simul"),
        ([sys.executable, "-c", "import time; time.sleep(60)"], "did not answer within 2 s"),
        ([sys.executable, "{server}", "no_such_module:Lift"], "failed: ModuleNotFoundError"),
        ([sys.executable, "{server}", "reach:Discrete"], "failed: ValueError: an environment is corrected only if its"),
        ([sys.executable, "{server}", "gymnasium:make", "NoSuch-v0"], "failed: NameNotFound"),
        ([sys.executable, str(SERVER.with_name("policy_server.py")), "builtins:dict"], "neither select_action nor"),
    ],
)
def test_what_cannot_be_started_says_why(tmp_path: Path, command: list[str], said: str) -> None:
    with pytest.raises(EnvironmentStopped) as stopped:
        served(tmp_path, "", command=command, start_timeout_s=2.0 if "-c" in command else 60.0)
    assert said in str(stopped.value)
    assert "\n" not in str(stopped.value)


def test_a_policy_is_no_environment(tmp_path: Path) -> None:
    policy = BridgeFile.read(bridge(tmp_path, "Zeros"))
    command = [sys.executable, str(SERVER.with_name("policy_server.py")), *policy.command[2:]]
    with pytest.raises(EnvironmentStopped, match="is no environment that can be corrected: its observation is None"):
        served(tmp_path, "", command=command, environment=dict(policy.environment))


# How it is named.


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"command": "python server.py"}, "command is a list of texts"),
        ({"timeout_s": 0}, "timeout_s is a time above 0"),
        ({"slots": 0}, "slots is a number from 1"),
        ({"observation": {}}, "unknown setting in .* 'observation'"),
    ],
)
def test_a_file_that_names_no_environment_is_refused(tmp_path: Path, settings: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        EnvironmentFile.read(named(tmp_path, "Reach", **settings))


def test_only_what_is_started_makes_another_task_of_it(tmp_path: Path) -> None:
    def name(*arguments: str, **settings: object) -> str:
        return EnvironmentFile.read(named(tmp_path, "Breaks", *arguments, **settings)).name

    assert name("dies").startswith("gym:reach.toml@")
    assert name("dies") == name("dies", slots=3, timeout_s=2.0) != name("hangs")
    assert name("dies") != name("dies", environment={"A": "1"})


def test_a_data_set_or_run_never_starts_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marker = tmp_path / "started"
    file = named(tmp_path, "", command=["touch", str(marker)])
    kept = EnvironmentFile.read(file).name
    for name in (f"gym:{file}", kept):
        with pytest.raises(InputError, match="by a command that starts only for who names its file"):
            make(name)
    with pytest.raises(UnknownName), attempted(str(file)):
        pass
    with pytest.raises(InputError, match=r"no environment in .*: no such file"), attempted(f"gym:{marker}.toml"):
        pass
    with pytest.raises(InputError, match="by a command"), attempted(kept):  # what a data set holds, typed
        pass
    assert not marker.exists()


# Attempts.


def corrected(folder: Path, *arguments: str, episodes: int = 3, **settings: object) -> Dataset:
    with served(folder, *arguments, **settings) as task:
        expert, target = Expert(Straight(), "straight"), Target(episodes=episodes)
        collect(task, expert, "take-over", folder / "data", target, policy=Straight(0.5), policy_name="half")
    return Dataset(folder / "data")


def test_it_is_corrected_and_every_episode_says_where_it_was(tmp_path: Path) -> None:
    data = corrected(tmp_path, "Reach", slots=2)
    assert data.info.task.startswith("gym:reach.toml@")
    for episode in data.episodes:
        assert episode.outcome == "success"
        assert episode.control_steps["operator"] > 0
        assert episode.versions["environment.gymnasium"] == gymnasium.__version__


@pytest.mark.parametrize(("then", "why"), [("dies", "was killed"), ("hangs", "did not answer"), ("nan", "shows nan")])
def test_when_it_dies_the_attempt_is_kept_as_aborted_and_done_again(tmp_path: Path, then: str, why: str) -> None:
    with pytest.raises(EnvironmentStopped, match=why):
        corrected(tmp_path, "Breaks", then, "30", episodes=5, timeout_s=1.0)
    *finished, aborted = Dataset(tmp_path / "data").all_episodes
    assert [episode.outcome for episode in finished] == ["success"] * len(finished)
    assert finished
    assert (aborted.outcome, aborted.steps) == ("aborted", 30 - sum(episode.steps for episode in finished))
    assert why in aborted.reason
    assert np.isfinite(Dataset(tmp_path / "data").frames(aborted)["observation"]).all()
    assert not list((tmp_path / "data" / "journal").glob("*"))
    (tmp_path / "well").touch()
    done = corrected(tmp_path, "Breaks", then, "30", episodes=5)
    seeds = [episode.seed for episode in done.all_episodes if episode.outcome != "aborted"]
    assert seeds == list(range(seeds[0], seeds[0] + 5))  # in the order of their seeds, none left out
    assert aborted.seed in seeds


def test_a_process_that_is_killed_from_outside_in_the_middle_of_an_attempt(tmp_path: Path) -> None:
    with served(tmp_path, "Reach") as task:

        class Watches(Straight):
            attempts = asked = 0

            def reset(self, slot: int, seed: int) -> None:
                self.attempts, self.asked = self.attempts + 1, 0

            def act(self, slots: np.ndarray, observations: np.ndarray) -> np.ndarray:
                self.asked += 1
                if (self.attempts, self.asked) == (3, 4):
                    os.kill(task._started[0].process_id, signal.SIGKILL)
                return super().act(slots, observations)

        with pytest.raises(EnvironmentStopped, match=r"reach.toml was killed \(SIGKILL\)$"):
            collect(task, Expert(Watches(), "it"), "demonstrate", tmp_path / "data", Target(episodes=20))
    *finished, aborted = Dataset(tmp_path / "data").all_episodes
    assert [episode.outcome for episode in finished] == ["success"] * 2
    assert (aborted.outcome, aborted.steps) == ("aborted", 3)


def test_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Demonstrations, an environment that dies, a policy, a run that goes on where its environment is named again."""
    expert = f"bridge:{bridge(tmp_path, 'Reaches', name='reaches.toml')}"
    task = f"gym:{named(tmp_path, 'Breaks', 'dies', '40', slots=2)}"
    demonstrate = ["collect", task, "--operator", "expert", "--expert", expert, "--out", str(tmp_path / "demos")]
    assert main([*demonstrate, "--episodes", "10"]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1].startswith("retouch: the environment served by reach.toml was killed (SIGKILL)")
    (tmp_path / "well").touch()
    assert main([*demonstrate, "--episodes", "10"]) == 0
    training = ["--steps", "100", "--checkpoints", "1", "--network.hidden", "16"]
    assert main(["train", str(tmp_path / "demos"), "--out", str(tmp_path / "expert"), *training]) == 0
    assert main(["evaluate", task, str(tmp_path / "expert"), "--episodes", "4"]) == 0

    out = tmp_path / "run"
    run = ["--operator", "expert", "--expert", str(tmp_path / "expert"), "--threshold.differs", "0.02", "--rounds", "1"]
    run += ["--demonstrations", "1", "--max-attempts", "3", "--checkpoint-trials", "0", "--test-trials", "2"]
    run += ["--training.steps", "5", "--training.checkpoints", "1", "--training.network.hidden", "8"]
    run += ["--out", str(out)]
    assert main(["improve", task, *run]) == 0
    assert RunFolder.open(out).config.task == Dataset(out / "data/round-0").info.task
    assert (out / "report.html").is_file()
    capsys.readouterr()
    assert main(["improve", str(out)]) == 2  # a run starts no command
    assert "by a command that starts only for who names its file" in capsys.readouterr().err
    assert main(["improve", task, *run]) == 0
    another = f"gym:{named(tmp_path, 'Reach')}"
    assert main(["improve", another, *run]) == 2
    assert "a run with another task" in capsys.readouterr().err
    assert main(["bench", "skill", "--task", another]) == 2
