"""A simulated UR5e under admittance control at 500 Hz, with a person's hand on its handle.

One command is a reference pose, a target wrench, and how stiff to be; one compiled call steps the physics for a control
period with everything inside: interpolation of the reference, the person's hand, the law, the joints and the limits.
"""

import math

import mujoco
import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from retouch.control import kinematics
from retouch.control.admittance import Compliance, critical_damping
from retouch.control.hand import GRIP
from retouch.errors import RobotError
from retouch.geometry import Pose, quat_from_matrix, quat_to_matrix, quat_to_vector
from retouch.robots.ur5e_arm import HANDLE_LENGTH, HANDLE_MASS, HANDLE_MIDDLE, JOINTS, SERVO_STIFFNESS, Tool, chain
from retouch.robots.ur5e_tick import (
    ACTIONS,
    AT_BASE,
    AT_CONTACT,
    AT_JOINTS,
    AT_POSITION,
    AT_REFERENCE,
    AT_STOP,
    AT_TURN,
    BASE,
    DAMP,
    MEMORY,
    RECORD,
    REFERENCE,
    STIFF,
    STOPS,
    TICK,
    WRENCH,
    Limits,
    Sensing,
    period,
)
from retouch.sim import world as w
from retouch.sim.native import function_address

LIMITS = Limits()
POSTURE = (0.0, -1.7, 1.9, -1.7, -1.57, 0.0)  # elbow up, tool down [rad]
MASS = (4.0, 0.04)  # that the tool seems to have [kg], [kg m^2]
STIFFNESS = (1000.0, 70.0)  # [N/m], [N m/rad]
# More than critical: against a stiff table less of it chatters when dragged (benchmarks/compliance.py).
DAMPING_RATIO = 1.5
LEAST_DAMPING = (150.0, 3.0)  # of a tool with any stiffness [N s/m], [N m s]
FREE_DAMPING = (60.0, 1.0)  # of one without


def command_of(
    reference: Pose,
    *,
    base: Pose | None = None,
    wrench: NDArray[np.float64] | None = None,
    stiffness: tuple[float, float] = STIFFNESS,
    damping_ratio: float = DAMPING_RATIO,
) -> Float64[np.ndarray, " 24"]:
    """A command; `wrench` is what the tool shall feel [N], [N m], in the tool frame, `base` the base policy's pose."""
    command = np.zeros(ACTIONS)
    command[REFERENCE] = [*reference.position, *reference.quat]
    command[BASE] = command[REFERENCE] if base is None else [*base.position, *base.quat]
    if wrench is not None:
        command[WRENCH] = wrench
    command[STIFF] = stiffness
    for half in range(2):
        least = LEAST_DAMPING[half] if stiffness[half] > 0 else FREE_DAMPING[half]
        critical = critical_damping(stiffness[half], MASS[half], damping_ratio)
        command[DAMP.start + half] = max(least, critical)
    return command


def grip_of(
    target: Pose,
    *,
    stiffness: tuple[float, float],
    damping: tuple[float, float],
    limit: tuple[float, float],
    ramp: float = 0.1,
) -> Float64[np.ndarray, " 15"]:
    """A hand that holds the handle and draws it to `target` in world; see `control.hand`."""
    return np.array([1.0, *target.position, *target.quat, *stiffness, *damping, *limit, ramp])


class UR5e:
    """The arm in every one of N worlds.

    Args:
        worlds: simulations of a model that begins with this arm and has `MEMORY` user data.
        tool: what it carries.
        control_period: of one command [s].
        limits: beyond which it stops.
    """

    def __init__(self, worlds: w.Worlds, tool: Tool, control_period: float = 0.02, limits: Limits = LIMITS):
        self.worlds, self.tool = worlds, tool
        model = worlds.model
        if model.joint("joint0").dofadr[0] != 0 or model.nuserdata < MEMORY:
            raise RobotError(f"the UR5e must be the first thing that moves in its model, with {MEMORY} user data")
        self.ticks = round(control_period / TICK)
        self.substeps = round(TICK / model.opt.timestep)
        if not math.isclose(self.substeps * model.opt.timestep, TICK):
            raise RobotError(f"physics steps of {model.opt.timestep} s do not divide a tick of {TICK} s")
        self.chain = chain(tool)
        self.compliance = Compliance(MASS, spring_limit=(20.0, 8.0), speed_limit=(0.5, 2.0), period=TICK)
        self.limits = limits
        self._places = (model.site("tcp").id, model.site("handle").id, model.body("handle").id)
        self._sizes = np.array([model.nu, model.nsite, model.nsensordata, model.nbody, model.nuserdata], dtype=np.int64)
        self._feed_forward = -model.actuator_biasprm[:JOINTS, 2] / np.array(SERVO_STIFFNESS)
        self._ranges = np.array(model.jnt_range[:JOINTS])
        self._functions = tuple(function_address(f"mj_{name}") for name in ("step1", "step2", "kinematics"))
        self._sensing = self._sense(model)

    def _sense(self, model: mujoco.MjModel) -> Sensing:
        turn = quat_to_matrix(self.tool.tcp_in_flange.quat)
        on_tool, on_handle = np.array(self.tool.com), np.array([0.0, 0.0, HANDLE_MIDDLE])
        mass = HANDLE_MASS + self.tool.mass
        com = (HANDLE_MASS * on_handle + self.tool.mass * (on_tool + np.array([0.0, 0.0, HANDLE_LENGTH]))) / mass
        tcp = turn.T @ np.array([*self.tool.aside, self.tool.length])
        return Sensing(
            readings=np.array(
                [[model.sensor(f"{s}_{k}").adr[0] for k in ("force", "torque")] for s in ("wrist", "contact")]
            ).astype(np.int64),
            tcp=np.array([tcp + np.array([0.0, 0.0, HANDLE_LENGTH]), tcp]),
            mass=np.array([mass, self.tool.mass]),
            com=np.array([turn.T @ com, turn.T @ on_tool]),
            gravity=float(-model.opt.gravity[2]),
        )

    def joints_for(self, pose: Pose, start: NDArray[np.float64] | None = None) -> Float64[np.ndarray, " 6"]:
        """Joint angles [rad] that hold the tool at a pose in world, near `start`.

        Raises:
            RobotError: out of reach.
        """
        joints = np.array(POSTURE) if start is None else np.array(start, dtype=float)
        position, turn, jacobian = np.empty(3), np.empty(9), np.empty((6, 6))
        scratch, other, step = np.empty(60), np.empty((13, 6)), np.empty(6)
        goal = quat_to_matrix(pose.quat)
        for _ in range(200):
            kinematics.forward(joints, self.chain, scratch, position, turn, jacobian)
            now = turn.reshape(3, 3)
            twist = np.concatenate([pose.position - position, quat_to_vector(quat_from_matrix(goal @ now.T))])
            if np.abs(twist).max() < 1e-10:
                return joints
            kinematics.step_towards(jacobian, twist, 1e-3, other, step)
            joints += step * min(1.0, 0.5 / max(1e-9, float(np.abs(step).max())))
        raise RobotError(f"the UR5e cannot hold its tool at {pose.position.round(3).tolist()}")

    def place(self, data: mujoco.MjData, joints: NDArray[np.float64]) -> None:
        """Put the arm at rest at `joints`, float64[6] [rad], asked to stay there; the caller runs mj_forward."""
        data.qpos[:JOINTS], data.qvel[:JOINTS], data.ctrl[:JOINTS] = joints, 0.0, joints
        position, turn, jacobian = np.empty(3), np.empty(9), np.empty((6, 6))
        kinematics.forward(
            np.ascontiguousarray(joints, dtype=float), self.chain, np.empty(60), position, turn, jacobian
        )
        memory = data.userdata
        memory[:] = 0.0
        memory[AT_POSITION : AT_POSITION + 3], memory[AT_TURN : AT_TURN + 9] = position, turn
        memory[AT_JOINTS : AT_JOINTS + 6] = joints
        pose = [*position, *quat_from_matrix(turn.reshape(3, 3))]
        memory[AT_BASE : AT_BASE + 7] = memory[AT_REFERENCE : AT_REFERENCE + 7] = pose

    def reference(self, data: mujoco.MjData) -> Pose:
        """The last reference that it was given."""
        return Pose.from_vector(data.userdata[AT_REFERENCE : AT_REFERENCE + 7])

    def measured(self, data: mujoco.MjData) -> Pose:
        """Where the tool is, in world."""
        return Pose(
            data.site_xpos[self._places[0]].copy(), quat_from_matrix(data.site_xmat[self._places[0]].reshape(3, 3))
        )

    def contact(self, data: mujoco.MjData) -> Float64[np.ndarray, " 6"]:
        """The environment's wrench on the tool, tool frame, at the tool centre point [N], [N m]."""
        return data.userdata[AT_CONTACT : AT_CONTACT + 6].copy()

    def stopped(self, data: mujoco.MjData) -> str:
        """Why it has stopped; empty while it has not."""
        return STOPS[int(data.userdata[AT_STOP])]

    def handle(self, data: mujoco.MjData) -> Pose:
        """Where the handle is, in world."""
        return self._site(data, self._places[1])

    @staticmethod
    def _site(data: mujoco.MjData, site: int) -> Pose:
        return Pose(data.site_xpos[site].copy(), quat_from_matrix(data.site_xmat[site].reshape(3, 3)))

    def command(
        self,
        slots: NDArray[np.int64],
        actions: Float64[np.ndarray, "k 24"],
        grips: Float64[np.ndarray, "k 15"] | None = None,
    ) -> Float64[np.ndarray, "k ticks 52"]:
        """Carry out one command in each of `slots`, each for one control period.

        A robot that has stopped stays where it is. A command that is not a number stops it.

        Args:
            slots: which worlds.
            actions: `command_of` each.
            grips: what a person's hand does at the handle meanwhile; None where nobody holds it.

        Returns:
            A record of every tick; `TRACKS` says what is where.

        Raises:
            RobotError: commands, grips and slots do not fit; nothing has moved then.
        """
        slots = np.asarray(slots, dtype=np.int64)
        actions = np.ascontiguousarray(actions, dtype=np.float64)
        grips = np.zeros((len(slots), GRIP)) if grips is None else np.ascontiguousarray(grips, dtype=np.float64)
        if actions.shape != (len(slots), ACTIONS) or grips.shape != (len(slots), GRIP):
            raise RobotError(
                f"{len(slots)} worlds take {ACTIONS} numbers each, and {GRIP} for a hand, not {actions.shape} and "
                f"{grips.shape}"
            )
        chosen = set(slots.tolist())
        if len(chosen) < len(slots) or not chosen <= set(range(len(self.worlds))):
            raise RobotError(f"not a choice of {len(self.worlds)} worlds: {slots.tolist()}")
        model, addresses = self.worlds.model._address, self.worlds.addresses[slots]
        records = np.zeros((len(slots), self.ticks, RECORD))

        def job(counter: NDArray[np.int64]) -> None:
            period(
                counter,
                self._functions,
                model,
                addresses,
                actions,
                grips,
                records,
                self.substeps,
                self._places,
                self._sizes,
                self._sensing,
                self._feed_forward,
                self._ranges,
                self.chain,
                self.compliance,
                self.limits,
            )

        self.worlds.together(job, len(slots))
        return records
