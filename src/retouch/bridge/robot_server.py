"""Drives a LeRobot robot for retouch from lerobot's own environment, over standard input and output (docs/robots.md).

    python robot_server.py MODULE:FACTORY [ARGUMENT ...]

This file and `frames.py` beside it need Python 3.10 and numpy, not retouch: run it by its path, or copy both. MODULE is
looked for in the working directory first. FACTORY(*arguments) makes a `lerobot.robots.Robot`, or anything with its
connect, is_calibrated, observation_features, action_features, get_observation, send_action and disconnect.

One thread talks to the robot. Where nothing is heard for too long it has the robot hold where it is; at the end of the
input, it has it hold, disconnects it and ends.
"""

import argparse
import math
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING or __package__:
    from retouch.bridge.frames import PROTOCOL, BadFrame, encode, fault, find, read, take_over_streams, versions
else:
    from frames import PROTOCOL, BadFrame, encode, fault, find, read, take_over_streams, versions

LEAVE_S = 5.0  # for the robot to hold and be let go of, at the end of the input; then this process ends anyway


class Refused(Exception):
    """The robot does not do what it is asked; the message says why."""


class Driver:
    """A robot, connected, and the watch over who commands it.

    Args:
        robot: as lerobot has it, not yet connected.
        names: of an action's numbers, in order: all of the robot's action features.
        rests: those that are no positions, such as speeds, and what they are where the robot stands.
        silence: without a frame for so long it is held where it is [s].
    """

    def __init__(self, robot: Any, names: list[str], rests: dict[str, float], silence: float):
        self._robot, self._names, self._rests, self._silence = robot, names, rests, silence
        self._driven, self._goal, self._heard = False, [], time.monotonic()  # type: bool, list[float], float
        self._why = "it is not armed yet"
        if sorted(names) != sorted(robot.action_features):
            raise ValueError(f"its actions are {', '.join(robot.action_features)}; the file says {', '.join(names)}")
        unseen = [name for name in names if name not in rests and name not in robot.observation_features]
        if unseen:
            raise ValueError(f"it does not observe {', '.join(unseen)}: say in the file what they are where it rests")
        robot.connect(calibrate=False)
        if not robot.is_calibrated:
            robot.disconnect()
            raise ValueError("it is not calibrated: calibrate it with lerobot's own tools")

    def heed(self, heard: "queue.SimpleQueue[dict[str, Any] | None]") -> "dict[str, Any] | None":
        """The next frame, None at the end of the input; while none comes for too long the robot is held."""
        while True:
            try:
                frame = heard.get(timeout=max(0.0, self._heard + self._silence - time.monotonic()))
            except queue.Empty:
                self.halt(f"nothing was heard for {self._silence:g} s")
                frame = heard.get()
            self._heard = time.monotonic()
            return frame

    def answer(self, frame: dict[str, Any]) -> dict[str, Any]:
        """Do what a frame says. Raises BadFrame where it says nothing that is known."""
        kind = frame["type"]
        try:
            if kind == "sense":
                return {"type": "state", "measured": self._measured(), "stopped": "" if self._driven else self._why}
            if kind == "take_hold":
                self._send(self._measured())
                self._driven, self._why = True, ""
                return {"type": "state", "measured": self._goal, "stopped": ""}
            if kind == "send":
                self._go(frame["action"])
            elif kind == "halt":
                self.halt("it was told to")
            else:
                raise BadFrame(f"there is no frame of type {kind!r}")
        except Refused as error:
            self.halt(str(error))
            return {"type": "refused", "why": str(error)}
        return {"type": "done"}

    def halt(self, why: str) -> None:
        """Hold where it is; one that does so already is left as it is."""
        if not self._driven:
            return
        self._driven, self._why = False, why
        try:
            here = self._measured()
        except Refused:
            here = self._goal
        try:
            self._send([self._rests.get(name, value) for name, value in zip(self._names, here)])  # noqa: B905
        except Refused as error:
            self._why = f"{why}; {error}"

    def close(self) -> None:
        """Hold where it is, and let go of it."""
        self.halt("it is let go of")
        self._robot.disconnect()

    def _go(self, action: list[float]) -> None:
        if len(action) != len(self._names) or not all(math.isfinite(value) for value in action):
            raise BadFrame(f"{len(self._names)} finite numbers are due, not {action}")
        if not self._driven:
            raise Refused(f"it stands: {self._why}")
        self._send(action)

    def _measured(self) -> list[float]:
        """What it observes of an action's numbers. Raises Refused."""
        try:
            found = self._robot.get_observation()
            values = [float(self._rests[name] if name in self._rests else found[name]) for name in self._names]
        except Exception as error:  # whatever drives it
            traceback.print_exc()
            raise Refused(f"it cannot be observed: {fault(error)}") from None
        for name, value in zip(self._names, values):  # noqa: B905
            if not math.isfinite(value):
                raise Refused(f"it observes {name} = {value}")
        return values

    def _send(self, action: list[float]) -> None:
        """Raises Refused."""
        self._goal = action
        try:
            self._robot.send_action(dict(zip(self._names, action)))  # noqa: B905
        except Exception as error:  # whatever drives it
            traceback.print_exc()
            raise Refused(f"it takes no action: {fault(error)}") from None


def serve(heard: "queue.SimpleQueue[dict[str, Any] | None]", out: BinaryIO, make: Callable[[], Any]) -> None:
    """Answer one frame after the other, to the end of the input; the robot is held then, and let go of."""
    driver: Driver | None = None
    try:
        while (frame := heard.get() if driver is None else driver.heed(heard)) is not None:
            try:
                if driver is not None:
                    said = driver.answer(frame)
                elif frame["type"] != "connect":
                    raise BadFrame("the first frame is a connect")
                elif frame.get("protocol") != PROTOCOL:
                    raise BadFrame(f"this server speaks version {PROTOCOL}, not {frame.get('protocol')}")
                else:
                    driver = Driver(make(), frame["action"], frame["rests"], frame["silence_s"])
                    said = {"type": "ready", "protocol": PROTOCOL, "versions": versions(("lerobot",))}
            except Exception as error:
                traceback.print_exc()
                said = {"type": "error", "error": fault(error)}
            out.write(encode(said))
            out.flush()
    finally:
        if driver is not None:
            driver.close()


def main() -> None:
    """Do what the command line says, until the input ends."""
    parser = argparse.ArgumentParser(description="Drives a LeRobot robot for retouch, over standard input and output.")
    parser.add_argument("factory", metavar="MODULE:FACTORY", help="makes the robot")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="of the factory, texts")
    options = parser.parse_args()
    frames_in, frames_out = take_over_streams()
    heard: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()

    def over(status: int) -> None:
        heard.put(None)
        time.sleep(LEAVE_S)
        os._exit(status or 1)  # whatever the robot is doing

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=read, args=(frames_in, lambda frame: heard.put(frame[0]), over), daemon=True).start()
    serve(heard, frames_out, lambda: find(options.factory)(*options.arguments))
    sys.stderr.flush()
    os._exit(0)  # threads of the robot's own have nothing left to say


if __name__ == "__main__":
    main()
