"""Any Gymnasium environment as a task whose policy is corrected by take-over: `gym:ID`.

    retouch collect gym:FetchPush-v4 --operator expert --expert runs/expert --out runs/fetch/demos

The environment has a bounded Box of actions, and says in `info["is_success"]` whether it is solved. `gym:PACKAGE:ID`
imports a package first, which makes its environments known. Each world is an environment of its own. What nobody wrote
for it there is not: a scripted skill, a person's judgement, a picture of what is only simulated there.
"""

from collections.abc import Sequence
from typing import Any, Never

import mujoco
import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from retouch.errors import InputError, MissingExtra, RobotError
from retouch.tasks.base import Task
from retouch.tasks.registry import ENVIRONMENT

try:
    import gymnasium
except ModuleNotFoundError as error:
    raise MissingExtra("gymnasium", "gym") from error

FRAMES = 30.0  # steps a second of an environment that does not say, as Gymnasium's own films assume
LONGEST = 1000  # steps of an attempt, where the environment does not say
AS_LONG_AS_WE_LIKE = -1  # what Gymnasium calls an environment without its limit of steps

Environment = gymnasium.Env[NDArray[np.floating[Any]], NDArray[np.float32]]


class World:
    """One environment, and what it said last.

    Attributes:
        seen: float32[D].
        solved: whether it is, now.
        over: whether it does not go on.
    """

    def __init__(self, environment: Environment):
        self.environment = environment
        self.seen = np.zeros(0, np.float32)
        self.solved = self.over = False

    def reset(self, seed: int) -> None:
        """A new attempt; the same seed makes the same one again."""
        seen, _ = self.environment.reset(seed=seed)
        self.seen = seen.astype(np.float32)
        self.solved = self.over = False

    def step(self, action: NDArray[np.float64]) -> None:
        """Carry out one action; see `shares`.

        Raises:
            RobotError: it is not finite; nothing has moved then.
            InputError: the environment does not say whether it is solved.
        """
        seen, _, terminated, truncated, info = self.environment.step(shares(action))
        if "is_success" not in info:
            raise InputError(
                f"{_id(self.environment)} does not say whether it is solved: give it info['is_success'], "
                "by a wrapper of your own if need be"
            )
        self.seen = seen.astype(np.float32)
        self.solved, self.over = bool(info["is_success"]), bool(terminated or truncated)


def shares(action: NDArray[np.float64]) -> Float32[np.ndarray, " A"]:
    """An action as shares of the Box, float32[A]; those beyond [-1, 1] are the most there is.

    Raises:
        RobotError: it is not finite.
    """
    if not np.isfinite(action).all():
        raise RobotError(f"an action must be finite, not {action.tolist()}")
    return np.clip(action, -1, 1).astype(np.float32)


class Environments:
    """Environments in lock-step, in the place of `sim.world.Worlds`; their state is their own secret."""

    state_size = None

    def __init__(self, worlds: Sequence[World]):
        self.datas = worlds

    def reset(self, slot: int) -> World:
        """The world, for the task to begin."""
        return self.datas[slot]

    def state(self, slot: int) -> NDArray[np.float64]:
        """Nothing, float64[0]."""
        return np.zeros(0)

    def command(self, slots: NDArray[np.int64], actions: NDArray[np.float64]) -> None:
        """One step of each of `slots`, with its action, float64[k, A]."""
        for slot, action in zip(slots, actions, strict=True):
            self.datas[slot].step(action)


class EnvironmentTask(Task):
    """A Gymnasium environment as a task.

    Observations are flattened, actions are shares of the Box in [-1, 1]. An attempt depends on its seed alone, as far
    as the environment does.

    Args:
        environment: what Gymnasium knows it by.

    Raises:
        InputError: there is no such environment, or it is none that can be corrected.
    """

    cameras = ()

    def __init__(self, environment: str):
        self.name, self._id = f"{ENVIRONMENT}{environment}", environment
        made = self._make()
        self.observation_names = numbered(gymnasium.spaces.flatdim(made.observation_space), "observation")
        self.action_names = numbered(gymnasium.spaces.flatdim(made.action_space), "action")
        limit = gymnasium.spec(_id(made)).max_episode_steps
        self.horizon = limit if limit else int(getattr(made.unwrapped, "horizon", LONGEST))
        self.control_period = float(
            getattr(made.unwrapped, "dt", None) or 1.0 / made.metadata.get("render_fps", FRAMES)
        )

    def _make(self) -> Environment:
        try:
            made = gymnasium.make(self._id, max_episode_steps=AS_LONG_AS_WE_LIKE, disable_env_checker=True)
        except (gymnasium.error.Error, ModuleNotFoundError) as error:
            raise InputError(f"Gymnasium cannot make '{self._id}': {error}") from error
        actions, seen = made.action_space, made.observation_space
        if not isinstance(actions, gymnasium.spaces.Box) or not actions.is_bounded() or len(actions.shape) != 1:
            raise InputError(f"{self._id} is corrected only if its actions are one bounded Box, not {actions}")
        if not seen.is_np_flattenable:
            raise InputError(f"{self._id} is seen only if its observations can be made one vector, not {seen}")
        rescaled = gymnasium.wrappers.RescaleAction(made, np.float32(-1), np.float32(1))
        return gymnasium.wrappers.FlattenObservation(rescaled)

    def worlds(self, count: int, workers: int = 1) -> Environments:  # type: ignore[override]
        """So many environments of their own, whatever the threads."""
        return Environments([World(self._make()) for _ in range(count)])

    def robot(self, worlds: Environments) -> Environments:  # type: ignore[override]
        """What is commanded: the environments themselves."""
        return worlds

    def reset(self, data: World, rng: np.random.Generator) -> None:
        """Begin an attempt in one of them."""
        data.reset(int(rng.integers(2**31)))

    def observe(self, data: World) -> Float32[np.ndarray, " D"]:
        """What it shows, float32[D]."""
        return data.seen

    def success(self, data: World) -> bool:
        """What it said of itself in the last step."""
        return data.solved

    def over(self, data: World) -> bool:
        """Whether it goes on."""
        return data.over

    def build(self, visuals: bool) -> mujoco.MjModel:
        """There is no model of our own to draw."""
        raise InputError(f"{self.name} has no scene of ours: it is corrected without pages, films and replays")

    def _unwritten(self, *_: Any, **__: Any) -> Never:
        raise InputError(
            f"nobody has scripted a person for {self.name}: correct it by a policy that knows better, "
            "--operator expert --expert POLICY"
        )

    skill = tool_pose = gripper_closed = towards = _unwritten
    phase = progress = funnel_error = bad_grasp = landmark = misjudged = _unwritten


def _id(environment: Environment) -> str:
    return environment.spec.id if environment.spec is not None else str(environment)


def numbered(size: int, what: str) -> tuple[str, ...]:
    """A name for each entry of a flat vector."""
    return tuple(f"{what}_{k}" for k in range(size))
