"""A task of one's own, lifting a block: scene, start, what is seen, success, scripted skill, what a watcher judges."""

import math

import mujoco
import numpy as np

from retouch.geometry import Pose, quat_from_matrix, quat_near
from retouch.operators.profile import Profile
from retouch.robots.sawyer import HOME, JOINTS, Sawyer, add_grip, add_sawyer, towards
from retouch.sim.scene import TABLE_TOP, Scene
from retouch.tasks.base import Manner, Task

HALF, HIGH = 0.02, 0.12  # of the block, half a side; how far it is lifted [m]
DOWN = np.array([0.0, math.sqrt(0.5), math.sqrt(0.5), 0.0])  # of a hand that points down, wxyz
SLEEPY = Profile("sleepy", reaction_delay=1.5, patience=6.0, hand_back="finish")  # a scripted person of one's own


class Seen:
    """What an observation says: places in world [m]."""

    def __init__(self, observation):
        self.tool, self.block = observation[0:3].astype(float), observation[9:12].astype(float)
        self.gap = 0.0375 - float(observation[7] + observation[8])  # between the finger tips
        self.aside = math.dist(self.tool[:2], self.block[:2])
        self.above = float(self.tool[2] - self.block[2])
        self.around = self.aside < 0.012 and abs(self.above) < 0.012
        self.held = self.around and 0.03 < self.gap < 0.06
        self.lifted = float(self.block[2]) - TABLE_TOP - HALF


class LiftSkill:
    """Over the block, down, close, up; from wherever it stands."""

    def __init__(self, speed):
        self.stage, self.speed, self.closing = "reach", speed, 0

    def restart(self):
        self.closing = 0

    def act(self, observation):
        seen, tool = Seen(observation), Pose.from_vector(observation[:7].astype(float))
        self.closing = self.closing + 1 if seen.around else 0
        self.stage = "lift" if self.closing > 10 else "grasp" if self.closing else "reach"
        over = min(0.1, max(0.0, 4.0 * (seen.aside - 0.006)))  # down only when nearly over it
        goal = seen.block + np.array([0.0, 0.0, 0.05 if self.stage == "lift" else over])
        action = towards(tool, Pose(goal, DOWN), closed=self.closing > 0)
        action[:6] *= 0.45 * self.speed
        return action


class Lift(Task):
    name, control_period, horizon = "lift", 0.05, 200
    observation_names = (
        *(f"tool_{n}" for n in ("x", "y", "z", "qw", "qx", "qy", "qz")),
        *("finger_right", "finger_left"),
        *(f"block_{n}" for n in "xyz"),
    )
    action_names = ("x", "y", "z", "rx", "ry", "rz", "gripper")
    cameras = ("front",)
    robot_body = "base"

    def build(self, visuals):
        scene = Scene(self.name, visuals)
        add_sawyer(scene)
        scene.table()
        block = scene.free_body("block")
        scene.touch(block, "box", (HALF, HALF, HALF), mass=0.05, name="block")
        add_grip(scene, "block")
        scene.look(block, "box", (HALF, HALF, HALF), rgba=(0.85, 0.2, 0.15, 1))
        scene.camera("front", (0.70, 0.0, 1.27), (-0.06, 0.0, 0.93), fovy=40)
        return scene.compile()

    def robot(self, worlds):
        return Sawyer(worlds, self.control_period)

    def reset(self, data, rng):
        data.qpos[:JOINTS] = np.array(HOME) + 0.02 * rng.standard_normal(JOINTS)
        data.joint("block").qpos = [rng.uniform(-0.15, 0.0), rng.uniform(-0.15, 0.15), TABLE_TOP + HALF, 1, 0, 0, 0]
        mujoco.mj_forward(self.physics, data)

    def observe(self, data):
        turned = quat_near(quat_from_matrix(data.site("tool").xmat.reshape(3, 3)), DOWN)
        fingers = [data.joint(name).qpos[0] for name in ("right_finger", "left_finger")]
        return np.array([*data.site("tool").xpos, *turned, *fingers, *data.joint("block").qpos[:3]], np.float32)

    def success(self, data):
        return bool(data.joint("block").qpos[2] > TABLE_TOP + HALF + HIGH)

    def skill(self, rng, manner=Manner()):
        return LiftSkill(manner.speed)

    def tool_pose(self, observation):
        return Pose.from_vector(observation[:7].astype(float))

    def gripper_closed(self, observation):
        return Seen(observation).gap < 0.067

    def towards(self, observation, target_in_world, closed):
        return towards(self.tool_pose(observation), target_in_world, closed)

    def phase(self, observation):
        seen = Seen(observation)
        return "done" if seen.lifted > HIGH else "carry" if seen.lifted > 0.01 else "grasp" if seen.around else "reach"

    def progress(self, observation):
        seen = Seen(observation)
        return 0.5 * max(0.0, 1 - math.dist(seen.tool, seen.block) / 0.5) + 0.5 * min(1.0, max(0.0, seen.lifted / HIGH))

    def funnel_error(self, observation):
        return 0.0, 0.0, 1.0  # nothing goes into anything: no bottleneck is ever near

    def bad_grasp(self, observation):
        return Seen(observation).gap < 0.02  # closed on nothing

    def landmark(self, observation):
        return np.zeros(3, np.float32)  # nothing must stay where it is

    def misjudged(self, observation, error, share):
        believed, seen = observation.copy(), Seen(observation)
        believed[9:12] += error[0] + share[0] * math.dist(seen.tool, seen.block)
        return believed
