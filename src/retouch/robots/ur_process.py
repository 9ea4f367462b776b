"""What talks to a Universal Robots arm: a process of its own, asked in lines of JSON by `ur.URArm`.

    servo     every cycle: the law (`ur5e_tick.follow`, as in simulation) on the wrench that the controller measures,
              its pose to the controller by `servoL` of ur_rtde
    watchdog  the controller stops its program when no cycle comes, whatever has become of this process

One thread talks to ur_rtde's control interface, which is not made for more. When the controller is not heard any more
this process ends, before ur_rtde connects anew by itself: that has hung and crashed (docs/robots.md).
"""

import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy.typing import NDArray

from retouch.control.admittance import Compliance
from retouch.errors import RobotError
from retouch.geometry import Pose, quat_from_matrix, quat_from_vector, quat_rotate, quat_to_matrix, quat_to_vector
from retouch.robots.ur5e import MASS, command_of
from retouch.robots.ur5e_tick import (
    ACTIONS,
    AT_BASE,
    AT_CONTACT,
    AT_POSITION,
    AT_REFERENCE,
    AT_TURN,
    AT_VELOCITY,
    AT_WRIST,
    MEMORY,
    STOPS,
    Limits,
    beyond,
    follow,
)

OUTPUTS = ("timestamp", "actual_q", "actual_TCP_pose", "actual_TCP_force", "robot_status_bits", "safety_status_bits")
DECELERATION = 10.0  # of a stop [m/s^2]
PATIENCE_S = 5.0  # for the controller's program to start, and for a stop to be taken
ENDED = "its program has ended"
LOST = 3  # how this process ends when the controller is lost


class Cycles:
    """The arm at an address, and the thread that servoes it.

    Args:
        address: of the controller.
        base_in_world: where the arm's base frame stands, position and wxyz quaternion.
        force, torque: most that the tool may feel [N], [N m].
        rate, lookahead, gain, zero, stale, watchdog: as of `ur.URArm`.
        period: from one action to the next [s].
    """

    def __init__(
        self,
        *,
        address: str,
        base_in_world: Sequence[float],
        force: float,
        torque: float,
        rate: float,
        lookahead: float,
        gain: float,
        zero: bool,
        stale: float,
        watchdog: float,
        period: float,
    ):
        self._address, self._rate, self._lookahead, self._gain = address, rate, lookahead, gain
        self._zero, self._stale, self._least_rate, self.period = zero, stale, watchdog, period
        self._base_in_world = Pose.from_vector(np.array(base_in_world))
        self._base_inverse = self._base_in_world.inverse()
        self._compliance = Compliance(MASS, spring_limit=(20.0, 8.0), speed_limit=(0.5, 2.0), period=1.0 / rate)
        self._limits = Limits(force, torque, force, torque)
        self._control: Any = None
        self._receive: Any = None
        self._cycles: threading.Thread | None = None
        self._lock = threading.Lock()
        self._going, self._stand, self._servoing = threading.Event(), threading.Event(), False
        self._memory: NDArray[np.float64] = np.zeros(MEMORY)
        self._action: NDArray[np.float64] = np.zeros(ACTIONS)
        self._before: NDArray[np.float64] = np.zeros(14)
        self._scratch, self._since = np.empty(96), 0.0
        self._fault = ""
        self._stamp, self._stamped = -1.0, time.monotonic()

    def open(self) -> None:
        """Connect, upload ur_rtde's program, and have the controller watch for our cycles; nothing moves."""
        import rtde_control
        import rtde_receive

        self._place(np.zeros(3), np.eye(3), np.zeros(6))
        self._law(np.zeros(3), 1.0)  # compiled, or loaded, before it counts
        try:
            self._receive = rtde_receive.RTDEReceiveInterface(self._address, self._rate, list(OUTPUTS))
            self._control = rtde_control.RTDEControlInterface(self._address, self._rate)
        except (RuntimeError, ValueError) as error:
            raise RobotError(f"cannot be reached: {error}; is it on, and in remote control?") from None
        if self._zero:
            self._control.zeroFtSensor()
        self._begin()

    def sense(self) -> dict[str, Any]:
        """What is measured, as `State` has it; the wrench is that at the wrist."""
        position, turn, wrench = self._measured()
        return {
            "time": time.monotonic(),
            "joints": self._receive.getActualQ(),
            "tool_in_world": [*position, *quat_from_matrix(turn)],
            "wrench_in_tool": wrench.tolist(),
            "stopped": self._own_stop(),
        }

    def take_hold(self) -> None:
        """Start the controller's program again where it has ended; the pose asked for is where the tool is."""
        if self._receive.isEmergencyStopped() or self._receive.isProtectiveStopped():
            raise RobotError("cannot be armed: it is in a protective or emergency stop; release it on the pendant")
        if self._fault:
            self._begin()
        with self._lock:
            self._place(*self._measured())
            self._stand.clear()

    def hold(self) -> list[float]:
        """The reference that it has, at the usual stiffness."""
        with self._lock:
            return command_of(Pose.from_vector(self._memory[AT_REFERENCE : AT_REFERENCE + 7])).tolist()

    def send(self, action: Sequence[float]) -> None:
        """For the next cycles."""
        with self._lock:
            self._action, self._since = np.array(action, dtype=np.float64), time.monotonic()
            self._before = self._memory[AT_BASE : AT_REFERENCE + 7].copy()

    def halt(self) -> None:
        """The next cycle stops the servo; where none comes any more, the controller's watchdog has."""
        self._stand.set()
        until = time.monotonic() + PATIENCE_S
        while self._servoing and time.monotonic() < until:
            time.sleep(0.5 / self._rate)

    def close(self) -> None:
        """Stand, and end the controller's program."""
        self._end_cycles()
        if self._control is not None:
            self._control.stopScript()

    def _begin(self) -> None:
        """See that the controller's program runs, and begin our cycles anew, standing."""
        self._end_cycles()
        if not self._control.isProgramRunning():
            self._control.reuploadScript()
        until = time.monotonic() + PATIENCE_S
        while not self._control.isProgramRunning():
            if time.monotonic() > until:
                raise RobotError("does not start its program: see its pendant")
            time.sleep(0.01)
        if not self._control.setWatchdog(self._least_rate):
            raise RobotError("does not watch for us: see its pendant")
        self._fault = ""
        self._going.set()
        self._cycles = threading.Thread(target=self._cycle, daemon=True)
        self._cycles.start()

    def _end_cycles(self) -> None:
        self._stand.set()
        self._going.clear()
        if self._cycles is not None:
            self._cycles.join()
        self._cycles = None

    def _own_stop(self) -> str:
        if self._receive.isEmergencyStopped():
            return "an emergency stop"
        if self._receive.isProtectiveStopped():
            return "a protective stop"
        return self._fault

    def _measured(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The tool's position and turn in world, float64[3] and float64[3, 3], and the wrench in the tool frame.

        Ends this process where it is too old.
        """
        stamp, now = self._receive.getTimestamp(), time.monotonic()
        if stamp != self._stamp:
            self._stamp, self._stamped = stamp, now
        if now - self._stamped > self._stale:
            os._exit(LOST)
        tool = self._base_in_world @ from_ur(self._receive.getActualTCPPose())
        in_base = np.array(self._receive.getActualTCPForce())  # at the tool centre point, along the base's axes
        turn = quat_to_matrix(tool.quat)
        in_world = [quat_rotate(self._base_in_world.quat, half) for half in np.split(in_base, 2)]
        return tool.position, turn, np.concatenate([turn.T @ half for half in in_world])

    def _cycle(self) -> None:
        """Until it is over: servo, or stand and tell the controller that we are here."""
        try:
            while self._going.is_set() or self._servoing:
                began = self._control.initPeriod()
                if not self._stand.is_set():
                    self._servoing = True
                    if why := self._servo():
                        self._fault = why
                        self._stand.set()
                elif self._servoing:
                    self._control.servoStop(DECELERATION)
                    self._servoing = False
                else:
                    self._measured()  # or we are not here any more
                    if not self._control.kickWatchdog():
                        self._fault = self._fault or ENDED
                self._control.waitPeriod(began)
        except RuntimeError as error:  # ur_rtde's; the controller's watchdog stops the arm
            print(error, file=sys.stderr, flush=True)
            os._exit(LOST)

    def _place(self, position: np.ndarray, turn: np.ndarray, wrench: np.ndarray) -> None:
        """The pose asked for, the references and the command are where the tool is; float64[3], [3, 3], [6]."""
        tool, memory = Pose(position, quat_from_matrix(turn)), self._memory
        memory[:] = 0.0
        memory[AT_POSITION:AT_TURN], memory[AT_TURN:AT_VELOCITY] = position, turn.ravel()
        for at in (AT_BASE, AT_REFERENCE):
            memory[at : at + 7] = [*position, *tool.quat]
        memory[AT_WRIST : AT_WRIST + 6] = wrench
        self._action, self._since = command_of(tool), time.monotonic()
        self._before = memory[AT_BASE : AT_REFERENCE + 7].copy()

    def _law(self, position: Float64[np.ndarray, " 3"], share: float) -> float:
        """One tick of it, with the tool at a position in world; a code of `STOPS`."""
        code = follow(self._memory, self._action, share, self._before, self._compliance, self._limits, self._scratch)
        return float(code or beyond(self._memory, position, self._limits))

    def _servo(self) -> str:
        """One cycle; why it may not go on, or nothing."""
        position, _, wrench = self._measured()
        with self._lock:
            share = min(1.0, max(1e-6, (time.monotonic() - self._since + 1.0 / self._rate) / self.period))
            memory = self._memory
            memory[AT_WRIST : AT_WRIST + 6] = memory[AT_CONTACT : AT_CONTACT + 6] = wrench
            code = self._law(position, share)
            asked = Pose(
                memory[AT_POSITION:AT_TURN].copy(), quat_from_matrix(memory[AT_TURN:AT_VELOCITY].reshape(3, 3))
            )
        if code:
            return STOPS[int(code)]
        if self._stand.is_set():
            return ""
        goal = to_ur(self._base_inverse @ asked)
        if not self._control.servoL(goal, 0.0, 0.0, 1.0 / self._rate, self._lookahead, self._gain):
            return ENDED
        return ""


def from_ur(values: Sequence[float]) -> Pose:
    """A pose as the controller has it: position [m] and rotation vector [rad]."""
    return Pose(np.array(values[:3], dtype=float), quat_from_vector(np.array(values[3:], dtype=float)))


def to_ur(pose: Pose) -> list[float]:
    """The same the other way."""
    return [*pose.position.tolist(), *quat_to_vector(pose.quat).tolist()]


def main() -> None:
    """Answer one line after the other, until there are none: then stand, and end."""
    lines, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what ur_rtde prints
    cycles = Cycles(**json.loads(lines.readline()))
    for line in lines:
        name, *values = json.loads(line)
        try:
            said = {"said": getattr(cycles, name)(*values)}
        except RobotError as error:
            said = {"error": str(error)}
        answers.write(json.dumps(said).encode() + b"\n")
        answers.flush()
    cycles.close()
    sys.stdout.flush()
    os._exit(0)  # ur_rtde's own threads have nothing left to say


if __name__ == "__main__":
    main()
