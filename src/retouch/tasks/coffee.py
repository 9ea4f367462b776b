"""Coffee machine (IWR, section V-A): pick up a pod, insert it into the holder, and close the machine's lid.

Only the pod is randomised, as in the paper; the machine can be pushed. Rate, horizon, sizes, ranges and success, which
the paper leaves open, are those of the later published task; the width of the holder is ours.
"""

import math
from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float32, Float64
from numba import njit

from retouch.geometry import Pose, quat_about, quat_inverse, quat_multiply
from retouch.robots.sawyer import FINGER_OPEN, HOME, JOINTS, Sawyer, add_sawyer, towards
from retouch.sim import poses
from retouch.sim.native import compiled_with
from retouch.sim.scene import TABLE_TOP, Scene
from retouch.sim.world import Worlds
from retouch.tasks import coffee_skill
from retouch.tasks.base import Manner, Skill, Task
from retouch.tasks.coffee_handovers import HANDOVERS
from retouch.tasks.coffee_scene import (
    LID_CLOSED,
    LID_OPEN,
    POD_HALF,
    RIM_ABOVE_SEAT,
    SEATED_ASIDE,
    SEATED_HIGH,
    SEATED_TILT,
    Observation,
    add_machine,
    add_pod,
)
from retouch.tasks.coffee_view import EDGE, View, funnel_error, phase, progress
from retouch.tasks.hand import OPEN_GAP
from retouch.tasks.handovers import Handovers
from retouch.tasks.vectors import UP

MACHINE_YAW = math.radians(60)  # its front looks at where the pod starts, 30 degrees aside
# A quaternion and its negative are one rotation: these say which of the two an observation shows.
TOOL_REFERENCE = np.array([0.0, math.sqrt(0.5), math.sqrt(0.5), 0.0])
POD_REFERENCE = np.array([1.0, 0.0, 0.0, 0.0])
HOLDER_REFERENCE = quat_about(UP, MACHINE_YAW)
POD_IN_TOOL_REFERENCE = quat_multiply(quat_inverse(TOOL_REFERENCE), POD_REFERENCE)
HOLDER_IN_POD_REFERENCE = HOLDER_REFERENCE
POD_BIT, HOLDER_BIT, FINGER_BIT = 1, 2, 4
TOUCHING = (POD_BIT | HOLDER_BIT, POD_BIT | FINGER_BIT, HOLDER_BIT | FINGER_BIT)


@dataclass(frozen=True)
class Layout:
    """Where an attempt may start: ranges in world [m], [rad]."""

    pod_x: tuple[float, float] = (-0.13, -0.07)
    pod_y: tuple[float, float] = (0.17, 0.23)
    machine_x: tuple[float, float] = (0.0, 0.0)
    machine_y: tuple[float, float] = (-0.1, -0.1)
    machine_yaw: tuple[float, float] = (MACHINE_YAW, MACHINE_YAW)
    joint_noise: float = 0.02  # standard deviation of each joint [rad]


class Coffee(Task):
    """The coffee machine task; `layout` says how much it varies."""

    name = "coffee"
    control_period = 0.05
    horizon = 400
    observation_names = (
        *(f"tool_{axis}" for axis in ("x", "y", "z", "qw", "qx", "qy", "qz")),
        "finger_right",
        "finger_left",
        *(f"pod_{axis}" for axis in ("x", "y", "z", "qw", "qx", "qy", "qz")),
        *(f"holder_{axis}" for axis in ("x", "y", "z", "qw", "qx", "qy", "qz")),
        "lid_angle",
        "pod_touches_holder",
        "pod_touches_fingers",
        "holder_touches_fingers",
        *(f"pod_in_tool_{axis}" for axis in ("x", "y", "z", "qw", "qx", "qy", "qz")),
        *(f"holder_in_pod_{axis}" for axis in ("x", "y", "z", "qw", "qx", "qy", "qz")),
    )
    action_names = ("x", "y", "z", "rx", "ry", "rz", "gripper")
    cameras = ("front", "side", "top")
    robot_body = "base"

    def __init__(self, layout: Layout = Layout()):
        self.layout = layout
        model = self.physics
        self._pod = int(model.joint("pod").qposadr[0])
        self._machine = int(model.joint("machine").qposadr[0])
        self._lid = int(model.joint("lid").qposadr[0])
        self._tool = model.site("tool").id
        self._holder = model.site("holder").id
        self._fingers = [int(model.joint(n).qposadr[0]) for n in ("right_finger", "left_finger")]
        self._where = np.array([*self._fingers, self._pod, self._machine, self._lid])
        self._bits = np.zeros(model.ngeom, dtype=np.uint8)
        fingers = [model.body(n).id for n in ("right_finger", "left_finger")]
        for geom in range(model.ngeom):
            name = model.geom(geom).name
            if name == "pod":
                self._bits[geom] = POD_BIT
            elif name.startswith("holder"):
                self._bits[geom] = HOLDER_BIT
            elif model.geom_bodyid[geom] in fingers:
                self._bits[geom] = FINGER_BIT

    def build(self, visuals: bool) -> mujoco.MjModel:
        """Sawyer, table, pod and coffee machine."""
        scene = Scene(self.name, visuals)
        add_sawyer(scene)
        scene.table()
        add_pod(scene)
        add_machine(scene)
        scene.camera("front", (0.62, 0.42, 1.30), (-0.06, 0.02, 0.94), fovy=36)
        scene.camera("side", (0.62, -0.45, 1.35), (-0.05, 0.0, 0.93), fovy=38)
        scene.camera("top", (-0.05, -0.001, 1.95), (-0.05, 0.0, 0.80), fovy=42)
        return scene.compile()

    def robot(self, worlds: Worlds) -> Sawyer:
        """The arm in every world."""
        return Sawyer(worlds, self.control_period)

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """Arm near its home posture, pod upright anywhere in the layout, the machine with its lid open."""
        lay = self.layout
        data.qpos[:JOINTS] = np.array(HOME) + lay.joint_noise * rng.standard_normal(JOINTS)
        data.qpos[self._fingers] = data.ctrl[JOINTS : JOINTS + 2] = FINGER_OPEN
        data.qpos[self._pod : self._pod + 3] = rng.uniform(*lay.pod_x), rng.uniform(*lay.pod_y), TABLE_TOP + POD_HALF
        data.qpos[self._pod + 3 : self._pod + 7] = POD_REFERENCE
        machine = (rng.uniform(*lay.machine_x), rng.uniform(*lay.machine_y), TABLE_TOP)
        data.qpos[self._machine : self._machine + 3] = machine
        data.qpos[self._machine + 3 : self._machine + 7] = quat_about(UP, rng.uniform(*lay.machine_yaw))
        data.qpos[self._lid] = LID_OPEN
        mujoco.mj_forward(self.physics, data)

    def observe(self, data: mujoco.MjData) -> Observation:
        """Tool, fingers, pod and holder in world, the lid's angle, who touches whom, pod in tool, holder in pod.

        The paper's observation (section V-A) and the two relative poses; metres, wxyz quaternions, radians. The
        contacts are those of the last step of the physics, 2 ms ago.
        """
        out = np.empty(41)
        pairs = set(np.bitwise_or.reduce(self._bits[data.contact.geom], axis=1).tolist())
        out[24:27] = [bits in pairs for bits in TOUCHING]
        _observe(
            data.site_xpos[self._tool],
            data.site_xmat[self._tool],
            data.qpos,
            data.site_xpos[self._holder],
            self._where,
            out,
        )
        return out.astype(np.float32)

    def success(self, data: mujoco.MjData) -> bool:
        """The pod stands on the holder's floor, and the lid is closed over it.

        The published task asks that the pod is somewhere between floor and lid; ours, that it is all the way in
        (6 mm) and leans by no more than 10 degrees, as does the machine.
        """
        axes = data.site_xmat[self._holder].reshape(3, 3)
        x, y, z = ((data.qpos[self._pod : self._pod + 3] - data.site_xpos[self._holder]) @ axes).tolist()
        upright = Pose.from_vector(data.qpos[self._pod : self._pod + 7]).axis(2) @ axes[:, 2]
        return bool(
            data.qpos[self._lid] < LID_CLOSED
            and math.hypot(x, y) < SEATED_ASIDE
            and abs(z) < SEATED_HIGH
            and abs(upright) > math.cos(SEATED_TILT)
            and axes[2, 2] > math.cos(SEATED_TILT)
        )

    def skill(self, rng: np.random.Generator, manner: Manner = Manner()) -> Skill:
        """A scripted skill for one attempt."""
        style = coffee_skill.Style(speed=manner.speed, detour=manner.detour)
        return coffee_skill.CoffeeSkill(rng, style)

    def handovers(self) -> Handovers:
        """Interrupted, with pod or machine somewhere else, the lid shut, the pod half in or jammed, a stray hand."""
        return HANDOVERS

    def tool_pose(self, observation: Observation) -> Pose:
        """The tool in world."""
        return Pose.from_vector(observation[0:7].astype(np.float64))

    def gripper_closed(self, observation: Observation) -> bool:
        """Whether the fingers are nearer than wide open."""
        return View(observation).gap < OPEN_GAP - 0.012

    def towards(self, observation: Observation, target_in_world: Pose, closed: bool) -> Float64[np.ndarray, " 7"]:
        """The Sawyer's action towards a pose of the tool."""
        return towards(self.tool_pose(observation), target_in_world, closed)

    def phase(self, observation: Observation) -> str:
        """`reach`, `grasp`, `carry`, `insert`, `close` or `done`."""
        return phase(observation)

    def progress(self, observation: Observation) -> float:
        """How far along the task is, in [0, 1]."""
        return progress(observation)

    def funnel_error(self, observation: Observation) -> tuple[float, float, float]:
        """The pod's lower end against the holder's axis: sideways [m], angle [rad], distance to the rim [m]."""
        return funnel_error(observation)

    def bad_grasp(self, observation: Observation) -> bool:
        """Whether the fingers have met with nothing between them, the pod still to be grasped."""
        return bool(observation[7:9].mean() > 0.009) and phase(observation) in ("reach", "grasp")

    def landmark(self, observation: Observation) -> Float32[np.ndarray, " 3"]:
        """A seated pod's centre [m]."""
        return observation[16:19]

    def misjudged(
        self, observation: Observation, error: Float64[np.ndarray, "2 3"], share: Float64[np.ndarray, "2 3"]
    ) -> Observation:
        """The scene with pod and holder misplaced; the hand goes to the pod, its lower end to the rim.

        A pod that is in the holder is seen in it: both are misplaced alike then, and the hand goes to the lid.
        """
        view, believed = View(observation), observation.astype(np.float64)
        if view.inserted:
            goal = view.pod if view.around else view.on_lid(EDGE)
            pod = holder = error[1] + share[1] * np.linalg.norm(view.tool - goal)
        else:
            lower_end = view.pod - POD_HALF * view.pod_axis
            rim = view.seat + RIM_ABOVE_SEAT * view.machine_axes[:, 2]
            pod = error[0] + share[0] * np.linalg.norm(view.tool - view.pod)
            holder = error[1] + share[1] * np.linalg.norm(lower_end - rim)
        believed[9:12] += pod
        believed[16:19] += holder
        _relate(believed)
        return believed.astype(np.float32)


@compiled_with(poses)
@njit(cache=True, nogil=True)
def _observe(tool_position, tool_matrix, qpos, holder_position, where, out):  # type: ignore[no-untyped-def]
    """Fill in an observation but for contacts; `where` are fingers, pod, machine and lid in `qpos`."""
    out[0:3] = tool_position
    poses.quat_of_matrix(tool_matrix, out[3:7])
    out[7], out[8] = qpos[where[0]], qpos[where[1]]
    out[9:16] = qpos[where[2] : where[2] + 7]
    out[16:19] = holder_position
    out[19:23] = qpos[where[3] + 3 : where[3] + 7]
    out[23] = qpos[where[4]]
    _relate(out)


@compiled_with(poses)
@njit(cache=True, nogil=True)
def _relate(observation):  # type: ignore[no-untyped-def]
    """Fill in where the pod is in the tool frame and the holder in the pod's, from the poses in world."""
    poses.bring_near(observation[3:7], TOOL_REFERENCE)
    poses.bring_near(observation[12:16], POD_REFERENCE)
    poses.bring_near(observation[19:23], HOLDER_REFERENCE)
    poses.relative(observation[0:7], observation[9:16], observation[27:34])
    poses.bring_near(observation[30:34], POD_IN_TOOL_REFERENCE)
    poses.relative(observation[9:16], observation[16:23], observation[34:41])
    poses.bring_near(observation[37:41], HOLDER_IN_POD_REFERENCE)
