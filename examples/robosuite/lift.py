"""robosuite's Lift for retouch, in an interpreter that has robosuite and gymnasium; `lift.toml` says which.

The Panda lifts a cube by displacement, rotation and gripper, 20 times a second. Nothing is drawn.
"""

import gymnasium
import numpy as np
import robosuite
from robosuite.wrappers import GymWrapper


class Lift(gymnasium.Wrapper):
    """Says whether the cube is lifted, how long a step is, and begins the same attempt again from the same seed."""

    dt, horizon = 0.05, 100

    def __init__(self):
        self.suite = robosuite.make(
            "Lift",
            robots="Panda",
            control_freq=20,
            horizon=self.horizon,
            ignore_done=True,  # whoever corrects has longer
            has_renderer=False,
            has_offscreen_renderer=False,
            use_camera_obs=False,
        )
        super().__init__(GymWrapper(self.suite))

    def reset(self, *, seed=None, options=None):
        if seed is not None:  # robosuite is seeded once, when it is made
            self.suite.rng = self.suite.placement_initializer.rng = np.random.default_rng(seed)
        return self.env.reset(seed=seed)

    def step(self, action):
        seen, reward, terminated, truncated, info = self.env.step(action)
        return seen, reward, terminated, truncated, {**info, "is_success": bool(self.suite._check_success())}
