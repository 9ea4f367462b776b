"""Pictures of a running session, drawn and packed beside it: the control loop never waits for a picture."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import mujoco
import simplejpeg

from retouch.operators.mailbox import Mailbox
from retouch.processes import wire
from retouch.sim.camera import Camera
from retouch.tasks.base import Task

QUALITY = 80


class Film:
    """Draws what is wanted of what was last seen.

    Args:
        ring: called with a mailbox's name when a new picture lies in it.
    """

    def __init__(self, task: Task, mailboxes: str, ring: Callable[[str], None]):
        self.step = 0
        self._task, self._mailboxes, self._ring = task, mailboxes, ring
        self._cameras: dict[tuple[str, int, int], Camera] = {}
        self._boxes: dict[int, Mailbox] = {}
        self._wanted: list[dict[str, Any]] = []
        self._shown: Any = None
        self._changed = threading.Condition()
        self._seen = 0
        self._thread: threading.Thread | None = None

    def want(self, wanted: Sequence[dict[str, Any]]) -> None:
        """Draw these from now on: name, width, height, and at most how many a second."""
        with self._changed:
            self._wanted = [dict(w, due=0.0) for w in wanted]
            keys = {(w["name"], w["width"], w["height"]) for w in wanted}
            self._cameras = {key: camera for key, camera in self._cameras.items() if key in keys}
            if self._wanted and self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()
            self._seen += 1
            self._changed.notify()

    def see(self, data: mujoco.MjData) -> None:
        """Remember the world as it is."""
        with self._changed:
            self._shown = (data.qpos.copy(), data.mocap_pos.copy(), data.mocap_quat.copy(), data.userdata.copy())
            self._seen += 1
            self._changed.notify()

    def _run(self) -> None:
        data = mujoco.MjData(self._task.drawing)
        seen, late = 0, None
        while True:
            with self._changed:
                while self._shown is None or (self._seen == seen and late is None):
                    self._changed.wait()
                if self._seen == seen:
                    self._changed.wait(late)
                seen, wanted = self._seen, list(self._wanted)
                data.qpos[:], data.mocap_pos[:], data.mocap_quat[:], data.userdata[:] = self._shown
                step = self.step
            mujoco.mj_kinematics(self._task.drawing, data)
            mujoco.mj_comPos(self._task.drawing, data)
            mujoco.mj_camlight(self._task.drawing, data)
            late = None  # until a picture is due that shows less than has been seen
            for want in wanted:
                now = time.monotonic()
                if now >= want["due"]:
                    want["due"] = max(want["due"], now - 1 / want["hz"]) + 1 / want["hz"]
                    self._draw(want, data, step)
                else:
                    late = min(want["due"] - now, late or 10.0)

    def _draw(self, want: dict[str, Any], data: mujoco.MjData, step: int) -> None:
        sent = wire.now_ms()
        key = want["name"], want["width"], want["height"]
        if key not in self._cameras:
            self._cameras[key] = Camera(self._task.drawing, *key)
        image = self._cameras[key].draw(data)
        index = self._task.cameras.index(want["name"])
        if index not in self._boxes:
            path = wire.mailbox_path(self._mailboxes, wire.picture(index))
            self._boxes[index] = Mailbox(path, wire.PICTURE_SIZE)
        jpeg = simplejpeg.encode_jpeg(image, quality=QUALITY, colorspace="RGB", colorsubsampling="420")
        self._boxes[index].put(wire.PICTURE_HEAD.pack(2, index, want["width"], step, sent) + jpeg)
        self._ring(wire.picture(index))
