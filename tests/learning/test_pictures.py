"""Learning from pictures: which, how they are shifted, an encoder that stays as it is; blind policies as before."""

from dataclasses import replace

import numpy as np
import pytest

from learning.test_correct import SHAPE as RESIDUAL
from learning.test_correct import pushed
from learning.test_denoise import SMALL, led
from policies.residuals import NAMES
from retouch.episodes import DatasetWriter
from retouch.episodes.reader import Dataset
from retouch.episodes.schema import DatasetInfo, picture_features, standard_features
from retouch.errors import InputError
from retouch.learning import denoise
from retouch.learning.config import TrainConfig
from retouch.learning.correct import correct, observed
from retouch.learning.data import TrainingData
from retouch.learning.pictures import Pictures, shifted
from retouch.learning.train import train
from retouch.learning.weights import method
from retouch.policies.checkpoint import load_policy, read_info, read_weights
from retouch.policies.diffusion_config import DiffusionConfig
from retouch.policies.eyes import Eyes

S = 24
BLIND = DiffusionConfig(denoiser="mlp", hidden=16, embedding=8, waypoints=4, executed=2, inference_steps=2)
LOOKING = replace(BLIND, images="cnn", picture=S, shift=2)
CONFIG = replace(SMALL, diffusion=LOOKING)


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, S, S, 3), dtype=np.uint8)


def filmed(seed: int = 0) -> TrainingData:
    """Tools that are led, with a picture every fourth step."""
    data = led(4, 40)
    return replace(data, pictures=Pictures(pictures(40, seed), np.arange(160) // 4))


def recorded(folder, size: int = S, episodes: int = 2) -> Dataset:
    """Episodes of 10 steps, with a picture every fourth."""
    features = standard_features(len(NAMES), 2, observation_names=NAMES) | picture_features("wrist", size)
    with DatasetWriter.open(folder, DatasetInfo("tiny", 0.02, features)) as writer:
        for number in range(episodes):
            episode, shown = writer.begin(kind="demonstration", seed=number), pictures(3, number)
            for step in range(10):
                row = {"observation": np.full(len(NAMES), step, np.float32), "action": np.zeros(2, np.float32)}
                newest = np.ascontiguousarray(np.resize(shown[step // 4], (size, size, 3)))
                row |= {"picture_wrist": newest, "picture_wrist_s": 0.08 * (step // 4)}
                episode.append(row | {"control_source": 3 if number == 1 and step < 2 else 1, "success": step == 9})
            episode.commit("success", "as it was made")
    return Dataset(folder)


def test_every_picture_is_kept_once_and_every_step_knows_its_newest(tmp_path) -> None:
    shown, newest = recorded(tmp_path).pictures("wrist")
    np.testing.assert_array_equal(shown, np.concatenate([pictures(3, 0), pictures(3, 1)]))
    assert newest.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5]
    assert isinstance(shown, np.memmap)
    some, which = recorded(tmp_path / "other").pictures("wrist", [1])
    np.testing.assert_array_equal(some[which], pictures(3, 1)[[0, 0, 0, 0, 1, 1, 1, 1, 2, 2]])


def test_pictures_of_several_data_sets_without_the_pauses(tmp_path) -> None:
    sets = [recorded(tmp_path / "one"), recorded(tmp_path / "two", episodes=1)]
    data = TrainingData.from_datasets(sets, eyes=Eyes("wrist", S))
    assert data.pictures is not None
    assert data.lengths.tolist() == [10, 8, 10]
    assert np.flatnonzero(data.pictures.fresh).tolist() == [0, 4, 8, 10, 12, 16, 18, 22, 26]
    np.testing.assert_array_equal(
        data.pictures.shown[data.pictures.newest[[17, 18]]], [pictures(3, 1)[2], pictures(1)[0]]
    )
    assert data.digest() != TrainingData.from_datasets(sets).digest()


def test_data_without_the_pictures_say_so(tmp_path) -> None:
    with pytest.raises(InputError, match="pictures of 24 pixels, the policy's have 96"):
        TrainingData.from_datasets([recorded(tmp_path)], eyes=Eyes("wrist", 96))
    with pytest.raises(InputError, match="no pictures of the camera 'head': record them with collect --camera 96"):
        TrainingData.from_datasets([Dataset(tmp_path)], eyes=Eyes("head", 96))
    with pytest.raises(InputError, match="these data have none"):
        train(led(), method("full-demos"), CONFIG, tmp_path / "policy")


def test_a_sample_is_shifted_as_a_whole() -> None:
    """Not by more than was asked for, its pictures alike, and no pixel is made up."""
    across = np.broadcast_to(np.arange(S, dtype=np.uint8)[:, None], (S, S, 3))
    ramps = np.tile(across, (50, 2, 1, 1, 1))
    moved = shifted(ramps, 3, np.random.default_rng(0)).astype(int)
    by = moved[:, 0, S // 2, S // 2, 0] - S // 2
    assert set(by.tolist()) == set(range(-3, 4))
    np.testing.assert_array_equal(moved[:, 0], moved[:, 1])
    expected = np.clip(np.arange(S) + by[:, None], 0, S - 1)
    np.testing.assert_array_equal(moved[:, 1, 5, :, 2], expected)
    np.testing.assert_array_equal(shifted(ramps, 0, np.random.default_rng(0)), ramps)


def test_stopped_and_resumed_is_the_same_to_the_bit(tmp_path) -> None:
    train(filmed(), method("full-demos"), CONFIG, tmp_path / "whole")
    asked = iter([False, False, True])
    assert not train(filmed(), method("full-demos"), CONFIG, tmp_path / "parts", stop=lambda: next(asked)).finished
    train(filmed(), method("full-demos"), CONFIG, tmp_path / "parts")
    one, other = (read_weights(tmp_path / name) for name in ("whole", "parts"))
    for name, weights in one.items():
        np.testing.assert_array_equal(weights, other[name])
    info = read_info(tmp_path / "whole")
    assert info.network["images"] == "cnn"
    assert info.training["windows"] == 40  # the steps with a picture of their own
    assert load_policy(tmp_path / "whole").eyes == Eyes("wrist", S)  # type: ignore[attr-defined]


def test_it_learns_what_only_the_pictures_show(tmp_path) -> None:
    """Tools go to one side or the other, and nothing but a bright spot tells which."""
    data = filmed()
    side = np.repeat([-1, 1, -1, 1], 40)
    observation = np.zeros_like(data.observation)
    observation[:, [3, 10]] = 1.0
    observation[:, 0] = side * 0.004 * np.tile(np.arange(40), 4)
    lit = np.zeros((2, S, S, 3), np.uint8)
    lit[0, :, 2:6], lit[1, :, -6:-2] = 255, 255
    shown = lit[(side[::4] + 1) // 2]
    data = replace(data, observation=observation, pictures=Pictures(shown, data.pictures.newest))  # type: ignore[union-attr]
    shape = replace(LOOKING, process="flow", hidden=32)
    config = replace(
        CONFIG, diffusion=shape, steps=300, batch=16, learning_rate=3e-3, save_every=1000, report_every=100
    )
    train(data, method("full-demos"), config, tmp_path)
    policy, seen = load_policy(tmp_path), observation[[0, 0]]
    goes = []
    for picture in lit:
        history = np.concatenate([seen, policy.embed(np.stack([picture] * 2))], axis=1)[None]  # type: ignore[attr-defined]
        chunk = policy.predict_action_chunk(history, [np.random.default_rng(0)])  # type: ignore[attr-defined]
        goes.append(float(chunk[0, -1, 0]))
    assert goes[0] < -0.03  # of 8 cm
    assert goes[1] > 0.03


def test_a_finetuned_encoder_stays_as_it_was(tmp_path) -> None:
    train(filmed(), method("full-demos"), CONFIG, tmp_path / "base")
    train(filmed(1), method("finetune"), CONFIG, tmp_path / "fine", base=tmp_path / "base")
    before, after = (read_weights(tmp_path / name) for name in ("base", "fine"))
    for name in before:
        same = np.array_equal(before[name], after[name])
        assert same == (not name.startswith("network.denoiser.")), name


def test_a_residual_learns_from_what_the_base_makes_of_pictures(tmp_path) -> None:
    train(filmed(), method("full-demos"), CONFIG, tmp_path / "base")
    data = pushed()
    data = replace(data, pictures=Pictures(pictures(200), np.arange(800) // 4))
    base = load_policy(tmp_path / "base")
    seen = observed(data, base, np.array([7, 3, 4]))  # type: ignore[arg-type]
    np.testing.assert_array_equal(seen[:, len(NAMES) :], base.embed(pictures(2)[[1, 0, 1]]))  # type: ignore[attr-defined]
    config = replace(CONFIG, residual=RESIDUAL)
    correct(data, tmp_path / "base", method("compliant-residual"), config, tmp_path / "policy")
    kept, base_weights = read_weights(tmp_path / "policy"), read_weights(tmp_path / "base")
    for name, weights in base_weights.items():
        np.testing.assert_array_equal(kept[f"base.{name}"], weights)
    assert load_policy(tmp_path / "policy").eyes == Eyes("wrist", S)  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="these corrections have none"):
        correct(pushed(), tmp_path / "base", method("compliant-residual"), config, tmp_path / "other")


def test_what_a_blind_policy_is_known_by_has_not_changed() -> None:
    """Runs that were begun before policies could look go on: the same description, and the same fingerprint."""
    steps = 12
    data = TrainingData.build(
        np.tile(np.array([0, 0, 0, 1, 0, 0, 0] * 2, np.float32), (steps, 1)),
        np.zeros((steps, 29), np.float32),
        np.ones(steps, np.int8),
        np.array([steps]),
        ("demonstration",),
        observation_names=NAMES,
        control_period_s=0.02,
    )
    config = TrainConfig(type="diffusion", steps=3, diffusion=BLIND)
    recipe = denoise.recipe(data, method("full-demos"), config)
    assert recipe.fingerprint == "92f2dd1b4db8720595deaf802f7d45e751823eaf34f8fd32fb9407f4ae7e9403"
    assert not {"images", "picture", "camera", "shift", "pretrained"} & set(recipe.describe().network)
    assert next(iter(recipe.network().state_dict())) == "denoiser.into.weight"
