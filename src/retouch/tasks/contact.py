"""What the contact-rich tasks of paper 2 share: a UR5e that yields, a grid of settings, stages, and named failures.

What a policy sees (`observe`) and what a person sees (`sight`) differ: the policy's picture of the scene may be a few
millimetres off, and it does not feel; a person looks closely, and a scripted skill may use what it feels.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import mujoco
import numpy as np
from jaxtyping import Float32, Float64

from retouch.errors import RobotError
from retouch.geometry import Pose, quat_from_matrix, quat_from_vector, quat_multiply, quat_near
from retouch.robots.ur5e import LIMITS, UR5e, command_of
from retouch.robots.ur5e_arm import Tool
from retouch.robots.ur5e_tick import ACTIONS, AT_CONTACT, AT_REFERENCE, AT_STOP, MEMORY, STIFF, STOPS, TRACKS
from retouch.sim.scene import Scene
from retouch.sim.world import Worlds
from retouch.tasks.base import Task
from retouch.tasks.steering import nearer

POSE_NAMES = ("x", "y", "z", "qw", "qx", "qy", "qz")
GO_NAMES = ("x", "y", "z", "rx", "ry", "rz")
MOST_GO = np.array([0.25] * 3 + [1.0] * 3)  # of the reference, in actions given as shares [m/s], [rad/s]
MOST_WRENCH = np.array([20.0] * 3 + [2.0] * 3)  # [N], [N m]
WRENCH_NAMES = ("fx", "fy", "fz", "tx", "ty", "tz")


@dataclass(frozen=True)
class Case:
    """One setting of a task's grid, e.g. a book, near the shelf's edge.

    Attributes:
        name: for tables.
        values: what differs between cases, by name; numbers.
        seen: whether demonstrations were given in it.
    """

    name: str
    values: Mapping[str, float]
    seen: bool = True


def new_scene(name: str, visuals: bool, timestep: float = 0.002, memory: int = 0) -> Scene:
    """A scene for a UR5e and stiff contacts; `memory` is how many numbers the task keeps in a world's state itself."""
    scene = Scene(name, visuals, timestep)
    scene.spec.option.integrator = mujoco.mjtIntegrator.mjINT_DISCRETE
    scene.spec.nuserdata = MEMORY + memory
    return scene


class View(Protocol):
    """What a watcher reads off one observation, or sight; `phase`, `progress` and `funnel_error` as of `Task`."""

    def __init__(self, observation: Float32[np.ndarray, " D"]): ...

    @property
    def phase(self) -> str: ...

    @property
    def progress(self) -> float: ...

    @property
    def funnel_error(self) -> tuple[float, float, float]: ...


class ContactTask(Task):
    """A task that is done by touch. Its command is `ur5e.command_of`: a reference, a target wrench, how stiff to be.

    Attributes:
        tool: what the arm carries.
        view: reads an observation, or a sight.
        sight_names: one for each entry of `sight`: first the tool's pose, among them the last reference, from
            `reference_x` on, at the end the wrench that is felt.
    """

    control_period = 0.02
    action_names = tuple(f"command_{k}" for k in range(ACTIONS))
    robot_body = "link0"
    tick_tracks = MappingProxyType(TRACKS)
    ticks = 10
    settling = 15
    tool: Tool
    view: type[View]
    sight_names: tuple[str, ...]

    def robot(self, worlds: Worlds) -> UR5e:
        """The arm in every world."""
        return UR5e(worlds, self.tool, self.control_period)

    @abstractmethod
    def cases(self) -> tuple[Case, ...]:
        """The whole grid that policies are tested on."""

    @abstractmethod
    def reset(self, data: mujoco.MjData, rng: np.random.Generator, case: Case | None = None) -> None:
        """Lay out a new attempt in zeroed `data`; without a case, any of those that were seen."""

    def hold(self, data: mujoco.MjData) -> Float64[np.ndarray, " A"]:
        """The reference that it has, at the usual stiffness."""
        return command_of(self.reference_in_world(data))

    @property
    def share_names(self) -> tuple[str, ...]:
        """How the reference goes on (x, y, z and a rotation vector, in world), and the target wrench."""
        return (*(f"go_{n}" for n in GO_NAMES), *(f"target_{n}" for n in WRENCH_NAMES))

    def from_shares(self, data: mujoco.MjData, shares: Float64[np.ndarray, " B"]) -> Float64[np.ndarray, " A"]:
        """Shares of 0.25 m/s and 1 rad/s of the reference, and of 20 N and 2 N m to be felt by the tool."""
        if shares.shape != (len(self.share_names),) or not np.isfinite(shares).all():
            raise RobotError(f"{len(self.share_names)} finite shares, not {shares!r}")
        reference, go = self.reference_in_world(data), np.clip(shares[:6], -1, 1) * MOST_GO * self.control_period
        turned = quat_multiply(quat_from_vector(go[3:]), reference.quat)
        return command_of(Pose(reference.position + go[:3], turned), wrench=np.clip(shares[6:], -1, 1) * MOST_WRENCH)

    def settle(self, data: mujoco.MjData, led: Float64[np.ndarray, " A"], share: float) -> Float64[np.ndarray, " A"]:
        """Where it was left, its stiffness growing to the usual in 0.3 s (the published code switches it on then)."""
        held = self.hold(data)
        held[STIFF] = led[STIFF] + share * (held[STIFF] - led[STIFF])
        return held

    @abstractmethod
    def sight(self, data: mujoco.MjData) -> Float32[np.ndarray, " S"]:
        """What a person sees and feels: the scene as it is."""

    @abstractmethod
    def stages(self, data: mujoco.MjData) -> tuple[bool, ...]:
        """Which of `stage_names` hold now."""

    @abstractmethod
    def failure(self, data: mujoco.MjData) -> str:
        """How an attempt that ends now has failed, in the words of the task's list; one line."""

    def tool_pose(self, observation: Float32[np.ndarray, " D"]) -> Pose:
        """The tool in world: what every observation begins with."""
        return Pose.from_vector(observation[:7].astype(np.float64))

    def gripper_closed(self, observation: Float32[np.ndarray, " D"]) -> bool:
        """Never: there is nothing to open or close."""
        return False

    def towards(
        self, observation: Float32[np.ndarray, " D"], target_in_world: Pose, closed: bool
    ) -> Float64[np.ndarray, " A"]:
        """The reference, led on towards a target at 0.1 m/s and 0.8 rad/s, in every task alike."""
        reference = Pose.from_vector(observation[self._reference].astype(np.float64))
        return command_of(nearer(reference, target_in_world))

    def phase(self, observation: Float32[np.ndarray, " D"]) -> str:
        """`reach` where nothing is in the hand yet, `carry`, `insert` or `done`."""
        return self.view(observation).phase

    def progress(self, observation: Float32[np.ndarray, " D"]) -> float:
        """How far along the task is, in [0, 1]."""
        return self.view(observation).progress

    def funnel_error(self, observation: Float32[np.ndarray, " D"]) -> tuple[float, float, float]:
        """What is carried, or goes in, against where it goes next: sideways [m], angle [rad], how far off [m]."""
        return self.view(observation).funnel_error

    def bad_grasp(self, observation: Float32[np.ndarray, " D"]) -> bool:
        """Never, unless the task says otherwise: what the tool carries it holds from the start."""
        return False

    def felt(self, sight: Float32[np.ndarray, " S"]) -> Float64[np.ndarray, " 6"]:
        """The environment's wrench on the tool, with which every sight ends: tool frame [N], [N m]."""
        return sight[-len(WRENCH_NAMES) :].astype(np.float64)

    def strain(self, observation: Float32[np.ndarray, " S"]) -> float:
        """What the tool feels of what it touches, as a share of what stops the robot."""
        wrench = self.felt(observation)
        force, torque = float(np.linalg.norm(wrench[:3])), float(np.linalg.norm(wrench[3:]))
        return max(force / LIMITS.force, torque / LIMITS.torque)

    @property
    def _reference(self) -> slice:
        first = self.sight_names.index("reference_x")
        return slice(first, first + len(POSE_NAMES))

    def with_reference(self, sight: Float32[np.ndarray, " S"], reference: Pose) -> Float32[np.ndarray, " S"]:
        """The same sight as of a robot that was last asked for another pose."""
        found, at = sight.copy(), self._reference
        found[at] = [*reference.position, *quat_near(reference.quat, sight[at][3:])]
        return found

    def over(self, data: mujoco.MjData) -> bool:
        """Whether the robot has stopped."""
        return bool(self.stopped(data))

    def stopped(self, data: mujoco.MjData) -> str:
        """Why the robot has stopped; empty while it has not."""
        return STOPS[int(data.userdata[AT_STOP])]

    def success(self, data: mujoco.MjData) -> bool:
        """Whether the last stage holds."""
        return self.stages(data)[-1]

    def tool_in_world(self, data: mujoco.MjData) -> Pose:
        """Where the tool is."""
        site = self.physics.site("tcp").id
        return Pose(data.site_xpos[site].copy(), quat_from_matrix(data.site_xmat[site].reshape(3, 3)))

    def reference_in_world(self, data: mujoco.MjData) -> Pose:
        """What the arm was last asked for."""
        return Pose.from_vector(data.userdata[AT_REFERENCE : AT_REFERENCE + 7].copy())

    def contact_wrench(self, data: mujoco.MjData) -> np.ndarray:
        """The environment's wrench on the tool, float64[6], in the tool frame at the tool centre point [N], [N m]."""
        return data.userdata[AT_CONTACT : AT_CONTACT + 6].copy()
