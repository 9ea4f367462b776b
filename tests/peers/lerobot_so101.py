"""lerobot's own SO-101, as docs/robots.md makes it, but for the bus: its motors are simulated."""

from contextlib import nullcontext

import so101
from arms import Servos, log
from lerobot.robots.so_follower import so_follower


class SimulatedBus:
    """What `SO101Follower` asks of its bus."""

    def __init__(self, port, motors, calibration):
        self.motors, self.is_connected, self.is_calibrated = motors, False, True
        self.servos = Servos(dict.fromkeys(motors, 5.0))

    def connect(self):
        self.is_connected = True
        log("connect")

    def torque_disabled(self):
        return nullcontext()

    def configure_motors(self):
        pass

    def write(self, register, motor, value):
        pass

    def sync_read(self, register, num_retry=0):
        assert register == "Present_Position"
        return self.servos.read()

    def sync_write(self, register, goal):
        assert register == "Goal_Position"
        self.servos.write(goal)

    def disconnect(self, disable_torque=True):
        self.is_connected = False
        log("disconnect", torque=not disable_torque)


def follower():
    so_follower.FeetechMotorsBus = SimulatedBus
    return so101.arm()
