"""A small residual policy beside a base that is made up."""

import numpy as np
import torch

from retouch.geometry import Pose
from retouch.policies.chunks import Pace
from retouch.policies.eyes import eyes_of
from retouch.policies.info import PolicyInfo
from retouch.policies.nine import HERE
from retouch.policies.normaliser import Normaliser
from retouch.policies.residual import ResidualPolicy
from retouch.policies.residual_config import ResidualConfig
from retouch.policies.residual_network import ResidualNetwork, Scales
from retouch.policies.residual_view import ResidualView
from retouch.policies.tool_view import ENDINGS
from retouch.robots.ur5e_tick import ACTIONS, RECORD, TRACKS

NAMES = tuple(f"{name}_{end}" for name in ("tool", "board") for end in ENDINGS)
D = len(NAMES)


class Onward:
    """A base that nobody has heard of: every waypoint a centimetre further along x than the last."""

    pace, observation_dim = Pace(0.02, 1, 0.02, 0.1, 3), D

    def start(self, observation):
        return Pose.from_vector(observation[:7].astype(np.float64))

    def predict_action_chunk(self, history, random):
        chunk = np.repeat(history[:, -1:, :7].astype(np.float64), 4, axis=1)
        chunk[:, :, 0] += 0.01 * np.arange(1, 5)
        return chunk


def make_policy(seed: int | None = 0, base=None, **shape) -> ResidualPolicy:
    """With weights drawn by `seed`, or without any in its last layer."""
    config = ResidualConfig(hidden=16, channels=(4, 4, 4, 4, 4), **shape)
    ahead = np.tile(HERE, (1, config.waypoints, 1))
    view, seen = ResidualView(NAMES, config, scene=eyes_of(base) is None), observations(1)
    if eyes_of(base) is not None:
        seen = np.concatenate([seen, base.embed(np.zeros((1, 32, 32, 3), np.uint8))], axis=1)
    features = view.features(seen, ahead[:, : config.poses], ahead).shape[1]
    torch.manual_seed(seed or 0)
    network = ResidualNetwork(features, config)
    if seed is not None:
        torch.nn.init.normal_(network.out.weight, std=2.0)
        torch.nn.init.normal_(network.out.bias, std=2.0)
    info = PolicyInfo("residual", D, ACTIONS, NAMES, control_period_s=0.02)
    normaliser = Normaliser("none", np.zeros(features, np.float32), np.ones(features, np.float32))
    size = network.size
    scales = Scales(np.full(6, 0.1, np.float32), np.array([100.0] * 3 + [20.0] * 6 + [0.2] * 6, np.float32)[:size])
    return ResidualPolicy(info, base or Onward(), network, normaliser, scales)


def observations(count: int, seed: int = 1) -> np.ndarray:
    """Tool and board near each other, about upright."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((count, D), np.float32)
    rows[:, [0, 1, 2, 7, 8, 9]] = rng.uniform(-0.1, 0.1, (count, 6))
    rows[:, [3, 10]] = 1.0
    return rows


def ticks(count: int, seed: int = 2) -> np.ndarray:
    """Records of a step in which something is felt."""
    record = np.zeros((count, 10, RECORD))
    record[..., TRACKS["contact_wrench"]] = np.random.default_rng(seed).normal(size=(count, 10, 6)) * 5
    record[..., TRACKS["measured_pose"]] = [0, 0, 0, 1, 0, 0, 0]
    return record
