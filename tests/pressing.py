"""A small contact task: a stick is to press on a pad that the policy sees in the wrong place."""

import mujoco
import numpy as np

from retouch.geometry import Pose
from retouch.robots.ur5e import UR5e, command_of
from retouch.robots.ur5e_arm import pointing_down
from retouch.robots.ur5e_tick import AT_REFERENCE
from retouch.sim.scene import TABLE_TOP
from retouch.sim.world import Worlds
from retouch.tasks.base import Manner
from retouch.tasks.contact import POSE_NAMES, Case, ContactTask
from tests.robots.ur5e_scene import START, TOOL, model

PAD = np.array([0.02, 0.12, TABLE_TOP])
BIAS = np.array([0.008, -0.006, 0.0])


class Pressing(ContactTask):
    """Press with 5 N within 4 mm of the pad."""

    name = "pressing"
    horizon = 150
    observation_names = ("x", "y", "z")
    sight_names = ("x", "y", "z", *(f"reference_{n}" for n in POSE_NAMES), "pad_x", "pad_y", "pad_z")
    cameras = ()
    tool = TOOL
    stage_names = ("over the pad", "pressed")

    def build(self, visuals: bool) -> mujoco.MjModel:
        return model()

    def cases(self) -> tuple[Case, ...]:
        return (Case("the pad", {}),)

    def reset(self, data: mujoco.MjData, rng: np.random.Generator, case: Case | None = None) -> None:
        arm = UR5e(Worlds(self.physics, 1), self.tool)
        start = START + np.array([*rng.uniform(-0.01, 0.01, 2), 0.02])
        arm.place(data, arm.joints_for(pointing_down(start)))
        mujoco.mj_forward(self.physics, data)

    def observe(self, data: mujoco.MjData) -> np.ndarray:
        return (PAD + BIAS).astype(np.float32)

    def sight(self, data: mujoco.MjData) -> np.ndarray:
        return np.array(
            [*self.tool_in_world(data).position, *data.userdata[AT_REFERENCE : AT_REFERENCE + 7], *PAD], np.float32
        )

    def stages(self, data: mujoco.MjData) -> tuple[bool, ...]:
        away = self.tool_in_world(data).position - PAD
        over = bool(np.linalg.norm(away[:2]) < 0.004)
        return over, over and float(self.contact_wrench(data)[2]) < -5.0

    def failure(self, data: mujoco.MjData) -> str:
        stopped = self.stopped(data)
        return f"stopped: {stopped}" if stopped else "pressed beside the pad"

    def skill(self, rng: np.random.Generator, manner: Manner = Manner()) -> "Press":
        return Press()

    def tool_pose(self, observation: np.ndarray) -> Pose:
        return pointing_down(observation[:3])

    def phase(self, observation: np.ndarray) -> str:
        return "insert"

    def progress(self, observation: np.ndarray) -> float:
        return 1.0 - float(np.linalg.norm(observation[:3] - observation[-3:]))

    def funnel_error(self, observation: np.ndarray) -> tuple[float, float, float]:
        away = observation[:3].astype(float) - observation[-3:]
        return float(np.hypot(away[0], away[1])), 0.0, float(away[2])

    def bad_grasp(self, observation: np.ndarray) -> bool:
        return False

    def landmark(self, observation: np.ndarray) -> np.ndarray:
        return observation[-3:]

    def misjudged(self, observation: np.ndarray, error: np.ndarray, share: np.ndarray) -> np.ndarray:
        return observation

    gripper_closed = towards = None  # type: ignore


class Press:
    """Goes over the pad it sees and presses, from whatever it has seen last."""

    stage = "press"

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self._steps = 0

    def act(self, sight: np.ndarray) -> np.ndarray:
        goal, self._steps = sight[-3:].astype(float), self._steps + 1
        high = max(-0.012, 0.04 - 0.001 * self._steps)
        return command_of(pointing_down(goal + np.array([0, 0, high])))


class BlindPolicy:
    """What presses where it believes the pad to be."""

    observation_dim, action_dim = 3, 24

    def session(self, slots: int) -> "BlindSession":
        return BlindSession(slots)


class BlindSession:
    def __init__(self, slots: int) -> None:
        self._skills = [Press() for _ in range(slots)]

    def reset(self, slot: int, seed: int) -> None:
        self._skills[slot].restart()

    def forget(self, slot: int) -> None:
        """It remembers nothing but how long it has been at it."""

    def act(self, slots: np.ndarray, observations: np.ndarray) -> np.ndarray:
        return np.stack([self._skills[s].act(o) for s, o in zip(slots, observations, strict=True)]).astype(np.float32)
