"""A UR5e with a stick that has a springy round tip, over a table."""

import functools

import mujoco
import numpy as np

from retouch.robots.ur5e import LIMITS, UR5e
from retouch.robots.ur5e_arm import Tool, add_ur5e, pointing_down
from retouch.robots.ur5e_tick import MEMORY, Limits
from retouch.sim.scene import TABLE_TOP, Scene, Surface
from retouch.sim.world import Worlds

STICK_MASS, TIP_MASS, RADIUS = 0.25, 0.05, 0.006
MIDDLE = (STICK_MASS * 0.05 + TIP_MASS * (0.12 - RADIUS)) / (STICK_MASS + TIP_MASS)
TOOL = Tool(length=0.12, mass=STICK_MASS + TIP_MASS, com=(0.0, 0.0, MIDDLE))
START = np.array([0.0, 0.1, TABLE_TOP + 0.02])


@functools.cache
def model(tip: float = 10000.0, friction: float = 0.6) -> mujoco.MjModel:
    """`tip` is its stiffness [N/m]."""
    scene = Scene("stick", visuals=False)
    scene.table((1.4, 1.0, 0.05), friction=friction)
    scene.spec.option.integrator = mujoco.mjtIntegrator.mjINT_DISCRETE
    scene.spec.nuserdata = MEMORY
    stick = add_ur5e(scene, TOOL)
    stick.explicitinertial = True
    stick.mass, stick.ipos, stick.inertia = STICK_MASS, (0, 0, 0.05), (1e-4, 1e-4, 1e-4)
    end = stick.add_body(name="tip", pos=(0, 0, TOOL.length), gravcomp=1.0)
    end.explicitinertial = True
    end.mass, end.ipos, end.inertia = TIP_MASS, (0, 0, -RADIUS), (1e-5, 1e-5, 1e-5)
    for k, axis in enumerate(np.eye(3)):
        end.add_joint(
            name=f"tip{k}",
            type=mujoco.mjtJoint.mjJNT_SLIDE,
            axis=axis,
            stiffness=[tip, 0, 0],
            damping=[2 * (tip * TIP_MASS) ** 0.5, 0, 0],
        )
    surface = Surface(friction=(friction, 0.005, 0.0001), priority=1, solimp=(0.0, 0.95, 0.0005, 0.5, 2.0))
    scene.touch(end, "sphere", (RADIUS,), (0, 0, -RADIUS), surface=surface, robot=True)
    return scene.compile()


def robot(
    worlds: int = 1, *, start: np.ndarray = START, yaw: float = 0.0, limits: Limits = LIMITS, **options: float
) -> UR5e:
    """The arm, its tool over the table."""
    made = UR5e(Worlds(model(**options), worlds), TOOL, limits=limits)
    for slot in range(worlds):
        data = made.worlds.reset(slot)
        made.place(data, made.joints_for(pointing_down(start, yaw)))
        mujoco.mj_forward(made.worlds.model, data)
    return made
