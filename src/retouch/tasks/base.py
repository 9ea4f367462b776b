"""What a task is: a scene, where it starts, what is seen of it, when it is solved, and a skill that solves it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import mujoco
import numpy as np
from jaxtyping import Float32, Float64

from retouch.geometry import Pose
from retouch.sim.world import Worlds

if TYPE_CHECKING:
    from retouch.tasks.handovers import Handovers


@runtime_checkable
class Robot(Protocol):
    """What is commanded in every world at once."""

    def command(self, slots: np.ndarray, actions: np.ndarray) -> object:
        """Carry out one action, float64[k, A], in each of `slots`, for one control period; may return a record."""


@runtime_checkable
class Pushable(Protocol):
    """A robot with a handle, which a person may push while it is commanded."""

    def command(self, slots: np.ndarray, actions: np.ndarray, grips: np.ndarray | None = None) -> np.ndarray:
        """As a robot does, with a hand at the handle, float64[k, 15] (`control.hand`); float64[k, ticks, tracks]."""


@dataclass(frozen=True)
class Manner:
    """How somebody goes about a task, as far as it is the same for every task.

    Attributes:
        speed: factor on the usual speed.
        detour: how far the carried part is swung aside on its way [m]; the sign says to which side.
    """

    speed: float = 1.0
    detour: float = 0.0


@runtime_checkable
class Skill(Protocol):
    """A scripted way to solve a task from wherever it stands.

    Attributes:
        stage: what it is doing, for a person to read.
    """

    stage: str

    def act(self, observation: Float32[np.ndarray, " D"]) -> Float64[np.ndarray, " A"]:
        """The next action, from what is seen of the task alone: its `sight`."""

    def restart(self) -> None:
        """Forget what was being done: the situation is new, as after taking over."""


class Task(ABC):
    """A task. Everything random comes from the generator that is passed in.

    Attributes:
        name: as registered.
        control_period: of one step [s].
        horizon: steps after which an attempt has failed.
        observation_names, action_names: one for each entry.
        cameras: names of the drawing model's cameras, the best one first.
        observation_cameras: of them, those whose pictures policies see.
        robot_body: a body of the robot's, whose contacts are felt; None where there is nothing to feel.
        tick_tracks: what the robot records in every tick of its controller, by name: which entries. A robot that has
            any has a handle, too, and can be pushed.
        ticks: of the controller in a step.
        settling: steps for which a robot that was led takes hold of itself, before a policy goes on.
        attended: whether it is real: nothing runs there without a person who watches.
        stage_names: what comes true on the way, the last one success; none where nobody named them.
    """

    name: str
    control_period: float
    horizon: int
    observation_names: tuple[str, ...]
    action_names: tuple[str, ...]
    cameras: tuple[str, ...]
    observation_cameras: tuple[str, ...] = ()
    robot_body: str | None = None
    tick_tracks: Mapping[str, slice] = MappingProxyType({})
    ticks: int = 0
    settling: int = 0
    attended: bool = False
    stage_names: tuple[str, ...] = ()

    @abstractmethod
    def build(self, visuals: bool) -> mujoco.MjModel:
        """The scene's model; positions have the same layout with and without visuals."""

    @cached_property
    def physics(self) -> mujoco.MjModel:
        """The model that is simulated: what touches and moves, nothing that is only drawn."""
        return self.build(visuals=False)

    @cached_property
    def drawing(self) -> mujoco.MjModel:
        """The model that is drawn."""
        return self.build(visuals=True)

    def worlds(self, count: int, workers: int = 1) -> Worlds:
        """So many copies of the scene that step together, in at most `workers` threads."""
        return Worlds(self.physics, count, workers)

    @abstractmethod
    def robot(self, worlds: Worlds) -> Robot:
        """The robot of this task in every world."""

    @abstractmethod
    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """Lay out a new attempt in zeroed `data`."""

    @abstractmethod
    def observe(self, data: mujoco.MjData) -> Float32[np.ndarray, " D"]:
        """What a policy sees, float32[D]."""

    def sight(self, data: mujoco.MjData) -> Float32[np.ndarray, " S"]:
        """What a person sees, and a skill goes by, float32[S]; what a policy sees unless the task says otherwise."""
        return self.observe(data)

    def hold(self, data: mujoco.MjData) -> Float64[np.ndarray, " A"]:
        """The action that keeps the robot where it is."""
        return np.zeros(len(self.action_names))

    @property
    def share_names(self) -> tuple[str, ...]:
        """Entries of an action given as shares of the most there is, each in [-1, 1]; see `from_shares`."""
        return self.action_names

    def from_shares(self, data: mujoco.MjData, shares: Float64[np.ndarray, " B"]) -> Float64[np.ndarray, " A"]:
        """The action for one given as shares, for whoever wants bounded ones; the same unless the task says otherwise.

        Raises:
            RobotError: the wrong number of shares, or one that is not finite.
        """
        return shares

    def settle(self, data: mujoco.MjData, led: Float64[np.ndarray, " A"], share: float) -> Float64[np.ndarray, " A"]:
        """How a robot that was last led by the action `led` takes hold of itself; `share` in (0, 1] of it is over."""
        return self.hold(data)

    @abstractmethod
    def success(self, data: mujoco.MjData) -> bool:
        """Whether the task is solved now."""

    def stages(self, data: mujoco.MjData) -> tuple[bool, ...]:
        """Which of `stage_names` hold now."""
        return ()

    def over(self, data: mujoco.MjData) -> bool:
        """Whether the attempt cannot go on, e.g. as the robot has stopped."""
        return False

    def failure(self, data: mujoco.MjData) -> str:
        """How an attempt that ends now has failed, one line; empty where nothing is to be said."""
        return ""

    @abstractmethod
    def skill(self, rng: np.random.Generator, manner: Manner = Manner()) -> Skill:
        """A scripted skill for one attempt."""

    def handovers(self) -> "Handovers | None":
        """The states in which a person may be handed control, to measure the skill on; None where nobody wrote them."""
        return None

    # How a hand steers, from the observation alone.

    @abstractmethod
    def tool_pose(self, observation: Float32[np.ndarray, " D"]) -> Pose:
        """The tool in world."""

    @abstractmethod
    def gripper_closed(self, observation: Float32[np.ndarray, " D"]) -> bool:
        """Whether the gripper is on its way shut, or shut."""

    @abstractmethod
    def towards(
        self, observation: Float32[np.ndarray, " D"], target_in_world: Pose, closed: bool
    ) -> Float64[np.ndarray, " A"]:
        """The action that brings the tool nearer to a target, float64[A] in [-1, 1]."""

    # What a watcher can judge, from the observation alone.

    @abstractmethod
    def phase(self, observation: Float32[np.ndarray, " D"]) -> str:
        """`reach`, `grasp`, `carry`, `insert`, `close` or `done`; not every task has something to close."""

    @abstractmethod
    def progress(self, observation: Float32[np.ndarray, " D"]) -> float:
        """How far along the task is, in [0, 1]."""

    @abstractmethod
    def funnel_error(self, observation: Float32[np.ndarray, " D"]) -> tuple[float, float, float]:
        """What is carried, against the axis it goes in along: sideways [m], angle [rad], distance to the mouth [m]."""

    @abstractmethod
    def bad_grasp(self, observation: Float32[np.ndarray, " D"]) -> bool:
        """Whether the hand has closed on nothing, or on the wrong thing."""

    def misses(self, observation: Float32[np.ndarray, " S"]) -> bool:
        """Whether what is carried can be felt to have come down beside where it goes in."""
        return False

    @abstractmethod
    def landmark(self, observation: Float32[np.ndarray, " D"]) -> Float32[np.ndarray, " 3"]:
        """Where the thing is that must not be pushed around, world frame [m]."""

    def strain(self, observation: Float32[np.ndarray, " D"]) -> float:
        """What the robot feels as a share of what stops it; 0 where it feels nothing."""
        return 0.0

    @abstractmethod
    def misjudged(
        self,
        observation: Float32[np.ndarray, " D"],
        error: Float64[np.ndarray, "2 3"],
        share: Float64[np.ndarray, "2 3"],
    ) -> Float32[np.ndarray, " D"]:
        """What somebody believes to see who misplaces the thing to grasp and the thing it goes to.

        Args:
            error: how far each is misplaced wherever it is, world frame [m].
            share: how far more, as a share of the distance that is still to go to it, world frame.
        """
