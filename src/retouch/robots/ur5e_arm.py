"""The Universal Robots UR5e as a model: links, servos, a wrist force sensor, a handle and a second sensor below it.

Kinematics, masses, centres of mass and inertias are the manufacturer's (its Denavit-Hartenberg table for the e-series
and its ROS description); shapes are primitives. Everything is gravity-compensated, as the robot does.

    flange -> wrist sensor -> handle (a person's hand holds it) -> contact sensor -> tool

so the wrist feels hand and contact, and the contact sensor the contact alone.
"""

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from retouch.control.kinematics import Chain
from retouch.geometry import Pose, Vector3, quat_from_vector, quat_multiply, quat_to_matrix
from retouch.sim.scene import TABLE_TOP, Scene

JOINTS = 6
MOUNT = (-0.52, 0.0, TABLE_TOP)
HANDLE_LENGTH = 0.11  # from the flange to the contact sensor [m]
HANDLE_MIDDLE = 0.055
HANDLE_MASS = 0.35
SERVO_STIFFNESS = (20000.0, 20000.0, 20000.0, 6000.0, 6000.0, 6000.0)  # [N m/rad]
VELOCITY_LIMIT = math.pi  # of every joint [rad/s]

LIGHT, BLUE, DARK = (0.80, 0.81, 0.82, 1), (0.42, 0.60, 0.72, 1), (0.20, 0.21, 0.23, 1)
STEEL, GRIP = (0.62, 0.64, 0.67, 1), (0.16, 0.17, 0.19, 1)


@dataclass(frozen=True)
class Link:
    """A joint and the link behind it, after Denavit and Hartenberg: turn about z, then `d` along it, `a` along x, and
    `alpha` about x.

    Attributes:
        d, a, alpha: [m], [m], [rad].
        mass: [kg].
        com: in the frame at the link's end [m].
        inertia: about it, in that frame's axes: xx, yy, zz, xy, xz, yz [kg m^2].
        torque: most of the joint [N m].
        limit: of the joint, either way [rad].
        size: radius of what is drawn [m].
    """

    d: float
    a: float
    alpha: float
    mass: float
    com: tuple[float, float, float]
    inertia: tuple[float, float, float, float, float, float]
    torque: float
    limit: float
    size: float


RIGHT = math.pi / 2
LINKS = (
    Link(0.1625, 0.0, RIGHT, 3.761, (0.0, -0.02561, 0.00193),
         (0.00700210, 0.00648091, 0.00657286, 0.00000073, -0.00001053, 0.00049994), 150, 2 * math.pi, 0.06),
    Link(0.0, -0.425, 0.0, 8.058, (0.2125, 0.0, 0.11336),
         (0.01505885, 0.33388086, 0.33247207, -0.00005400, 0.00000563, -0.00000181), 150, 2 * math.pi, 0.055),
    Link(0.0, -0.3922, 0.0, 2.846, (0.15, 0.0, 0.0265),
         (0.00399632, 0.07879254, 0.07848510, -0.00001365, 0.00137272, -0.00000660), 150, math.pi, 0.042),
    Link(0.1333, 0.0, RIGHT, 1.37, (0.0, -0.0018, 0.01634),
         (0.00165491, 0.00135962, 0.00126279, -0.00000282, -0.00000438, 0.00010157), 28, 2 * math.pi, 0.042),
    Link(0.0997, 0.0, -RIGHT, 1.3, (0.0, 0.0018, 0.01634),
         (0.00135617, 0.00127827, 0.00096614, -0.00000274, 0.00000444, -0.00005048), 28, 2 * math.pi, 0.042),
    Link(0.0996, 0.0, 0.0, 0.365, (0.0, 0.0, -0.001159),
         (0.00018694, 0.00018908, 0.00025756, 0.00000006, -0.00000017, -0.00000092), 28, 2 * math.pi, 0.035),
)  # fmt: skip


def ends(link: Link) -> Pose:
    """The frame at a link's end, in the frame that its joint turns."""
    return Pose(np.array([link.a, 0.0, link.d]), quat_from_vector(np.array([link.alpha, 0.0, 0.0])))


BASE = Pose(np.array(MOUNT), quat_from_vector(np.array([0.0, 0.0, math.pi])))  # reaches towards world's x


@dataclass(frozen=True)
class Tool:
    """What is behind the contact sensor, for the arm to know.

    Attributes:
        length: from the contact sensor to the tool centre point, along the flange's z [m].
        mass: of all that hangs on the contact sensor [kg].
        com: its centre of mass from the contact sensor, in the flange's axes [m].
        turn: of the tool frame about the flange's z [rad].
        aside: of the tool centre point from the flange's axis, in the flange's x and y [m].
    """

    length: float
    mass: float
    com: tuple[float, float, float]
    turn: float = 0.0
    aside: tuple[float, float] = (0.0, 0.0)

    @property
    def tcp_in_flange(self) -> Pose:
        """The tool centre point in the flange."""
        turn = quat_from_vector(np.array([0, 0, self.turn]))
        return Pose(np.array([*self.aside, HANDLE_LENGTH + self.length]), turn)


def add_ur5e(scene: Scene, tool: Tool) -> mujoco.MjsBody:
    """Put the arm into a scene, before anything else that moves, and return the body that the tool is built on.

    Its frame is the contact sensor's: z away from the flange. The caller gives it `tool.mass` at `tool.com`.
    """
    body = scene.world.add_body(name="base", pos=BASE.position, quat=BASE.quat)
    scene.look(body, "cylinder", (0.075, 0.05), (0, 0, 0.05), rgba=DARK)
    before = Pose.identity()
    for number, link in enumerate(LINKS):
        body = body.add_body(name=f"link{number}", pos=before.position, quat=before.quat)
        body.gravcomp = 1.0
        end = ends(link)
        _inertia(body, link, end)
        body.add_joint(
            name=f"joint{number}", axis=(0, 0, 1), range=(-link.limit, link.limit), limited=True, armature=0.1
        )
        _draw(scene, body, number, end)
        motor = scene.spec.add_actuator(
            name=f"servo{number}",
            target=f"joint{number}",
            trntype=mujoco.mjtTrn.mjTRN_JOINT,
            forcelimited=True,
            forcerange=(-link.torque, link.torque),
        )
        motor.set_to_position(kp=SERVO_STIFFNESS[number], dampratio=1.0)
        before = end
    flange = body.add_body(name="handle", pos=before.position, quat=before.quat)
    flange.gravcomp = 1.0
    flange.explicitinertial = True
    flange.mass, flange.ipos = HANDLE_MASS, (0, 0, HANDLE_MIDDLE)
    flange.inertia = (4e-4, 4e-4, 2e-4)
    turn = quat_from_vector(np.array([0.0, 0.0, tool.turn]))
    flange.add_site(name="wrist_sensor", quat=turn)
    flange.add_site(name="handle", pos=(0, 0, HANDLE_MIDDLE), quat=turn)
    scene.look(flange, "cylinder", (0.0375, 0.015), (0, 0, 0.015), rgba=STEEL)
    scene.look(flange, "cylinder", (0.021, 0.03), (0, 0, 0.06), rgba=GRIP)
    below = flange.add_body(name="tool", pos=(0, 0, HANDLE_LENGTH))
    below.gravcomp = 1.0
    below.add_site(name="contact_sensor", quat=turn)
    below.add_site(name="tcp", pos=(*tool.aside, tool.length), quat=turn)
    scene.look(below, "cylinder", (0.032, 0.01), (0, 0, -0.01), rgba=STEEL)
    for sensor in ("wrist", "contact"):
        for kind in ("force", "torque"):
            scene.spec.add_sensor(
                name=f"{sensor}_{kind}",
                type=getattr(mujoco.mjtSensor, f"mjSENS_{kind.upper()}"),
                objtype=mujoco.mjtObj.mjOBJ_SITE,
                objname=f"{sensor}_sensor",
            )
    return below


def chain(tool: Tool) -> Chain:
    """The arm's kinematics up to the tool centre point, for control."""
    frames = [Pose.identity(), *(ends(link) for link in LINKS)]
    frames[-1] = frames[-1] @ tool.tcp_in_flange
    return Chain(
        offsets=np.array([frame.position for frame in frames]),
        turns=np.array([quat_to_matrix(frame.quat).ravel() for frame in frames]),
        base=BASE.position.copy(),
        base_turn=quat_to_matrix(BASE.quat).ravel(),
    )


def pointing_down(position: Vector3, yaw: float = 0.0) -> Pose:
    """A pose of the tool at `position` [m] in world, z down, turned by `yaw` [rad] about the vertical."""
    down = np.array([0.0, 1.0, 0.0, 0.0])  # half a turn about x
    return Pose(np.asarray(position, dtype=float), quat_multiply(quat_from_vector(np.array([0, 0, yaw])), down))


def _inertia(body: mujoco.MjsBody, link: Link, end: Pose) -> None:
    xx, yy, zz, xy, xz, yz = link.inertia
    turn = quat_to_matrix(end.quat)
    inertia = turn @ np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) @ turn.T
    body.explicitinertial = True
    body.mass, body.ipos = link.mass, end.apply(np.array(link.com))
    body.fullinertia = [*np.diag(inertia), inertia[0, 1], inertia[0, 2], inertia[1, 2]]


def _draw(scene: Scene, body: mujoco.MjsBody, number: int, end: Pose) -> None:
    """A tube from joint to joint, and a cap at every joint; the long links hang beside their joints."""
    size = LINKS[number].size
    beside = {1: 0.138, 2: 0.007}.get(number, 0.0)
    start, stop = np.array([0.0, 0.0, beside]), end.position + np.array([0.0, 0.0, beside])
    scene.rod(body, start.tolist(), stop.tolist(), size if number in (1, 2) else 0.9 * size, LIGHT)
    if number in (1, 2):
        for at in (start, stop):
            scene.look(body, "cylinder", (size + 0.004, 0.06), at.tolist(), rgba=BLUE)
    elif number < 5:
        scene.look(body, "sphere", (size + 0.003,), stop.tolist(), rgba=BLUE)
