"""A diffusion policy learns where the tool was led, from data of a compliant robot."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from retouch.errors import InputError, PolicyError
from retouch.learning.chunks import Samples
from retouch.learning.config import TrainConfig
from retouch.learning.data import TrainingData
from retouch.learning.train import train
from retouch.learning.weights import method
from retouch.policies.checkpoint import load_policy, read_info
from retouch.policies.diffusion import SIZE, DiffusionNetwork
from retouch.policies.diffusion_config import DiffusionConfig
from retouch.policies.tool_view import ENDINGS
from retouch.robots.ur5e_tick import ACTIONS

NAMES = tuple(f"{name}_{end}" for name in ("tool", "board") for end in ENDINGS)
SHAPE = DiffusionConfig(channels=(8, 16), embedding=8, waypoints=4, executed=2, inference_steps=8)
SMALL = TrainConfig(type="diffusion", steps=4, batch=8, checkpoints=2, save_every=1, report_every=1, diffusion=SHAPE)


def led(episodes: int = 6, steps: int = 40, seed: int = 0, speed: float = 0.2) -> TrainingData:
    """Tools that go straight to the board at a speed [m/s], from 10 cm away on all sides."""
    rng, rows = np.random.default_rng(seed), []
    for _ in range(episodes):
        board, angle = rng.uniform(-0.2, 0.2, 3), rng.uniform(-np.pi, np.pi)
        away = np.array([np.cos(angle), np.sin(angle), 0.0])
        for step in range(steps):
            tool = board + away * max(0.0, 0.1 - speed * 0.02 * step)
            rows.append([*tool, 1, 0, 0, 0, *board, 1, 0, 0, 0])
    return TrainingData.build(
        np.array(rows, np.float32),
        np.full((len(rows), ACTIONS), 500.0, np.float32),
        np.ones(len(rows), np.int8),
        np.full(episodes, steps),
        ("demonstration",) * episodes,
        observation_names=NAMES,
        control_period_s=0.02,
    )


def test_samples_are_within_their_episode() -> None:
    data = led(2, 40)
    samples = Samples.of(data, SHAPE)
    assert len(samples) == 80
    first, last = samples.waypoints(np.array([40, 79]))
    far = np.linalg.norm(first[:, :3], axis=1)  # 0.2 m/s, 0.1 s apart
    np.testing.assert_allclose(far, [0.02, 0.04, 0.06, 0.08], atol=1e-6)
    np.testing.assert_allclose(last[:, :3], 0.0, atol=1e-9)  # the episode is over
    with_past, without = samples.features(np.array([50, 41]))
    np.testing.assert_allclose(np.linalg.norm(with_past[:3]), 0.032, atol=1e-6)  # where the tool was 0.16 s ago
    np.testing.assert_allclose(np.linalg.norm(without[:3]), 0.004, atol=1e-6)  # one step into the episode


def test_after_the_end_of_an_episode_waypoints_count_little() -> None:
    samples = Samples.of(led(2), SHAPE)
    counts = samples.counts(np.array([40, 68, 79]))
    np.testing.assert_array_equal(counts, np.float32([[1, 1, 1, 1], [1, 1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1]]))


def test_a_waypoint_counts_as_much_as_is_said() -> None:
    torch.manual_seed(0)
    network = DiffusionNetwork(5, replace(SHAPE, process="flow"))
    seen, noise, waypoints = torch.randn(2, 5), torch.randn(2, 4, SIZE), torch.randn(2, 4, SIZE)
    counts, noisiest = torch.ones(2, 4), torch.ones(2)  # nothing of the waypoints is left in what the network is given
    apart = (network.denoiser(noise, 50.0 * noisiest, seen) - waypoints).square()
    counts[1, 2:] = 0.1
    with torch.no_grad():
        loss = network.loss(seen, waypoints, noise, noisiest, counts)
        torch.testing.assert_close(loss, (apart.mean(dim=2) * counts).sum() / 6.2)


def test_virtual_targets_lean_on_what_was_felt() -> None:
    """10 N along the tool's y, of its surroundings on it: the robot was asked for 1 cm the other way, and by then."""
    data = led(1, 40)
    felt = np.zeros((40, 6), np.float32)
    felt[20:, 1] = 10.0
    data, steps = replace(data, felt=felt), np.array([12])
    apart = Samples.of(data, SHAPE, virtual=True).waypoints(steps) - Samples.of(data, SHAPE).waypoints(steps)
    np.testing.assert_allclose(apart[0, :, 1], [0.0, -0.01, -0.01, -0.01], atol=1e-9)  # 0.1 s and more ahead
    np.testing.assert_allclose(np.delete(apart, 1, axis=-1), 0.0, atol=1e-9)
    with pytest.raises(InputError, match="virtual targets need data"):
        Samples.of(led(1), SHAPE, virtual=True)


def test_a_period_must_be_a_number_of_steps() -> None:
    with pytest.raises(InputError, match="waypoint_period"):
        Samples.of(led(1), replace(SHAPE, waypoint_period=0.03))


def test_stopped_and_resumed_is_the_same_to_the_bit(tmp_path) -> None:
    train(led(), method("full-demos"), SMALL, tmp_path / "whole")
    asked = iter([False, False, True])
    stopped = train(led(), method("full-demos"), SMALL, tmp_path / "parts", stop=lambda: next(asked))
    assert not stopped.finished
    train(led(), method("full-demos"), SMALL, tmp_path / "parts")
    for name in ("weights.safetensors", "checkpoints/step-000004.safetensors"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()
    info = read_info(tmp_path / "whole")
    assert (info.type, info.action_dim, info.control_period_s) == ("diffusion", ACTIONS, 0.02)
    assert info.training["config"]["diffusion"]["waypoints"] == 4
    assert "network" not in info.training["config"]


@pytest.mark.parametrize(("process", "steps"), [pytest.param("diffusion", 1500, marks=pytest.mark.slow), ("flow", 500)])
def test_it_learns_where_it_was_led(tmp_path, process, steps) -> None:
    """Two episodes by heart: from all over them it goes where the tool went, in directions that are not the same."""
    data = led(2)
    shape = replace(SHAPE, process=process, channels=(32, 64), embedding=16, waypoints=8, executed=4)
    config = replace(
        SMALL, steps=steps, batch=32, learning_rate=2e-3, diffusion=shape, save_every=1000, report_every=100
    )
    train(data, method("full-demos"), config, tmp_path)
    policy, samples = load_policy(tmp_path), Samples.of(data, shape)
    rows = np.arange(0, 80, 5)
    history = data.observation[np.maximum(rows[:, None] + samples.history, samples.first[rows][:, None])]
    chunks = policy.predict_action_chunk(history, [np.random.default_rng(step) for step in rows])  # type: ignore[attr-defined]
    went = data.observation[np.minimum(rows[:, None] + samples.ahead, samples.last[rows][:, None]), :3]
    missed = np.linalg.norm(chunks[..., :3] - went, axis=-1)
    assert np.median(missed) < 0.012  # of 10 cm


def test_where_an_episode_ends_the_policy_goes_on(tmp_path) -> None:
    """Demonstrations end as soon as the task is done, here at full speed: no reason to stand still just before that."""
    data = led(8, speed=0.1)  # until it is 2 cm from the board
    shape = replace(SHAPE, denoiser="mlp", hidden=64, process="flow")
    config = replace(SMALL, steps=800, batch=32, learning_rate=2e-3, diffusion=shape, save_every=1000, report_every=100)
    train(data, method("full-demos"), config, tmp_path)
    policy, samples = load_policy(tmp_path), Samples.of(data, shape)
    ends = np.flatnonzero(np.arange(len(data)) == samples.last)
    history = data.observation[ends[:, None] + samples.history]
    chunks = policy.predict_action_chunk(history, [np.random.default_rng(step) for step in ends])  # type: ignore[attr-defined]
    gone = np.linalg.norm(chunks[:, 1, :3] - data.observation[ends, :3], axis=-1)  # in 0.2 s
    assert np.median(gone) > 0.01  # of 2 cm at that speed


@pytest.fixture
def base(tmp_path):
    train(led(), method("full-demos"), replace(SMALL, steps=40, learning_rate=3e-3), tmp_path / "base")
    return tmp_path / "base"


def named(folder, data: TrainingData) -> np.ndarray:
    """What a policy says on some steps."""
    samples, rows = Samples.of(data, SHAPE), np.arange(0, 80, 7)
    history = data.observation[np.maximum(rows[:, None] + samples.history, samples.first[rows][:, None])]
    return load_policy(folder).predict_action_chunk(history, [np.random.default_rng(row) for row in rows])  # type: ignore[attr-defined]


def test_finetuning_goes_on_from_the_base_and_keeps_how_it_sees(tmp_path, base) -> None:
    other = led(seed=5)
    config = replace(SMALL, steps=1, learning_rate=1e-9, diffusion=replace(SHAPE, embedding=12))  # the base's counts
    train(other, method("finetune"), config, tmp_path / "still", base=base)
    one, same = load_policy(base), load_policy(tmp_path / "still")
    np.testing.assert_allclose(named(tmp_path / "still", other), named(base, other), atol=1e-5)
    np.testing.assert_array_equal(same.normaliser.offset, one.normaliser.offset)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(same.spread.scale, one.spread.scale)  # type: ignore[attr-defined]


def test_a_divergence_from_the_base_holds_it_back(tmp_path, base) -> None:
    other, config, went = led(seed=5), replace(SMALL, steps=200, batch=32, learning_rate=5e-3), {}
    for anchor in (0.0, 10.0):
        how = replace(method("finetune-kl"), anchor=anchor, rate=1.0)
        train(other, how, config, tmp_path / str(anchor), base=base)
        went[anchor] = np.abs(named(tmp_path / str(anchor), other) - named(base, other)).mean()
    assert went[10.0] < 0.5 * went[0.0]


def test_what_cannot_be_finetuned_says_so(tmp_path, base) -> None:
    with pytest.raises(InputError, match="finetune needs a base"):
        train(led(), method("finetune"), SMALL, tmp_path / "out")
    with pytest.raises(InputError, match="retrain goes without a base"):
        train(led(), method("retrain"), SMALL, tmp_path / "out", base=base)
    with pytest.raises(InputError, match="bc-rnn cannot be finetuned"):
        train(led(), method("finetune"), TrainConfig(steps=1), tmp_path / "out", base=base)
    with pytest.raises(PolicyError, match="sees something else"):
        train(replace(led(), observation_names=NAMES[::-1]), method("finetune"), SMALL, tmp_path / "out", base=base)
    with pytest.raises(InputError, match="beside a base"):
        train(led(), method("full-demos"), TrainConfig(type="residual", steps=1), tmp_path / "out")
