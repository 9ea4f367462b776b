"""Films of the contact tasks: solved, and failed in every way that could be brought about.

    .venv/bin/python docs/clips.py docs/clips gear-insertion book-flipping

Solved by the scripted skill; failed by the same skill when it goes by what a policy sees and does not feel, when it
misjudges where things are besides, more and more, and when it is led astray (as before a hand-over) and nobody helps.
"""

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import mujoco
import numpy as np

from retouch.report.clips import animated_webp, captioned
from retouch.sim.camera import Camera
from retouch.sim.world import Worlds, set_state
from retouch.tasks.contact import ContactTask
from retouch.tasks.handovers import Stage
from retouch.tasks.registry import make

SIZE, FRAMES, PER_SECOND = (320, 240), 48, 12.0
ATTEMPTS = 120
ASTRAY, LEFT = 6, 30  # attempts of every kind of hand-over; steps before it is said how it failed
MISPLACED = (0.0, 0.004, 0.008, 0.016, 0.03)  # [m]


def attempt(task: ContactTask, number: int, misplaced: float | None) -> tuple[str, list[np.ndarray]]:
    """How one attempt ended, and its states; `misplaced` is None for a skill that sees and feels all."""
    rng = np.random.default_rng([7, number])
    worlds = Worlds(task.physics, 1)
    robot, data = task.robot(worlds), worlds.datas[0]
    cases = task.cases()
    worlds.reset(0)
    task.reset(data, rng, cases[number % len(cases)])
    skill, states = task.skill(rng), [worlds.state(0)]
    wrong = 0.0 if misplaced is None else misplaced
    error = wrong * rng.standard_normal((2, 3))
    sees: Callable[[mujoco.MjData], np.ndarray] = task.sight if misplaced is None else task.observe
    for _ in range(task.horizon):
        seen = task.misjudged(sees(data), error, np.zeros((2, 3)))
        robot.command(np.array([0]), skill.act(seen)[None])
        states.append(worlds.state(0))
        if task.success(data) or task.over(data):
            break
    return "" if task.success(data) else task.failure(data), states


class _Filmed(Stage):
    """What comes before a hand-over, filmed."""

    def __init__(self, task: ContactTask, data: mujoco.MjData, rng: np.random.Generator):
        super().__init__(task, data, rng)
        self.states = [self.worlds.state(0)]

    def act(self, action: np.ndarray) -> None:
        super().act(action)
        self.states.append(self.worlds.state(0))


def astray(task: ContactTask, kind: str, number: int) -> tuple[str, list[np.ndarray]]:
    """The same of a skill that is led astray in one of the ways before hand-overs, and left so."""
    rng = np.random.default_rng([8, number])
    data = Worlds(task.physics, 1).reset(0)
    task.reset(data, rng)
    stage, handovers = _Filmed(task, data, rng), task.handovers()
    assert handovers is not None
    handovers.kinds[kind][0](stage)
    stage.rest(LEFT)
    return "" if task.success(stage.inside) else task.failure(stage.inside), stage.states


def endings(task: ContactTask) -> Iterator[tuple[str, list[np.ndarray]]]:
    """One attempt of every ending; at which of several like things it ended does not make another."""
    seen: set[str] = set()
    tries = [(number, None) for number in range(3)]
    tries += [(number, MISPLACED[number % len(MISPLACED)]) for number in range(ATTEMPTS)]
    for number, misplaced in tries:
        ending, states = attempt(task, number, misplaced)
        if (called := ending.rstrip("0123456789")) not in seen:
            seen.add(called)
            yield ending, states
    handovers = task.handovers()
    assert handovers is not None
    for number, kind in itertools.product(range(ASTRAY), handovers.kinds):
        ending, states = astray(task, kind, number)
        if (called := ending.rstrip("0123456789")) not in seen:
            seen.add(called)
            yield ending, states


def main(out: Path, names: list[str]) -> None:
    """Draw them."""
    out.mkdir(parents=True, exist_ok=True)
    for name in names:
        task = make(name)
        assert isinstance(task, ContactTask)
        camera, data = Camera(task.drawing, task.cameras[0], *SIZE, samples=2), mujoco.MjData(task.drawing)
        for ending, states in endings(task):
            frames = []
            for step in np.linspace(0, len(states) - 1, min(FRAMES, len(states))).astype(int):
                set_state(task.drawing, data, states[step])
                caption = f"{step * task.control_period:.1f} s: {ending or 'solved'}"
                frames.append(captioned(camera.draw(data), caption))
            frames += frames[-1:] * 8
            called = (ending or "solved").translate(str.maketrans(" ", "-", ":',"))
            path = out / f"{name}-{called}.webp"
            path.write_bytes(animated_webp(frames, PER_SECOND, quality=55))
            print(f"{path}: {len(states) - 1} steps, {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
