"""What a tool felt, and where its robot would have had to be asked to be to press as much: virtual targets.

A robot asked for a pose T at rest holds the tool where the wrench of its surroundings on the tool, w, lets it:
T = T_tool Exp(-w / K). A policy that learns where the tool was leans on nothing; one that learns T does.
"""

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64

from retouch.policies.nine import HERE, nine_of, poses_of, quats_by
from retouch.robots.ur5e import STIFFNESS
from retouch.robots.ur5e_tick import TICK

SMOOTHING = 0.1  # [s]


def averaged_at_ends(
    contact: Float32[np.ndarray, "T K 6"], lengths: Int64[np.ndarray, " E"], before: int, after: int = 0
) -> Float64[np.ndarray, "T 6"]:
    """The mean over the `before` ticks that end with each step and the `after` ticks that follow, within its episode.

    Args:
        contact: a wrench for each of the K ticks of a step, episode after episode.
        lengths: steps of each episode.
    """
    ticks, out = contact.shape[1], np.empty((len(contact), 6))
    for start, length in zip((np.cumsum(lengths) - lengths).tolist(), lengths.tolist(), strict=True):
        readings = contact[start : start + length].reshape(-1, 6).astype(np.float64)
        total = np.concatenate([np.zeros((1, 6)), np.cumsum(readings, axis=0)])
        ends = ticks * np.arange(1, length + 1)
        begin, end = np.maximum(0, ends - before), np.minimum(len(readings), ends + after)
        out[start : start + length] = (total[end] - total[begin]) / (end - begin)[:, None]
    return out


def felt_before(contact: Float32[np.ndarray, "T K 6"], lengths: Int64[np.ndarray, " E"]) -> Float32[np.ndarray, "T 6"]:
    """What the tool felt when each step was observed, over `SMOOTHING`: nothing at an episode's first."""
    felt = np.roll(averaged_at_ends(contact, lengths, round(SMOOTHING / TICK)), 1, axis=0).astype(np.float32)
    felt[np.cumsum(lengths) - lengths] = 0.0
    return felt


def virtual_targets(
    tool: Float[np.ndarray, "*rows 7"], felt: Float[np.ndarray, "*rows 6"]
) -> Float64[np.ndarray, "*rows 7"]:
    """Where a robot of its usual stiffness would have had to be asked to be: T_tool Exp(-w / K), in world.

    Args:
        tool: where it was, in world.
        felt: the wrench on it, in its own frame [N], [N m].
    """
    force, torque = -felt[..., :3] / STIFFNESS[0], -felt[..., 3:] / STIFFNESS[1]
    return poses_of(nine_of(np.concatenate([force, quats_by(torque)], axis=-1), HERE), tool)
