"""A task in the real world: a real arm that yields, a workpiece in its fixture, and a person who is there.

The person watches the arm itself, takes over or pushes with a phone or a keyboard through `retouch serve`, and says
when an attempt has succeeded. A package of the lab's own says which arm (examples/cell):

    class Cell(RealTask):
        name = "cell"

        def arm(self) -> Robot:
            return registry.make("ur:192.168.1.10")

Nothing runs on it without a person: no scripted one, no evaluation.
"""

from abc import abstractmethod
from typing import Any, Never

import mujoco
import numpy as np
from jaxtyping import Float32

from retouch.errors import InputError
from retouch.geometry import Pose, quat_near
from retouch.robots.mirror import AT_TOOL, Mirror
from retouch.robots.protocol import Robot
from retouch.robots.simulated import STICK, add_stick
from retouch.robots.ur5e import UR5e
from retouch.robots.ur5e_tick import AT_STOP, STOPS
from retouch.sim.world import Worlds
from retouch.tasks.contact import POSE_NAMES, WRENCH_NAMES, Case, ContactTask, new_scene

DOWN, LEVEL = np.array([0.0, 1.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0, 0.0])


class RealTask(ContactTask):
    """A real arm at work; a package derives its own from it, and brings it as a task (`retouch.yielding_tasks`).

    Attributes:
        tool: that the arm is drawn with.
        workpiece: where it stands in its fixture, in world: policies see the tool from there.
    """

    horizon = 3000
    tool = STICK
    workpiece: Pose = Pose.identity()
    attended, most_slots = True, 1
    observation_names = tuple(f"{of}_{n}" for of in ("tool", "reference", "workpiece") for n in POSE_NAMES)
    sight_names = (*observation_names, *WRENCH_NAMES)
    cameras = ("overview", "close")

    def __init__(self) -> None:
        self._mirror: Mirror | None = None

    @abstractmethod
    def arm(self) -> Robot:
        """The robot, not yet connected: it takes what the simulated UR5e takes (docs/robots.md)."""

    def build(self, visuals: bool) -> mujoco.MjModel:
        """The arm and a table, to be drawn: nothing in it moves but as the real arm does."""
        scene = new_scene(self.name, visuals, memory=7)
        scene.table((1.4, 1.0, 0.05))
        add_stick(scene)
        scene.camera("overview", (0.75, 0.55, 1.35), (-0.05, 0.0, 0.95), fovy=42)
        scene.camera("close", (0.30, -0.30, 1.05), (0.0, 0.0, 0.90), fovy=40)
        return scene.compile()

    def robot(self, worlds: Worlds) -> UR5e | Mirror:  # type: ignore[override]
        """The real one, connected; it stands. Raises RobotError where it cannot be reached."""
        self._mirror = Mirror(worlds, self.arm(), self.tool, self.control_period)
        return self._mirror

    def cases(self) -> tuple[Case, ...]:
        """None that could be laid out by itself."""
        return ()

    def reset(self, data: mujoco.MjData, rng: np.random.Generator, case: Case | None = None) -> None:
        """An attempt begins where the arm stands: it is the person who lays it out."""
        if self._mirror is None:
            raise InputError(f"{self.name} is real: it cannot be laid out without its robot")
        self._mirror.begin()

    def tool_in_world(self, data: mujoco.MjData) -> Pose:
        """As the robot measures it."""
        return Pose.from_vector(data.userdata[AT_TOOL : AT_TOOL + 7].copy())

    def stopped(self, data: mujoco.MjData) -> str:
        """Why the robot has stopped, in its own words; empty while it has not."""
        if self._mirror is not None and self._mirror.why:
            return self._mirror.why
        return STOPS[int(data.userdata[AT_STOP])]

    def observe(self, data: mujoco.MjData) -> Float32[np.ndarray, " 21"]:
        """Tool, reference and workpiece; poses in world: metres, wxyz quaternions. Nothing is felt."""
        tool, reference = self.tool_in_world(data), self.reference_in_world(data)
        rows = [(pose.position, quat_near(pose.quat, DOWN)) for pose in (tool, reference)]
        rows.append((self.workpiece.position, quat_near(self.workpiece.quat, LEVEL)))
        return np.concatenate([part for row in rows for part in row]).astype(np.float32)

    def sight(self, data: mujoco.MjData) -> Float32[np.ndarray, " 27"]:
        """The same, and the wrench on the tool."""
        return np.concatenate([self.observe(data), self.contact_wrench(data).astype(np.float32)])

    def success(self, data: mujoco.MjData) -> bool:
        """It is the person who says so."""
        return False

    def stages(self, data: mujoco.MjData) -> tuple[bool, ...]:
        """Nobody measures any."""
        return ()

    def failure(self, data: mujoco.MjData) -> str:
        """Why the robot has stopped."""
        stopped = self.stopped(data)
        return f"stopped: {stopped}" if stopped else ""

    def _unwritten(self, *_: Any, **__: Any) -> Never:
        raise InputError(f"{self.name} is real: it is a person who corrects there, with retouch serve")

    view = None  # type: ignore[assignment]
    skill = phase = progress = funnel_error = landmark = misjudged = _unwritten
