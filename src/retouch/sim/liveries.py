"""Colours that differ between attempts: what one model is painted in follows from a number in a world's user data.

So whoever draws a state needs the model and the state, and all worlds share the model. The colours travel in the model
as custom numbers.
"""

import copy
from collections.abc import Mapping, Sequence

import mujoco
import numpy as np

Colour = tuple[float, float, float, float]
AT, PAINT = "livery_at", "livery_paint"


def add_liveries(spec: mujoco.MjSpec, at: int, paints: Mapping[Colour, Sequence[Colour]]) -> None:
    """Let a model be painted in several ways.

    Args:
        at: where in the user data the number of the way is.
        paints: for each colour of geoms and cables that differs (rgba), what it is in every way.
    """
    spec.add_numeric(name=AT, data=[at], size=1)
    for number, (colour, ways) in enumerate(paints.items()):
        rgba = np.array([colour, *ways], dtype=float).ravel()
        spec.add_numeric(name=f"{PAINT}{number}", data=rgba, size=len(rgba))


def livery_of(data: mujoco.MjData) -> int:
    """Which of its model's `liveries` a world shows."""
    try:
        at = int(data.model.numeric(AT).data[0])
    except KeyError:
        return 0
    return int(data.userdata[at])


def liveries(model: mujoco.MjModel) -> list[mujoco.MjModel]:
    """The model painted in every way there is, in order; the model itself where there is only one."""
    paints = _paints(model)
    return [painted(model, way) for way in range(len(paints[0]) - 1)] if paints else [model]


def painted(model: mujoco.MjModel, livery: int) -> mujoco.MjModel:
    """The model painted in one of its ways; itself where there is only one."""
    paints = _paints(model)
    if not paints:
        return model
    other = copy.copy(model)
    for base, *ways in paints:
        for theirs, ours in ((other.geom_rgba, model.geom_rgba), (other.flex_rgba, model.flex_rgba)):
            theirs[np.all(ours == base.astype(np.float32), axis=1)] = ways[livery]
    return other


def _paints(model: mujoco.MjModel) -> list[np.ndarray]:
    """For each colour that differs float64[ways + 1, 4]: itself, and what it is in every way."""
    numbers = [model.numeric(k) for k in range(model.nnumeric)]
    return [n.data.reshape(-1, 4) for n in numbers if n.name.startswith(PAINT)]
