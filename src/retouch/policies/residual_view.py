"""What a residual policy sees of the scene, of its own motion and of where its base is heading: all from the tool."""

import numpy as np
from jaxtyping import Float, Float32

from retouch.errors import PolicyError
from retouch.policies.nine import nine_of
from retouch.policies.residual_config import ResidualConfig
from retouch.policies.tool_view import ToolView

SOON = 0.01  # half a step: what is due before is due now [s]


class ResidualView:
    """Features of what there is at the beginning of a step.

    Args:
        names: of the entries of an observation.
        scene: whether what is not the robot's own is seen, as by a base that does without pictures.

    Raises:
        PolicyError: there is no tool among them.
    """

    def __init__(self, names: tuple[str, ...], config: ResidualConfig, scene: bool = True):
        self._tool_view, self._config = ToolView(names, scene), config
        self.dim, self.tool = self._tool_view.dim, self._tool_view.tool

    def features(
        self,
        observation: Float32[np.ndarray, "B D"],
        poses: Float[np.ndarray, "B P 7"],
        ahead: Float[np.ndarray, "B W 7"] | None = None,
    ) -> Float32[np.ndarray, "B F"]:
        """The scene as the base sees it now; where the tool was, the newest last; and where the base will want it.

        Args:
            observation: with what the base makes of the newest picture behind it, where it looks.
            poses: of the tool, measured, in world.
            ahead: waypoints of the base, in world, where the policy sees them.

        Raises:
            PolicyError: it does not get the waypoints that it sees.
        """
        now = self.tool(observation[:, None])
        parts = [self._tool_view.features(observation[:, None]), nine_of(poses[:, :-1], now)]
        parts.append(observation[:, self.dim :])
        if self._config.base_action:
            if ahead is None:
                raise PolicyError("this residual policy sees where its base is heading, and the base does not say")
            parts.append(nine_of(ahead, now))
        return np.concatenate([part.reshape(len(observation), -1) for part in parts], axis=1).astype(np.float32)


def next_waypoints(chunk: Float[np.ndarray, "N 8"], count: int) -> Float[np.ndarray, "count 7"] | None:
    """The first `count` poses of a chunk that are still ahead, the last one again where it is shorter.

    None where there is no chunk.
    """
    if not len(chunk) or not np.isfinite(chunk[0]).all():
        return None
    first = int(np.searchsorted(chunk[:, 0], SOON))
    return chunk[np.minimum(first + np.arange(count), len(chunk) - 1), 1:]
