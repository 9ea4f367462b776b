"""What a policy of waypoints makes of an observation: everything as seen from the tool, now and a moment ago.

Poses are found by the names of their entries (`board_x` ... `board_qz`), and so are points (`belt0_x`, `belt0_y`,
`belt0_z`), of which three zeros are none; both are in world. Where in the world the tool is does not count, but for its
height and which way is up: else a network can tell the episodes of its training apart by their places, and learn them
by heart. The reference is left out: how far the tool is from it says what it feels, and a base policy goes by position
only (CR-DAgger, section 3.2).
"""

import numpy as np
from jaxtyping import Float, Float32

from retouch.errors import PolicyError
from retouch.policies.nine import nine_of, rotations

ENDINGS = ("x", "y", "z", "qw", "qx", "qy", "qz")
TOOL, HIDDEN, FINGERS = "tool", "reference", "finger_"


class ToolView:
    """Features of a history of observations.

    Args:
        names: of the entries of an observation.
        scene: whether what is not the robot's own is seen: else a policy has to find it in its pictures.

    Raises:
        PolicyError: there is no tool among them.
    """

    def __init__(self, names: tuple[str, ...], scene: bool = True):
        starts = {
            name.removesuffix("_x"): number
            for number, name in enumerate(names)
            if name.endswith("_x") and names[number : number + 7] == tuple(f"{name[:-1]}{end}" for end in ENDINGS)
        }
        if TOOL not in starts:
            raise PolicyError("a policy of waypoints needs the tool's pose among the observations (tool_x ... tool_qz)")
        in_poses = {number for start in starts.values() for number in range(start, start + 7)}
        points = [
            number
            for number, name in enumerate(names)
            if number not in in_poses and names[number : number + 3] == tuple(f"{name[:-2]}_{k}" for k in "xyz")
        ]
        in_points = {number for start in points for number in range(start, start + 3)}
        self.dim = len(names)
        self._tool, self._reference = starts[TOOL], starts.get(HIDDEN, starts[TOOL])
        self._others = [start for name, start in starts.items() if name not in (TOOL, HIDDEN) and scene]
        self._points = [number + k for number in points if scene for k in range(3)]
        self._rest = [
            number
            for number, name in enumerate(names)
            if number not in in_poses | in_points and (scene or name.startswith(FINGERS))
        ]

    def tool(self, observations: Float[np.ndarray, "*rows D"]) -> Float[np.ndarray, "*rows 7"]:
        """Where the tool is, in world."""
        return observations[..., self._tool : self._tool + 7].astype(np.float64)

    def reference(self, observations: Float[np.ndarray, "*rows D"]) -> Float[np.ndarray, "*rows 7"]:
        """What the robot was last asked for, in world; where the tool is, if that is all that is seen."""
        return observations[..., self._reference : self._reference + 7].astype(np.float64)

    def features(self, history: Float32[np.ndarray, "B H D"]) -> Float32[np.ndarray, "B F"]:
        """Features of observations, the newest last: where the tool was and whatever else has a pose, as seen from the
        tool as it is; which way is up there, and how high it is; and what is no pose."""
        now = self.tool(history[:, -1:])
        seen = [nine_of(self.tool(history[:, :-1]), now)]
        seen += [nine_of(history[..., at : at + 7].astype(np.float64), now) for at in self._others]
        axes = rotations(now[:, 0, 3:])
        up, height = axes[:, 2], now[:, 0, 2:3]
        points = history[..., self._points].astype(np.float64).reshape(len(history), -1, 3)
        there = points.any(axis=2, keepdims=True)
        seen += [np.where(there, (points - now[:, :, :3]) @ axes, 0.0), up, height, history[..., self._rest]]
        return np.concatenate([part.reshape(len(history), -1) for part in seen], axis=1).astype(np.float32)
