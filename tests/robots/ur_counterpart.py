"""The controller of a Universal Robots arm, as far as ur_rtde needs one, with our simulated UR5e for an arm.

    python -m tests.robots.ur_counterpart ADDRESS RATE

It speaks the protocols themselves: RTDE version 2 on port 30004 (negotiation, recipes of outputs and inputs, start,
data packages), the script port 30003, which takes ur_rtde's own program, and the dashboard on 29999. It does not run
URScript: it does what that program says for the commands that the adapter uses. A process of its own, as ur_rtde holds
Python's lock while it connects. Lines of JSON on standard input ask it for pushes, faults and what it was sent.
"""

import contextlib
import json
import re
import socket
import struct
import sys
import threading
import time
from collections import Counter
from typing import BinaryIO

import mujoco
import numpy as np

from retouch.errors import RobotError
from retouch.geometry import Pose, quat_from_vector, quat_rotate, quat_to_vector
from retouch.robots.simulated import over_a_table
from retouch.robots.ur5e_arm import BASE, JOINTS
from retouch.robots.ur5e_tick import _felt

# The numbers of ur_rtde's program for commands.
NOTHING, MOVE_STOP, SERVO_STOP, SERVO, SET_WATCHDOG, STOP_SCRIPT = 0, 8, 16, 24, 35, 255
READY, DONE = 1, 2
FORMATS = {"INT32": "i", "UINT32": "I", "UINT64": "Q", "DOUBLE": "d", "VECTOR6D": "6d"}
OUTPUTS = {
    "timestamp": "DOUBLE",
    "actual_q": "VECTOR6D",
    "actual_TCP_pose": "VECTOR6D",
    "actual_TCP_force": "VECTOR6D",
    "robot_status_bits": "UINT32",
    "safety_status_bits": "UINT32",
    "runtime_state": "UINT32",
    **{f"output_int_register_{k}": "INT32" for k in range(48)},
    **{f"output_double_register_{k}": "DOUBLE" for k in range(48)},
}
INPUTS = {
    "external_force_torque": "VECTOR6D",
    **{f"input_int_register_{k}": "INT32" for k in range(48)},
    **{f"input_double_register_{k}": "DOUBLE" for k in range(48)},
}
VERSION, OUTPUT_SETUP, INPUT_SETUP, START, PAUSE, DATA, CONTROLLER = b"VOISPUv"
DASHBOARD = {
    "polyscopeversion": "URSoftware 5.12.0.1101319 (Jan 01 2022)",
    "get serial number": "20225500001",
    "is in remote control": "true",
    "robotmode": "Robotmode: RUNNING",
}


class Arm:
    """The simulated UR5e under joint position servo, as the manufacturer's: it does not yield."""

    def __init__(self, period: float):
        self.robot = over_a_table()
        self.model, self.data = self.robot.worlds.model, self.robot.worlds.datas[0]
        self.asked, self.goal = self.data.qpos[:JOINTS].copy(), self.data.qpos[:JOINTS].copy()
        self.period, self.lookahead = period, 0.1
        self.wrench, self.offset = np.zeros(6), np.zeros(6)
        self.step()

    def step(self) -> None:
        """One cycle of the controller."""
        self.asked += (self.goal - self.asked) * min(1.0, 2.0 * self.period / self.lookahead)
        self.data.ctrl[:JOINTS] = self.asked
        mujoco.mj_step(self.model, self.data, round(self.period / self.model.opt.timestep))
        turn = self.data.site("tcp").xmat.copy()
        _felt(self.data.sensordata, 0, turn, self.robot._sensing, self.wrench)

    def stop(self) -> None:
        self.goal = self.asked = self.data.qpos[:JOINTS].copy()

    def towards(self, pose_in_base: Pose) -> None:
        self.goal = self.robot.joints_for(BASE @ pose_in_base, self.asked)

    def pose(self) -> list[float]:
        found = BASE.inverse() @ self.robot.measured(self.data)
        return [*found.position, *quat_to_vector(found.quat)]

    def force(self) -> list[float]:
        """At the tool centre point, along the base's axes."""
        tool = BASE.inverse() @ self.robot.measured(self.data)
        felt = self.wrench - self.offset
        return [*quat_rotate(tool.quat, felt[:3]), *quat_rotate(tool.quat, felt[3:])]


class Controller:
    """What the three ports share."""

    def __init__(self, rate: float):
        self.lock = threading.RLock()
        self.rate = rate
        self.arm = Arm(1.0 / rate)
        self.inputs: dict[str, object] = {}
        self.outputs: dict[str, object] = {}
        self.owners: dict[str, object] = {}  # of inputs: one client each
        self.listeners: list[Client] = []
        self.program = self.executing = self.servoing = False
        self.protective = self.frozen = False
        self.watchdog: float | None = None
        self.updated = 0.0
        self.done: Counter[str] = Counter()
        self.goals: list[list[float]] = []

    def run(self) -> None:
        due = time.monotonic()
        while True:
            due = max(due + 1.0 / self.rate, time.monotonic() - 0.1)
            time.sleep(max(0.0, due - time.monotonic()))
            with self.lock:
                self.cycle()
                listeners, frozen = list(self.listeners), self.frozen
            for client in [] if frozen else listeners:
                client.publish()

    def cycle(self) -> None:
        if self.program and self.watchdog and time.monotonic() - self.updated > 1.0 / self.watchdog:
            self.done["watchdog stopped the program"] += 1
            self.end()
        if self.program:
            self.obey(int(self.inputs.get("input_int_register_0", 0)))  # type: ignore[call-overload]
        self.arm.step()

    def obey(self, command: int) -> None:
        """As the main loop of ur_rtde's program: `servoL` at once and again, the others once and then done."""
        if command == SERVO:
            self.servo()
            self.outputs["output_int_register_0"] = READY
        elif command == NOTHING:
            self.executing = False
            self.outputs["output_int_register_0"] = READY
        elif not self.executing:
            self.executing = True
            self.once(command)

    def servo(self) -> None:
        pose = [self.inputs[f"input_double_register_{k}"] for k in range(6)]
        if self.servoing and self.goals and self.goals[-1] == pose:
            return
        self.servoing = True
        self.goals.append(pose)  # type: ignore[arg-type]
        self.arm.lookahead = self.inputs["input_double_register_9"]  # type: ignore[assignment]
        try:
            self.arm.towards(Pose(np.array(pose[:3]), quat_from_vector(np.array(pose[3:]))))
        except RobotError:
            self.done["no inverse kinematics"] += 1
            self.end()

    def once(self, command: int) -> None:
        self.done[str(command)] += 1
        if command == STOP_SCRIPT:
            self.end()
            return
        if command == SERVO_STOP:
            self.servoing = False
            self.arm.stop()
        elif command == SET_WATCHDOG:
            self.watchdog, self.updated = self.inputs["input_double_register_0"], time.monotonic()  # type: ignore[assignment]
        else:  # of the others the adapter uses one, which sets the sensor to zero
            self.arm.offset = self.arm.wrench.copy()
        self.outputs["output_int_register_0"] = DONE

    def start(self) -> None:
        with self.lock:
            if self.protective:
                return
            self.end()
            self.program, self.executing = True, False
            self.done["programs"] += 1
            self.outputs["output_int_register_0"] = READY

    def end(self) -> None:
        if self.servoing:
            self.arm.stop()
        self.program, self.servoing, self.watchdog = False, False, None

    def value(self, name: str) -> object:
        if name == "timestamp":
            return self.arm.data.time
        if name == "actual_q":
            return self.arm.data.qpos[:JOINTS].tolist()
        if name == "actual_TCP_pose":
            return self.arm.pose()
        if name == "actual_TCP_force":
            return self.arm.force()
        if name == "robot_status_bits":
            return 1 + 2 * self.program
        if name == "safety_status_bits":
            return 4 if self.protective else 1
        if name == "runtime_state":
            return 2 if self.program else 1
        return self.outputs.get(name, 0)


class Client:
    """A connection to port 30004."""

    def __init__(self, controller: Controller, connection: socket.socket):
        self.controller, self.connection = controller, connection
        self.outputs: list[str] = []
        self.recipes: list[list[str]] = []
        self.every = self.count = 1
        self.sending = threading.Lock()

    def serve(self) -> None:
        file = self.connection.makefile("rb")
        try:
            while len(head := file.read(3)) == 3:
                size, kind = struct.unpack(">HB", head)
                self.take(kind, file.read(size - 3))
        finally:
            with self.controller.lock:
                owners = self.controller.owners
                self.controller.owners = {name: owner for name, owner in owners.items() if owner is not self}
                if self in self.controller.listeners:
                    self.controller.listeners.remove(self)
            self.connection.close()

    def send(self, kind: int, payload: bytes) -> None:
        with self.sending:
            self.connection.sendall(struct.pack(">HB", 3 + len(payload), kind) + payload)

    def take(self, kind: int, payload: bytes) -> None:
        controller = self.controller
        if kind == VERSION:
            self.send(kind, struct.pack(">B", struct.unpack(">H", payload)[0] == 2))
        elif kind == CONTROLLER:
            self.send(kind, struct.pack(">4I", 5, 12, 0, 1101319))
        elif kind == OUTPUT_SETUP:
            (rate,) = struct.unpack(">d", payload[:8])
            self.every = max(1, round(controller.rate / rate))
            self.outputs = names(payload[8:])
            types = [OUTPUTS.get(name, "NOT_FOUND") for name in self.outputs]
            self.send(kind, bytes([0 if "NOT_FOUND" in types else 1]) + ",".join(types).encode())
        elif kind == INPUT_SETUP:
            wanted = names(payload)
            with controller.lock:
                types = [
                    "IN_USE" if controller.owners.get(name, self) is not self else INPUTS.get(name, "NOT_FOUND")
                    for name in wanted
                ]
                good = not {"IN_USE", "NOT_FOUND"} & set(types)
                if good:
                    controller.owners |= dict.fromkeys(wanted, self)
                    self.recipes.append(wanted)
            self.send(kind, bytes([len(self.recipes) if good else 0]) + ",".join(types).encode())
        elif kind == START:
            self.send(kind, b"\x01")
            with controller.lock:
                controller.listeners.append(self)
        elif kind == PAUSE:
            with controller.lock:
                controller.listeners.remove(self)
            self.send(kind, b"\x01")
        elif kind == DATA:
            self.read(self.recipes[payload[0] - 1], payload[1:])

    def read(self, recipe: list[str], payload: bytes) -> None:
        offset = 0
        with self.controller.lock:
            if self.controller.frozen:
                return
            for name in recipe:
                layout = ">" + FORMATS[INPUTS[name]]
                found = struct.unpack_from(layout, payload, offset)
                self.controller.inputs[name] = found[0] if len(found) == 1 else list(found)
                offset += struct.calcsize(layout)
            assert offset == len(payload), (recipe, payload)
            self.controller.updated = time.monotonic()

    def publish(self) -> None:
        self.count = (self.count + 1) % self.every
        if self.count:
            return
        payload = b"\x01"
        with self.controller.lock:
            for name in self.outputs:
                value = self.controller.value(name)
                payload += struct.pack(">" + FORMATS[OUTPUTS[name]], *(value if isinstance(value, list) else [value]))
        with contextlib.suppress(OSError):  # it has gone; `serve` finds out
            self.send(DATA, payload)


def names(payload: bytes) -> list[str]:
    return [name for name in payload.decode().split(",") if name]


def script(controller: Controller, connection: socket.socket) -> None:
    """Takes ur_rtde's program; it runs from its last line on."""
    text = ""
    while chunk := connection.recv(1 << 16):
        text += chunk.decode()
        while found := re.search(r"\A\s*def rtde_control\(\):.*?# NODE_CONTROL_LOOP_ENDS\s*end\s*\n", text, re.DOTALL):
            assert "servoj(q, t=dt, lookahead_time=lh_time, gain=g)" in found[0]
            text = text[found.end() :]
            controller.start()


def dashboard(controller: Controller, connection: socket.socket) -> None:
    connection.sendall(b"Connected: Universal Robots Dashboard Server\n")
    for line in connection.makefile("r"):
        asked = line.strip().lower()
        if asked == "stop":
            with controller.lock:
                controller.end()
        connection.sendall((DASHBOARD.get(asked, "Stopped") + "\n").encode())


def listen(address: str, port: int, serve: object) -> None:
    server = socket.create_server((address, port))

    def loop() -> None:
        while True:
            connection, _ = server.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=quietly, args=(serve, connection), daemon=True).start()

    threading.Thread(target=loop, daemon=True).start()


def quietly(serve: object, connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other side has gone
        serve(connection)  # type: ignore[operator]


def asked_by_the_test(controller: Controller, lines: BinaryIO) -> None:
    """Until the input ends, which ends everything."""
    for line in lines:
        wish = json.loads(line)
        with controller.lock:
            if "push" in wish:
                body = controller.arm.data.body("handle")
                controller.arm.data.xfrc_applied[body.id, :3] = wish["push"]
            for name in ("frozen", "protective"):
                setattr(controller, name, wish.get(name, getattr(controller, name)))
            if wish.get("end") or controller.protective:
                controller.end()
            told = {
                "goals": controller.goals,
                "done": controller.done,
                "program": controller.program,
                "servoing": controller.servoing,
                "force": controller.arm.force(),
                "pose": controller.arm.pose(),
            }
        print(json.dumps(told), flush=True)


def main() -> None:
    address, rate = sys.argv[1], float(sys.argv[2])
    controller = Controller(rate)
    listen(address, 29999, lambda connection: dashboard(controller, connection))
    listen(address, 30003, lambda connection: script(controller, connection))
    listen(address, 30004, lambda connection: Client(controller, connection).serve())
    threading.Thread(target=controller.run, daemon=True).start()
    print("ready", flush=True)
    asked_by_the_test(controller, sys.stdin.buffer)


if __name__ == "__main__":
    main()
