"""Jobs are named by all that they depend on, and come in an order in which they can be done."""

import dataclasses

import pytest

from retouch.errors import InputError
from retouch.operators.profile import profile
from retouch.studies.iwr import TABLES, Operator, Scale, table
from retouch.studies.jobs import Checkpoints, Collection, Policy, Trials, in_order, task_digest

SCALE = Scale(demonstrations=2, rounds=2, training_seeds=2, trials=3, checkpoint_trials=2)


@pytest.fixture
def operator() -> Operator:
    return Operator("threading", profile("steady"), 0, SCALE)


def test_equal_descriptions_are_one_job(operator: Operator) -> None:
    other = Operator("threading", profile("steady"), 0, dataclasses.replace(SCALE, trials=99))
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
def test_whatever_changes_the_result_changes_the_name(operator: Operator, changed: dict) -> None:
    other = dataclasses.replace(operator, **changed)
    mine, theirs = (who.trained(who.base(0).method, who.data("iwr", 2), 0) for who in (operator, other))
    assert mine.key != theirs.key


def test_what_changes_nothing_does_not_change_the_name(operator: Operator) -> None:
    quieter = dataclasses.replace(SCALE, training=dataclasses.replace(SCALE.training, report_every=7))
    assert operator.base(0) == Operator("threading", profile("steady"), 0, quieter).base(0)


def test_a_changed_task_is_another_job(operator: Operator) -> None:
    changed = dataclasses.replace(operator.demonstrations, task_digest="0" * 16)
    assert changed != operator.demonstrations
    assert operator.demonstrations.task_digest == task_digest("threading")


def test_the_first_round_of_every_method_is_shared(operator: Operator) -> None:
    assert operator.interventions("iwr", 1) == operator.interventions("hg-dagger", 1)
    assert operator.interventions("iwr", 2) != operator.interventions("hg-dagger", 2)


def test_no_two_collections_share_initial_states(operator: Operator) -> None:
    twice = dataclasses.replace(operator, seed=1)
    streams = [c.stream for who in (operator, twice) for c in who.data("iwr", 2)]
    assert len(set(streams)) == len(streams)
    assert operator.more_demonstrations.stream not in (operator.demonstrations.stream, twice.demonstrations.stream)


@pytest.mark.parametrize("name", [name for name in TABLES if TABLES[name][2] == "threading"])
def test_every_job_comes_after_what_it_needs(name: str) -> None:
    jobs = table(name, SCALE).jobs
    for k, job in enumerate(jobs):
        assert set(job.needs) <= set(jobs[:k])
    assert len({job.key for job in jobs}) == len(jobs)
    assert {type(job) for job in jobs} == {Collection, Policy, Trials, Checkpoints}


def test_the_grid_of_the_first_table() -> None:
    """Base and full demonstrations once, three methods over the rounds; three collections of the last rounds."""
    first = table("1", Scale())
    policies = [job for job in first.jobs if isinstance(job, Policy)]
    assert len(policies) == (2 + 3 * 3) * 3
    assert sum(isinstance(job, Collection) for job in first.jobs) == 2 + 1 + 3 + 3
    both = in_order(job for name in ("1", "3") for job in table(name, Scale()).jobs)
    assert sum(isinstance(job, Policy) for job in both) == len(policies) + 6 * 3


def test_a_study_is_not_empty() -> None:
    with pytest.raises(InputError, match="training_seeds must be at least 1"):
        Scale(training_seeds=0)
