"""The simulated UR5e as one robot, commanded from outside: an adapter around its tick (`ur5e.UR5e`)."""

import math

import mujoco
import numpy as np
from jaxtyping import Float64

from retouch.errors import InputError
from retouch.geometry import quat_to_matrix
from retouch.robots.guard import Guard
from retouch.robots.protocol import Bounds, State
from retouch.robots.ur5e import UR5e, command_of
from retouch.robots.ur5e_arm import JOINTS, Tool, add_ur5e, pointing_down
from retouch.robots.ur5e_tick import (
    AT_BASE,
    AT_JOINTS,
    AT_POSITION,
    AT_REFERENCE,
    AT_STOP,
    AT_TURN,
    AT_VELOCITY,
    MEMORY,
    STOPS,
    TICK,
)
from retouch.robots.yielding import bounds_of
from retouch.sim.scene import TABLE_TOP, Scene
from retouch.sim.world import Worlds

TOLD = STOPS.index("told to stop")
STICK = Tool(length=0.12, mass=0.25, com=(0.0, 0.0, 0.05))
STEEL = (0.62, 0.64, 0.68, 1.0)
BOUNDS = bounds_of((-0.3, -0.4, TABLE_TOP - 0.05), (0.3, 0.4, TABLE_TOP + 0.3))


class SimulatedUR5e:
    """An `Arm`: world 0 of a UR5e, which the caller has laid out. Its time goes on while somebody waits."""

    live = False

    def __init__(self, robot: UR5e, bounds: Bounds = BOUNDS, name: str = "the simulated UR5e"):
        self.name, self.bounds, self.period = name, bounds, robot.ticks * TICK
        self._robot, self._data = robot, robot.worlds.datas[0]
        self._action = self.hold()

    def open(self) -> None:
        """Nothing to do: it is there."""

    def sense(self) -> State:
        """The tool feels the contact alone, not a hand on the handle."""
        tool = self._robot.measured(self._data)
        return State(
            self.now(),
            self._data.qpos[:JOINTS].copy(),
            np.array([*tool.position, *tool.quat]),
            self._robot.contact(self._data),
            self._robot.stopped(self._data),
        )

    def take_hold(self) -> None:
        """Its own stop is over; the pose asked for is where the tool is."""
        memory, tool = self._data.userdata, self._robot.measured(self._data)
        memory[AT_POSITION:AT_TURN], memory[AT_TURN:AT_VELOCITY] = tool.position, quat_to_matrix(tool.quat).ravel()
        memory[AT_VELOCITY:AT_JOINTS] = 0.0
        memory[AT_JOINTS : AT_JOINTS + JOINTS] = self._data.qpos[:JOINTS]
        for at in (AT_BASE, AT_REFERENCE):
            memory[at : at + 7] = [*tool.position, *tool.quat]
        memory[AT_STOP] = 0.0
        self._action = self.hold()

    def hold(self) -> Float64[np.ndarray, " 24"]:
        """The reference that it has, at the usual stiffness."""
        return command_of(self._robot.reference(self._data))

    def send(self, action: Float64[np.ndarray, " 24"]) -> None:
        """What it does while somebody waits."""
        self._action = action

    def halt(self) -> None:
        """As beyond a limit of its tick."""
        if not self._data.userdata[AT_STOP]:
            self._data.userdata[AT_STOP] = TOLD

    def now(self) -> float:
        """The simulation's time."""
        return float(self._data.time)

    def wait(self, seconds: float) -> None:
        """Whole control periods, at least one."""
        for _ in range(max(1, math.ceil(seconds / self.period - 1e-6))):
            self._robot.command(np.array([0]), self._action[None])

    def close(self) -> None:
        """Nothing to let go of."""


def add_stick(scene: Scene) -> None:
    """An arm with the stick, before anything else that moves."""
    stick = add_ur5e(scene, STICK)
    stick.explicitinertial = True
    stick.mass, stick.ipos, stick.inertia = STICK.mass, STICK.com, (1e-4, 1e-4, 1e-4)
    scene.look(stick, "cylinder", (0.006, STICK.length / 2), (0, 0, STICK.length / 2), rgba=STEEL)
    scene.touch(stick, "sphere", (0.006,), (0, 0, STICK.length - 0.006), robot=True)


def over_a_table() -> UR5e:
    """A UR5e with a stick, its tip 15 cm above a table."""
    scene = Scene("stick", visuals=False)
    scene.table((1.4, 1.0, 0.05))
    scene.spec.option.integrator = mujoco.mjtIntegrator.mjINT_DISCRETE
    scene.spec.nuserdata = MEMORY
    add_stick(scene)
    robot = UR5e(Worlds(scene.compile(), 1), STICK)
    data = robot.worlds.reset(0)
    robot.place(data, robot.joints_for(pointing_down(np.array([0.0, 0.1, TABLE_TOP + 0.15]))))
    mujoco.mj_forward(robot.worlds.model, data)
    return robot


def robot(address: str) -> Guard:
    """The stick over a table, by its name in the registry. Raises InputError for an address."""
    if address:
        raise InputError(f"the simulated UR5e has no address: leave ':{address}' out")
    return Guard(SimulatedUR5e(over_a_table()))
