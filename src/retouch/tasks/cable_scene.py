"""What cable routing is made of: the board with its three clips, the cable, and the finger through which it slides.

The board's frame: origin in the middle of its top, y the way the cable is led, x away from the robot, z up. A clip is a
hook of round wire that lies on its side: two rails, a back, and lips that spread towards its mouth; its frame is in the
middle of its slot, u out of the mouth, v up. Clips open to alternate sides, so that a taut cable stays in them.

The cable is a one-dimensional flex without elasticity of its own. What resists bending is a drive on the second
difference of its vertices, whose gain is its stiffness: a control, and so part of an attempt's state, while the model
is shared by all worlds.
"""

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from retouch.robots.ur5e_arm import JOINTS, Tool
from retouch.sim.liveries import Colour
from retouch.sim.scene import ROBOT_BIT, TABLE_TOP, Scene, Surface


@dataclass(frozen=True)
class Cable:
    """One cable.

    Attributes:
        name: as tables have it.
        stiffness: against bending [N m^2].
        squeeze: with which the finger's pad presses on it: what is thicker is pressed more [N].
        colour: rgba.
        seen: whether it was in the demonstrations; one that was not goes with clips unlike those there.
    """

    name: str
    stiffness: float
    squeeze: float
    colour: Colour
    seen: bool = True


CABLES = (
    Cable("charging", 1.5e-4, 2.0, (0.13, 0.14, 0.16, 1)),
    Cable("data", 2.5e-4, 2.5, (0.72, 0.62, 0.42, 1)),
    Cable("printer", 4.0e-4, 3.0, (0.60, 0.62, 0.66, 1)),
    Cable("silicone", 0.8e-4, 1.6, (0.80, 0.16, 0.15, 1), seen=False),
    Cable("braided", 6.0e-4, 3.6, (0.16, 0.34, 0.70, 1), seen=False),
)
PIECES, LENGTH, RADIUS = 40, 0.60, 0.0025  # of the cable [m]
PIECE = LENGTH / PIECES
MASS = 0.045  # of a metre of it [kg]
BENDING_DELAY = 0.005  # of what resists bending: its damping is so many times its stiffness [s]

BOARD_HALF = (0.115, 0.185, 0.004)
BOARD_TOP = TABLE_TOP + 2 * BOARD_HALF[2]
HEIGHT = 0.06  # of the slots, in the middle of their travel, and of the fixed end above the board [m]
APART, ASIDE = 0.07, 0.018  # of the clips along the way, and of their slots from its middle [m]
CLIPS = tuple((side * ASIDE, APART * (k - 1) + 0.025, side) for k, side in enumerate((1, -1, 1)))
"""Of every clip: x and y of its slot [m], and to which side it opens: 1 away from the robot."""
WIRE = 0.0025  # radius of a clip's wire [m]
ROOM = 0.0036  # half the height of the slot [m]
BACK, MOUTH, LIP, SPREAD = -0.006, 0.010, 0.005, 0.002  # u of the back's middle, of the mouth; the lips' size [m]
# Places that are part of the state have joints; see gear_scene.
FIXED_MASS, FIXED_DAMPING = 10.0, 3e8  # [kg], [kg m^2]; [N s/m], [N m s]

TOOL = Tool(length=0.20, mass=0.50, com=(0.0, 0.0, 0.06))
"""Its frame: in the middle of the eye at the finger's tip, z down, the cable led through it along -y."""
FINGER_MASS = 0.10  # besides [kg]
PAD_MASS, PAD_TRAVEL = 0.02, (-0.003, 0.0015)  # [kg]; of the pad that presses [m]
PAD, BAR = 0.005, 0.004  # radii of the eye's upright and level sides [m]
EYE_HALF = RADIUS + 0.0010  # of its height [m]
GUIDE, GUIDE_HALF, GUIDE_BAR = (-0.040, -0.020, -0.125), 0.009, 0.003  # a ring that keeps the cable's rest aloft [m]
GUIDE_WAY = np.array([-1.0, 0.0, -1.0]) / math.sqrt(2)  # in which it leads the cable, in the tool frame

AT_PAD = JOINTS  # in ctrl: the pad's force [N]
AT_BENDING = JOINTS + 1  # in ctrl, to the end: the bending stiffness of every piece [N/m]

CABLE_BIT = 32  # the cable meets what has this bit, besides `scene`'s
FIRM = (0.004, 1.0)
SOLIMP = (0.0, 0.99, 0.0002, 0.5, 2.0)
SMOOTH = Surface(friction=(0.15, 0.005, 0.0001), solref=FIRM, solimp=SOLIMP)
# A piece of cable is so light that contacts of the usual impedance give way to what a robot presses with. The finger's
# do not, nor does the stop of its pad: a cable does not come out of a closed eye.
UNYIELDING = (0.0, 0.999, 0.0002, 0.5, 2.0)
RUBBER = Surface(friction=(0.25, 0.005, 0.0001), priority=1, solref=FIRM, solimp=UNYIELDING)
STEEL, DARK, CREAM = (0.70, 0.72, 0.75, 1), (0.20, 0.21, 0.23, 1), (0.90, 0.88, 0.82, 1)
MAT, MAT_EDGE, LINE = (0.93, 0.92, 0.88, 1), (0.70, 0.69, 0.66, 1), (0.80, 0.79, 0.75, 1)
CLIP_COLOURS = ((0.10, 0.52, 0.52, 1), (0.88, 0.45, 0.14, 1), (0.42, 0.30, 0.58, 1))
OTHER_CLIP_COLOURS = ((0.85, 0.70, 0.15, 1), (0.25, 0.27, 0.30, 1), (0.20, 0.55, 0.25, 1))


def paints() -> dict[Colour, list[Colour]]:
    """What cable and clips look like, in the order of `CABLES`."""
    clips = zip(CLIP_COLOURS, OTHER_CLIP_COLOURS, strict=True)
    ways: dict[Colour, list[Colour]] = {CABLES[0].colour: [cable.colour for cable in CABLES]}
    return ways | {usual: [usual if cable.seen else other for cable in CABLES] for usual, other in clips}


def add_board(scene: Scene) -> None:
    """The board, a plane for the cable to lie on, and the three clips, whose heights are joints."""
    floor = scene.touch(scene.world, "plane", (0.5, 0.5, 0.1), (0, 0, BOARD_TOP), surface=SMOOTH, name="mat")
    floor.contype, floor.conaffinity, floor.condim = 0, CABLE_BIT | ROBOT_BIT, 1
    board = _fixed(scene.world, "board", (0, 0, BOARD_TOP), (("x", 0), ("y", 1), ("yaw", None)))
    board.add_site(name="board")
    scene.look(board, "box", BOARD_HALF, (0, 0, -BOARD_HALF[2]), rgba=MAT)
    rim = (BOARD_HALF[0] + 0.004, BOARD_HALF[1] + 0.004, BOARD_HALF[2] - 0.0005)
    scene.look(board, "box", rim, (0, 0, -BOARD_HALF[2] - 0.0005), rgba=MAT_EDGE)
    scene.look(board, "box", (0.0015, BOARD_HALF[1] - 0.02, 0.0003), (0, 0, 0.0002), rgba=LINE)
    for number, (x, y, side) in enumerate(CLIPS):
        clip = _fixed(board, f"clip{number}", (x, y, HEIGHT), (("z", 2),))
        colour = CLIP_COLOURS[number]
        up = ROOM + WIRE
        lip = (MOUTH + LIP, up + SPREAD)
        for start, end in (
            ((BACK, -up), (BACK, up)),
            ((BACK, -up), (MOUTH, -up)),
            ((BACK, up), (MOUTH, up)),
            ((MOUTH, -up), (lip[0], -lip[1])),
            ((MOUTH, up), lip),
            ((BACK, -up), (BACK, -HEIGHT)),
        ):
            points = [side * start[0], 0.0, start[1], side * end[0], 0.0, end[1]]
            wire = clip.add_geom(
                type=mujoco.mjtGeom.mjGEOM_CAPSULE, fromto=points, size=[WIRE, 0, 0], friction=SMOOTH.friction,
                solref=SMOOTH.solref, solimp=SMOOTH.solimp, condim=3, mass=0.0, group=3,
            )  # fmt: skip
            wire.contype, wire.conaffinity = 0, CABLE_BIT | ROBOT_BIT
            scene.rod(clip, points[:3], points[3:], WIRE, colour)
        scene.look(board, "cylinder", (0.010, 0.002), (x + side * BACK, y, 0.002), rgba=colour)


def add_finger(scene: Scene, mount: mujoco.MjsBody) -> None:
    """A finger with an eye at its tip, one of whose sides is a pad that presses, and a guide for the cable's rest."""
    mount.explicitinertial = True
    mount.mass, mount.ipos, mount.inertia = TOOL.mass, TOOL.com, (1e-3, 1e-3, 3e-4)
    # MuJoCo 4.0.0 leaves out of force sensors what a flex presses with. What welds press with they have: so the finger
    # is a body of its own, which a weld that gives a little holds to its mount.
    finger = scene.free_body("finger")
    finger.gravcomp, finger.explicitinertial = 1.0, True
    finger.mass, finger.ipos, finger.inertia = FINGER_MASS, (0, 0, -0.03), (1e-4, 1e-4, 2e-5)
    weld = scene.spec.add_equality(
        type=mujoco.mjtEq.mjEQ_WELD, name1=mount.name, name2="finger", objtype=mujoco.mjtObj.mjOBJ_BODY,
        solref=FIRM, solimp=(0.95, 0.99, 0.001, 0.5, 2.0),
    )  # fmt: skip
    weld.data[:11] = [0, 0, 0, 0, 0, TOOL.length, 1, 0, 0, 0, 1]
    finger.add_site(name="eye")
    beside, high = PAD + RADIUS, EYE_HALF + BAR
    pad = finger.add_body(name="pad", gravcomp=1.0)
    pad.explicitinertial = True
    pad.mass, pad.ipos, pad.inertia = PAD_MASS, (beside, 0, 0), (1e-6,) * 3
    pad.add_joint(
        name="pad",
        type=mujoco.mjtJoint.mjJNT_SLIDE,
        axis=(1, 0, 0),
        range=PAD_TRAVEL,
        limited=True,
        solref_limit=FIRM,
        solimp_limit=(0.9, 0.999, 0.0002, 0.5, 2.0),
        damping=[4.0, 0, 0],
    )
    press = scene.spec.add_actuator(name="pad", target="pad", trntype=mujoco.mjtTrn.mjTRN_JOINT)
    press.gear = [-1, 0, 0, 0, 0, 0]
    for body, side in ((finger, -1), (pad, 1)):
        _bar(scene, body, (side * beside, 0, -high), (side * beside, 0, high), PAD, DARK)
    for side in (-1, 1):
        _bar(scene, finger, (-beside, 0, side * high), (beside, 0, side * high), BAR, STEEL)
    _bar(scene, finger, (0, 0, -high - 0.006), (0, 0, -0.09), 0.006, STEEL)
    # The guide is no obstacle: nothing but the cable comes so high.
    across, along = np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, -1.0]) / math.sqrt(2)
    corners = [np.array(GUIDE) + GUIDE_HALF * (a * across + b * along) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    for start, end in zip(corners, [*corners[1:], corners[0]], strict=True):
        _bar(scene, finger, start.tolist(), end.tolist(), GUIDE_BAR, DARK)
    scene.rod(finger, corners[1].tolist(), [0.0, 0.0, GUIDE[2] + 0.015], 0.003, STEEL)
    scene.look(mount, "cylinder", (0.032, 0.022), (0, 0, 0.022), rgba=DARK)
    scene.look(mount, "cylinder", (0.016, 0.028), (0, 0, 0.072), rgba=STEEL)
    scene.look(mount, "box", (0.012, 0.012, 0.012), (0, 0, 0.104), rgba=DARK)


def add_cable(scene: Scene) -> None:
    """The cable, straight along y as the model has it; its first vertex is the fixed end."""
    anchor = _fixed(scene.world, "anchor", (0, 0, BOARD_TOP + HEIGHT), (("x", 0), ("y", 1)))
    scene.look(anchor, "box", (0.011, 0.016, HEIGHT / 2 + 0.004), (0, -0.018, -HEIGHT / 2 + 0.004), rgba=DARK)
    scene.look(anchor, "box", (0.006, 0.004, 0.004), (0, -0.001, 0), rgba=STEEL)
    scene.look(anchor, "box", (0.0075, 0.0125, 0.001), (0, -0.018, 0.0085), rgba=CREAM)
    mass = MASS * PIECE
    anchor.add_body(name="cable0")  # for a flex's own bodies may have no damping
    names: list[str] = ["cable0"]
    ways: list[tuple[str | None, ...]] = [("anchor_x", "anchor_y", None)]
    for k in range(1, PIECES + 1):
        body = scene.world.add_body(name=f"cable{k}", pos=(0, k * PIECE, BOARD_TOP + HEIGHT))
        body.explicitinertial = True
        body.mass, body.ipos, body.inertia = mass, (0, 0, 0), (mass * PIECE**2 / 6,) * 3
        joints = (f"cable{k}_x", f"cable{k}_y", f"cable{k}_z")
        for name, along in zip(joints, np.eye(3), strict=True):
            body.add_joint(name=name, type=mujoco.mjtJoint.mjJNT_SLIDE, axis=along)
        ways.append(joints)
        names.append(body.name)
    scene.spec.add_flex(
        name="cable", dim=1, radius=RADIUS, vertbody=names, vert=[0.0] * (3 * len(names)),
        elem=[k for first in range(PIECES) for k in (first, first + 1)], contype=CABLE_BIT, conaffinity=0, condim=1,
        selfcollide=0, group=2, rgba=CABLES[0].colour, friction=SMOOTH.friction, solref=FIRM, solimp=SOLIMP,
    )  # fmt: skip
    scene.spec.add_equality(
        type=mujoco.mjtEq.mjEQ_FLEX, name1="cable", solref=FIRM, solimp=(0.99, 0.999, 0.001, 0.5, 2.0)
    )
    for k in range(1, PIECES):
        for axis in range(3):
            bend = scene.spec.add_tendon(name=f"bend{k}_{axis}")
            for vertex, share in ((k - 1, 1.0), (k, -2.0), (k + 1, 1.0)):
                joint = ways[vertex][axis]
                if joint is not None:
                    bend.wrap_joint(joint, share)
            drive = scene.spec.add_actuator(
                name=bend.name, target=bend.name, trntype=mujoco.mjtTrn.mjTRN_TENDON,
                gaintype=mujoco.mjtGain.mjGAIN_AFFINE, biastype=mujoco.mjtBias.mjBIAS_NONE,
            )  # fmt: skip
            drive.gainprm = [0.0, -1.0, -BENDING_DELAY, *[0.0] * 7]


def bending_of(cable: Cable) -> float:
    """The control of every bending drive [N/m]: half of it times the second difference squared is the energy."""
    return cable.stiffness / PIECE**3


def _fixed(
    parent: mujoco.MjsBody, name: str, pos: tuple[float, ...], ways: tuple[tuple[str, int | None], ...]
) -> mujoco.MjsBody:
    """A body that stands where its joints say, along axes or about z, and stays there."""
    body = parent.add_body(name=name, pos=pos, gravcomp=1.0)
    body.explicitinertial = True
    body.mass, body.ipos, body.inertia = FIXED_MASS, (0, 0, 0), (FIXED_MASS,) * 3
    for way, axis in ways:
        kind = mujoco.mjtJoint.mjJNT_HINGE if axis is None else mujoco.mjtJoint.mjJNT_SLIDE
        along = np.eye(3)[2 if axis is None else axis]
        body.add_joint(name=f"{name}_{way}", type=kind, axis=along, damping=[FIXED_DAMPING, 0, 0])
    return body


def _bar(
    scene: Scene, body: mujoco.MjsBody, start: tuple[float, ...], end: tuple[float, ...], radius: float,
    rgba: tuple[float, ...],
) -> None:  # fmt: skip
    """A round bar of the finger's, that the cable and the world touch."""
    bar = body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_CAPSULE, fromto=[*start, *end], size=[radius, 0, 0], friction=RUBBER.friction,
        solref=RUBBER.solref, solimp=RUBBER.solimp, condim=3, mass=0.0, group=3,
    )  # fmt: skip
    bar.contype, bar.conaffinity, bar.priority = ROBOT_BIT, CABLE_BIT, RUBBER.priority
    scene.rod(body, start, end, radius, rgba)
