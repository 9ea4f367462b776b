"""Cables and belts, one-dimensional flexes, as they are drawn: a rod, which is a capsule, from vertex to vertex.

A vertex hangs on a body, so a rod belongs to two of them: it takes its place from both, and has its rest length.
"""

from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from retouch.sim.shapes import INVISIBLE_ALPHA, UNSET_RGBA


class Rods(NamedTuple):
    """Every drawn edge of a model's flexes.

    Attributes:
        bodies: int64[R, 2], which the ends hang on.
        ends: float64[R, 2, 3], where, in the frames of those bodies [m].
        sizes: float64[R, 2], radius and half length at rest [m].
        rgba: float64[R, 4].
    """

    bodies: NDArray[np.int64]
    ends: NDArray[np.float64]
    sizes: NDArray[np.float64]
    rgba: NDArray[np.float64]


def rods_of(model: mujoco.MjModel, groups: tuple[int, ...] = (0, 1, 2)) -> Rods:
    """The rods of the model's one-dimensional flexes in these groups, in order, but for transparent ones."""
    bodies, ends, sizes, colours = [], [], [], []
    for flex in range(model.nflex):
        rgba = model.flex_rgba[flex].astype(float)
        if model.flex_dim[flex] != 1 or model.flex_group[flex] not in groups:
            continue
        material = model.flex_matid[model.flex_elemadr[flex]]
        if material >= 0 and np.all(rgba == UNSET_RGBA):
            rgba = model.mat_rgba[material].astype(float)
        if rgba[3] < INVISIBLE_ALPHA:
            continue
        first, edges = model.flex_edgeadr[flex], model.flex_edgenum[flex]
        vertices = model.flex_vertadr[flex] + model.flex_edge[first : first + edges].astype(np.int64)
        length = model.flexedge_length0[first : first + edges]
        bodies.append(model.flex_vertbodyid[vertices].astype(np.int64))
        ends.append(model.flex_vert[vertices].astype(float))
        sizes.append(np.column_stack([np.full(edges, model.flex_radius[flex]), length / 2]))
        colours.append(np.tile(rgba, (edges, 1)))
    if not bodies:
        return Rods(np.empty((0, 2), np.int64), np.empty((0, 2, 3)), np.empty((0, 2)), np.empty((0, 4)))
    return Rods(np.concatenate(bodies), np.concatenate(ends), np.concatenate(sizes), np.concatenate(colours))


def rod_poses(rods: Rods, data: mujoco.MjData) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middles, float64[R, 3] [m], and axes with z along the rod, float64[R, 9] row-major, in world."""
    turns = data.xmat[rods.bodies].reshape(-1, 2, 3, 3)
    ends = data.xpos[rods.bodies] + np.einsum("reij,rej->rei", turns, rods.ends)
    along = ends[:, 1] - ends[:, 0]
    z = along / np.maximum(np.sqrt(np.sum(along**2, axis=1, keepdims=True)), 1e-9)
    # Whichever of world's axes is farthest from the rod gives the other two; a capsule is the same all around.
    helper = np.eye(3)[np.argmin(np.abs(z), axis=1)]
    x = np.cross(helper, z)
    x /= np.maximum(np.sqrt(np.sum(x**2, axis=1, keepdims=True)), 1e-9)
    return ends.mean(axis=1), np.stack([x, np.cross(z, x), z], axis=-1).reshape(-1, 9)
