"""A task that takes milliseconds: push a point to a mark. It has all that the loop asks of a task, and no contacts."""

from functools import cache

import mujoco
import numpy as np

from retouch.geometry import Pose
from retouch.sim.world import Worlds
from retouch.tasks.base import Manner, Task

XML = """<mujoco><option timestep="0.01"/><worldbody>
<body name="point" mocap="true"><geom size="0.01" contype="0" conaffinity="0"/></body>
<body><joint name="x" type="slide" axis="1 0 0"/><joint name="y" type="slide" axis="0 1 0"/><geom size="0.02"/></body>
<geom type="plane" size="1 1 0.1" pos="0 0 -1"/><camera name="top" pos="0 0 2"/></worldbody></mujoco>"""


class Push:
    """Moves the point by the action."""

    def __init__(self, worlds: Worlds):
        self.worlds = worlds

    def command(self, slots: np.ndarray, actions: np.ndarray) -> None:
        for slot, action in zip(slots, actions, strict=True):
            data = self.worlds.datas[slot]
            data.qpos += 0.05 * action[:2]
            mujoco.mj_step(self.worlds.model, data)


class Straight:
    """Goes straight to the mark."""

    stage = "go"

    def __init__(self, speed: float):
        self.speed = speed

    def act(self, observation: np.ndarray) -> np.ndarray:
        return np.append(np.clip(10 * self.speed * (observation[2:4] - observation[:2]), -1, 1), 1.0).astype(float)

    def restart(self) -> None:
        pass


class Tiny(Task):
    name = "tiny"
    control_period = 0.05
    horizon = 60
    observation_names = ("x", "y", "goal_x", "goal_y")
    action_names = ("x", "y", "gripper")
    cameras = ("top",)

    def build(self, visuals: bool) -> mujoco.MjModel:
        return mujoco.MjModel.from_xml_string(XML)

    def robot(self, worlds: Worlds) -> Push:
        return Push(worlds)

    def reset(self, data: mujoco.MjData, rng: np.random.Generator) -> None:
        data.qpos[:] = rng.uniform(-0.5, 0.5, 2)
        data.mocap_pos[0, :2] = rng.uniform(-0.5, 0.5, 2)
        mujoco.mj_forward(self.physics, data)

    def observe(self, data: mujoco.MjData) -> np.ndarray:
        return np.concatenate([data.qpos[:2], data.mocap_pos[0, :2]]).astype(np.float32)

    def success(self, data: mujoco.MjData) -> bool:
        return bool(np.linalg.norm(data.qpos[:2] - data.mocap_pos[0, :2]) < 0.03)

    def skill(self, rng: np.random.Generator, manner: Manner = Manner()) -> Straight:
        return Straight(manner.speed)

    def tool_pose(self, observation: np.ndarray) -> Pose:
        return Pose(np.append(observation[:2], 0.0).astype(float), np.array([1.0, 0.0, 0.0, 0.0]))

    def gripper_closed(self, observation: np.ndarray) -> bool:
        return False

    def towards(self, observation: np.ndarray, target_in_world: Pose, closed: bool) -> np.ndarray:
        move = np.clip((target_in_world.position[:2] - observation[:2]) / 0.05, -1, 1)
        return np.append(move, 1.0 if closed else -1.0)

    def phase(self, observation: np.ndarray) -> str:
        return "insert" if self._distance(observation) < 0.2 else "reach"

    def progress(self, observation: np.ndarray) -> float:
        return float(np.clip(1 - self._distance(observation), 0, 1))

    def funnel_error(self, observation: np.ndarray) -> tuple[float, float, float]:
        return 0.0, 0.0, self._distance(observation)

    def bad_grasp(self, observation: np.ndarray) -> bool:
        return False

    def landmark(self, observation: np.ndarray) -> np.ndarray:
        return np.append(observation[2:4], np.float32(0))

    def misjudged(self, observation: np.ndarray, error: np.ndarray, share: np.ndarray) -> np.ndarray:
        believed = observation.copy()
        believed[2:4] += (error[1, :2] + share[1, :2] * self._distance(observation)).astype(np.float32)
        return believed

    @staticmethod
    def _distance(observation: np.ndarray) -> float:
        return float(np.linalg.norm(observation[:2] - observation[2:4]))


@cache
def tiny() -> Tiny:
    """One task for all tests: its model is compiled once."""
    return Tiny()


class StuckPolicy:
    """A policy that goes nowhere, and says which slots were made to forget."""

    observation_dim, action_dim = 4, 3

    def __init__(self) -> None:
        self.forgotten: list[int] = []

    def session(self, slots: int) -> "StuckPolicy":
        return self

    def reset(self, slot: int, seed: int) -> None:
        pass

    def forget(self, slot: int) -> None:
        self.forgotten.append(slot)

    def act(self, slots: np.ndarray, observations: np.ndarray) -> np.ndarray:
        return np.tile(np.array([0.0, 0.0, -1.0], np.float32), (len(slots), 1))
