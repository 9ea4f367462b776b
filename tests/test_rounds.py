"""Rounds: what is collected, what is trained on, that runs resume, and that figures follow from the folder alone."""

import dataclasses
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from retouch.cli import main
from retouch.collection import collect
from retouch.commands.learn import worse_than_base
from retouch.counting import Target, one_at_a_time, stream_of, tally
from retouch.episodes import Dataset, exclude, relabel
from retouch.errors import InputError, RetouchError
from retouch.evaluation import evaluate
from retouch.learning.config import TrainConfig
from retouch.operators.profile import PROFILES, Profile
from retouch.operators.scripted import ScriptedPerson
from retouch.outcomes import Evaluation, attempt_seeds
from retouch.policies.bc_rnn_config import BCRNNConfig
from retouch.policies.checkpoint import load_policy, read_info
from retouch.report.run import describe_run, round_data
from retouch.rounds import PeopleNeeded, RoundResult, Run
from retouch.run_folder import ImproveConfig, RunFolder
from retouch.server.catalogue import Catalogue
from retouch.tasks import registry
from tests.tiny import StuckPolicy, tiny

TRAINING = TrainConfig(steps=40, batch=20, checkpoints=2, network=BCRNNConfig(hidden=8))
SMALL = dict(  # noqa: C408
    task="tiny", demonstrations=4, training=TRAINING, checkpoint_trials=6, test_trials=10, workers=1, max_attempts=40
)


registry.register("tiny", "tests.tiny:Tiny")


def small(**changes):
    return ImproveConfig(**(SMALL | changes))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = Run(tmp_path_factory.mktemp("run"), small(rounds=2))
    return run, run.run()


def test_a_run_has_a_base_and_its_rounds(finished):
    _, results = finished
    assert [r.round for r in results] == [0, 1, 2]
    assert all(r.final.trials == 10 and len(r.checkpoints) == 2 for r in results)
    for r in results:
        assert r.paper_maximum == max(raw for _, _, raw in r.checkpoints)
        assert r.late_mean == r.checkpoints[-1][1]


def test_each_round_adds_a_third_of_the_base_as_human_samples(finished):
    run, _ = finished
    base = tally(Dataset(run.data(0))).human_steps
    for number in (1, 2):
        episodes = [e for e in Dataset(run.data(number)).episodes if e.outcome == "success"]
        humans = [e.control_steps["operator"] for e in episodes]
        assert sum(humans) >= round(0.33 * base)
        assert sum(humans[:-1]) < round(0.33 * base)  # not one attempt more than needed
        assert {e.round for e in episodes} == {number}
        assert {e.operator for e in episodes} == {"scripted:steady"}


def test_the_next_round_is_collected_by_the_last_policy_of_the_declared_seed(finished):
    run, _ = finished
    assert {e.policy for e in Dataset(run.data(2)).episodes} == {"policies/round-1/seed-0"}


def test_every_policy_is_trained_from_scratch_on_all_completed_attempts(finished):
    run, _ = finished
    for number in range(3):
        training = read_info(run.policy(number, 0)).training
        kept = [e for k in range(number + 1) for e in Dataset(run.data(k)).episodes if e.outcome == "success"]
        assert training["data"]["episodes"] == len(kept)
        assert training["data"]["steps"] == sum(e.steps for e in kept)
        assert training["method"]["name"] == ("iwr" if number else "full-demos")
        assert training["gradient_steps"] == TRAINING.steps


def test_figures_can_be_recomputed_from_the_folder_alone(finished):
    run, results = finished
    for r in results:
        policy = load_policy(run.policy(r.round, r.seed))
        again = evaluate(tiny(), policy, 10, "test", name=r.final.policy)
        assert again == r.final
    document = json.loads((run.folder / "results.json").read_text())["results"]
    assert [d["final"]["successes"] for d in document] == [list(r.final.successes) for r in results]


def test_the_report_says_what_the_store_says(finished):
    run, results = finished
    report = describe_run(run, results)
    for number, row in enumerate(report.data):
        frames = [
            (e, Dataset(run.data(number)).frames(e, ["intervention"])["intervention"])
            for e in Dataset(run.data(number)).episodes
        ]
        human = sum(int(i.sum()) for e, i in frames if e.outcome == "success")
        assert row.demonstration + row.intervention == human
        assert row.human_discarded == sum(int(i.sum()) for e, i in frames if e.outcome != "success")
        assert row.policy == sum(int((~i).sum()) for e, i in frames if e.outcome == "success")
    assert [p.final.successes for p in report.policies] == [sum(r.final.successes) for r in results]
    assert report.scripted


def test_a_finished_run_does_nothing_again(finished):
    run, results = finished
    before = {p: p.stat().st_mtime_ns for p in run.folder.rglob("*") if p.is_file() and p.name != "results.json"}
    again = Run(run.folder, run.config).run()
    assert again == results
    after = {p: p.stat().st_mtime_ns for p in before}
    assert {p for p in before if before[p] != after[p] and ".lock" not in p.name} == set()


def test_another_configuration_needs_another_folder(finished):
    run, _ = finished
    with pytest.raises(InputError, match="another method"):
        Run(run.folder, small(rounds=2, method="hg-dagger"))


def test_full_demos_is_one_collection_as_large_as_the_base(tmp_path):
    run = Run(tmp_path, small(method="full-demos", rounds=3, checkpoint_trials=0))
    assert [r.round for r in run.run()] == [0, 1]
    base, more = (tally(Dataset(run.data(k))).human_steps for k in (0, 1))
    assert base <= more < base + 60


def test_a_policy_that_needs_no_help_ends_with_a_warning(tmp_path):
    class Helper(ScriptedPerson):
        pass

    said = []

    class Listener:
        def say(self, message):
            said.append(message)

        def stage(self, title, total):
            from retouch.progress import SILENT

            return SILENT.stage(title, total)

    person = Helper(PROFILES["steady"].__class__("blind", quality=0.0))
    target = Target(samples=100, max_attempts=5)
    counted = collect(tiny(), person, "take-over", tmp_path, target, policy=StuckPolicy(), progress=Listener())
    assert counted.attempts == 5
    assert not counted.reached(target)
    assert any("short of its target" in line for line in said)


def test_failures_are_stored_and_left_out(tmp_path):
    collect(
        tiny(),
        ScriptedPerson(PROFILES["steady"]),
        "demonstrate",
        tmp_path,
        Target(episodes=1, max_attempts=3),
        horizon=2,
    )
    episodes = Dataset(tmp_path).episodes
    assert [e.outcome for e in episodes] == ["failure"] * 3
    assert tally(Dataset(tmp_path)).discarded_human_steps == sum(e.steps for e in episodes) == 6


def contents(folder: Path) -> list:
    """Everything that a collection recorded, without names and clock times."""
    found = []
    for e in Dataset(folder).episodes:
        frames = Dataset(folder).frames(e)
        found.append((e.seed, e.outcome, {k: v.tobytes() for k, v in frames.items()}))
    return found


def test_a_killed_run_goes_on_to_the_same_result(tmp_path):
    """kill -9 at several moments; what comes out is what comes out of a run that went through."""
    whole = Run(tmp_path / "whole", small(rounds=1)).run()
    script = textwrap.dedent(
        f"""
        from pathlib import Path
        from tests.test_rounds import small
        from retouch.rounds import Run
        print("ready", flush=True)
        Run(Path({str(tmp_path / "killed")!r}), small(rounds=1)).run()
        """
    )
    root = Path(__file__).parent.parent
    rng = np.random.default_rng(0)
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        ) as child:
            assert child.stdout is not None
            child.stdout.readline()
            time.sleep(rng.uniform(0.0, 0.8))
            child.send_signal(signal.SIGKILL)
    run = Run(tmp_path / "killed", small(rounds=1))
    resumed = run.run()
    for timing in (tmp_path / "killed" / "policies").rglob("timing.json"):
        timing.unlink()  # whether a kill hit training is chance; the report does without
    assert all(p.training_s is None for p in describe_run(run, resumed).policies)
    for a, b in zip(whole, resumed, strict=True):
        assert a.final == b.final
        assert a.checkpoints == b.checkpoints
    for number in (0, 1):
        name = f"data/round-{number}"
        sides = [Dataset(tmp_path / side / name) for side in ("whole", "killed")]
        assert round_data(number, sides[0]) == round_data(number, sides[1])
        assert contents(tmp_path / "whole" / name) == contents(tmp_path / "killed" / name)
    for name in ("policies/round-0/seed-0", "policies/round-1/seed-0"):
        weights = [(tmp_path / side / name / "weights.safetensors").read_bytes() for side in ("whole", "killed")]
        assert weights[0] == weights[1]


def test_test_states_are_the_same_for_every_policy(finished):
    run, results = finished
    assert len({r.final.seeds for r in results}) == 1
    selected = [Evaluation.load(p).seeds for p in run.folder.glob("evaluations/*/*/*.json") if p.name != "final.json"]
    assert len(set(selected)) == 1
    assert not set(selected[0]) & set(results[0].final.seeds)
    collected = {e.seed for k in range(3) for e in Dataset(run.data(k)).episodes}
    assert not collected & (set(selected[0]) | set(results[0].final.seeds))
    assert next(attempt_seeds("test")) == results[0].final.seeds[0]


def blind(folder: Path, attempts: int):
    person = ScriptedPerson(Profile("blind", quality=0.0))
    target = Target(samples=100, max_attempts=attempts)
    return collect(tiny(), person, "take-over", folder, target, policy=StuckPolicy(), worlds=2)


def test_a_round_that_gave_up_does_not_grow_when_it_is_run_again(tmp_path):
    assert blind(tmp_path, 4).attempts == 4
    assert blind(tmp_path, 4).attempts == 4


def test_edits_do_not_make_attempts_repeat(tmp_path):
    blind(tmp_path, 3)
    exclude(tmp_path, [0, 1])
    relabel(tmp_path, 2, "aborted", "as a test")
    blind(tmp_path, 5)
    seeds = [e.seed for e in Dataset(tmp_path).all_episodes]
    assert seeds == list(itertools.islice(attempt_seeds("collect"), 5))


def test_a_folder_holds_one_collection(tmp_path):
    blind(tmp_path, 1)
    with pytest.raises(InputError, match="choose another folder"):
        collect(tiny(), ScriptedPerson(PROFILES["steady"]), "demonstrate", tmp_path, Target(episodes=1))


def test_two_processes_do_not_share_a_folder(tmp_path):
    with one_at_a_time(tmp_path), pytest.raises(InputError, match="in use"):
        blind(tmp_path, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"checkpoint_trials": -1},
        {"training_seeds": (0, 0)},
        {"training_seeds": (0, -1)},
        {"training_seeds": ()},
        {"collection_seed": -1},
        {"collection_seed": 1000},
        {"rounds": 100},
        {"training": dataclasses.replace(TRAINING, seed=3)},
        {"share": 0.0},
    ],
)
def test_bad_settings_are_refused_before_anything_is_done(changes):
    with pytest.raises(InputError):
        small(**changes)


def test_a_damaged_run_is_said_to_be_one(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(RetouchError, match="damaged"):
        Run(tmp_path, small())


def test_no_two_rounds_start_from_the_same_states():
    streams = [stream_of(seed, number) for seed in (0, 1, 999) for number in range(100)]
    assert len(set(streams)) == len(streams)


def test_a_run_of_people_waits_for_them_and_goes_on(tmp_path):
    """What is missing is said; what people have collected is trained on, and the next round waits again."""
    run = Run(tmp_path / "run", small(operator="web", rounds=1))
    with pytest.raises(PeopleNeeded, match=r"round 0 of .* needs 4 demonstrations more: collect them with"):
        run.run()
    person = ScriptedPerson(PROFILES["steady"])
    person.name = "anna"
    collect(run.task, person, "demonstrate", run.data(0), Target(episodes=4))
    with pytest.raises(PeopleNeeded, match=r"round 1 of .* needs \d+ samples by people more"):
        run.run()
    assert run.final(0).trials == 10
    assert [r.round for r in run.run(0)] == [0]


def test_a_scripted_person_may_demonstrate_what_people_correct(tmp_path):
    run = Run(tmp_path / "run", small(operator="web", demonstrator="scripted", rounds=1))
    assert [run.collected_by(0), run.collected_by(1)] == ["scripted", "web"]
    with pytest.raises(PeopleNeeded, match="round 1"):
        run.run()
    assert run.final(0).trials == 10
    assert {episode.operator for episode in Dataset(run.data(0)).episodes} == {"scripted:steady"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("{folder}/nowhere", "no run in .*nowhere: name a task"),
        ("{folder}", "no run in .*: name a task"),
        ("tinny", "unknown task 'tinny'; did you mean 'tiny'"),
    ],
)
def test_a_run_that_is_not_there_leaves_nothing_behind(tmp_path, capsys, monkeypatch, name, said):
    monkeypatch.chdir(tmp_path)
    assert main(["improve", name.format(folder=tmp_path)]) == 2
    assert re.search(said, capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == []


def test_a_run_goes_on_from_its_folder_alone(finished, capsys):
    run, results = finished
    assert main(["improve", str(run.folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [r["final"]["successes"] for r in told["results"]] == [list(r.final.successes) for r in results]
    assert main(["improve", str(run.folder), "--rounds", "7"]) == 2
    assert "leave the options out" in capsys.readouterr().err


def test_a_configuration_comes_back_from_its_file():
    config = small(alpha=0.5, training_seeds=(1, 2), workers=ImproveConfig.workers)
    assert ImproveConfig.from_json(json.loads(json.dumps(config.fingerprint()))) == config


def test_people_collect_together_and_a_script_does_not_join_them(tmp_path):
    with (
        one_at_a_time(tmp_path, together=True),
        one_at_a_time(tmp_path, together=True),
        pytest.raises(InputError, match="in use by another retouch"),
        one_at_a_time(tmp_path),
    ):
        pass
    with one_at_a_time(tmp_path), pytest.raises(InputError), one_at_a_time(tmp_path, together=True):
        pass


def test_a_run_of_either_type_of_policy_is_opened_again(tmp_path):
    catalogue = Catalogue(tmp_path)
    for task, kind in (("threading", "bc-rnn"), ("gear-insertion", "diffusion")):
        made = catalogue.create(task, {"task": task, "rounds": 2})
        assert made.config.training.type == kind
        again = RunFolder.open(made.folder)
        assert again.config == made.config
        assert again.other_versions == []


@pytest.mark.parametrize(("solved", "said"), [(2, True), (14, False), (30, False)])
def test_a_policy_that_is_worse_than_its_base_beyond_chance_is_told(solved: int, said: bool) -> None:
    """The base solves 15 of 40."""

    def result(number: int, successes: int) -> RoundResult:
        tried = Evaluation("policy", "test", tuple(range(40)), tuple(k < successes for k in range(40)), (9,) * 40)
        return RoundResult(number, 0, 100, tried, None, None, [])

    lines = worse_than_base([result(0, 15), result(1, solved)])
    assert bool(lines) == said
    if said:
        assert re.search(r"round 1, seed 0 is worse than its base: -32\.5 points \[-\d+\.\d, -\d+\.\d\]", lines[0])
