"""Policies of waypoints that look: what they see, when a picture is drawn for them, and a residual beside them."""

import numpy as np
import pytest
import torch

from policies.residuals import NAMES, D, Onward, make_policy, observations, ticks
from retouch.errors import PolicyError
from retouch.policies.chunks import in_real_time
from retouch.policies.diffusion import (
    SIZE,
    DiffusionNetwork,
    DiffusionPolicy,
    Spread,
    named_weights,
    network_description,
)
from retouch.policies.diffusion_config import DiffusionConfig
from retouch.policies.eyes import Eyes
from retouch.policies.info import PolicyInfo
from retouch.policies.nine import IDENTITY
from retouch.policies.normaliser import Normaliser
from retouch.policies.residual import BETWEEN_PICTURES
from retouch.robots.ur5e_tick import ACTIONS

S = 32
SHAPE = DiffusionConfig(denoiser="mlp", hidden=16, embedding=8, waypoints=8, executed=2, images="cnn", picture=S)


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, S, S, 3), dtype=np.uint8)


def looking(seed: int = 0) -> DiffusionPolicy:
    """A policy that looks, with weights drawn by `seed`."""
    torch.manual_seed(seed)
    features = 9 + 3 + 1  # where the tool was, what is up, how high it is: nothing of the board
    network = DiffusionNetwork(features, SHAPE)
    normaliser = Normaliser("none", np.zeros(features, np.float32), np.ones(features, np.float32))
    reach = np.array([0.02] * 3 + [0.05] * 6)
    spread = Spread.of(*(np.tile(IDENTITY + sign * reach, (SHAPE.waypoints, 1)) for sign in (-1, 1)))
    info = PolicyInfo("diffusion", D, ACTIONS, NAMES, control_period_s=0.02, network=network_description(SHAPE))
    return DiffusionPolicy.from_weights(info, named_weights(network.state_dict(), normaliser, spread))


def chunk(policy: DiffusionPolicy, seen: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Of one history, two observations with a picture each."""
    history = np.concatenate([seen, policy.embed(shown)], axis=1)[None]
    return policy.predict_action_chunk(history, [np.random.default_rng(0)])[0]


def test_it_goes_by_its_pictures_and_not_by_where_the_board_is() -> None:
    policy, seen, shown = looking(), observations(2), pictures(2)
    elsewhere = seen.copy()
    elsewhere[:, 7:10] += 0.05
    np.testing.assert_array_equal(chunk(policy, elsewhere, shown), chunk(policy, seen, shown))
    for changed in (0, 1):  # of both pictures
        other = shown.copy()
        other[changed] = pictures(1, seed=7)[0]
        assert np.abs(chunk(policy, seen, other) - chunk(policy, seen, shown)).max() > 1e-5


def test_a_picture_is_encoded_by_itself_to_the_bit() -> None:
    policy, shown = looking(), pictures(5)
    alone = np.concatenate([policy.embed(picture[None]) for picture in shown])
    np.testing.assert_array_equal(policy.embed(shown), alone)


def test_rows_do_not_influence_each_other() -> None:
    policy, seen = looking(), observations(6).reshape(3, 2, D)
    history = np.concatenate([seen, policy.embed(pictures(6)).reshape(3, 2, -1)], axis=2)
    together = policy.predict_action_chunk(history, [np.random.default_rng(row) for row in range(3)])
    for row in range(3):
        alone = policy.predict_action_chunk(history[row : row + 1], [np.random.default_rng(row)])
        np.testing.assert_array_equal(alone[0], together[row])


def drawn(session, steps: int, slots: int = 1, forget: int | None = None) -> list[list[int]]:
    """At which steps a picture is drawn in each slot; one is handed back at step `forget`."""
    now, asked = [0], [[] for _ in range(slots)]

    def eye(slot: int) -> np.ndarray:
        asked[slot].append(now[0])
        return pictures(1, seed=now[0])[0]

    session.look_through(eye)
    for slot in range(slots):
        session.reset(slot, slot)
    everyone = np.arange(slots)
    for step in range(steps):
        now[0] = step
        if step == forget:
            session.forget(0)
        session.act(everyone, observations(slots))
        if hasattr(session, "feel"):
            session.feel(everyone, ticks(slots))
    return asked


def test_pictures_are_drawn_for_chunks_and_not_in_every_step() -> None:
    """A chunk is asked for every 0.2 s and sees what is there, and what was 0.16 s before."""
    session = looking().session(2)
    assert session.eyes == Eyes("wrist", S)
    assert drawn(session, 25, slots=2) == [[0, 2, 10, 12, 20, 22]] * 2
    assert drawn(looking().session(1), 20, forget=5) == [[0, 2, 5, 7, 15, 17]]  # afresh from there


def test_what_is_recorded_in_training_is_what_is_seen() -> None:
    """A chunk is made of the picture of its own step, and of that of 8 steps before."""
    policy, told = looking(), []
    embed = policy.embed

    def listen(shown: np.ndarray) -> np.ndarray:
        told.append(shown.copy())
        return embed(shown)

    policy.embed = listen  # type: ignore[method-assign]
    drawn(policy.session(1), 21)
    by_step = {step: pictures(1, seed=step)[0] for step in (0, 2, 10, 12, 20)}
    for shown, steps in zip(told, ((0, 0), (2, 10), (12, 20)), strict=True):
        np.testing.assert_array_equal(shown, np.stack([by_step[step] for step in steps]))


def test_it_looks_in_real_time_too() -> None:
    session = in_real_time(looking()).session(1)
    assert drawn(session, 1) == [[0]]


def test_nothing_to_look_through() -> None:
    session = looking().session(1)
    session.reset(0, 0)
    with pytest.raises(PolicyError, match="nothing to look through"):
        session.act(np.array([0]), observations(1))
    assert make_policy().session(1).eyes is None


class Looking(Onward):
    """A base that nobody has heard of, and that looks."""

    eyes = Eyes("wrist", S)

    def embed(self, shown: np.ndarray) -> np.ndarray:
        return shown.reshape(len(shown), -1)[:, :4].astype(np.float32)


def test_a_residual_looks_as_its_base_does_as_often_as_pictures_are_recorded() -> None:
    policy = make_policy(base=Looking())
    assert policy.eyes == Looking.eyes
    (asked,) = drawn(policy.session(1), 12)
    of_the_base = [0, *range(15, 12, 15)]
    assert sorted(asked) == sorted([*of_the_base, *range(0, 12, BETWEEN_PICTURES)])
    seen = observations(1)
    poses, felt, noise = np.tile(seen[:, None, :7], (1, 3, 1)), np.zeros((1, 32, 6)), np.zeros((1, 75), np.float32)
    said = [
        policy.correct(np.concatenate([seen, policy.embed(pictures(1, k))], axis=1), poses, felt, None, noise)
        for k in (0, 1)
    ]
    assert np.abs(said[0] - said[1]).max() > 1e-6
    assert said[0].shape == (1, 5, SIZE + 6)
