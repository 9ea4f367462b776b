"""N copies of one physics model that step in lock-step.

A world's whole state is what `state` returns: the simulation continues from it bit for bit.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import mujoco
import numpy as np
from numpy.typing import NDArray

_STATE = int(
    mujoco.mjtState.mjSTATE_FULLPHYSICS
    | mujoco.mjtState.mjSTATE_CTRL
    | mujoco.mjtState.mjSTATE_WARMSTART
    | mujoco.mjtState.mjSTATE_USERDATA  # what a robot's controller remembers
)
_FIELDS = (
    *("qpos", "qvel", "ctrl", "qfrc_bias", "qfrc_constraint", "xanchor", "xaxis", "site_xpos", "site_xmat", "M"),
    *("sensordata", "xfrc_applied", "xipos", "userdata"),
)
(DATA, QPOS, QVEL, CTRL, BIAS, CONSTRAINT, XANCHOR, XAXIS, SITE_XPOS, SITE_XMAT, INERTIA, *_MORE) = range(
    len(_FIELDS) + 1
)
SENSORS, APPLIED, XIPOS, MEMORY = _MORE


class Worlds:
    """N independent simulations of one model.

    Args:
        model: the physics, shared by all and never written to.
        count: how many worlds.
        workers: threads that step them; the result does not depend on it.
    """

    def __init__(self, model: mujoco.MjModel, count: int, workers: int = 1):
        self.model = model
        self.datas = [mujoco.MjData(model) for _ in range(count)]
        self.workers = max(1, min(workers, count))
        self._pool = ThreadPoolExecutor(self.workers - 1) if self.workers > 1 else None
        self.addresses = np.array(
            [[d._address, *(getattr(d, f).ctypes.data for f in _FIELDS)] for d in self.datas], dtype=np.int64
        )
        self.state_size = mujoco.mj_stateSize(model, _STATE)

    def __len__(self) -> int:
        return len(self.datas)

    def reset(self, slot: int) -> mujoco.MjData:
        """Zero everything in one world, warm start included, and return its data for a task to fill."""
        mujoco.mj_resetData(self.model, self.datas[slot])
        return self.datas[slot]

    def state(self, slot: int) -> NDArray[np.float64]:
        """The whole state of one world, float64[state_size]: time, positions, velocities, controls, warm start."""
        state = np.empty(self.state_size)
        mujoco.mj_getState(self.model, self.datas[slot], state, _STATE)
        return state

    def set_state(self, slot: int, state: NDArray[np.float64]) -> None:
        """Put one world into a state that `state` returned, derived quantities included."""
        set_state(self.model, self.datas[slot], state)

    def together(self, function: Callable[[NDArray[np.int64]], None], jobs: int) -> None:
        """Run `jobs` jobs on all workers, this thread among them; whoever is free takes the next one.

        Every worker calls `function(counter)` once, which `native.take`s numbers from the counter until they reach
        `jobs`. It must release the GIL to be of use.
        """
        counter = np.zeros(1, dtype=np.int64)
        others = []
        if self._pool is not None:
            others = [self._pool.submit(function, counter) for _ in range(min(self.workers, jobs) - 1)]
        try:
            function(counter)
        finally:
            wait(others)
        for other in others:
            other.result()


def set_state(model: mujoco.MjModel, data: mujoco.MjData, state: NDArray[np.float64]) -> None:
    """Put `data` into a state that `Worlds.state` returned, and compute what follows from it."""
    mujoco.mj_setState(model, data, np.asarray(state, dtype=np.float64), _STATE)
    mujoco.mj_forward(model, data)
    mujoco.mj_setState(model, data, np.asarray(state, dtype=np.float64), _STATE)
