"""What gear insertion is made of: sizes, the board with its shaft and neighbouring gear, and the gear that is carried.

The carried gear slips over the shaft with a radial clearance of 0.2 mm, goes down on it, and meets its neighbour's
teeth half way. Every shape that touches is a sphere, a capsule, a cylinder or a box, and every pair of shapes that can
meet has a closed form: spheres meet the shaft's flat top, capsules its side.
"""

import math

import mujoco
import numpy as np

from retouch.robots.ur5e_arm import Tool
from retouch.sim.scene import TABLE_TOP, WORLD_BIT, Scene, Surface

# Both gears have this module: the pitch diameter is so many times the number of teeth [m].
MODULE = 0.003
TEETH, NEIGHBOUR_TEETH = 10, 16
PITCH_RADIUS, NEIGHBOUR_PITCH_RADIUS = MODULE * TEETH / 2, MODULE * NEIGHBOUR_TEETH / 2
APART = PITCH_RADIUS + NEIGHBOUR_PITCH_RADIUS  # from shaft to shaft [m]
TOOTH_PITCH = math.pi * MODULE  # from tooth to tooth along the pitch circle [m]
TOOTH_RADIUS = 0.0019  # of the round tooth [m]
BACKLASH = TOOTH_PITCH - 4 * TOOTH_RADIUS  # how far a mated tooth can travel between two others [m]

THICKNESS, BOSS = 0.014, 0.008  # of the gear, and of the boss above it that the fingers hold [m]
SHAFT_RADIUS, CLEARANCE = 0.005, 0.0002
SHAFT_LENGTH = 0.024  # above the board [m]
NEIGHBOUR_TOP = 0.012  # of the neighbour's teeth above the board [m]
BORE_RODS = 12
ROUNDING = 0.0012  # of the bore's lower edge, which decides how far off it still finds the shaft [m]
RING = SHAFT_RADIUS + CLEARANCE + ROUNDING  # the circle on which the bore's rods stand [m]

RAISED = 0.03  # of the board above the table [m]
PLATE_HALF = (0.070, 0.045, 0.006)
PLATE_AT = 0.020  # of its middle from the shaft, towards the neighbour [m]
BOARD_TOP = TABLE_TOP + RAISED + 2 * PLATE_HALF[2]  # the height of the board's frame, at the shaft's foot [m]
# The board's place is part of the state, so it has joints; they creep by 1 um when 20 N push for 15 s. A mass as
# large instead would make the solver, whose tolerance is a share of what moves, stop long before contacts are right.
BOARD_MASS, BOARD_DAMPING = 10.0, 3e8  # [kg], [kg m^2]; [N s/m], [N m s]

TOOL = Tool(length=0.12, mass=0.60, com=(0.0, 0.0, 0.05))
GEAR_MASS = 0.05
GEAR_INERTIA = 2e-5  # [kg m^2]
GRIP_STIFFNESS, GRIP_TURNING = 20000.0, 50.0  # with which the fingers hold the gear [N/m], [N m/rad]
HUB_FRICTION = 0.06  # of the neighbour on its shaft [N m]

# Who meets whom, besides `scene`'s bits: the lower side of the carried gear what is flat, its bore the shaft's side,
# its teeth the neighbour's.
FLAT_BIT, BORE_BIT, TEETH_BIT = 4, 8, 16
SLIPPERY = Surface(friction=(0.25, 0.005, 0.0001), priority=1, solref=(0.004, 1.0), solimp=(0.0, 0.98, 0.0001, 0.5, 2))
STEEL, BRIGHT, DARK = (0.70, 0.72, 0.75, 1), (0.86, 0.87, 0.89, 1), (0.20, 0.21, 0.23, 1)
PLATE, EDGE = (0.33, 0.38, 0.44, 1), (0.24, 0.28, 0.33, 1)
ORANGE, ORANGE_DARK = (0.93, 0.49, 0.13, 1), (0.74, 0.36, 0.08, 1)
IVORY, IVORY_DARK = (0.90, 0.87, 0.78, 1), (0.68, 0.65, 0.57, 1)


def on_circle(radius: float, count: int, number: int) -> tuple[float, float]:
    """The point `number` of `count` on a circle about the origin, the first one on the x axis [m]."""
    angle = 2 * math.pi * number / count
    return radius * math.cos(angle), radius * math.sin(angle)


def add_board(scene: Scene) -> None:
    """The board on its feet, its shaft, and the neighbour that turns on a shaft of its own along the board's x axis.

    The board stands anywhere in the plane, as its three joints say, and stays there.
    """
    board = scene.world.add_body(name="board", pos=(0, 0, BOARD_TOP))
    board.explicitinertial = True
    board.mass, board.ipos, board.inertia = BOARD_MASS, (0, 0, 0), (BOARD_MASS,) * 3
    for name, kind, axis in (
        ("board_x", mujoco.mjtJoint.mjJNT_SLIDE, (1, 0, 0)),
        ("board_y", mujoco.mjtJoint.mjJNT_SLIDE, (0, 1, 0)),
        ("board_yaw", mujoco.mjtJoint.mjJNT_HINGE, (0, 0, 1)),
    ):
        board.add_joint(name=name, type=kind, axis=axis, damping=[BOARD_DAMPING, 0, 0])
    board.add_site(name="board")
    plate = scene.touch(board, "box", PLATE_HALF, (PLATE_AT, 0, -PLATE_HALF[2]), surface=SLIPPERY, name="plate")
    head = scene.touch(
        board, "cylinder", (SHAFT_RADIUS, SHAFT_LENGTH / 2), (0, 0, SHAFT_LENGTH / 2), surface=SLIPPERY, name="shaft"
    )
    stem = SHAFT_LENGTH - SHAFT_RADIUS  # a capsule that ends, rounded, where the shaft does
    side = scene.touch(board, "capsule", (SHAFT_RADIUS, stem / 2), (0, 0, stem / 2), surface=SLIPPERY, name="side")
    for shape, bit in ((plate, FLAT_BIT), (head, FLAT_BIT), (side, BORE_BIT)):
        shape.contype, shape.conaffinity = 0, bit
    scene.look(board, "box", PLATE_HALF, (PLATE_AT, 0, -PLATE_HALF[2]), rgba=PLATE)
    for x in (-1, 1):
        for y in (-1, 1):
            at = (PLATE_AT + x * (PLATE_HALF[0] - 0.010), y * (PLATE_HALF[1] - 0.010))
            scene.look(board, "cylinder", (0.007, RAISED / 2), (*at, -2 * PLATE_HALF[2] - RAISED / 2), rgba=EDGE)
            scene.look(board, "cylinder", (0.004, 0.0006), (*at, 0.0), rgba=STEEL)
    scene.look(
        board, "cylinder", (SHAFT_RADIUS, SHAFT_LENGTH / 2 - 0.0005), (0, 0, SHAFT_LENGTH / 2 - 0.0005), rgba=BRIGHT
    )
    scene.look(board, "cylinder", (SHAFT_RADIUS - 0.0006, 0.0006), (0, 0, SHAFT_LENGTH - 0.0006), rgba=BRIGHT)
    scene.look(board, "cylinder", (0.009, 0.0004), (0, 0, 0.0004), rgba=STEEL)

    neighbour = board.add_body(name="neighbour", pos=(APART, 0, 0))
    neighbour.add_joint(
        name="neighbour", axis=(0, 0, 1), frictionloss=HUB_FRICTION, damping=[1e-3, 0, 0], armature=1e-5
    )
    neighbour.explicitinertial = True
    neighbour.mass, neighbour.ipos, neighbour.inertia = 0.04, (0, 0, NEIGHBOUR_TOP / 2), (6e-6, 6e-6, 1.2e-5)
    root = NEIGHBOUR_PITCH_RADIUS - TOOTH_RADIUS - 0.0005
    top = scene.touch(
        neighbour, "cylinder", (root, NEIGHBOUR_TOP / 2), (0, 0, NEIGHBOUR_TOP / 2), surface=SLIPPERY, name="neighbour"
    )
    top.contype, top.conaffinity = 0, FLAT_BIT
    _teeth(scene, neighbour, NEIGHBOUR_TEETH, NEIGHBOUR_PITCH_RADIUS, 0.0, NEIGHBOUR_TOP, touched=True)
    _draw_gear(scene, neighbour, NEIGHBOUR_TEETH, NEIGHBOUR_PITCH_RADIUS, 0.0, NEIGHBOUR_TOP, (IVORY, IVORY_DARK))
    scene.look(neighbour, "cylinder", (0.010, 0.0015), (0, 0, NEIGHBOUR_TOP + 0.0015), rgba=IVORY_DARK)
    scene.look(neighbour, "cylinder", (SHAFT_RADIUS, 0.004), (0, 0, NEIGHBOUR_TOP + 0.003), rgba=BRIGHT)


def add_gear(scene: Scene, tool: mujoco.MjsBody) -> None:
    """Fingers behind the contact sensor, and the gear that they hold, its lower side at the tool centre point.

    A tooth points along the tool's x axis. The hold gives in every direction, so that contact is no blow.
    """
    tool.explicitinertial = True
    tool.mass, tool.inertia = TOOL.mass - GEAR_MASS, (4e-4, 4e-4, 3e-4)
    gear_at = TOOL.length - THICKNESS / 2
    tool.ipos = (0, 0, (TOOL.mass * TOOL.com[2] - GEAR_MASS * gear_at) / tool.mass)
    gear = tool.add_body(name="gear", pos=(0, 0, TOOL.length), gravcomp=1.0)
    gear.explicitinertial = True
    gear.mass, gear.ipos, gear.inertia = GEAR_MASS, (0, 0, -THICKNESS / 2), (GEAR_INERTIA,) * 3
    for kind, stiffness, mass in (
        (mujoco.mjtJoint.mjJNT_SLIDE, GRIP_STIFFNESS, GEAR_MASS),
        (mujoco.mjtJoint.mjJNT_HINGE, GRIP_TURNING, GEAR_INERTIA),
    ):
        for axis in np.eye(3):
            gear.add_joint(
                type=kind,
                axis=axis,
                pos=(0, 0, -THICKNESS - BOSS / 2),
                stiffness=[stiffness, 0, 0],
                damping=[2 * math.sqrt(stiffness * mass), 0, 0],
            )
    gear.add_site(name="gear")
    below = [(RING, ROUNDING, BORE_RODS), (0.0105, 0.0025, TEETH), (PITCH_RADIUS, TOOTH_RADIUS, TEETH)]
    for circle, radius, count in below:
        for number in range(count):
            ball = scene.touch(
                gear, "sphere", (radius,), (*on_circle(circle, count, number), -radius), surface=SLIPPERY, robot=True
            )
            ball.contype = FLAT_BIT | WORLD_BIT  # the table, too
    tall = THICKNESS + BOSS - 2 * ROUNDING
    for number in range(BORE_RODS):
        middle = (*on_circle(RING, BORE_RODS, number), -ROUNDING - tall / 2)
        rod = scene.touch(gear, "capsule", (ROUNDING, tall / 2), middle, surface=SLIPPERY, robot=True)
        rod.contype = BORE_BIT
    _teeth(scene, gear, TEETH, PITCH_RADIUS, -THICKNESS, 0.0, touched=False)

    _draw_gear(scene, gear, TEETH, PITCH_RADIUS, -THICKNESS, 0.0, (ORANGE, ORANGE_DARK))
    scene.look(gear, "cylinder", (0.0095, BOSS / 2), (0, 0, -THICKNESS - BOSS / 2), rgba=ORANGE_DARK)
    scene.look(gear, "cylinder", (SHAFT_RADIUS + CLEARANCE, 0.0003), (0, 0, 0.0001), rgba=DARK)
    scene.look(tool, "cylinder", (0.032, 0.022), (0, 0, 0.022), rgba=DARK)
    scene.look(tool, "box", (0.036, 0.014, 0.012), (0, 0, 0.054), rgba=STEEL)
    for side in (-1, 1):
        scene.look(tool, "box", (0.0035, 0.009, 0.020), (side * 0.0135, 0, 0.084), rgba=DARK)
        scene.look(tool, "box", (0.005, 0.010, 0.006), (side * 0.016, 0, 0.070), rgba=STEEL)


def _teeth(
    scene: Scene, body: mujoco.MjsBody, count: int, circle: float, bottom: float, top: float, touched: bool
) -> None:
    """Round teeth, rounded at both ends, that meet those of another gear; one of the two gears is `touched`."""
    half = (top - bottom) / 2 - TOOTH_RADIUS
    for number in range(count):
        middle = (*on_circle(circle, count, number), (bottom + top) / 2)
        tooth = scene.touch(body, "capsule", (TOOTH_RADIUS, half), middle, surface=SLIPPERY)
        tooth.contype, tooth.conaffinity = (0, TEETH_BIT) if touched else (TEETH_BIT, 0)


def _draw_gear(
    scene: Scene,
    body: mujoco.MjsBody,
    count: int,
    circle: float,
    bottom: float,
    top: float,
    colours: tuple[tuple[float, ...], tuple[float, ...]],
) -> None:
    """A disc with teeth, and a darker ring on both sides."""
    middle, half = (bottom + top) / 2, (top - bottom) / 2
    root = circle - TOOTH_RADIUS - 0.0002
    scene.look(body, "cylinder", (root, half), (0, 0, middle), rgba=colours[0])
    scene.look(body, "cylinder", (0.72 * root, half + 0.0002), (0, 0, middle), rgba=colours[1])
    for number in range(count):
        angle = 2 * math.pi * number / count
        turn = (math.cos(angle / 2), 0.0, 0.0, math.sin(angle / 2))
        at = (*on_circle((circle + root) / 2 - 0.0005, count, number), middle)
        scene.look(body, "box", ((circle - root) / 2 + 0.0005, TOOTH_RADIUS, half - 0.0002), at, turn, rgba=colours[0])
        end = (*on_circle(circle, count, number), middle)
        scene.look(body, "cylinder", (TOOTH_RADIUS, half - 0.0002), end, rgba=colours[0])
