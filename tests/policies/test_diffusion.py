"""The diffusion policy: noise becomes waypoints, rows do not influence each other, chunks are followed."""

import threading

import numpy as np
import pytest
import torch

from retouch.control.waypoints import SPEED_LIMIT
from retouch.errors import InputError, PolicyError
from retouch.policies.chunks import in_real_time
from retouch.policies.denoising import Diffusion, Flow, process_of
from retouch.policies.diffusion import (
    SIZE,
    DiffusionNetwork,
    DiffusionPolicy,
    Spread,
    named_weights,
    network_description,
)
from retouch.policies.diffusion_config import DiffusionConfig
from retouch.policies.info import PolicyInfo
from retouch.policies.nine import IDENTITY
from retouch.policies.normaliser import Normaliser
from retouch.policies.tool_view import ENDINGS, ToolView
from retouch.robots.ur5e_tick import ACTIONS, REFERENCE, WRENCH

NAMES = tuple(f"{name}_{end}" for name in ("tool", "board") for end in ENDINGS)
D, PERIOD = len(NAMES), 0.02


def make_policy(process="diffusion", seed=0, **shape) -> DiffusionPolicy:
    config = DiffusionConfig(channels=(8, 16), embedding=8, process=process, **shape)
    torch.manual_seed(seed)
    features = ToolView(NAMES).features(np.stack([observations(config.history)])).shape[1]
    network = DiffusionNetwork(features, config)
    normaliser = Normaliser("none", np.zeros(features, np.float32), np.ones(features, np.float32))
    reach = np.array([0.02] * 3 + [0.05] * 6)
    spread = Spread.of(*(np.tile(IDENTITY + sign * reach, (config.waypoints, 1)) for sign in (-1, 1)))
    info = PolicyInfo("diffusion", D, ACTIONS, NAMES, control_period_s=PERIOD, network=network_description(config))
    return DiffusionPolicy.from_weights(info, named_weights(network.state_dict(), normaliser, spread))


def observations(count, seed=1):
    """Tool and board near each other, about upright."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((count, D), np.float32)
    rows[:, [0, 1, 2, 7, 8, 9]] = rng.uniform(-0.1, 0.1, (count, 6))
    rows[:, [3, 10]] = 1.0
    rows[:, [4, 5, 6]] = rng.uniform(-0.1, 0.1, (count, 3))
    return rows


@pytest.mark.parametrize("kind", [Diffusion, Flow])
def test_a_network_that_knows_the_answer_finds_it(kind):
    """Both processes lead from any noise to the waypoints, of which a network names the noise or where they are."""
    answer, process = torch.rand(5, 8, SIZE) * 1.8 - 0.9, kind(50, 16)

    def knows(noisy, level):
        if isinstance(process, Flow):
            return answer
        kept = process.kept[level.long()][:, None, None]
        return (noisy - kept.sqrt() * answer) / (1 - kept).sqrt()

    torch.testing.assert_close(process.clean(knows, torch.randn(5, 8, SIZE)), answer, atol=1e-3, rtol=0)


def test_noise_grows_from_next_to_nothing_to_everything():
    kept = Diffusion(50, 16).kept
    assert kept[0] > 0.99
    assert kept[-1] < 1e-4
    assert (kept[1:] < kept[:-1]).all()


@pytest.mark.parametrize("kind", [Diffusion, Flow])
def test_what_is_to_be_named_leads_back(kind):
    clean, noise = torch.rand(4, 8, SIZE), torch.randn(4, 8, SIZE)
    process = kind(50, 16)
    noisy, level, wanted = process.noisy(clean, noise, torch.tensor([0.0, 0.3, 0.6, 0.97]))
    if isinstance(process, Flow):
        torch.testing.assert_close(wanted, clean)
        left = (level / 50)[:, None, None]
        torch.testing.assert_close(noisy, (1 - left) * clean + left * noise)
    else:
        kept = process.kept[level.long()][:, None, None]
        torch.testing.assert_close((noisy - (1 - kept).sqrt() * wanted) / kept.sqrt(), clean, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(("process", "denoiser"), [("diffusion", "unet"), ("flow", "unet"), ("flow", "mlp")])
def test_rows_are_independent_bit_for_bit(process, denoiser):
    policy, seen = make_policy(process, denoiser=denoiser), observations(2 * 21).reshape(21, 2, D)

    def chunks(rows):
        return policy.predict_action_chunk(seen[rows], [np.random.default_rng(row) for row in rows])

    together = chunks(np.arange(21))
    np.testing.assert_array_equal(np.concatenate([chunks(np.array([row])) for row in range(21)]), together)
    np.testing.assert_array_equal(chunks(np.array([20, 3, 11])), together[[20, 3, 11]])
    assert np.ptp(together[:, -1, 0]) > 1e-3


def test_waypoints_lie_around_the_tool_wherever_it_is():
    policy, seen = make_policy(), observations(4).reshape(2, 2, D)
    moved = seen.copy()
    moved[..., [0, 7]] += 0.5
    randoms = [[np.random.default_rng(number) for number in (0, 1)] for _ in range(2)]
    one, other = map(policy.predict_action_chunk, (seen, moved), randoms)
    np.testing.assert_allclose(other[..., 0], one[..., 0] + 0.5, atol=1e-6)
    np.testing.assert_allclose(other[..., 1:], one[..., 1:], atol=1e-6)
    assert np.linalg.norm(one[..., :3] - seen[:, -1:, :3], axis=-1).max() < 0.05


def test_a_session_follows_its_chunks_and_asks_for_the_next_in_time():
    policy = make_policy(executed=3)
    asked = []
    inner = policy.predict_action_chunk

    def counting(history, random):
        asked.append(len(asked))
        return inner(history, random)

    policy.predict_action_chunk = counting
    session = policy.session(1)
    session.reset(0, seed=3)
    seen = observations(1)
    commands = np.concatenate([session.act(np.array([0]), seen) for _ in range(31)])
    assert len(asked) == 3  # at 0, 0.3 and 0.6 s
    reference = commands[:, REFERENCE]
    assert not commands[:, WRENCH].any()
    steps = np.linalg.norm(np.diff(reference[:, :3], axis=0), axis=1)
    assert steps.max() <= SPEED_LIMIT[0] * PERIOD + 1e-6
    assert steps.max() > 1e-4
    first = inner(np.repeat(seen[None], 2, axis=1), [np.random.default_rng(3)])[0]
    np.testing.assert_allclose(reference[4, :3], first[0, :3], atol=1e-6)  # 0.1 s on


def test_a_session_tells_the_waypoints_of_its_newest_chunk():
    policy, seen = make_policy(executed=3), observations(1)
    session = policy.session(1)
    session.reset(0, seed=3)
    assert session.waypoints(0).shape == (0, 8)
    told = []
    for _ in range(16):
        session.act(np.array([0]), seen)
        told.append(session.waypoints(0))
    chunk = policy.predict_action_chunk(np.repeat(seen[None], 2, axis=1), [np.random.default_rng(3)])[0]
    np.testing.assert_allclose(told[0][:, 0], 0.1 * np.arange(1, 33), atol=1e-6)
    for step in range(15):
        np.testing.assert_allclose(told[step][:, 0], told[0][:, 0] - step * PERIOD, atol=1e-6)
        np.testing.assert_allclose(told[step][:, 1:], chunk, atol=1e-6)
    np.testing.assert_allclose(told[15][:, 0], told[0][:, 0], atol=1e-6)  # the next one
    session.forget(0)
    assert session.waypoints(0).shape == (0, 8)


def test_where_time_is_real_a_step_does_not_wait_for_a_chunk():
    policy, seen, may_answer = make_policy(executed=3), observations(1), threading.Event()
    inner = policy.predict_action_chunk

    def slowly(history, random):
        may_answer.wait(30)
        return inner(history, random)

    policy.predict_action_chunk = slowly
    aside = in_real_time(policy)
    assert (aside.observation_dim, aside.action_dim) == (policy.observation_dim, policy.action_dim)
    session = aside.session(1)
    session.reset(0, seed=3)

    def step():
        return session.act(np.array([0]), seen)[0, REFERENCE][:3]

    held = [step() for _ in range(20)]
    np.testing.assert_allclose(held, np.repeat(seen[:, :3], 20, axis=0), atol=1e-6)  # it stands where the tool was
    may_answer.set()
    session._slots[0].awaited.result(30)
    reference = np.stack([step() for _ in range(40)])
    assert np.linalg.norm(np.diff(reference, axis=0), axis=1).max() <= SPEED_LIMIT[0] * PERIOD + 1e-6
    first = inner(np.repeat(seen[None], 2, axis=1), [np.random.default_rng(3)])[0]
    # The chunk's times count from when it was asked for: 0.4 s are over, the fifth waypoint is due with step 25.
    np.testing.assert_allclose(reference[4], first[4, :3], atol=1e-6)


def test_a_chunk_that_is_all_over_when_it_comes_is_an_error():
    policy, seen, may_answer = make_policy(), observations(1), threading.Event()
    inner = policy.predict_action_chunk
    policy.predict_action_chunk = lambda history, random: may_answer.wait(30) and inner(history, random)
    session = in_real_time(policy).session(1)
    session.reset(0, seed=3)
    ahead = policy.pace.waypoint_period * policy.network.config.waypoints
    for _ in range(round(ahead / PERIOD) + 1):
        session.act(np.array([0]), seen)
    may_answer.set()
    session._slots[0].awaited.result(30)
    with pytest.raises(PolicyError, match=r"thought for 3\.2 s about 3\.2 s ahead, all over by then"):
        session.act(np.array([0]), seen)


def test_a_chunk_that_comes_after_a_hand_back_is_not_followed():
    policy, seen, may_answer = make_policy(), observations(2), threading.Event()
    inner, asked = policy.predict_action_chunk, []

    def slowly(history, random):
        may_answer.wait(30)
        asked.append(history[0, -1])
        return inner(history, random)

    policy.predict_action_chunk = slowly
    session = in_real_time(policy).session(1)
    session.reset(0, seed=3)
    session.act(np.array([0]), seen[:1])
    dropped = session._slots[0].awaited
    session.forget(0)
    session.act(np.array([0]), seen[1:])
    may_answer.set()
    dropped.result(30)
    session._slots[0].awaited.result(30)
    (command,) = session.act(np.array([0]), seen[1:])
    assert np.linalg.norm(command[REFERENCE][:3] - seen[1, :3]) <= 2 * SPEED_LIMIT[0] * PERIOD + 1e-6
    np.testing.assert_array_equal(asked, seen)


def test_the_same_seed_is_the_same_attempt_and_hand_back_begins_at_the_tool():
    policy, seen = make_policy(), observations(30)

    def run(seed):
        session = policy.session(1)
        session.reset(0, seed)
        return session, np.concatenate([session.act(np.array([0]), row[None]) for row in seen[:10]])

    (session, one), (_, again), (_, other) = run(1), run(1), run(2)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    session.forget(0)
    (command,) = session.act(np.array([0]), seen[20:21])
    assert np.linalg.norm(command[REFERENCE][:3] - seen[20, :3]) <= SPEED_LIMIT[0] * PERIOD + 1e-6


def test_it_goes_on_from_the_reference_where_that_is_seen():
    names = tuple(f"{name}_{end}" for name in ("tool", "reference") for end in ENDINGS)
    seen = observations(1)[0]
    view = ToolView(names)
    np.testing.assert_array_equal(view.tool(seen), seen[:7])
    np.testing.assert_array_equal(view.reference(seen), seen[7:])
    np.testing.assert_array_equal(ToolView(NAMES).reference(seen), seen[:7])
    policy = make_policy()
    policy.view = view
    policy.predict_action_chunk = lambda history, random: np.tile(seen[7:], (1, 32, 1))  # it wants to stay there
    session = policy.session(1)
    session.reset(0, seed=1)
    (command,) = session.act(np.array([0]), seen[None])
    np.testing.assert_allclose(command[REFERENCE], seen[7:], atol=1e-6)


def test_what_does_not_fit_is_refused():
    policy = make_policy()
    session = policy.session(2)
    with pytest.raises(PolicyError, match="never reset"):
        session.act(np.array([0]), observations(1))
    session.reset(0, 0)
    with pytest.raises(PolicyError, match="observes"):
        session.act(np.array([0]), observations(1)[:, :5])
    with pytest.raises(PolicyError, match="twice"):
        session.act(np.array([0, 0]), observations(2))
    weights = named_weights(policy.network.state_dict(), policy.normaliser, policy.spread)
    with pytest.raises(PolicyError, match="do not fit"):
        DiffusionPolicy.from_weights(policy.info, {n: w for n, w in weights.items() if "middle" not in n})
    with pytest.raises(PolicyError, match="32 waypoints"):
        DiffusionPolicy.from_weights(
            policy.info, weights | {n: weights[n][:3] for n in ("spread.offset", "spread.scale")}
        )


@pytest.mark.parametrize("changes", [{"waypoints": 9}, {"executed": 40}, {"channels": ()}, {"inference_steps": 60}])
def test_impossible_shapes_are_named(changes):
    with pytest.raises(InputError):
        DiffusionConfig(**changes)


def test_the_papers_network_is_as_large_as_published():
    """73 M parameters in the published code, whose condition is longer."""
    network = DiffusionNetwork(800, DiffusionConfig(channels=(256, 512, 1024), embedding=128))
    assert 60e6 < sum(parameter.numel() for parameter in network.parameters()) < 90e6
    assert isinstance(network.process, type(process_of(DiffusionConfig())))
