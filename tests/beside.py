"""A policy of gear insertion that goes down beside the shaft, its weights set by hand, its file like any other."""

from pathlib import Path

import mujoco
import numpy as np

from retouch.policies.bc_rnn import BCRNNNetwork, named_weights, network_description
from retouch.policies.bc_rnn_config import BCRNNConfig
from retouch.policies.checkpoint import save_policy
from retouch.policies.info import PolicyInfo
from retouch.policies.normaliser import ActionScale, Normaliser
from retouch.robots.ur5e import command_of
from retouch.robots.ur5e_tick import REFERENCE
from retouch.tasks.gear import GearInsertion
from retouch.tasks.gear_scene import PITCH_RADIUS
from retouch.tasks.gear_view import View

SMALL = 1e-3  # a tanh of so little is its argument, to one part in a million
NEARER = np.array([0.05, 0.05, 0.012])  # share of the way that is left, in a step: sideways, and down
PRESS = 0.012  # below the board, so that the spring presses [m]


def beside(task: GearInsertion, data: mujoco.MjData, aside: np.ndarray, folder: Path) -> None:
    """Save a policy that leads the reference from where it is towards a place beside this world's shaft.

    Args:
        aside: of the place from the shaft, in world [m].
    """
    view = View(task.sight(data))
    goal = view.upright(np.array([0.0, 0.0, -PRESS]), view.yaw - view.mismatch / PITCH_RADIUS)
    save_linear(task, folder, command_of(goal).astype(np.float32), goal.position + aside)


def save_linear(task: GearInsertion, folder: Path, command: np.ndarray, goal: np.ndarray) -> None:
    """Save a BC-RNN that gives `command`, but for its position, which nears `goal` from the last reference [m]."""
    dimensions, actions = len(task.observation_names), len(task.action_names)
    first = task.observation_names.index("reference_x")
    config = BCRNNConfig(hidden=3, layers=1)
    network = BCRNNNetwork(dimensions, actions, config)
    state = {name: np.zeros(tensor.shape, np.float32) for name, tensor in network.state_dict().items()}
    # One LSTM cell a coordinate: nothing forgotten over, everything let in and out, tanh(tanh(SMALL x)) = SMALL x.
    forget, cell = slice(3, 6), slice(6, 9)
    state["lstm.bias_ih_l0"][:] = 30.0
    state["lstm.bias_ih_l0"][forget], state["lstm.bias_ih_l0"][cell] = -30.0, 0.0
    state["lstm.weight_ih_l0"][cell, first : first + 3] = SMALL * np.eye(3)
    place = slice(REFERENCE.start, REFERENCE.start + 3)
    scale, offset = np.full(actions, 1e-6, np.float32), command.astype(np.float32)
    scale[place], offset[place] = 1.0 / SMALL, 0.0
    state["head.weight"][place] = np.diag(1.0 - NEARER)
    state["head.bias"][place] = SMALL * NEARER * goal
    import torch

    save_policy(
        folder,
        PolicyInfo(
            type="bc-rnn",
            observation_dim=dimensions,
            action_dim=actions,
            observation_names=task.observation_names,
            task=task.name,
            control_period_s=task.control_period,
            network=network_description(config),
            normaliser="none",
        ),
        named_weights(
            {name: torch.from_numpy(array) for name, array in state.items()},
            Normaliser("none", np.zeros(dimensions, np.float32), np.ones(dimensions, np.float32)),
            ActionScale(offset, scale, np.full(actions, -1)),
        ),
    )
