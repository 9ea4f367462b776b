"""Windows and what batches are made of (paper 1, section IV-C)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retouch.errors import InputError
from retouch.learning.batches import Sampler, Windows
from retouch.learning.weights import method

from .samples import data_of, study

IWR = method("iwr")


def windows_of(name, *episodes, length=4, **options):
    return Windows.of(data_of(*episodes), method(name), length, **options)


def gathered(windows):
    steps, mask = windows.gather(np.arange(len(windows.first)))
    return steps.tolist(), mask.astype(int).tolist()


def test_a_window_starts_at_every_step_and_never_leaves_its_episode():
    windows = windows_of("iwr", ("demonstration", "OOOOO"), ("corrected", "PO"))
    steps, mask = gathered(windows)
    assert steps == [
        [0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 4], [3, 4, 4, 4], [4, 4, 4, 4],
        [5, 6, 6, 6], [6, 6, 6, 6],
    ]  # fmt: skip
    assert mask == [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0]]


def test_a_window_has_the_label_of_its_first_step():
    windows = windows_of("iwr", ("corrected", "PPOOPP"))
    assert windows.first.tolist() == [0, 1, 2, 3, 4, 5]
    assert windows.in_interventions.tolist() == [False, False, True, True, False, False]
    assert gathered(windows)[1][1] == [1, 1, 1, 1]  # runs on into the intervention and past it


def test_windows_can_be_split_where_the_label_changes():
    steps, mask = gathered(windows_of("iwr", ("corrected", "PPOOPP"), split_at_label_changes=True))
    assert steps[1] == [1, 1, 1, 1]
    assert steps[2] == [2, 3, 3, 3]
    assert [sum(row) for row in mask] == [2, 1, 2, 1, 2, 1]


def test_pauses_are_bridged():
    windows = windows_of("iwr", ("corrected", "P--OO"))
    assert gathered(windows) == ([[0, 1, 2, 2], [1, 2, 2, 2], [2, 2, 2, 2]], [[1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0]])


@given(st.lists(st.text("POB-", min_size=1, max_size=30), min_size=1, max_size=5), st.integers(1, 12), st.booleans())
def test_hg_dagger_never_clones_a_step_of_the_policy(episodes, length, split):
    data = data_of(("demonstration", "OOO"), *(("corrected", letters) for letters in episodes))
    windows = Windows.of(data, method("hg-dagger"), length, split_at_label_changes=split)
    steps, mask = windows.gather(np.arange(len(windows.first)))
    assert not (mask.astype(bool) & (data.control_source[steps] == 0)).any()
    assert mask[:, 0].all()
    everyone_elses = np.flatnonzero(data.control_source != 0)
    assert windows.first.tolist() == everyone_elses.tolist()
    assert set(steps[mask == 1]) == set(everyone_elses)


def test_hg_dagger_masks_the_policy_inside_a_window():
    assert gathered(windows_of("hg-dagger", ("corrected", "POPO"))) == (
        [[1, 2, 3, 3], [3, 3, 3, 3]],
        [[1, 0, 1, 0], [1, 0, 0, 0]],
    )


@given(st.lists(st.text("POB-", min_size=1, max_size=30), min_size=1, max_size=5), st.integers(1, 12), st.booleans())
def test_windows_stay_in_their_episode(episodes, length, split):
    data = data_of(("demonstration", "O"), *(("corrected", letters) for letters in episodes))
    windows = Windows.of(data, IWR, length, split_at_label_changes=split)
    steps, mask = windows.gather(np.arange(len(windows.first)))
    episode = np.repeat(np.arange(len(data.lengths)), data.lengths)
    assert (episode[steps] == episode[steps[:, :1]]).all()
    assert (np.diff(steps, axis=1) >= 0).all()
    if split:
        assert (data.labels[steps] == data.labels[steps[:, :1]]).all()
    if not split:
        left = (data.starts + data.lengths)[episode[windows.first]] - windows.first
        assert (mask.sum(axis=1) == np.minimum(left, length)).all()


def test_nothing_to_train_on():
    with pytest.raises(InputError, match="no samples to train on with the method 'hg-dagger'"):
        windows_of("hg-dagger", ("rollout", "PPP"))


def draws(method, batch, steps, seed=0, data=None):
    windows = Windows.of(data or study(), method)
    sampler = Sampler(windows, method, batch, seed)
    return windows, [sampler.draw(step) for step in range(steps)]


@pytest.mark.parametrize("batch", [100, 32, 2])
def test_iwr_draws_equal_halves_in_every_batch(batch):
    windows, drawn = draws(IWR, batch, 50)
    assert [int(windows.in_interventions[ids].sum()) for ids in drawn] == [batch // 2] * 50
    assert all(len(ids) == batch for ids in drawn)


def test_an_odd_batch_is_halved_in_the_long_run():
    windows, drawn = draws(IWR, 7, 40)
    counts = [int(windows.in_interventions[ids].sum()) for ids in drawn]
    assert set(counts) == {3, 4}
    assert sum(counts) == 140


@given(st.floats(0.1, 30), st.integers(1, 60), st.integers(1, 40))
def test_batches_hold_their_share(alpha, batch, steps):
    chosen = IWR.replace(alpha=alpha)
    windows, drawn = draws(chosen, batch, steps)
    interventions = int(windows.in_interventions.sum())
    share = alpha * interventions / (alpha * interventions + len(windows.first) - interventions)
    counts = np.array([windows.in_interventions[ids].sum() for ids in drawn])
    if alpha != 1:
        assert (np.abs(counts - batch * share) < 1 + 1e-6).all()
        assert (np.abs(counts.cumsum() - batch * share * np.arange(1, steps + 1)) <= 0.5 + 1e-6).all()
    assert all(len(ids) == batch for ids in drawn)


def test_alpha_of_the_ratio_draws_the_same_batches_as_balanced():
    windows = Windows.of(study(), IWR)
    ratio = float((~windows.in_interventions).sum() / windows.in_interventions.sum())
    for batch in (100, 33):
        for same, other in zip(draws(IWR, batch, 30)[1], draws(IWR.replace(alpha=ratio), batch, 30)[1], strict=True):
            np.testing.assert_array_equal(same, other)


def test_alpha_one_is_uniform_over_all_windows():
    """Every window once in each pass, whatever its label; the same batches as iwr-nb and full-demos."""
    windows, drawn = draws(IWR.replace(alpha=1.0), 60, 23)
    total = len(windows.first)
    assert total % 60 == 40  # the passes do not end with a batch
    flat = np.concatenate(drawn)
    for number in range(len(flat) // total):
        assert sorted(flat[number * total : (number + 1) * total]) == list(range(total))
    for name in ("iwr-nb", "full-demos"):
        np.testing.assert_array_equal(flat, np.concatenate(draws(method(name), 60, 23)[1]))


def test_each_set_is_drawn_without_replacement():
    windows, drawn = draws(IWR, 100, 40)
    flat = np.concatenate(drawn)
    for members in (windows.in_interventions, ~windows.in_interventions):
        stream, size = flat[members[flat]], int(members.sum())
        for number in range(len(stream) // size):
            assert sorted(stream[number * size : (number + 1) * size]) == np.flatnonzero(members).tolist()
        assert not np.array_equal(stream[:size], stream[size : 2 * size]) or len(stream) < 2 * size


def test_a_weighted_sample_is_drawn_alpha_times_as_often():
    windows, drawn = draws(IWR.replace(alpha=5.0), 100, 500)
    counts = np.bincount(np.concatenate(drawn), minlength=len(windows.first))
    interventions, rollout = counts[windows.in_interventions], counts[~windows.in_interventions]
    assert interventions.mean() / rollout.mean() == pytest.approx(5, rel=0.01)
    assert np.ptp(interventions) <= 1
    assert np.ptp(rollout) <= 1


@given(st.integers(0, 200), st.integers(0, 1000), st.sampled_from(["iwr", "iwr-nb", "hg-dagger"]))
def test_a_batch_depends_on_seed_and_step_alone(step, seed, name):
    windows = Windows.of(study(), method(name))
    fresh, used = Sampler(windows, method(name), 30, seed), Sampler(windows, method(name), 30, seed)
    for other in (step + 1, 0, 77):
        used.draw(other)
    np.testing.assert_array_equal(fresh.draw(step), used.draw(step))
    assert not np.array_equal(fresh.draw(step), Sampler(windows, method(name), 30, seed + 1).draw(step))


def test_an_epoch_is_as_many_steps_as_there_are_windows_whatever_the_weights():
    windows = Windows.of(study(), IWR)
    assert len(windows.first) == 460
    for alpha in (1.0, "balanced", 30.0):
        assert Sampler(windows, IWR.replace(alpha=alpha), 100, 0).steps_per_epoch == 5
    hg_dagger = Windows.of(study(), method("hg-dagger"))
    assert Sampler(hg_dagger, method("hg-dagger"), 100, 0).steps_per_epoch == 3  # 180 + 88 windows


def test_balanced_without_interventions_draws_what_there_is():
    data = data_of(("demonstration", "O" * 20))
    windows, drawn = draws(IWR, 20, 3, data=data)
    assert all(sorted(ids) == list(range(20)) for ids in drawn)
    swapped = IWR.replace(demonstrations_count_as="interventions")
    windows, drawn = draws(swapped, 20, 3, data=data)
    assert windows.in_interventions.all()
    assert all(sorted(ids) == list(range(20)) for ids in drawn)


def test_an_empty_batch():
    with pytest.raises(InputError, match="batch"):
        draws(IWR, 0, 1)
