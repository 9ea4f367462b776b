"""Any task as a Gymnasium environment, one attempt an episode.

    import gymnasium
    import retouch.tasks.gym

    env = gymnasium.make("retouch/Threading-v0", render_mode="rgb_array")

Without the second import, `gymnasium.make("retouch.tasks.gym:retouch/Threading-v0")` does the same.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from retouch.errors import InputError, MissingExtra
from retouch.sim.eye import Eye
from retouch.tasks import registry
from retouch.tasks.base import Task

try:
    import gymnasium
except ModuleNotFoundError as error:
    raise MissingExtra("gymnasium", "gym") from error

Observation = NDArray[np.float32]


class TaskEnv(gymnasium.Env[Observation, NDArray[np.float32]]):
    """A task on its own in one world.

    Actions are shares in [-1, 1]: `Task.share_names` says of what. The reward is 1 in the step that solves the task,
    which ends the episode, and 0 in all others; an episode ends, too, when the robot has stopped, and is truncated at
    the task's horizon. `info["is_success"]` says whether the task is solved, `info["failure"]` of an episode that ends
    without it how it has failed, where the task can tell.

    Attributes:
        horizon: steps of an episode.

    Args:
        task: a task, or the name of one.
        render_mode: `rgb_array` or None.
        camera: name of one of the task's cameras; its best one unless given.
        width: of the pictures [pixels].
        height: likewise.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012  as Gymnasium declares it

    def __init__(
        self,
        task: Task | str,
        render_mode: str | None = None,
        camera: str | None = None,
        width: int = 320,
        height: int = 240,
    ):
        self.task = registry.make(task) if isinstance(task, str) else task
        if render_mode not in (None, "rgb_array"):
            raise InputError(f"render_mode is 'rgb_array' or None, not '{render_mode}'")
        self.horizon = self.task.horizon
        self.metadata = {**self.metadata, "render_fps": round(1 / self.task.control_period)}
        self.render_mode = render_mode
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (len(self.task.observation_names),), np.float32)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (len(self.task.share_names),), np.float32)
        self._worlds = self.task.worlds(1)
        self._robot = self.task.robot(self._worlds)
        self._slot = np.zeros(1, dtype=np.int64)
        self._steps = -1
        self._view = (camera or self.task.cameras[0], width, height)
        self._eye: Eye | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """A new attempt; with a seed, always the same one."""
        super().reset(seed=seed)
        data = self._worlds.reset(0)
        self.task.reset(data, self.np_random)
        self._steps = 0
        return self.task.observe(data), {"is_success": self.task.success(data)}

    def step(self, action: NDArray[np.float32]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Carry out one action for one control period.

        Raises:
            RobotError: the action is not finite or has the wrong shape; nothing has moved then.
        """
        if self._steps < 0:
            raise gymnasium.error.ResetNeeded("call reset before step")
        data = self._worlds.datas[0]
        shares = np.asarray(action, dtype=np.float64)
        self._robot.command(self._slot, self.task.from_shares(data, shares)[np.newaxis])
        self._steps += 1
        success = self.task.success(data)
        over = success or self.task.over(data)
        truncated = not over and self._steps >= self.task.horizon
        info: dict[str, Any] = {"is_success": success}
        if (over or truncated) and not success and (failure := self.task.failure(data)):
            info["failure"] = failure
        return self.task.observe(data), float(success), over, truncated, info

    def render(self) -> NDArray[np.uint8] | None:
        """What the camera sees now, uint8[height, width, 3]; None without a render mode."""
        if self.render_mode is None:
            gymnasium.logger.warn("render needs render_mode='rgb_array'")
            return None
        if self._eye is None:
            self._eye = Eye(self.task.drawing, *self._view)
        return self._eye.picture(self._worlds.datas[0])

    def close(self) -> None:
        """Let go of the camera."""
        self._eye = None


def environment_id(name: str) -> str:
    """What Gymnasium knows a task by: `gear-on-shaft` is `retouch/GearOnShaft-v0`."""
    return f"retouch/{''.join(part.capitalize() for part in name.replace('_', '-').split('-'))}-v0"


def register_environments() -> None:
    """Make every registered task known to Gymnasium; once is enough."""
    for name in registry.names():
        if environment_id(name) not in gymnasium.registry:
            gymnasium.register(environment_id(name), entry_point="retouch.tasks.gym:TaskEnv", kwargs={"task": name})


register_environments()
