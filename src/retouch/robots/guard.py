"""Between whoever commands a robot and its adapter: what is not allowed does not pass, and silence stops the robot."""

import threading
from typing import Any

import numpy as np
from jaxtyping import Float64

from retouch.errors import RobotError
from retouch.robots.protocol import Arm, Bounds, State

UNIT = 1e-3  # how far the norm of a quaternion may be from one
ROUNDING = 1e-6  # of a step that is as large as it may be
BURST = 2  # commands that may come together after a hiccup
SILENT = "no command for"
"""How the reason begins of a stop because nobody commanded it any more."""


class Guard:
    """A `Robot` made of an `Arm`.

    Where the arm's time goes on by itself, a thread watches for silence and forces; else `wait` does.
    """

    def __init__(self, arm: Arm):
        self.name, self.period, self.bounds = arm.name, arm.period, arm.bounds
        self._arm = arm
        self._lock = threading.RLock()
        self._why = "it is not connected"
        self._connected = False
        self._asked: np.ndarray = np.zeros(len(arm.bounds.entries))
        self._step = -1
        self._heard = self._due = 0.0
        self._closed = threading.Event()
        self._watcher: threading.Thread | None = None

    def connect(self) -> None:
        """As of `Robot`."""
        with self._lock:
            if self._connected:
                return
            self._arm.open()
            self._connected, self._why = True, "it is not armed yet"
            self._closed.clear()
        if self._arm.live:
            self._watcher = threading.Thread(target=self._keep_watch, name=f"watch {self.name}", daemon=True)
            self._watcher.start()

    def state(self) -> State:
        """As of `Robot`."""
        with self._lock:
            if not self._connected:
                raise RobotError(f"{self.name} is not connected")
            try:
                found = self._arm.sense()
            except RobotError as error:
                self.stop(str(error))
                raise
            if found.stopped:
                self.stop(found.stopped)
            return State(found.time, found.joints, found.tool_in_world, found.wrench_in_tool, self._why)

    def arm(self) -> None:
        """As of `Robot`. Steps may be counted anew."""
        with self._lock:
            if not self._connected:
                raise RobotError(f"{self.name} is not connected")
            self.stop("it is armed anew")
            self._arm.take_hold()
            if why := self._arm.sense().stopped:
                raise RobotError(f"{self.name} cannot be armed: {why}")
            self._asked = self._arm.hold()
            self._step, self._why = -1, ""
            self._heard = self._due = self._arm.now()

    def hold(self) -> Float64[np.ndarray, " A"]:
        """As of `Robot`."""
        with self._lock:
            return self._arm.hold()

    def command(self, action: Any, step: int, issued: float) -> bool:
        """As of `Robot`."""
        with self._lock:
            if self._why:
                raise RobotError(f"{self.name} has stopped: {self._why}")
            now = self._arm.now()
            if not self._in_turn(step, now) or not -ROUNDING <= now - issued <= self.bounds.age:
                return False
            given, why = as_action(action, self.bounds)
            why = why or not_allowed(given, self._asked, self.bounds, self.period)
            if why:
                self.stop(f"a command was refused: {why}")
                raise RobotError(f"{self.name} stops: {why}")
            self._step, self._heard = step, now
            self._due = max(self._due, now) + self.period
            self._asked = given
            try:
                self._arm.send(given.copy())
            except RobotError as error:
                self.stop(str(error))
                raise
            return True

    def _in_turn(self, step: Any, now: float) -> bool:
        """Whether this command is a new one, and comes no faster than they may."""
        new = isinstance(step, int | np.integer) and step > self._step
        return bool(new) and now >= self._due - BURST * self.period - ROUNDING

    def stop(self, reason: str) -> None:
        """As of `Robot`."""
        with self._lock:
            self._why = self._why or reason or "it was told to"
            if self._connected:
                self._arm.halt()

    def now(self) -> float:
        """As of `Robot`."""
        return self._arm.now()

    def wait(self, seconds: float) -> None:
        """As of `Robot`."""
        end = self._arm.now() + seconds
        while (left := end - self._arm.now()) > ROUNDING:
            self._arm.wait(left if self._arm.live else min(left, self.period))
            self._watch()

    def close(self) -> None:
        """As of `Robot`."""
        self.stop("it is closed")
        self._closed.set()
        if self._watcher is not None and self._watcher is not threading.current_thread():
            self._watcher.join()
        with self._lock:
            if self._connected:
                self._connected = False
                self._arm.close()
            self._why = "it is closed"

    def __enter__(self) -> "Guard":
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _keep_watch(self) -> None:
        while not self._closed.wait(min(self.period, self.bounds.silence / 4)):
            self._watch()

    def _watch(self) -> None:
        """Stop what nobody commands any more, what feels too much, and what cannot be heard."""
        with self._lock:
            if self._why or not self._connected:
                return
            if self._arm.now() - self._heard > self.bounds.silence:
                self.stop(f"{SILENT} {self.bounds.silence:g} s")
                return
            try:
                found = self._arm.sense()
            except RobotError as error:
                self.stop(str(error))
                return
            if why := found.stopped or too_much(found, self.bounds):
                self.stop(why)


def as_action(given: Any, bounds: Bounds) -> tuple[np.ndarray, str]:
    """A row of finite numbers of the right length, its own copy, and why it is not one; empty where it is."""
    wanted = len(bounds.entries)
    try:
        found = np.asarray(given)
    except (TypeError, ValueError):
        found = np.array(None)
    if found.dtype.kind not in "iuf":
        return np.zeros(wanted), f"{wanted} numbers are due, not {type(given).__name__}"
    action = found.astype(np.float64)
    if action.shape != (wanted,):
        return action, f"{wanted} numbers are due, not an array of shape {action.shape}"
    for entry, value in zip(bounds.entries, action.tolist(), strict=True):
        if not np.isfinite(value):
            return action, f"{entry.name} is {value}"
    return action, ""


def not_allowed(action: np.ndarray, before: np.ndarray, bounds: Bounds, period: float) -> str:
    """Why an action may not follow another one; empty where it may."""
    posed = [range(at, at + 7) for at in bounds.poses]
    for k, (entry, value) in enumerate(zip(bounds.entries, action.tolist(), strict=True)):
        if not entry.low <= value <= entry.high:
            return f"{entry.name} is {value:.6g}, not within {entry.low:g} and {entry.high:g}"
        if not any(k in pose for pose in posed) and abs(value - before[k]) > entry.rate * period + ROUNDING:
            return f"{entry.name} goes from {before[k]:.6g} to {value:.6g}, faster than {entry.rate:g} a second"
    for at in bounds.poses:
        (x, y), (p, q) = ((v[at : at + 3], v[at + 3 : at + 7]) for v in (before, action))
        moved = float(np.linalg.norm(p - x))
        if abs(float(np.linalg.norm(q)) - 1.0) > UNIT:
            return f"{bounds.entries[at + 3].name} and the next three are no unit quaternion"
        nearer = y if q @ y >= 0 else -y
        turned = 4.0 * float(np.arctan2(np.linalg.norm(q - nearer), np.linalg.norm(q + nearer)))
        if moved > bounds.speed[0] * period + ROUNDING:
            return f"the pose goes {1000 * moved:.3g} mm in one step, faster than {bounds.speed[0]:g} m/s"
        if turned > bounds.speed[1] * period + ROUNDING:
            return f"the pose turns by {turned:.3g} rad in one step, faster than {bounds.speed[1]:g} rad/s"
    return ""


def too_much(state: State, bounds: Bounds) -> str:
    """What the tool feels beyond its bounds; empty where it does not."""
    if state.wrench_in_tool is None:
        return ""
    force, torque = (float(np.linalg.norm(half)) for half in np.split(state.wrench_in_tool, 2))
    if not force <= bounds.force:
        return f"force: the tool feels {force:.3g} N, more than {bounds.force:g} N"
    if not torque <= bounds.torque:
        return f"torque: the tool feels {torque:.3g} N m, more than {bounds.torque:g} N m"
    return ""
