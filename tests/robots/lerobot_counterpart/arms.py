"""Robots as lerobot's users have them, without hardware; for lerobot itself, or for what stands in its place.

Each writes what is done to it to `log.jsonl` in its working directory, and behaves as the file `mood` there says.
"""

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

from lerobot.robots import Robot, RobotConfig

LAG_S = 0.06  # of a servo
FASTEST = 300.0  # a second


class Servos:
    """Motors after their goals, in real time.

    Args:
        at: where each stands at first, in lerobot's units.
    """

    def __init__(self, at):
        self.at, self.goal, self.when = dict(at), dict(at), time.monotonic()

    def read(self):
        if mood() == "unseen":
            raise ConnectionError("There is no status packet!")
        self._advance()
        return dict(self.at)

    def write(self, goal):
        if mood() == "unmoved":
            raise ConnectionError("There is no status packet!")
        self._advance()
        self.goal = {name: float(goal[name]) for name in self.at}
        log("send", action=goal, at=self.at)

    def _advance(self):
        """In steps of a millisecond, to now."""
        now = time.monotonic()
        for _ in range(min(1000, int((now - self.when) / 1e-3))):
            for name, goal in self.goal.items():
                step = (goal - self.at[name]) * 1e-3 / LAG_S
                self.at[name] += max(-1e-3 * FASTEST, min(1e-3 * FASTEST, step))
            self.when += 1e-3
        self.when = max(self.when, now - 1e-3)


def mood():
    found = Path("mood").read_text() if Path("mood").exists() else ""
    if found == "hangs":
        time.sleep(600)
    return found


def log(what, **more):
    with Path("log.jsonl").open("a") as file:
        file.write(json.dumps({"time": time.monotonic(), "do": what, **more}) + "\n")


@dataclass(kw_only=True)
class ServoConfig(RobotConfig):
    calibrated: bool = True


class ServoArm(Robot):
    """Two joints in degrees and a gripper in percent."""

    config_class, name = ServoConfig, "servo_arm"

    def __init__(self, config: ServoConfig):
        super().__init__(config)
        self.config, self.connected = config, False
        self.servos = Servos({"shoulder.pos": 10.0, "elbow.pos": -20.0, "gripper.pos": 50.0})

    @property
    def observation_features(self):
        return dict.fromkeys(self.servos.at, float)

    @property
    def action_features(self):
        return dict.fromkeys(self.servos.at, float)

    @property
    def is_connected(self):
        return self.connected

    @property
    def is_calibrated(self):
        return self.config.calibrated

    def connect(self, calibrate=True):
        assert not self.connected
        log("connect", calibrate=calibrate)
        self.connected = True

    def calibrate(self):
        input("Move it to the middle of its range and press ENTER ...")

    def configure(self):
        pass

    def get_observation(self):
        assert self.connected
        return self.servos.read() | ({"elbow.pos": math.nan} if mood() == "nan" else {})

    def send_action(self, action):
        assert self.connected
        self.servos.write(action)
        return action

    def disconnect(self):
        assert self.connected
        self.connected = False
        log("disconnect")


class Base(ServoArm):
    """It drives, too: at a speed that it does not observe."""

    @property
    def action_features(self):
        return {**super().action_features, "x.vel": float}


def arm():
    return ServoArm(ServoConfig(id="left", calibration_dir=Path.cwd()))


def base():
    return Base(ServoConfig(id="mobile", calibration_dir=Path.cwd()))


def uncalibrated():
    return ServoArm(ServoConfig(id="new", calibration_dir=Path.cwd(), calibrated=False))


def missing():
    raise ConnectionError("Could not connect on port '/dev/ttyACM0'")
