"""Building scenes with MuJoCo's MjSpec: the few shapes and settings that tasks and robots share.

Two models are made of one description: physics without visuals, and a drawing model with the same qpos.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

# Contact bits: the robot meets the world, the world meets itself and the robot, the robot never meets itself.
WORLD_BIT, ROBOT_BIT = 1, 2
TABLE_TOP = 0.8
COLLISION_GROUP, VISUAL_GROUP = 3, 2

Vector = Sequence[float]
SHAPES = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "ellipsoid": mujoco.mjtGeom.mjGEOM_ELLIPSOID,
    "plane": mujoco.mjtGeom.mjGEOM_PLANE,
}


@dataclass(frozen=True)
class Surface:
    """How a colliding shape touches.

    Attributes:
        friction: sliding, torsional [m], rolling [m].
        priority: the pair takes the friction of the higher one; equal ones, the larger.
        solref: time constant [s] and damping ratio of the contact.
        solimp: impedance, as MuJoCo defines it.
        condim: 3 slides, 4 also resists twisting.
    """

    friction: tuple[float, float, float] = (1.0, 0.005, 0.0001)
    priority: int = 0
    solref: tuple[float, float] = (0.02, 1.0)
    solimp: tuple[float, float, float, float, float] = (0.9, 0.95, 0.001, 0.5, 2.0)
    condim: int = 3


class Scene:
    """A scene under construction.

    Args:
        visuals: draw shapes too; without them only what touches is built.
        timestep: of the physics [s].
    """

    def __init__(self, name: str, visuals: bool, timestep: float = 0.002):
        self.visuals = visuals
        self.spec = mujoco.MjSpec()
        self.spec.modelname = name
        self.spec.compiler.degree = False
        option = self.spec.option
        option.timestep = timestep
        option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
        option.impratio = 10.0
        # Ten line-search steps, as some use, are too few: a body of 8 g in a closing hand is thrown out of it.
        option.iterations, option.ls_iterations = 100, 50
        option.tolerance = 1e-6

    @property
    def world(self) -> mujoco.MjsBody:
        """The fixed frame."""
        return self.spec.worldbody

    def touch(
        self,
        body: mujoco.MjsBody,
        shape: str,
        size: Vector,
        pos: Vector = (0, 0, 0),
        quat: Vector = (1, 0, 0, 0),
        *,
        mass: float = 0.0,
        surface: Surface = Surface(),
        robot: bool = False,
        name: str = "",
    ) -> mujoco.MjsGeom:
        """Add a shape that collides. Sizes are MuJoCo's half sizes [m]; `mass` in kg."""
        return body.add_geom(
            name=name,
            type=SHAPES[shape],
            size=[*size, *[0.0] * (3 - len(size))],
            pos=pos,
            quat=quat,
            mass=mass,
            friction=surface.friction,
            priority=surface.priority,
            solref=surface.solref,
            solimp=surface.solimp,
            condim=surface.condim,
            contype=ROBOT_BIT if robot else WORLD_BIT,
            conaffinity=0 if robot else WORLD_BIT | ROBOT_BIT,
            group=COLLISION_GROUP,
        )

    def look(
        self,
        body: mujoco.MjsBody,
        shape: str,
        size: Vector,
        pos: Vector = (0, 0, 0),
        quat: Vector = (1, 0, 0, 0),
        *,
        rgba: Vector,
    ) -> None:
        """Add a shape that is only drawn; nothing when the scene has no visuals."""
        if self.visuals:
            body.add_geom(
                type=SHAPES[shape],
                size=[*size, *[0.0] * (3 - len(size))],
                pos=pos,
                quat=quat,
                rgba=rgba,
                mass=0.0,
                contype=0,
                conaffinity=0,
                group=VISUAL_GROUP,
            )

    def rod(self, body: mujoco.MjsBody, start: Vector, end: Vector, radius: float, rgba: Vector) -> None:
        """Add a drawn capsule from one point to another [m]."""
        if self.visuals:
            body.add_geom(
                type=mujoco.mjtGeom.mjGEOM_CAPSULE,
                fromto=[*start, *end],
                size=[radius, 0, 0],
                rgba=rgba,
                mass=0.0,
                contype=0,
                conaffinity=0,
                group=VISUAL_GROUP,
            )

    def table(self, size: Vector = (0.8, 0.8, 0.05), friction: float = 1.0) -> None:
        """Add a floor, and a table with its top at `TABLE_TOP`, centred on the origin; full sizes [m]."""
        half = [s / 2 for s in size]
        top = (0.0, 0.0, TABLE_TOP - half[2])
        self.touch(self.world, "box", half, top, surface=Surface((friction, 0.005, 0.0001)), name="table")
        self.look(self.world, "box", half, top, rgba=(0.86, 0.80, 0.72, 1))
        for x in (-1, 1):
            for y in (-1, 1):
                foot = (x * (half[0] - 0.05), y * (half[1] - 0.05), top[2] / 2)
                self.look(self.world, "box", (0.025, 0.025, top[2] / 2), foot, rgba=(0.45, 0.40, 0.36, 1))
        self.look(self.world, "plane", (3, 3, 0.1), rgba=(0.55, 0.58, 0.62, 1))
        self.touch(self.world, "plane", (3, 3, 0.1), name="floor")  # what leaves the table falls no further

    def free_body(self, name: str, pos: Vector = (0, 0, 1)) -> mujoco.MjsBody:
        """Add a body that moves freely."""
        body = self.world.add_body(name=name, pos=pos)
        body.add_freejoint(name=name)
        return body

    def camera(self, name: str, eye: Vector, target: Vector, fovy: float = 45.0) -> None:
        """Add a fixed camera at `eye` that looks at `target` [m], world frame; vertical field of view in degrees."""
        backward = np.subtract(eye, target).astype(float)
        backward /= np.linalg.norm(backward)
        right = np.cross((0.0, 0.0, 1.0), backward)
        right /= np.linalg.norm(right)
        up = np.cross(backward, right)
        quat = np.empty(4)
        mujoco.mju_mat2Quat(quat, np.column_stack([right, up, backward]).ravel())
        self.world.add_camera(name=name, pos=eye, quat=quat, fovy=fovy)

    def compile(self) -> mujoco.MjModel:
        """The finished model."""
        return self.spec.compile()
