"""What the threading task is made of: sizes, the rod, the ring on its stand, and where an observation shows them."""

import math

import mujoco
import numpy as np
from jaxtyping import Float32

from retouch.geometry import Pose, quat_about
from retouch.robots.sawyer import add_grip
from retouch.sim.scene import Scene, Surface

ROD_HALF_LENGTH, ROD_HALF_WIDTH = 0.06, 0.005
HANDLE_HALF = 0.02
HANDLE_CENTRE = -ROD_HALF_LENGTH - HANDLE_HALF  # along the rod's x axis, which points to its tip [m]
# The paper gives no sizes; the hole is our choice, made on the base policy (docs/results.md).
RING_INNER, RING_OUTER, RING_HALF_DEPTH = 0.009, 0.014, 0.005
RING_HEIGHT = 0.189
RING_BOXES = 20
SUCCESS_DISTANCE = 0.012  # of the rod's centre from the ring's [m]

WOOD, DARK_WOOD, HANDLE_COLOUR = (0.80, 0.62, 0.38, 1), (0.55, 0.36, 0.20, 1), (0.16, 0.45, 0.62, 1)
Observation = Float32[np.ndarray, " 37"]
UP = np.array([0.0, 0.0, 1.0])


def place(data: mujoco.MjData, address: int, position: tuple[float, float, float], yaw: float) -> None:
    """Put a free body at `position` [m], upright, turned by `yaw` [rad]."""
    data.qpos[address : address + 3] = position
    data.qpos[address + 3 : address + 7] = quat_about(UP, yaw)


def add_rod(scene: Scene) -> None:
    rod = scene.free_body("rod")
    wood = Surface(friction=(0.3, 0.005, 0.0001), solref=(0.005, 1.0), solimp=(0.95, 0.99, 0.001, 0.5, 2.0))
    length, width = ROD_HALF_LENGTH, ROD_HALF_WIDTH
    scene.touch(rod, "box", (length, width, width), mass=0.0012, surface=wood, name="rod")
    scene.touch(rod, "box", (HANDLE_HALF,) * 3, (HANDLE_CENTRE, 0, 0), mass=0.0064, surface=wood, name="handle")
    add_grip(scene, "handle")
    scene.look(rod, "box", (length, width, width), rgba=WOOD)
    scene.look(rod, "box", (HANDLE_HALF,) * 3, (HANDLE_CENTRE, 0, 0), rgba=HANDLE_COLOUR)


def add_stand(scene: Scene) -> None:
    """A foot that slides (friction 0.2), a thin post and the ring: 18.1 g in all. Its x axis runs through the hole."""
    stand = scene.free_body("stand")
    wood = Surface(friction=(0.3, 0.005, 0.0001), solref=(0.005, 1.0), solimp=(0.95, 0.99, 0.001, 0.5, 2.0))
    sliding = Surface(friction=(0.2, 0.005, 0.0001), priority=1)
    post_half = (RING_HEIGHT - RING_OUTER - 0.02) / 2
    scene.touch(stand, "box", (0.05, 0.05, 0.01), (0, 0, 0.01), mass=0.0150, surface=sliding, name="foot")
    scene.touch(
        stand, "box", (0.009, 0.009, post_half), (0, 0, 0.02 + post_half), mass=0.0023, surface=wood, name="post"
    )
    add_grip(scene, "post")
    scene.look(stand, "box", (0.05, 0.05, 0.01), (0, 0, 0.01), rgba=DARK_WOOD)
    scene.look(stand, "box", (0.009, 0.009, post_half), (0, 0, 0.02 + post_half), rgba=WOOD)
    middle = (RING_INNER + RING_OUTER) / 2
    for i in range(RING_BOXES):
        angle = 2 * math.pi * i / RING_BOXES
        pos = (0, -middle * math.sin(angle), RING_HEIGHT + middle * math.cos(angle))
        quat = (math.cos(angle / 2), math.sin(angle / 2), 0, 0)
        size = (RING_HALF_DEPTH, RING_OUTER * math.tan(math.pi / RING_BOXES), (RING_OUTER - RING_INNER) / 2)
        scene.touch(stand, "box", size, pos, quat, mass=0.0008 / RING_BOXES, surface=wood, name=f"ring{i}")
        scene.look(stand, "box", size, pos, quat, rgba=(0.85, 0.50, 0.15, 1))
    stand.add_site(name="ring", pos=(0, 0, RING_HEIGHT))


def rod_pose(observation: Observation) -> Pose:
    """The rod in world."""
    return Pose.from_vector(observation[9:16].astype(np.float64))


def ring_pose(observation: Observation) -> Pose:
    """The ring in world: origin at its centre, x axis through the hole."""
    return Pose.from_vector(observation[16:23].astype(np.float64))


def tool_pose(observation: Observation) -> Pose:
    """The tool in world: between the finger tips, z axis out of the hand, y axis along which the fingers close."""
    return Pose.from_vector(observation[0:7].astype(np.float64))
