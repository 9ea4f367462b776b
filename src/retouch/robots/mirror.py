"""One real arm that yields, as the robot of a task: a model of it shows what the real one measures.

What is commanded goes to the robot; what comes back goes into world 0, so that whatever looks at a task's world (a
policy, a page, an episode) sees the real one. A hand far away, which does not touch the arm, becomes a wrench that the
arm is asked for: it leans against it as it would against the hand.
"""

import math
import weakref

import mujoco
import numpy as np
from jaxtyping import Float64

from retouch.control import hand
from retouch.errors import InputError, RobotError
from retouch.geometry import Pose, quat_rotate, quat_to_matrix, slerp
from retouch.robots.guard import SILENT
from retouch.robots.protocol import Robot, State
from retouch.robots.ur5e_arm import HANDLE_MIDDLE, JOINTS, Tool
from retouch.robots.ur5e_tick import (
    ACTIONS,
    AT_BASE,
    AT_CONTACT,
    AT_HAND,
    AT_REFERENCE,
    AT_STOP,
    AT_WRIST,
    BASE,
    DAMP,
    MEMORY,
    RECORD,
    REFERENCE,
    STIFF,
    STOPS,
    TICK,
    TRACKS,
    WRENCH,
)
from retouch.sim.world import Worlds

AT_TOOL = MEMORY
"""Where the tool is measured, in the model's user data behind what the simulated arm remembers: a pose in world."""
STOPPED = float(STOPS.index("told to stop"))
EASY = 0.8  # of the speed that is allowed: where a reference that was left behind is caught up with
HANDLE_IN_FLANGE = Pose(np.array([0.0, 0.0, HANDLE_MIDDLE]), np.array([1.0, 0.0, 0.0, 0.0]))


class Mirror:
    """A connected robot and its model.

    Args:
        worlds: one, of a model that begins with a UR5e and has `MEMORY` user data and seven more.
        robot: takes what the simulated UR5e takes (`yielding.bounds_of`); closed when this is no longer needed.
        tool: of the model.
        control_period: of one command [s].

    Attributes:
        why: the robot has stopped; empty while it has not.

    Raises:
        InputError: there are several worlds, or the robot takes something else.
        RobotError: it cannot be reached.
    """

    def __init__(self, worlds: Worlds, robot: Robot, tool: Tool, control_period: float):
        if len(worlds) != 1:
            raise InputError(f"there is one {robot.name}, not {len(worlds)}")
        if len(robot.bounds.entries) != ACTIONS or not math.isclose(robot.period, control_period):
            raise InputError(
                f"{robot.name} takes {len(robot.bounds.entries)} numbers every {robot.period:g} s: an arm that yields "
                f"takes {ACTIONS} every {control_period:g} s"
            )
        self.worlds, self.robot, self.why = worlds, robot, ""
        self._handle_in_tool = tool.tcp_in_flange.inverse() @ HANDLE_IN_FLANGE
        self._ticks = round(control_period / TICK)
        self._sent = np.zeros(ACTIONS)
        self._step, self._due = 0, -math.inf
        self._fresh = True  # whether an attempt begins
        self._behind = False  # whether the reference is on its way to where it was left
        robot.connect()
        self._close = weakref.finalize(self, robot.close)

    def begin(self) -> None:
        """A new attempt, from where the robot stands; it is armed by its first command.

        Raises RobotError where nothing is heard of it.
        """
        self.why, self._fresh = "", True
        state = self.robot.state()
        tool = _tool_of(state, self.robot.name)
        memory = self.worlds.datas[0].userdata
        memory[:] = 0.0
        memory[AT_BASE : AT_BASE + 7] = memory[AT_REFERENCE : AT_REFERENCE + 7] = tool
        self._show(state)

    def command(
        self,
        slots: np.ndarray,
        actions: Float64[np.ndarray, "1 24"],
        grips: Float64[np.ndarray, "1 15"] | None = None,
    ) -> Float64[np.ndarray, "1 ticks 52"]:
        """Carry out a command and let its period pass; a robot that has stopped stays where it is.

        Whoever pauses sends nothing, and the robot stops. It goes on from where it stands then, and catches up with
        what it is asked for at less than the speed that is allowed.

        Args:
            slots: [0].
            actions: `ur5e.command_of`.
            grips: what a person's hand far away does at the handle.

        Returns:
            A record of every tick, as of `UR5e.command`: what was asked for, measured and felt.
        """
        records = np.zeros((1, self._ticks, RECORD))
        try:
            if not self.why:
                self._send(actions[0], np.zeros(6) if grips is None else self._pull(grips[0]))
            self._pass(records[0])
        except RobotError as error:
            self.why = self.why or str(error)
        if self.why:
            self.worlds.datas[0].userdata[AT_STOP] = STOPPED
            records[0, :, TRACKS["stopped"]] = STOPPED
        return records

    def _send(self, action: Float64[np.ndarray, " 24"], pull: Float64[np.ndarray, " 6"]) -> None:
        """Ask for it, as far as may be asked for at once. Raises RobotError where the robot refuses, or has stopped."""
        stopped = self.robot.state().stopped
        if stopped and (self._fresh or stopped.startswith(SILENT)):
            self.robot.arm()
            self._sent, self._step, self._due = self.robot.hold(), 0, -math.inf
            self._fresh, self._behind = False, True
        elif stopped:
            raise RobotError(stopped)
        wanted = action.copy()
        if self._behind:
            there = [self._catch_up(wanted, part) for part in (BASE, REFERENCE)]
            self._behind = not all(there)
        memory = self.worlds.datas[0].userdata
        memory[AT_HAND : AT_HAND + 6] = pull
        low, high = np.array([(e.low, e.high) for e in self.robot.bounds.entries[WRENCH]]).T
        wanted[WRENCH] = np.clip(wanted[WRENCH] - pull, low, high)
        self._step += 1
        if self.robot.command(wanted, self._step, self.robot.now()):
            self._sent = wanted
        memory[AT_BASE : AT_BASE + 7], memory[AT_REFERENCE : AT_REFERENCE + 7] = self._sent[BASE], self._sent[REFERENCE]

    def _catch_up(self, wanted: Float64[np.ndarray, " 24"], part: slice) -> bool:
        """Bring a pose of `wanted` so near to the last one that it may be sent; whether it is there."""
        before, then = Pose.from_vector(self._sent[part]), Pose.from_vector(wanted[part])
        most = EASY * np.array(self.robot.bounds.speed) * self.robot.period
        turn = 2.0 * math.acos(min(1.0, abs(float(before.quat @ then.quat))))
        share = min(
            most[0] / max(1e-12, float(np.linalg.norm(then.position - before.position))), most[1] / max(1e-12, turn)
        )
        if share < 1.0:
            quat = slerp(before.quat, then.quat, share)
            wanted[part] = [*(before.position + share * (then.position - before.position)), *quat]
        return share >= 1.0

    def _pull(self, grip: Float64[np.ndarray, " 15"]) -> Float64[np.ndarray, " 6"]:
        """What the hand does to the tool, in its frame at the tool centre point; its damping is left to the arm's."""
        if grip[0] <= 0.5:
            return np.zeros(6)
        tool = Pose.from_vector(self.worlds.datas[0].userdata[AT_TOOL : AT_TOOL + 7])
        handle = tool @ self._handle_in_tool
        turn, out = quat_to_matrix(handle.quat).ravel(), np.empty(6)
        goal = quat_to_matrix(grip[4:8]).ravel()
        hand.draw(grip, goal, handle.position, turn, handle.position, turn, TICK, np.empty(21), out)
        torque = out[3:] + np.cross(handle.position - tool.position, out[:3])
        back = tool.inverse().quat
        return np.concatenate([quat_rotate(back, out[:3]), quat_rotate(back, torque)])

    def _pass(self, record: Float64[np.ndarray, "ticks 52"]) -> None:
        """Let a period pass, measuring in every tick; a period that is over already is not waited for again."""
        now, period = self.robot.now(), self._ticks * TICK
        begun = self._due if now - self._due < period else now
        self._due = begun + period
        ends = [begun + (tick + 1) * TICK for tick in range(self._ticks)]
        states = [self._measure(end, row) for end, row in zip(ends, record, strict=True)]
        self._show(states[-1])

    def _measure(self, end: float, row: Float64[np.ndarray, " 52"]) -> State:
        """Wait for a tick's end, and record what is measured then."""
        if (left := end - self.robot.now()) > 0:
            self.robot.wait(left)
        state, pull = self.robot.state(), self.worlds.datas[0].userdata[AT_HAND : AT_HAND + 6]
        felt = np.zeros(6) if state.wrench_in_tool is None else state.wrench_in_tool
        row[TRACKS["base_reference"]], row[TRACKS["reference"]] = self._sent[BASE], self._sent[REFERENCE]
        row[TRACKS["measured_pose"]] = row[TRACKS["asked_pose"]] = _tool_of(state, self.robot.name)
        row[TRACKS["contact_wrench"]], row[TRACKS["hand_wrench"]] = felt, pull
        row[TRACKS["wrist_wrench"]] = felt + pull
        row[TRACKS["stiffness"]], row[TRACKS["damping"]] = self._sent[STIFF], self._sent[DAMP]
        row[TRACKS["hand_holds"]] = float(pull.any())
        if state.stopped and not state.stopped.startswith(SILENT):
            self.why = state.stopped
        return state

    def _show(self, state: State) -> None:
        """Put what is measured into the model."""
        data, felt = self.worlds.datas[0], state.wrench_in_tool
        data.qpos[:JOINTS] = state.joints
        data.time += self._ticks * TICK
        data.userdata[AT_TOOL : AT_TOOL + 7] = _tool_of(state, self.robot.name)
        data.userdata[AT_CONTACT : AT_CONTACT + 6] = 0.0 if felt is None else felt
        data.userdata[AT_WRIST : AT_WRIST + 6] = (
            data.userdata[AT_CONTACT : AT_CONTACT + 6] + data.userdata[AT_HAND : AT_HAND + 6]
        )
        mujoco.mj_forward(self.worlds.model, data)


def _tool_of(state: State, name: str) -> Float64[np.ndarray, " 7"]:
    if state.tool_in_world is None:
        raise RobotError(f"{name} does not say where its tool is")
    return state.tool_in_world
