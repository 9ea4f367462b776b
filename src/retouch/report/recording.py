"""One episode as a recording for the viewer of rerun: poses, forces, who acted, what the cameras saw. Needs rerun-sdk.

    retouch data show DATASET EPISODE --rerun episode.rrd
    rerun episode.rrd

The second line starts the viewer.
"""

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from retouch.episodes import ControlSource, Dataset, EpisodeInfo
from retouch.episodes.files import clear_errors
from retouch.errors import MissingExtra
from retouch.sim.camera import Camera
from retouch.sim.world import Worlds, set_state
from retouch.tasks.base import Task
from retouch.tasks.registry import ENVIRONMENT, known, make

try:
    import rerun as rr
except ModuleNotFoundError as error:
    raise MissingExtra("rerun-sdk", "rerun") from error

PICTURE_SIZE = 320, 240  # pixels
PICTURE_RATE = 10.0  # a second of the episode
QUALITY = 80
METRES_PER_NEWTON = 0.01  # of an arrow
AXES_LENGTH = 0.04  # of a frame's [m]
WRENCH_NAMES = ("force x", "force y", "force z", "torque x", "torque y", "torque z")
ACTIONS = ("action", "policy_action", "operator_action")
TRACKED = {"measured_pose": "world/tool", "reference": "world/reference", "base_reference": "world/base_reference"}
WRENCHES = {"contact_wrench": "contact", "hand_wrench": "hand"}

Index = list[rr.TimeColumn]


def write(dataset: Dataset, which: int | str, out: Path) -> list[str]:
    """Writes an episode, as the edits leave it, to an `.rrd` file; one that is there is replaced.

    Everything lies on the timeline `time` [s], what is of a step on `step`, too. Poses are in world; wrenches, and the
    arrows of their forces, in the tool frame.

    Returns:
        What the recording lacks as the data set or its task does not have it, one line each.

    Raises:
        InputError: There is no such episode.
        StoreError: The episode cannot be read, or the file not written.
    """
    episode = dataset.episode(which)
    frames, period = dataset.frames(episode), dataset.info.control_period_s
    name = dataset.info.task
    task = make(name) if known(name) and not name.startswith(ENVIRONMENT) else None
    with clear_errors("write", out):
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as beside:
            aside = Path(beside) / "episode.rrd"
            with rr.RecordingStream(f"retouch {name}", recording_id=episode.id) as stream:
                stream.save(aside)
                recording = _Recording(stream, frames, period)
                recording.describe(dataset, episode)
                recording.acted(dataset.info.features["action"].names)
                left_out = recording.moved(task)
            aside.replace(out)
    return left_out


class _Recording:
    """A stream, and the columns of the episode that goes into it."""

    def __init__(self, stream: rr.RecordingStream, frames: dict[str, NDArray[Any]], period: float):
        self.stream, self.frames, self.period = stream, frames, period

    def describe(self, dataset: Dataset, episode: EpisodeInfo) -> None:
        """What is known of the episode as a whole."""
        said = {
            "data set": dataset.path,
            "task": dataset.info.task,
            "kind": episode.kind,
            "outcome": f"{episode.outcome}: {episode.reason}",
            "operator": episode.operator,
            "policy": episode.policy,
            "round": episode.round,
            "seed": episode.seed,
            "started": episode.started_at,
        }
        text = "\n".join(f"- {name}: {value}" for name, value in said.items())
        title = f"# Episode {episode.name}\n\n"
        self.stream.log("episode", rr.TextDocument(title + text, media_type="text/markdown"), static=True)
        self.stream.log("world", rr.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)

    def acted(self, names: tuple[str, ...] | None) -> None:
        """Who acted, and what was done and proposed."""
        source = self.frames["control_source"]
        changes = np.flatnonzero(np.diff(source, prepend=-1))
        states = [ControlSource(int(source[step])).name.lower() for step in changes]
        self.stream.send_columns("control_source", self._steps(changes), rr.StateChange.columns(state=states))
        for column in ACTIONS:
            values = self.frames[column].reshape(len(source), -1)
            self._plot(column, names or tuple(f"{column} {k}" for k in range(values.shape[1])), values, self._steps())

    def moved(self, task: Task | None) -> list[str]:
        """Where everything was, what was felt and what it looked like; what of it is not there, one line each."""
        left_out = []
        if "tick_measured_pose" in self.frames:
            self._ticks()
        elif task is not None:
            poses = [task.tool_pose(seen) for seen in self.frames["observation"]]
            self._poses("world/tool", np.array([[*pose.position, *pose.quat] for pose in poses]), self._steps())
        else:
            left_out.append("poses of the tool: no task of this installation says where it is")
        if "tick_contact_wrench" not in self.frames:
            left_out.append("forces: none were recorded")
        if task is not None and "sim_state" in self.frames:
            self._scene(task)
        else:
            left_out.append("bodies and pictures: they are drawn of a task's own simulation")
        return left_out

    def _ticks(self) -> None:
        """Poses and wrenches, a row a tick of the controller."""

        def rows(track: str) -> NDArray[Any]:
            values = self.frames[f"tick_{track}"]
            return values.reshape(-1, values.shape[-1])

        ticks = self.frames["tick_measured_pose"].shape[1]
        times = (self.frames["time_s"][:, None] + self.period * np.arange(1, ticks + 1) / ticks).ravel()
        index: Index = [rr.TimeColumn("time", duration=times)]
        for track, path in TRACKED.items():
            self._poses(path, rows(track), index)
        for track, who in WRENCHES.items():
            wrenches = rows(track)
            self._plot(f"{who}_wrench", WRENCH_NAMES, wrenches, index)
            arrows = rr.Arrows3D.columns(vectors=METRES_PER_NEWTON * wrenches[:, :3])
            self.stream.send_columns(f"world/tool/{who}_force", index, arrows)

    def _scene(self, task: Task) -> None:
        """Bodies that move, every step, and what the task's first camera sees, some times a second."""
        model, states = task.drawing, self.frames["sim_state"]
        data = Worlds(model, 1).datas[0]
        camera = Camera(model, task.cameras[0], *PICTURE_SIZE) if task.cameras else None
        every = max(1, round(1 / (PICTURE_RATE * self.period)))
        poses, pictures = np.empty((len(states), model.nbody, 7)), []
        for step, state in enumerate(states):
            set_state(model, data, state)
            poses[step] = np.hstack([data.xpos, data.xquat])
            if camera is not None and step % every == 0:
                pictures.append(_jpeg(camera.draw(data)))
        for body in np.flatnonzero(np.ptp(poses, axis=0).any(axis=-1)):
            if name := model.body(body).name:
                self._poses(f"world/bodies/{name}", poses[:, body], self._steps())
        if pictures:
            media = ["image/jpeg"] * len(pictures)
            columns = rr.EncodedImage.columns(blob=pictures, media_type=media)
            self.stream.send_columns(f"camera/{task.cameras[0]}", self._steps(slice(None, None, every)), columns)

    def _poses(self, path: str, poses: Float[np.ndarray, "n 7"], index: Index) -> None:
        """A frame in world: position [m] and quaternion wxyz."""
        self.stream.log(path, rr.TransformAxes3D(AXES_LENGTH), static=True)
        xyzw = poses[:, [4, 5, 6, 3]]
        self.stream.send_columns(path, index, rr.Transform3D.columns(translation=poses[:, :3], quaternion=xyzw))

    def _plot(self, path: str, names: Sequence[str], values: Float[np.ndarray, "n k"], index: Index) -> None:
        """Lines over time."""
        self.stream.log(path, rr.SeriesLines(names=list(names)), static=True)
        columns = rr.Scalars.columns(scalars=values.ravel()).partition(np.full(len(values), values.shape[1]))
        self.stream.send_columns(path, index, columns)

    def _steps(self, which: Int[np.ndarray, " n"] | slice = slice(None)) -> Index:
        """When steps were."""
        step, time = self.frames["step"][which], self.frames["time_s"][which]
        return [rr.TimeColumn("step", sequence=step), rr.TimeColumn("time", duration=time)]


def _jpeg(image: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image).save(file, format="JPEG", quality=QUALITY)
    return file.getvalue()
