"""An environment of another interpreter as a task: processes that hold one each, stepped at the same time.

One process for each attempt that runs at once: what an environment over there draws from global generators is its own.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, Int

from retouch.bridge.process import Served, one_line
from retouch.errors import EnvironmentStopped
from retouch.tasks.environment import FRAMES, LONGEST, Environments, EnvironmentTask, World, numbered, shares
from retouch.tasks.environment_file import EnvironmentFile

SERVER = "environment_server.py"
MOST_ENTRIES = 1 << 20  # of an observation or an action


class ServedWorld(World):
    """One environment, in a process of its own.

    Attributes:
        observation_dim, action_dim: how many numbers it is seen and acted on by.
        horizon: steps of an attempt.
        control_period: of a step [s].
        versions: of what it runs on over there, by name.

    Raises:
        EnvironmentStopped: it cannot be started, or is none that can be corrected.
    """

    def __init__(self, file: EnvironmentFile):
        self._begun = False
        self._start_s = max(file.start_timeout_s, file.timeout_s)
        self._served = Served(file, SERVER, f"the environment served by {file.path.name}", EnvironmentStopped)
        ready = self._served.greet({"type": "hello"})
        self.observation_dim, self.action_dim = self._count(ready, "observation"), self._count(ready, "action")
        self.horizon = self._count(ready, "steps", LONGEST)
        period = ready.get("period_s") or 1 / FRAMES
        if not isinstance(period, int | float) or not 0 < period < np.inf:
            self._served.stop(f"has a step of {period!r} s")
        self.control_period = float(period)
        there = ready.get("versions")
        there = there if isinstance(there, dict) else {}
        self.versions = {f"environment.{one_line(str(n))}": one_line(str(v)) for n, v in there.items()}
        self.seen = np.zeros(self.observation_dim, np.float32)
        self.solved = self.over = False

    @property
    def process_id(self) -> int:
        """Of the process that was started."""
        return self._served.process_id

    def reset(self, seed: int) -> None:
        """A new attempt; the same seed makes the same one again, as far as the environment does."""
        self._take(*self._served.ask({"type": "reset", "seed": seed}, expected=("seen",), within=self._start_s))

    def ask(self, action: Float32[np.ndarray, " A"]) -> None:
        """Begin a step of an action of `shares`, to be finished by `hear`."""
        self._served.send({"type": "step"}, action)

    def hear(self) -> None:
        """What has come of the step."""
        within = None if self._begun else self._start_s
        self._take(*self._served.receive(("seen",), within))
        self._begun = True

    def step(self, action: Float64[np.ndarray, " A"]) -> None:
        """Carry out one action. Raises RobotError where it is not finite; nothing has moved then."""
        self.ask(shares(action))
        self.hear()

    def close(self) -> None:
        """End the process."""
        self._served.close()

    def _take(self, header: dict[str, Any], seen: np.ndarray | None) -> None:
        if seen is None or seen.shape != (self.observation_dim,):
            said = "nothing" if seen is None else f"numbers of shape {list(seen.shape)}"
            self._served.stop(f"shows {said} where {self.observation_dim} numbers are due")
        if not np.isfinite(seen).all():
            self._served.stop(f"shows {seen[~np.isfinite(seen)][0]} in observation_{np.argmin(np.isfinite(seen))}")
        solved, over = header.get("solved"), header.get("over")
        if type(solved) is not bool or type(over) is not bool:
            self._served.stop("does not say whether it is solved, or over")
        self.seen, self.solved, self.over = seen.astype(np.float32), solved, over

    def _count(self, ready: dict[str, Any], name: str, usual: int | None = None) -> int:
        value = ready.get(name, usual)
        value = usual if value is None else value
        if type(value) is not int or not 1 <= value <= MOST_ENTRIES:
            self._served.stop(f"is no environment that can be corrected: its {name} is {value!r}")
        return value


class ServedEnvironments(Environments):
    """Some of a task's processes, until nobody has them any more."""

    def __init__(self, task: "ServedTask", worlds: list[ServedWorld]):
        super().__init__(worlds)
        self._task, self._worlds = task, worlds

    def __del__(self) -> None:
        self._task.give_back(self._worlds)

    def command(self, slots: Int[np.ndarray, " k"], actions: Float64[np.ndarray, "k A"]) -> None:
        """One step of each of `slots`, all at once."""
        asked = [(self._worlds[slot], shares(action)) for slot, action in zip(slots, actions, strict=True)]
        try:
            for world, action in asked:
                world.ask(action)
            for world, _ in asked:
                world.hear()
        except BaseException:
            self._task.close()  # answers are under way that belong to no question any more
            raise


class ServedTask(EnvironmentTask):
    """What a person's file starts, as a task; `with` it, and its processes end with the block.

    Attributes:
        most_slots: attempts that run at once.
        versions: of what they run on over there.

    Raises:
        EnvironmentStopped: it cannot be started.
    """

    def __init__(self, file: EnvironmentFile):
        self.name, self.most_slots = file.name, file.slots
        self._file = file
        self._started: list[ServedWorld] = []
        self._idle: list[ServedWorld] = []
        first = self._start()
        self._idle.append(first)
        self.observation_names = numbered(first.observation_dim, "observation")
        self.action_names = numbered(first.action_dim, "action")
        self.horizon, self.control_period = first.horizon, first.control_period
        self.versions = first.versions

    def worlds(self, count: int, workers: int = 1) -> Environments:  # type: ignore[override]
        """So many processes; those are started that are not there yet."""
        if (missing := count - len(self._idle)) > 0:
            with ThreadPoolExecutor(missing) as threads:
                self._idle += threads.map(lambda _: self._start(), range(missing))
        taken, self._idle = self._idle[:count], self._idle[count:]
        return ServedEnvironments(self, taken)

    def give_back(self, worlds: Iterable[ServedWorld]) -> None:
        """Let others have these processes."""
        self._idle += worlds

    def close(self) -> None:
        """End all processes."""
        for world in self._started:
            world.close()

    def __enter__(self) -> "ServedTask":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> ServedWorld:
        world = ServedWorld(self._file)
        self._started.append(world)
        return world
