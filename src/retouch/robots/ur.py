"""A Universal Robots arm through ur_rtde, in a process of its own (`ur_process`).

What was tested, and against what, is in docs/robots.md: no real arm.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from importlib.util import find_spec
from typing import Any

import numpy as np
from jaxtyping import Float64

from retouch.errors import InputError, MissingExtra, RobotError
from retouch.geometry import Pose
from retouch.robots.guard import Guard
from retouch.robots.protocol import Bounds, State
from retouch.robots.yielding import bounds_of

BOUNDS = bounds_of((-0.6, -0.6, 0.0), (0.6, 0.6, 0.8))
START_S = 60.0  # for the process, its first connection, and a program that is uploaded anew
GRACE_S = 10.0  # for the end of it


class URArm:
    """An `Arm`: the UR at an address, its tool centre point and payload as set up on its pendant.

    Args:
        address: of the controller.
        base_in_world: where the arm's base frame stands.
        bounds: in world; those of this module are for an arm whose base is the world.
        rate: of cycles [Hz]; 500 on an e-Series.
        lookahead: of the controller's servo [s], 0.03 to 0.2.
        gain: of the controller's servo, 100 to 2000.
        zero: whether the force sensor is zeroed when it connects: nothing may touch the tool then.
        stale: how old a measurement may be [s].
        watchdog: least rate of cycles, below which the controller stops [Hz].
        timeout: for every answer of the process [s].
    """

    live = True
    period = 0.02

    def __init__(
        self,
        address: str,
        *,
        base_in_world: Pose | None = None,
        bounds: Bounds = BOUNDS,
        rate: float = 500.0,
        lookahead: float = 0.1,
        gain: float = 600.0,
        zero: bool = True,
        stale: float = 0.1,
        watchdog: float = 10.0,
        timeout: float = 0.5,
    ):
        base = Pose.identity() if base_in_world is None else base_in_world
        self.name, self.bounds, self._timeout = f"the UR at {address}", bounds, timeout
        self._order = {
            "address": address,
            "base_in_world": [*base.position, *base.quat],
            "force": bounds.force,
            "torque": bounds.torque,
            "rate": rate,
            "lookahead": lookahead,
            "gain": gain,
            "zero": zero,
            "stale": stale,
            "watchdog": watchdog,
            "period": self.period,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Start the process, which connects; nothing moves."""
        if find_spec("rtde_control") is None:
            raise MissingExtra("ur_rtde", "ur")
        self._start(self._order)

    def sense(self) -> State:
        """The wrench is that at the wrist: a hand on the tool is felt, too."""
        found = self._ask("sense")
        joints, tool, wrench = (np.array(found[name]) for name in ("joints", "tool_in_world", "wrench_in_tool"))
        return State(found["time"], joints, tool, wrench, found["stopped"])

    def take_hold(self) -> None:
        """With a new process where the last one has ended, and the controller's program anew where that has."""
        if self._process is None:
            self._start(self._order | {"zero": False})
        self._ask("take_hold", within=START_S)

    def hold(self) -> Float64[np.ndarray, " 24"]:
        """The reference that it has, at the usual stiffness."""
        return np.array(self._ask("hold"))

    def send(self, action: Float64[np.ndarray, " 24"]) -> None:
        """For the next cycles."""
        self._ask("send", action.tolist())

    def halt(self) -> None:
        """The next cycle stops the servo; where none comes any more, the controller's watchdog has."""
        with contextlib.suppress(RobotError):
            self._ask("halt", within=GRACE_S)

    def now(self) -> float:
        """This computer's clock."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

    def close(self) -> None:
        """The process stands, ends the controller's program and itself."""
        if self._process is not None:
            assert self._process.stdin is not None
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE_S)
        self._kill()

    def _start(self, order: dict[str, Any]) -> None:
        self._kill()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "retouch.robots.ur_process"],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us, and we stop it in good order
        )
        self._write(order)
        try:
            self._ask("open", within=START_S)
        except RobotError:
            self._kill()
            raise

    def _ask(self, *request: Any, within: float | None = None) -> Any:
        """What it answers. Raises RobotError where it cannot do it, and where no answer comes: it is ended then."""
        if self._process is None:
            raise RobotError(f"nothing is heard of {self.name}")
        assert self._process.stdout is not None
        self._write(list(request))
        file, heard = self._process.stdout.fileno(), b""
        deadline = time.monotonic() + (within or self._timeout)
        while not heard.endswith(b"\n"):
            ready, _, _ = select.select([file], [], [], max(0.0, deadline - time.monotonic()))
            found = os.read(file, 1 << 16) if ready else b""
            if not found:  # it has ended, or is late
                self._kill()
                raise RobotError(f"nothing is heard of {self.name}")
            heard += found
        answer = json.loads(heard)
        if "error" in answer:
            raise RobotError(f"{self.name} {answer['error']}")
        return answer["said"]

    def _write(self, document: Any) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended: no answer says so
            self._process.stdin.write(json.dumps(document).encode() + b"\n")
            self._process.stdin.flush()

    def _kill(self) -> None:
        """End it at once; the controller's watchdog stops the arm."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._process = None


def robot(address: str) -> Guard:
    """A UR by its name in the registry, its base being the world. Raises InputError without an address."""
    if not address:
        raise InputError("a UR has an address: say ur:ADDRESS, such as ur:192.168.1.10")
    return Guard(URArm(address))
