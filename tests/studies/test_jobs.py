"""Jobs are named by all that they depend on, and come in an order in which they can be done."""

import dataclasses
import gc
import shutil
from pathlib import Path

import pytest

import retouch
from retouch.errors import InputError, RetouchError
from retouch.operators.profile import profile
from retouch.progress import SILENT
from retouch.studies import jobs, local
from retouch.studies.interveners import Intervener, IwrScale
from retouch.studies.iwr import TABLES, table
from retouch.studies.jobs import Checkpoints, Collection, Policy, Trials, in_order, task_digest
from retouch.studies.store import Store

SCALE = IwrScale(demonstrations=2, rounds=2, training_seeds=2, trials=3, checkpoint_trials=2)


@pytest.fixture
def operator() -> Intervener:
    return Intervener("threading", profile("steady"), 0, SCALE)


def test_equal_descriptions_are_one_job(operator: Intervener) -> None:
    other = Intervener("threading", profile("steady"), 0, dataclasses.replace(SCALE, trials=99))
    assert operator.base(1) == other.base(1)
    assert hash(operator.base(1)) == hash(other.base(1))
    assert operator.base(1) != operator.base(0)


@pytest.mark.parametrize(
    "changed",
    [
        {"person": profile("hasty")},
        {"person": dataclasses.replace(profile("steady"), patience=3.5)},
        {"seed": 1},
        {"scale": dataclasses.replace(SCALE, demonstrations=3)},
        {"scale": dataclasses.replace(SCALE, share=0.5)},
        {"scale": dataclasses.replace(SCALE, training=dataclasses.replace(SCALE.training, epochs=39))},
    ],
)
def test_whatever_changes_the_result_changes_the_name(operator: Intervener, changed: dict) -> None:
    other = dataclasses.replace(operator, **changed)
    mine, theirs = (who.trained(who.base(0).method, who.data("iwr", 2), 0) for who in (operator, other))
    assert mine.key != theirs.key


def test_what_changes_nothing_does_not_change_the_name(operator: Intervener) -> None:
    quieter = dataclasses.replace(SCALE, training=dataclasses.replace(SCALE.training, report_every=7))
    assert operator.base(0) == Intervener("threading", profile("steady"), 0, quieter).base(0)


def test_a_changed_task_is_another_job(operator: Intervener) -> None:
    changed = dataclasses.replace(operator.demonstrations, task_digest="0" * 16)
    assert changed != operator.demonstrations
    assert operator.demonstrations.task_digest == task_digest("threading")


def test_the_first_round_of_every_method_is_shared(operator: Intervener) -> None:
    assert operator.interventions("iwr", 1) == operator.interventions("hg-dagger", 1)
    assert operator.interventions("iwr", 2) != operator.interventions("hg-dagger", 2)


def test_no_two_collections_share_initial_states(operator: Intervener) -> None:
    twice = dataclasses.replace(operator, seed=1)
    streams = [c.stream for who in (operator, twice) for c in who.data("iwr", 2)]
    assert len(set(streams)) == len(streams)
    assert operator.more_demonstrations.stream not in (operator.demonstrations.stream, twice.demonstrations.stream)


@pytest.mark.parametrize("name", [name for name in TABLES if TABLES[name][2] == "threading"])
def test_every_job_comes_after_what_it_needs(name: str) -> None:
    ordered = table(name, SCALE).jobs
    for k, job in enumerate(ordered):
        assert set(job.needs) <= set(ordered[:k])
    assert len({job.key for job in ordered}) == len(ordered)
    assert {type(job) for job in ordered} == {Collection, Policy, Trials, Checkpoints}


def test_the_grid_of_the_first_table() -> None:
    """Base and full demonstrations once, three methods over the rounds; three collections of the last rounds."""
    first = table("1", IwrScale())
    policies = [job for job in first.jobs if isinstance(job, Policy)]
    assert len(policies) == (2 + 3 * 3) * 3
    assert sum(isinstance(job, Collection) for job in first.jobs) == 2 + 1 + 3 + 3
    both = in_order(job for name in ("1", "3") for job in table(name, IwrScale()).jobs)
    assert sum(isinstance(job, Policy) for job in both) == len(policies) + 6 * 3


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"training_seeds": 0}, "training_seeds must be at least 1"),
        ({"share": 0.0}, "share must be a number above 0"),
        ({"share": float("nan")}, "share must be a number above 0"),
        ({"checkpoint_trials": -1}, "checkpoint_trials must be at least 0"),
    ],
)
def test_a_study_that_cannot_be(wrong: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        IwrScale(**wrong)


def test_the_code_is_part_of_the_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a file says counts, how it is commented does not; nor does a file that is never imported."""
    shutil.copytree(Path(retouch.__file__).parent, tmp_path / "retouch", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(jobs, "_ROOT", tmp_path / "retouch")
    monkeypatch.setattr(jobs, "__file__", str(tmp_path / "retouch" / "studies" / "jobs.py"))

    def digests() -> tuple[str, str]:
        jobs.code_digest.cache_clear()
        return jobs.code_digest("threading"), jobs.code_digest("coffee")

    def append(place: str, text: str) -> None:
        with (tmp_path / "retouch" / place).open("a") as file:
            file.write(text)

    before = digests()
    append("rollout.py", "# more\n")
    append("server/app.py", "MORE = 1\n")
    assert digests() == before
    append("tasks/coffee_lid.py", "MORE = 1\n")
    assert digests()[0] == before[0]
    assert digests()[1] != before[1]
    append("rollout.py", "MORE = 1\n")
    assert digests()[0] != before[0]
    monkeypatch.undo()
    jobs.code_digest.cache_clear()


def test_what_shapes_a_result_is_in_the_code() -> None:
    """The physics, the controller, the person, the network and its training; nothing that only shows them."""
    names = {path.relative_to(Path(retouch.__file__).parent).as_posix() for path in jobs.code_of("coffee")}
    assert {"control/osc.py", "learning/train.py", "operators/scripted.py", "policies/bc_rnn.py"} <= names
    assert {"rollout.py", "sim/world.py", "tasks/coffee_scene.py", "tasks/hand.py", "robots/sawyer.py"} <= names
    assert not [name for name in names if name.startswith(("server", "report", "commands", "tasks/threading"))]


def test_another_experiment_is_not_called_the_papers() -> None:
    """Its figures are not put beside the paper's."""
    assert table("1", IwrScale()).paper
    other = table("1", IwrScale(), people=("hasty",))
    assert not other.paper
    assert "hasty" in other.title
    with pytest.raises(InputError, match="named once"):
        table("1", IwrScale(), people=("hasty", "hasty"))


def test_a_collection_that_falls_short_is_no_result(tmp_path: Path) -> None:
    """Methods are compared on equal amounts of a person's samples."""
    few = dataclasses.replace(
        Intervener("threading", profile("steady"), 0, SCALE).demonstrations, episodes=3, max_attempts=1
    )
    store = Store(tmp_path)
    with pytest.raises(RetouchError, match="after 1 attempts"):
        store.do(few)
    assert not store.done(few)


def test_other_versions_do_not_go_on_with_a_job(tmp_path: Path) -> None:
    job, store = Intervener("threading", profile("steady"), 0, SCALE).demonstrations, Store(tmp_path)
    (store.folder(job)).mkdir()
    (store.folder(job) / "job.json").write_text('{"versions": {"mujoco": "0.1"}}')
    with pytest.raises(InputError, match=r"another version of .*mujoco"):
        store.do(job)


def test_a_worker_that_ends_leaves_nothing_open(operator: Intervener, tmp_path: Path) -> None:
    with pytest.raises(RetouchError, match="a job of the study failed"):
        local.run([operator.demonstrations], Store(tmp_path), [str(tmp_path), "not an order"], 2, SILENT)
    gc.collect()  # what is left open is told then, and fails a test
