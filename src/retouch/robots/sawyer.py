"""A simulated Rethink Sawyer with its two-finger electric gripper, torque-controlled at 500 Hz.

Kinematics, masses, inertias and limits are the published ones (Rethink's URDF, as in robosuite 1.5). One command
is a change of pose and a gripper direction; one compiled call steps the physics 25 times with the control law inside.
"""

from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float64
from numba import njit
from numpy.typing import NDArray

from retouch.control import osc
from retouch.errors import RobotError
from retouch.geometry import Pose, Vector3, quat_inverse, quat_multiply, quat_to_vector
from retouch.sim import native
from retouch.sim import world as w
from retouch.sim.native import call, compiled_with, doubles, function_address, take
from retouch.sim.scene import Scene, Surface

JOINTS = 7
ACTIONS = 7
MOST_TRANSLATION = 0.05  # of one action [m]
MOST_ROTATION = 0.5  # [rad]
REACH = 2.2  # commanded change over error, of somebody who steers to a pose
GRIPPER_SPEED = 0.2  # of the half stroke, an action: full stroke in 0.5 s at 20 Hz
FINGER_OPEN, FINGER_CLOSED = -0.020833, 0.0115  # slide of the right finger [m]
END_STOP_MARGIN = 0.02  # that the law keeps from a joint's range: a push from outside may take a part of it [rad]
FINGER_ARMATURE = 0.5  # motor and rack, as moved by a finger [kg]: without it, light parts are thrown out of the hand
HOME = (0.0, -1.18, 0.0, 2.18, 0.0, 0.57, 3.3161)
MOUNT = (-0.56, 0.0, 0.912)

GRAPHITE, RED = (0.20, 0.21, 0.23, 1), (0.55, 0.10, 0.12, 1)
STEEL, RUBBER = (0.62, 0.64, 0.67, 1), (0.08, 0.08, 0.09, 1)


@dataclass(frozen=True)
class Link:
    """One joint and the link that it carries; frames, masses and inertias as published. [m], [kg], [kg m^2], [rad]."""

    pos: tuple[float, float, float]
    quat: tuple[float, float, float, float]
    mass: float
    com: tuple[float, float, float]
    inertia: tuple[float, float, float]
    inertia_quat: tuple[float, float, float, float]
    lower: float
    upper: float
    velocity: float
    torque: float
    armature: float


R2 = 0.7071067811865476
LINKS = (
    Link((0, 0, 0.08), (1, 0, 0, 0), 5.3213, (0.024366, 0.010969, 0.14363),
         (0.0651588, 0.0510944, 0.0186218), (0.894823, 0.00899958, -0.170275, 0.412573),
         -3.0503, 3.0503, 1.74, 80, 0.2),
    Link((0.081, 0.05, 0.237), (0.5, -0.5, 0.5, 0.5), 4.505, (-0.0030849, -0.026811, 0.092521),
         (0.0224339, 0.0221624, 0.0097097), (0.424888, 0.891987, 0.132364, -0.0794296),
         -3.8095, 2.2736, 1.328, 80, 0.2),
    Link((0, -0.14, 0.1425), (R2, R2, 0, 0), 1.745, (-0.00016044, -0.014967, 0.13582),
         (0.0257928, 0.025506, 0.00292515), (0.707831, -0.0524761, 0.0516007, 0.702537),
         -3.0426, 3.0426, 1.957, 40, 0.1),
    Link((0, -0.042, 0.26), (R2, -R2, 0, 0), 2.5097, (-0.0048135, -0.0281, -0.084154),
         (0.0102404, 0.0096997, 0.00369622), (0.902999, 0.385391, -0.0880901, 0.168247),
         -3.0439, 3.0439, 1.957, 40, 0.1),
    Link((0, -0.125, -0.1265), (R2, R2, 0, 0), 1.1136, (-0.0018844, 0.0069001, 0.1341),
         (0.0136549, 0.0135493, 0.00127353), (0.803612, 0.031257, -0.0298334, 0.593582),
         -2.9761, 2.9761, 3.485, 9, 0.05),
    Link((0, 0.031, 0.275), (R2, -R2, 0, 0), 1.5625, (0.0061133, -0.023697, 0.076416),
         (0.00474131, 0.00422857, 0.00190672), (0.404076, 0.9135, 0.0473125, 0.00158335),
         -2.9761, 2.9761, 3.485, 9, 0.05),
    Link((0, -0.11, 0.1053), (0.0616248, 0.06163, -0.704416, 0.704416), 0.3292, (-8.0726e-06, 0.0085838, -0.0049566),
         (0.000360258, 0.000311068, 0.000214974), (0.479044, 0.515636, -0.513069, 0.491322),
         -4.7124, 4.7124, 4.545, 9, 0.05),
)  # fmt: skip


def add_sawyer(scene: Scene) -> None:
    """Build the arm and gripper into a scene, first of all bodies that move: its joints are the first of the model."""
    base = scene.world.add_body(name="base", pos=MOUNT)
    _draw_mount(scene, base)
    parent = base
    for number, link in enumerate(LINKS):
        parent = parent.add_body(name=f"link{number}", pos=link.pos, quat=link.quat)
        _inertia(parent, link.mass, link.com, link.inertia, link.inertia_quat)
        parent.add_joint(
            name=f"joint{number}",
            axis=(0, 0, 1),
            range=(link.lower, link.upper),
            limited=True,
            damping=[0.1, 0, 0],
            armature=link.armature,
        )
        _LINK_SHAPES[number](scene, parent)
        scene.spec.add_actuator(
            name=f"motor{number}",
            target=f"joint{number}",
            trntype=mujoco.mjtTrn.mjTRN_JOINT,
            forcelimited=True,
            forcerange=(-link.torque, link.torque),
        )
    _add_gripper(scene, parent.add_body(name="hand", pos=(0, 0, 0.0245), quat=(R2, 0, 0, R2)))


def _add_gripper(scene: Scene, hand: mujoco.MjsBody) -> None:
    base = hand.add_body(name="gripper", pos=(0, 0, 0.025))
    _inertia(base, 0.3, (0, 0, 0), (2e-4, 2e-4, 1e-4))
    scene.touch(base, "capsule", (0.029, 0.02), (0, 0, 0.0), robot=True)
    scene.look(base, "cylinder", (0.034, 0.012), (0, 0, -0.022), rgba=RUBBER)
    scene.look(base, "box", (0.026, 0.042, 0.022), (0, 0, 0.006), rgba=GRAPHITE)
    scene.look(base, "box", (0.016, 0.052, 0.006), (0, 0, 0.026), rgba=STEEL)
    base.add_site(name="tool", pos=(0, 0, 0.095))
    # Stiff for what it holds: 20 N press 0.5 mm into a part of 8 g.
    firm = (0.95, 0.99, 0.001, 0.5, 2.0)
    pad = Surface(friction=(1.5, 0.02, 0.0001), condim=4, solref=(0.01, 1.0), solimp=firm, priority=1)
    smooth = Surface(friction=(0.3, 0.005, 0.0001), condim=3, solref=(0.01, 1.0))
    for name, side in (("right_finger", -1.0), ("left_finger", 1.0)):
        finger = base.add_body(name=name, pos=(0, 0.01 * side, 0.02))
        _inertia(finger, 0.03, (0, 0.01725 * side, 0.04), (2e-5, 2e-5, 2e-6))
        finger.add_joint(
            name=name,
            type=mujoco.mjtJoint.mjJNT_SLIDE,
            axis=(0, -side, 0),
            range=(FINGER_OPEN, FINGER_CLOSED),
            limited=True,
            damping=[100, 0, 0],
            armature=FINGER_ARMATURE,
        )
        scene.touch(finger, "box", (0.005, 0.00675, 0.0375), (0, 0.01725 * side, 0.04), surface=smooth, robot=True)
        scene.touch(
            finger,
            "box",
            (0.006, 0.004, 0.0185),
            (0, 0.01275 * side, 0.06),
            surface=pad,
            robot=True,
            name=f"{name}_pad",
        )
        scene.look(finger, "box", (0.0055, 0.00675, 0.0375), (0, 0.01725 * side, 0.04), rgba=STEEL)
        scene.look(finger, "box", (0.0062, 0.004, 0.0187), (0, 0.01275 * side, 0.06), rgba=RUBBER)
        scene.look(finger, "box", (0.007, 0.022, 0.006), (0, 0.004 * side, 0.006), rgba=GRAPHITE)
        motor = scene.spec.add_actuator(
            name=name,
            target=name,
            trntype=mujoco.mjtTrn.mjTRN_JOINT,
            ctrllimited=True,
            ctrlrange=(FINGER_OPEN, FINGER_CLOSED),
            forcelimited=True,
            forcerange=(-20, 20),
        )
        motor.set_to_position(kp=10000)
    # One motor drives both fingers through a rack: they mirror each other, so a held thing stays centred.
    scene.spec.add_equality(
        name="fingers",
        type=mujoco.mjtEq.mjEQ_JOINT,
        objtype=mujoco.mjtObj.mjOBJ_JOINT,
        name1="right_finger",
        name2="left_finger",
        data=[0, 1, *[0] * 10],
        solref=(0.004, 1.0),
        solimp=(0.99, 0.999, 0.001, 0.5, 2.0),
    )


def add_grip(scene: Scene, name: str, friction: float = 1.5, torsion: float = 0.02) -> None:
    """How the finger pads hold a named shape: softer contacts let it creep out of the hand, by 5 mm in 10 s.

    Args:
        friction: sliding.
        torsion: friction about the contact's normal [m].
    """
    for pad in ("right_finger_pad", "left_finger_pad"):
        scene.spec.add_pair(
            name=f"{pad}_{name}",
            geomname1=pad,
            geomname2=name,
            condim=4,
            friction=(friction, friction, torsion, 0.0001, 0.0001),
            solref=(0.005, 1.0),
            solimp=(0.99, 0.999, 0.001, 0.5, 2.0),
        )


def _inertia(body, mass, com, inertia, quat=(1, 0, 0, 0)):  # type: ignore[no-untyped-def]
    body.explicitinertial = True
    body.mass, body.ipos, body.inertia, body.iquat = mass, com, inertia, quat


def _draw_mount(scene: Scene, base: mujoco.MjsBody) -> None:
    scene.look(base, "cylinder", (0.10, 0.04), (0, 0, 0.04), rgba=GRAPHITE)
    scene.look(base, "cylinder", (0.14, 0.015), (0, 0, -0.015), rgba=STEEL)
    scene.look(base, "cylinder", (0.11, 0.42), (0, 0, -0.45), rgba=GRAPHITE)
    scene.look(base, "box", (0.28, 0.28, 0.03), (0, 0, -0.882), rgba=RUBBER)


def _link0(scene: Scene, body: mujoco.MjsBody) -> None:
    scene.look(body, "cylinder", (0.078, 0.075), (0, 0, 0.075), rgba=RED)
    scene.rod(body, (0, 0, 0.15), (0, 0, 0.237), 0.068, GRAPHITE)
    scene.rod(body, (0, 0, 0.237), (0.081, 0.02, 0.237), 0.062, RED)
    scene.look(body, "cylinder", (0.035, 0.04), (0, 0, 0.33), rgba=GRAPHITE)
    scene.look(body, "box", (0.012, 0.12, 0.075), (0.045, 0, 0.40), rgba=RUBBER)


def _link1(scene: Scene, body: mujoco.MjsBody) -> None:
    scene.rod(body, (0, 0, 0.0), (0, 0, 0.1425), 0.062, RED)
    scene.rod(body, (0, 0, 0.1425), (0, -0.12, 0.1425), 0.055, GRAPHITE)


def _link2(scene: Scene, body: mujoco.MjsBody) -> None:
    scene.rod(body, (0, 0, 0.0), (0, 0, 0.26), 0.05, RED)
    scene.rod(body, (0, -0.03, 0.26), (0, 0.02, 0.26), 0.055, GRAPHITE)


def _link3(scene: Scene, body: mujoco.MjsBody) -> None:
    scene.rod(body, (0, 0, 0.0), (0, 0, -0.1265), 0.052, RED)
    scene.rod(body, (0, 0, -0.1265), (0, -0.1, -0.1265), 0.045, GRAPHITE)


def _link4(scene: Scene, body: mujoco.MjsBody) -> None:
    scene.touch(body, "capsule", (0.045, 0.14), (0, 0, 0.14), robot=True)
    scene.rod(body, (0, 0, 0.0), (0, 0, 0.275), 0.042, RED)
    scene.rod(body, (0, 0, 0.275), (0, 0.03, 0.275), 0.046, GRAPHITE)


def _link5(scene: Scene, body: mujoco.MjsBody) -> None:
    scene.touch(body, "capsule", (0.05, 0.05), (0, -0.02, 0.09), robot=True)
    scene.rod(body, (0, 0, 0.0), (0, 0, 0.1053), 0.045, RED)
    scene.rod(body, (0, 0, 0.1053), (0, -0.08, 0.1053), 0.042, GRAPHITE)


def _link6(scene: Scene, body: mujoco.MjsBody) -> None:
    scene.touch(body, "capsule", (0.045, 0.015), (0, 0, -0.03), robot=True)
    scene.look(body, "cylinder", (0.046, 0.024), (0, 0, -0.012), rgba=RED)
    scene.look(body, "cylinder", (0.038, 0.008), (0, 0, 0.018), rgba=STEEL)


_LINK_SHAPES = (_link0, _link1, _link2, _link3, _link4, _link5, _link6)


class Sawyer:
    """The arm in every one of N worlds.

    An action is float64[7] in [-1, 1]: change of the tool's position in world (scaled by 0.05 m), rotation vector in
    world (0.5 rad), and the gripper: positive closes, negative opens, zero holds. Its goal is the pose ACHIEVED at the
    start of the tick plus the change (robosuite's OSC_POSE with `kp` 150 and damping ratio 1).

    Args:
        worlds: simulations of a model that begins with this arm.
        control_period: of one action [s].
        workspace: lower and upper corner of where the tool may be, world frame [m].
    """

    def __init__(
        self,
        worlds: w.Worlds,
        control_period: float = 0.05,
        workspace: tuple[tuple[float, ...], tuple[float, ...]] = ((-0.35, -0.4, 0.80), (0.3, 0.4, 1.25)),
    ):
        self.worlds = worlds
        model = worlds.model
        if model.joint("joint0").dofadr[0] != 0 or list(model.M_rownnz[:JOINTS]) != list(range(1, JOINTS + 1)):
            raise RobotError("the Sawyer must be the first thing in the model that moves")
        self.tool_site = model.site("tool").id
        self.substeps = round(control_period / model.opt.timestep)
        self.finger_joints = np.array([model.joint(n).qposadr[0] for n in ("right_finger", "left_finger")])
        self._inertia_rows = np.asarray(model.M_rowadr[:JOINTS], dtype=np.int64)
        self._sizes = np.array([model.nq, model.nv, model.nu, model.njnt, model.nsite, model.nC], dtype=np.int64)
        stiffness = 150.0
        self._gains = osc.Gains(
            stiffness=stiffness,
            damping=2.0 * stiffness**0.5,
            posture_stiffness=10.0,
            posture_damping=2.0 * 10.0**0.5,
            posture=np.array(HOME),
            torque_limit=np.array([link.torque for link in LINKS], dtype=np.float64),
            velocity_limit=np.array([link.velocity for link in LINKS]),
            lower=np.array([link.lower for link in LINKS]) + END_STOP_MARGIN,
            upper=np.array([link.upper for link in LINKS]) - END_STOP_MARGIN,
            workspace=np.array(workspace, dtype=np.float64),
            joint_approach=4.0,
            workspace_approach=12.0,
            barrier_time=0.006,
        )
        self._functions = tuple(function_address(f"mj_{name}") for name in ("step1", "step2", "kinematics"))

    def place(self, data: mujoco.MjData, joints: NDArray[np.float64]) -> None:
        """Put the arm at `joints`, float64[7] [rad], with the gripper open and at rest; the caller runs mj_forward."""
        data.qpos[:JOINTS] = joints
        data.qpos[self.finger_joints] = FINGER_OPEN
        data.ctrl[:JOINTS] = 0.0
        data.ctrl[JOINTS : JOINTS + 2] = FINGER_OPEN

    def command(self, slots: NDArray[np.int64], actions: Float64[np.ndarray, "k 7"]) -> None:
        """Carry out one action in each of `slots`, each for one control period.

        Raises:
            RobotError: an action is not finite, or actions and slots do not fit; nothing has moved then.
        """
        slots = np.asarray(slots, dtype=np.int64)
        actions = np.ascontiguousarray(actions, dtype=np.float64)
        if actions.shape != (len(slots), ACTIONS):
            raise RobotError(f"{len(slots)} worlds take {len(slots)} x {ACTIONS} numbers, not {actions.shape}")
        chosen = set(slots.tolist())
        if len(chosen) < len(slots) or not chosen <= set(range(len(self.worlds))):
            raise RobotError(f"not a choice of {len(self.worlds)} worlds: {slots.tolist()}")
        if not np.isfinite(actions).all():
            raise RobotError("an action is not a finite number: the robot does not move on it")
        model, addresses = self.worlds.model._address, self.worlds.addresses[slots]

        def tick(counter: NDArray[np.int64]) -> None:
            _tick(
                counter,
                self._functions,
                model,
                addresses,
                actions,
                self.substeps,
                self.tool_site,
                self._sizes,
                self._inertia_rows,
                self._gains,
            )

        self.worlds.together(tick, len(slots))


def towards(tool_in_world: Pose, target_in_world: Pose, closed: bool) -> Float64[np.ndarray, " 7"]:
    """The action that brings the tool nearer to a target: at most one action's length and turn, gripper shut or open.

    One step covers about a quarter of what it commands, so more than the error is commanded.
    """
    action = np.empty(ACTIONS)
    action[:3] = _capped((target_in_world.position - tool_in_world.position) * (REACH / MOST_TRANSLATION))
    turn = quat_to_vector(quat_multiply(target_in_world.quat, quat_inverse(tool_in_world.quat)))
    action[3:6] = _capped(turn * (REACH / MOST_ROTATION))
    action[6] = 1.0 if closed else -1.0
    return action


def _capped(vector: Vector3) -> Vector3:
    return vector / max(1.0, float(np.linalg.norm(vector)))


@compiled_with(native, osc, w)
@njit(cache=True, nogil=True)
def _tick(counter, functions, model, addresses, actions, substeps, site, sizes, inertia_rows, gains):  # type: ignore[no-untyped-def]
    """One control period of the worlds that `counter` gives, without returning to the interpreter."""
    step1, step2, kinematics = functions
    nq, nv, nu, njnt, nsite, nc = sizes
    jacobian, inertia = np.zeros((6, 7)), np.zeros((7, 7))
    scratch, torque = np.empty((83, 7)), np.empty(7)
    goal_position, goal_rotation, contact = np.empty(3), np.empty(9), np.empty(7)
    for _ in range(addresses.shape[0]):
        row = take(counter)  # type: ignore[call-arg, var-annotated]
        if row >= addresses.shape[0]:  # type: ignore[unreachable]
            break
        at = addresses[row]
        action = actions[row]
        data = at[w.DATA]
        qpos, qvel, ctrl = doubles(at[w.QPOS], nq), doubles(at[w.QVEL], nv), doubles(at[w.CTRL], nu)
        bias, constraint = doubles(at[w.BIAS], nv), doubles(at[w.CONSTRAINT], nv)
        sparse = doubles(at[w.INERTIA], nc)
        anchors, axes = doubles(at[w.XANCHOR], 3 * njnt), doubles(at[w.XAXIS], 3 * njnt)
        position = doubles(at[w.SITE_XPOS], 3 * nsite)[3 * site : 3 * site + 3]
        rotation = doubles(at[w.SITE_XMAT], 9 * nsite)[9 * site : 9 * site + 9]
        grip = 0.0
        if action[6] > 0.0:
            grip = 1.0
        elif action[6] < 0.0:
            grip = -1.0
        for finger in range(2):
            target = ctrl[7 + finger] + grip * GRIPPER_SPEED * 0.5 * (FINGER_CLOSED - FINGER_OPEN)
            ctrl[7 + finger] = min(max(target, FINGER_OPEN), FINGER_CLOSED)
        for substep in range(substeps):
            call(step1, model, data)
            if substep == 0:
                for k in range(3):
                    goal = position[k] + min(max(action[k], -1.0), 1.0) * MOST_TRANSLATION
                    goal_position[k] = min(max(goal, gains.workspace[0, k]), gains.workspace[1, k])
                    torque[k] = min(max(action[3 + k], -1.0), 1.0) * MOST_ROTATION
                osc.rotate_by_vector(torque[:3], rotation, goal_rotation)
            for j in range(7):
                # Of the substep before; the state of a world, which a tick must go on from, does not hold it.
                contact[j] = constraint[j] if substep > 0 else 0.0
                x, y, z = axes[3 * j], axes[3 * j + 1], axes[3 * j + 2]
                rx = position[0] - anchors[3 * j]
                ry = position[1] - anchors[3 * j + 1]
                rz = position[2] - anchors[3 * j + 2]
                jacobian[0, j] = y * rz - z * ry
                jacobian[1, j] = z * rx - x * rz
                jacobian[2, j] = x * ry - y * rx
                jacobian[3, j], jacobian[4, j], jacobian[5, j] = x, y, z
                start = inertia_rows[j]
                for k in range(j + 1):
                    inertia[j, k] = sparse[start + k]
            osc.torques(
                qpos,
                qvel,
                inertia,
                bias,
                contact,
                jacobian,
                position,
                rotation,
                goal_position,
                goal_rotation,
                gains,
                scratch,
                torque,
            )
            for j in range(7):
                ctrl[j] = torque[j]
            call(step2, model, data)
        call(kinematics, model, data)  # what is seen of the world belongs to where it is now
