"""The README's picture: one corrected attempt of a run, who acted in words and colour.

.venv/bin/python docs/pictures.py runs/demo docs/intervention.png
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from retouch.episodes import Dataset
from retouch.report.clips import banner, side_by_side
from retouch.sim.camera import Camera
from retouch.sim.world import Worlds, set_state
from retouch.tasks.registry import make


def main(run: Path, out: Path) -> None:
    task, dataset = make("threading"), Dataset(run / "data" / "round-1")
    episode = next(e for e in dataset.episodes if e.outcome == "success" and len(e.extra["causes"]) == 1)
    frames = dataset.frames(episode, ["sim_state", "intervention"])
    person = np.flatnonzero(frames["intervention"])
    steps = [person[0] // 3, person[0] - 1, (person[0] + person[-1]) // 2, len(frames["intervention"]) - 1]
    camera = Camera(task.drawing, "front", 400, 300, samples=2)
    data = Worlds(task.drawing, 1).datas[0]
    pictures = []
    for step in steps:
        set_state(task.drawing, data, frames["sim_state"][step])
        acting = bool(frames["intervention"][step])
        text = f"{step * task.control_period:.1f} s: {'scripted person' if acting else 'policy'}"
        pictures.append(banner(camera.draw(data), "person" if acting else "policy", text))
    rows = [side_by_side(pictures[:2]), side_by_side(pictures[2:])]
    gap = np.full((4, rows[0].shape[1], 3), 255, np.uint8)
    Image.fromarray(np.concatenate([rows[0], gap, rows[1]])).save(out, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
