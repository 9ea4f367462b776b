"""A policy of gear insertion that goes down beside the shaft, as another package would bring it: in a file like any
other's, of a type that is an entry point."""

import os
from pathlib import Path

import mujoco
import numpy as np

from retouch.errors import PolicyError
from retouch.policies.checkpoint import Weights, save_policy
from retouch.policies.info import PolicyInfo
from retouch.robots.ur5e import command_of
from retouch.robots.ur5e_tick import REFERENCE
from retouch.tasks.gear import GearInsertion
from retouch.tasks.gear_scene import PITCH_RADIUS
from retouch.tasks.gear_view import View

ENTRY_POINTS = "[retouch.policies]\nbeside = tests.beside:Beside\n"
NEARER = np.array([0.05, 0.05, 0.012])  # share of the way that is left, in a step: sideways, and down
PRESS = 0.012  # below the board, so that the spring presses [m]


class Beside:
    """Leads the reference from where it is towards `command`, which it gives otherwise as it is."""

    def __init__(self, observation_dim: int, command: np.ndarray, reference: int):
        self.observation_dim, self.action_dim = observation_dim, len(command)
        self._command, self._reference = command, reference

    @classmethod
    def from_weights(cls, info: PolicyInfo, weights: Weights) -> "Beside":
        if "command" not in weights:
            raise PolicyError("it says where to go in 'command'")
        return cls(info.observation_dim, weights["command"], info.observation_names.index("reference_x"))

    def session(self, slots: int) -> "Beside":
        return self

    def reset(self, slot: int, seed: int) -> None:
        """It remembers nothing."""

    def forget(self, slot: int) -> None:
        """It remembers nothing."""

    def act(self, slots: np.ndarray, observations: np.ndarray) -> np.ndarray:
        actions = np.tile(self._command, (len(slots), 1))
        place, at = slice(REFERENCE.start, REFERENCE.start + 3), slice(self._reference, self._reference + 3)
        actions[:, place] = observations[:, at] + NEARER * (actions[:, place] - observations[:, at])
        return actions.astype(np.float32)


def beside(task: GearInsertion, data: mujoco.MjData, aside: np.ndarray, folder: Path) -> Beside:
    """Save and return a policy that goes to a place beside this world's shaft.

    Args:
        aside: of the place from the shaft, in world [m].
    """
    view = View(task.sight(data))
    goal = view.upright(np.array([0.0, 0.0, -PRESS]), view.yaw - view.mismatch / PITCH_RADIUS)
    command = command_of(goal)
    command[REFERENCE][:3] += aside
    info = PolicyInfo(
        type="beside",
        observation_dim=len(task.observation_names),
        action_dim=len(command),
        observation_names=task.observation_names,
        task=task.name,
        control_period_s=task.control_period,
    )
    weights = {"command": command.astype(np.float32)}
    save_policy(folder, info, weights)
    return Beside.from_weights(info, weights)


def plug_in(folder: Path) -> dict[str, str]:
    """What makes this type known to programs that are started with it in their environment."""
    (folder / "beside-0.dist-info").mkdir(parents=True)
    (folder / "beside-0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: beside\nVersion: 0\n")
    (folder / "beside-0.dist-info" / "entry_points.txt").write_text(ENTRY_POINTS)
    there = [str(folder), str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(there)}
