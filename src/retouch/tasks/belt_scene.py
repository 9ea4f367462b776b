"""What belt assembly is made of: sizes, the board with its two pulleys, the hook in the fingers, and the belt.

The belt is a closed chain of point masses. Stiff springs that only pull join neighbours, weaker ones keep it from
bending sharply; the `discrete` integrator takes both into its implicit step, so that only contacts are constraints.
Every point carries a sphere that meets cylinders, boxes, capsules and spheres in closed form.
"""

import math

import mujoco
import numpy as np

from retouch.robots.ur5e_arm import Tool
from retouch.sim.scene import ROBOT_BIT, TABLE_TOP, WORLD_BIT, Scene, Surface

# The drive. Heights are above the board's top, lengths in its plane from the small pulley's free place [m].
APART = 0.104  # from the large pulley's axis to the small one's free place
TRAVEL = 0.014  # of the small pulley on its spring, towards the large one
TENSION = 1500.0  # of that spring [N/m]
SMALL_CORE, SMALL_FLANGE, SMALL_LEDGE, SMALL_FOOT = 0.0085, 0.0125, 0.0145, 0.0065  # radii: the ledge is below
LARGE_CORE, LARGE_FLANGE, LARGE_LEDGE, LARGE_FOOT = 0.024, 0.028, 0.028, 0.020
GROOVE = 0.022  # height of the middle of both grooves
GROOVE_HALF, FLANGE = 0.003, 0.002  # half a groove's width, a flange's thickness
PULLEY_TOP = GROOVE + GROOVE_HALF + FLANGE
BUTTON_RADIUS, BUTTON_HEIGHT = 0.008, 0.004  # of the round button on the large pulley's top

# The belt.
POINTS = 48
LENGTH = 0.3095  # all around
BELT_RADIUS = 0.0015
POINT_MASS, WEIGHED = 0.005, 0.08  # of every point [kg], and the share of it that gravity feels
AIR = 0.03  # damping of every point [N s/m]
STRETCH = 40000.0  # of a piece between neighbours [N/m]
BENDING, BENDING_SPAN = 150.0, 4  # [N/m], of springs over so many pieces
REST_RADIUS = 0.020  # of the two half circles that the belt takes up when nothing bends it
SEGMENT = LENGTH / POINTS

RAISED = 0.03  # of the board above the table
PLATE_HALF = (0.095, 0.050, 0.006)
PLATE_AT = APART / 2  # of its middle from the small pulley's free place
BOARD_TOP = TABLE_TOP + RAISED + 2 * PLATE_HALF[2]
# Joints give the board its place, as in gear insertion: see there why it is not simply very heavy.
BOARD_MASS, BOARD_DAMPING = 10.0, 3e8  # [kg], [kg m^2]; [N s/m], [N m s]

TOOL = Tool(length=0.15, mass=0.60, com=(0.0, 0.0, 0.06))
# The hook, in the tool frame but seen from the tool centre point, where the belt lies: x away from the pulley that
# the belt is pulled around, y along the belt, z down.
SLOT_HALF, WALL, HOOK_HALF = 0.0018, 0.002, 0.0075  # half the slot's width, thickness of a prong, half its breadth
TIP, ROOF = 0.004, -0.0022  # the prongs' lower end; the slot's upper end
LIP_RADIUS, LIP_AT, LIP_DOWN = 0.001, 0.0021, 0.0016  # of the two lips that the belt lies on: where they are
LIP_MASS, LIP_STIFFNESS, LIP_PRESS = 0.02, 3000.0, 2.2  # [kg], [N/m], and how hard they press together [N]
RIB_RADIUS, RIB_DOWN = 0.001, -0.0008  # of two upright ribs in the slot, between which the belt cannot run through
REACH = SLOT_HALF + WALL  # of the hook towards the pulley

BELT_BIT, FINGER_BIT = 4, 8
SMOOTH = Surface(
    friction=(0.2, 0.005, 0.0001), priority=1, solref=(0.004, 1.0), solimp=(0.0, 0.998, 0.0003, 0.5, 2), condim=1
)
GRIP = Surface(friction=(0.3, 0.005, 0.0001), priority=2, solref=(0.004, 1.0), solimp=(0.0, 0.99, 0.0003, 0.5, 2))
LIP = Surface(
    friction=(0.05, 0.005, 0.0001), priority=2, solref=(0.004, 1.0), solimp=(0.0, 0.998, 0.0003, 0.5, 2), condim=1
)
BLUNT = Surface(friction=(0.3, 0.005, 0.0001), solref=(0.004, 1.0), solimp=(0.0, 0.99, 0.0003, 0.5, 2))

STEEL, BRIGHT, DARK = (0.70, 0.72, 0.75, 1), (0.86, 0.87, 0.89, 1), (0.20, 0.21, 0.23, 1)
PLATE, EDGE = (0.36, 0.42, 0.47, 1), (0.24, 0.28, 0.33, 1)
BELT, PULLEY, BUTTON, HOOK = (0.93, 0.42, 0.10, 1), (0.82, 0.84, 0.87, 1), (0.75, 0.16, 0.14, 1), (0.16, 0.30, 0.50, 1)


def add_board(scene: Scene) -> None:
    """The board, its large pulley, and the small one on its spring; x from the small pulley to the large one."""
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
    plate = (PLATE_AT, 0, -PLATE_HALF[2])
    _fixed(scene.touch(board, "box", PLATE_HALF, plate, surface=BLUNT, name="plate"))
    _pulley(scene, board, APART, (LARGE_FOOT, LARGE_LEDGE, LARGE_CORE, LARGE_FLANGE))
    ball = (BUTTON_RADIUS**2 + BUTTON_HEIGHT**2) / (2 * BUTTON_HEIGHT)
    top = (APART, 0, PULLEY_TOP + BUTTON_HEIGHT - ball)
    _fixed(scene.touch(board, "sphere", (ball,), top, surface=SMOOTH, name="button"))
    slide = board.add_body(name="small_pulley")
    slide.explicitinertial = True
    slide.mass, slide.ipos, slide.inertia = 0.1, (0, 0, GROOVE), (2e-5,) * 3
    slide.add_joint(
        name="small_pulley",
        type=mujoco.mjtJoint.mjJNT_SLIDE,
        axis=(1, 0, 0),
        range=(0.0, TRAVEL),
        limited=True,
        stiffness=[TENSION, 0, 0],
        damping=[30.0, 0, 0],
    )
    slide.add_site(name="small_pulley", pos=(0, 0, GROOVE))
    _pulley(scene, slide, 0.0, (SMALL_FOOT, SMALL_LEDGE, SMALL_CORE, SMALL_FLANGE))

    scene.look(board, "box", PLATE_HALF, plate, rgba=PLATE)
    scene.look(board, "sphere", (ball,), top, rgba=BUTTON)
    scene.look(board, "box", (0.022, 0.009, 0.0012), (TRAVEL / 2, 0, 0.0012), rgba=EDGE)
    scene.look(board, "cylinder", (0.024, 0.001), (APART, 0, 0.001), rgba=EDGE)
    for x in (-1, 1):
        for y in (-1, 1):
            at = (PLATE_AT + x * (PLATE_HALF[0] - 0.010), y * (PLATE_HALF[1] - 0.010))
            scene.look(board, "cylinder", (0.007, RAISED / 2), (*at, -2 * PLATE_HALF[2] - RAISED / 2), rgba=EDGE)
            scene.look(board, "cylinder", (0.004, 0.0006), (*at, 0.0), rgba=STEEL)


def _fixed(shape: mujoco.MjsGeom) -> None:
    """Met by the belt and the fingers, and by nothing else."""
    shape.contype, shape.conaffinity = 0, BELT_BIT | FINGER_BIT


def _pulley(scene: Scene, body: mujoco.MjsBody, x: float, radii: tuple[float, float, float, float]) -> None:
    """A foot, a flange, the groove's core, and another flange, from below."""
    low, high = GROOVE - GROOVE_HALF, GROOVE + GROOVE_HALF
    heights, colours = (0.0, low - FLANGE, low, high, PULLEY_TOP), (DARK, PULLEY, STEEL, PULLEY)
    pieces = zip(radii, heights[:-1], heights[1:], colours, strict=True)
    for radius, bottom, top, colour in pieces:
        size, at = (radius, (top - bottom) / 2), (x, 0, (bottom + top) / 2)
        _fixed(scene.touch(body, "cylinder", size, at, surface=SMOOTH))
        scene.look(body, "cylinder", size, at, rgba=colour)


def add_hook(scene: Scene, tool: mujoco.MjsBody) -> None:
    """Two prongs with a slot between them, open below, where two soft lips keep the belt in until it is pulled hard."""
    tool.explicitinertial = True
    tool.mass, tool.inertia = TOOL.mass - 2 * LIP_MASS, (6e-4, 6e-4, 3e-4)
    at = np.array([0.0, 0.0, TOOL.length])
    tool.ipos = (0, 0, (TOOL.mass * TOOL.com[2] - 2 * LIP_MASS * (at[2] + LIP_DOWN)) / tool.mass)
    tall = (TIP - (-0.012)) / 2
    for side in (-1, 1):
        middle = at + np.array([side * (SLOT_HALF + WALL / 2), 0.0, TIP - tall])
        _holding(scene.touch(tool, "box", (WALL / 2, HOOK_HALF, tall), middle.tolist(), surface=GRIP))
        scene.look(tool, "box", (WALL / 2, HOOK_HALF, tall), middle.tolist(), rgba=HOOK)
        lip = tool.add_body(
            name=f"lip{side}", pos=(at + np.array([side * LIP_AT, 0.0, LIP_DOWN])).tolist(), gravcomp=1.0
        )
        lip.explicitinertial = True
        lip.mass, lip.ipos, lip.inertia = LIP_MASS, (0, 0, 0), (1e-6,) * 3
        lip.add_joint(
            name=f"lip{side}",
            type=mujoco.mjtJoint.mjJNT_SLIDE,
            axis=(side, 0, 0),
            range=(0.0, 0.002),
            limited=True,
            stiffness=[LIP_STIFFNESS, 0, 0],
            springref=-LIP_PRESS / LIP_STIFFNESS,
            damping=[2 * math.sqrt(LIP_STIFFNESS * LIP_MASS), 0, 0],
            solref_limit=(0.004, 1.0),
        )
        along = (math.sqrt(0.5), math.sqrt(0.5), 0.0, 0.0)
        size = (LIP_RADIUS, HOOK_HALF - LIP_RADIUS)
        _holding(scene.touch(lip, "capsule", size, quat=along, surface=LIP))
        scene.look(lip, "capsule", size, quat=along, rgba=STEEL)
        for y in (-1, 0, 1):
            for z in (TIP - 0.0015, -0.003, -0.009) if side < 0 else (TIP - 0.0015,):
                ball = at + np.array([side * (REACH - 0.0015), y * (HOOK_HALF - 0.0015), z])
                scene.touch(tool, "sphere", (0.0015,), ball.tolist(), surface=BLUNT).contype = FINGER_BIT | WORLD_BIT
    for end in (-0.5, 0.5):
        rib, size = at + np.array([0.0, end * SEGMENT, RIB_DOWN]), (RIB_RADIUS, 0.001)
        _holding(scene.touch(tool, "capsule", size, rib.tolist(), surface=GRIP))
    roof = ((SLOT_HALF, HOOK_HALF, 0.004), (at + np.array([0.0, 0.0, ROOF - 0.004])).tolist())
    _holding(scene.touch(tool, "box", *roof, surface=GRIP))
    for shape in tool.geoms:
        if shape.contype & FINGER_BIT:
            shape.conaffinity = 0
    scene.look(tool, "box", *roof, rgba=HOOK)
    scene.look(tool, "box", (REACH, HOOK_HALF, 0.026), (at + np.array([0, 0, -0.036])).tolist(), rgba=HOOK)
    scene.look(tool, "cylinder", (0.032, 0.022), (0, 0, 0.022), rgba=DARK)
    scene.look(tool, "box", (0.016, 0.034, 0.020), (0, 0, 0.062), rgba=STEEL)
    scene.look(tool, "box", (0.009, 0.014, 0.008), (0, 0, 0.088), rgba=DARK)


def _holding(shape: mujoco.MjsGeom) -> None:
    """Met by the belt alone."""
    shape.contype, shape.conaffinity = 0, BELT_BIT


def rest_shape() -> np.ndarray:
    """Where the points of the belt are when nothing bends it, float64[POINTS, 2]: half circles and straight pieces.

    The first point is the middle of a half circle, at the least x [m].
    """
    half = math.pi * REST_RADIUS / 2
    straight = LENGTH / 2 - 2 * half
    shape = []
    for number in range(POINTS):
        along = number * SEGMENT % LENGTH
        far, side = (along, 1.0) if along <= LENGTH / 2 else (LENGTH - along, -1.0)
        if far < half:
            x, y = -math.cos(far / REST_RADIUS), math.sin(far / REST_RADIUS)
        elif far < half + straight:
            x, y = (far - half) / REST_RADIUS, 1.0
        else:
            angle = (far - half - straight) / REST_RADIUS
            x, y = straight / REST_RADIUS + math.sin(angle), math.cos(angle)
        shape.append((REST_RADIUS * x, side * REST_RADIUS * y))
    return np.array(shape)


def laid(grasp: int) -> np.ndarray:
    """The belt at rest in the hook, held at one of its points, float64[POINTS, 3], in the tool frame [m]."""
    shape = rest_shape()
    along = shape[(grasp + 1) % POINTS] - shape[grasp - 1]
    along /= np.linalg.norm(along)
    inward = np.array([along[1], -along[0]])
    if inward @ (shape.mean(axis=0) - shape[grasp]) < 0:
        inward = -inward
    away = shape - shape[grasp]
    return np.column_stack([np.zeros(POINTS), away @ along, away @ inward])


def add_belt(scene: Scene) -> None:
    """The belt, as a ring around the origin where its joints are at zero: three slides a point."""
    rest = rest_shape()
    for number in range(POINTS):
        at = (*rest[number], 1.2)
        point = scene.world.add_body(name=f"belt{number}", pos=at, gravcomp=1.0 - WEIGHED)
        point.explicitinertial = True
        point.mass, point.ipos, point.inertia = POINT_MASS, (0, 0, 0), (1e-8,) * 3
        for axis, name in zip(np.eye(3), "xyz", strict=True):
            point.add_joint(
                name=f"belt{number}_{name}",
                type=mujoco.mjtJoint.mjJNT_SLIDE,
                axis=axis,
                damping=[AIR, 0, 0],
            )
        point.add_site(name=f"belt{number}")
        ball = scene.touch(point, "sphere", (BELT_RADIUS,), surface=Surface(friction=(0.2, 0.005, 0.0001), condim=1))
        ball.contype, ball.conaffinity = BELT_BIT | ROBOT_BIT, 0
    for number in range(POINTS):
        _spring(scene, number, 1, (0.0, SEGMENT), STRETCH)
        chord = math.dist(rest[number], rest[(number + BENDING_SPAN) % POINTS])
        _spring(scene, number, BENDING_SPAN, (chord, chord), BENDING)
    flex = scene.spec.add_flex(name="belt", dim=1, radius=BELT_RADIUS, rgba=BELT, contype=0, conaffinity=0)
    flex.vertbody = [f"belt{number}" for number in range(POINTS)]
    flex.vert = [0.0] * (3 * POINTS)
    flex.elem = [k for number in range(POINTS) for k in (number, (number + 1) % POINTS)]
    # MuJoCo warns of a flex that nothing holds together; an edge constraint that is never active satisfies it.
    scene.spec.add_equality(
        name="belt", type=mujoco.mjtEq.mjEQ_FLEX, objtype=mujoco.mjtObj.mjOBJ_FLEX, name1="belt", active=False
    )


def _spring(scene: Scene, first: int, span: int, slack: tuple[float, float], stiffness: float) -> None:
    """A spring between two points that does nothing while their distance is within `slack` [m]."""
    tendon = scene.spec.add_tendon(stiffness=[stiffness, 0, 0], springlength=slack)
    for number in (first, (first + span) % POINTS):
        tendon.wrap_site(f"belt{number}")
