"""An environment as other interpreters have them: numpy and gymnasium, nothing of retouch; and some that go wrong."""

import os
import random
import signal
import sys
import time
from pathlib import Path

import gymnasium
import numpy as np

ID = "retouch-tests/Reach-v0"


class Reach(gymnasium.Env):  # type: ignore[type-arg]
    """A point in the plane that goes to a goal; actions of another size than 1, observations of two parts."""

    metadata = {"render_modes": [], "render_fps": 25}  # noqa: RUF012
    says = True

    def __init__(self) -> None:
        box = gymnasium.spaces.Box
        self.observation_space = gymnasium.spaces.Dict(
            {"at": box(-10.0, 10.0, (2,), np.float64), "goal": box(-1.0, 1.0, (2,), np.float64)}
        )
        self.action_space = box(np.float32(-0.1), np.float32(0.1), (2,), np.float32)

    def _seen(self) -> dict[str, np.ndarray]:
        return {"at": self.at.copy(), "goal": self.goal.copy()}

    def reset(self, *, seed=None, options=None):  # type: ignore[no-untyped-def]
        super().reset(seed=seed)
        self.at, self.goal = np.zeros(2), self.np_random.uniform(-1, 1, 2)
        return self._seen(), {}

    def step(self, action):  # type: ignore[no-untyped-def]
        assert self.action_space.contains(action)
        self.at = self.at + action
        near = bool(np.linalg.norm(self.at - self.goal) < 0.05)
        return self._seen(), 0.0, False, False, {"is_success": near} if self.says else {}


class Careless(Reach):
    """Draws its goal from global generators, and prints."""

    def reset(self, *, seed=None, options=None):  # type: ignore[no-untyped-def]
        super().reset(seed=seed)
        print("a stray print")
        self.goal = np.array([random.uniform(-1, 1), np.random.uniform(-1, 1)])  # noqa: NPY002
        return self._seen(), {}


class Ends(Reach):
    """Is over after three steps."""

    def step(self, action):  # type: ignore[no-untyped-def]
        self.steps = getattr(self, "steps", 0) + 1
        return *super().step(action)[:2], self.steps == 3, False, {"is_success": False}


class Breaks(Reach):
    """After so many steps of all its attempts it does what `then` says, until there is a file `well`."""

    dt, horizon = 0.1, 20

    def __init__(self, then: str, steps: str = "0"):
        super().__init__()
        self.then, self.left = then, int(steps)

    def step(self, action):  # type: ignore[no-untyped-def]
        self.left -= 1
        if self.left < 0 and not Path("well").exists():
            return getattr(self, self.then)(action)
        return super().step(action)

    def dies(self, action):  # type: ignore[no-untyped-def]
        print("out of memory, it says", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

    def hangs(self, action):  # type: ignore[no-untyped-def]
        time.sleep(600)

    def stops(self, action):  # type: ignore[no-untyped-def]
        os.kill(os.getpid(), signal.SIGSTOP)

    def raises(self, action):  # type: ignore[no-untyped-def]
        raise RuntimeError("the simulation\nis unstable")

    def silent(self, action):  # type: ignore[no-untyped-def]
        return *super().step(action)[:4], {}

    def nan(self, action):  # type: ignore[no-untyped-def]
        self.at = np.array([0.0, np.nan])
        return self._seen(), 0.0, False, False, {"is_success": True}


class Discrete(Reach):
    """Has actions that are no Box."""

    def __init__(self) -> None:
        super().__init__()
        self.action_space = gymnasium.spaces.Discrete(3)  # type: ignore[assignment]


def only_isolated() -> Reach:
    """Asserts that retouch cannot be imported here."""
    try:
        import retouch  # noqa: F401
    except ImportError:
        return Reach()
    raise AssertionError("retouch is here")


if ID not in gymnasium.registry and __name__ == "reach":  # over there
    gymnasium.register(ID, entry_point=Reach, max_episode_steps=40)
