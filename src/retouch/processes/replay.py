"""An episode as a browser can play it, on standard output: python -m retouch.processes.replay DATASET EPISODE"""

import base64
import json
import sys
from typing import Any

import numpy as np

from retouch.episodes.reader import Dataset
from retouch.errors import RetouchError
from retouch.sim.describe import body_poses, describe, drawn_bodies
from retouch.sim.liveries import livery_of, painted
from retouch.sim.world import Worlds, set_state
from retouch.tasks.registry import make


def replay(path: str, episode: str) -> dict[str, Any]:
    """The document of docs/protocol.md: scene, body poses, who acted, what was proposed and done.

    Raises:
        RetouchError: there is no such episode, or it cannot be read.
    """
    dataset = Dataset(path)
    task = make(dataset.info.task)
    columns = ["control_source", "action", "policy_action", "sim_state"]
    frames = dataset.frames(dataset.recorded(episode).id, columns)
    data = Worlds(task.physics, 1).datas[0]
    poses = np.empty((len(frames["sim_state"]), drawn_bodies(task.physics), 7), np.float32)
    for step, state in enumerate(frames["sim_state"]):
        set_state(task.physics, data, state)
        poses[step] = body_poses(data)
    return {
        "period_s": dataset.info.control_period_s,
        "scene": describe(painted(task.drawing, livery_of(data))),
        "steps": len(poses),
        "control_source": frames["control_source"].tolist(),
        "action": _rows(frames["action"]),
        "policy_action": _rows(frames["policy_action"]),
        "action_names": list(task.action_names),
        "poses": base64.b64encode(poses.astype("<f4").tobytes()).decode(),
    }


def _rows(actions: np.ndarray) -> list[list[float] | None]:
    return [None if np.isnan(row).any() else [round(float(v), 4) for v in row] for row in actions]


def main() -> int:
    """Print the episode, or what is wrong."""
    try:
        document = replay(sys.argv[1], sys.argv[2])
    except RetouchError as error:
        print(error, file=sys.stderr)
        return 1
    json.dump(document, sys.stdout, allow_nan=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
