"""What a push from afar may be: `.venv/bin/python benchmarks/pushing.py`.

A force that counts from the press, as it is; the same without the torque that keeps the tool from tipping; and a spring
from the handle to where it was at the press. A policy of gear insertion leads the gear to 6 mm beside the shaft; a hand
keeps still from step 10 on, or pushes back 3 or 4 cm within a second from step 200 on. No randomness.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.beside import beside

from retouch.collection import InMemory
from retouch.counting import stream_of
from retouch.geometry import Pose
from retouch.operators.correction import Push, Sight
from retouch.operators.pushing import LIMIT, STIFFNESS, PushingHand
from retouch.outcomes import attempt_seeds
from retouch.robots.ur5e import grip_of
from retouch.rollout import rollout
from retouch.sim.world import Worlds
from retouch.tasks.gear import GearInsertion
from retouch.tasks.gear_view import View

TASK, AT = GearInsertion(), 100
SEED = next(attempt_seeds("collect", stream_of(0, 1)))
ASIDE, NOTHING = np.array([0.006, 0.0, 0.0]), np.zeros(3)


class Tied(PushingHand):
    """A spring to where the handle was at the press."""

    at: Pose | None = None

    def push(self, tool: Pose, moved: np.ndarray, turned: np.ndarray) -> np.ndarray:
        handle = tool @ self._handle_in_tool
        self.at = handle if self.at is None else self.at
        drawn = Pose(self.at.position + moved, self.at.quat)
        return grip_of(drawn, stiffness=STIFFNESS, damping=(0.0, 0.0), limit=LIMIT)


class Loose(PushingHand):
    """A force alone."""

    def _grip(self, tool: Pose) -> np.ndarray:
        handle = tool @ self._handle_in_tool
        drawn = Pose(handle.position + self.wrench[:3] / STIFFNESS[0], handle.quat)
        return grip_of(drawn, stiffness=(STIFFNESS[0], 0.0), damping=(0.0, 0.0), limit=(LIMIT[0], 0.1), ramp=0.0)


class Somebody:
    """Whose hand goes back by `far` [m] within a second."""

    name, repeatable = "scripted: somebody", True

    def __init__(self, kind: type[PushingHand], far: float, start: int):
        self.kind, self.far, self.start = kind, far, start

    def session(self, task: GearInsertion, seed: int, way: str) -> "Somebody":
        self.hand = self.kind(task)
        return self

    def correct(self, sight: Sight) -> Push | None:
        if sight.step < self.start:
            return None
        moved = -ASIDE / np.linalg.norm(ASIDE) * self.far * min(1.0, (sight.step - self.start) / 50)
        return Push(self.hand.push(View(sight.observation).tool, moved, NOTHING))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = Worlds(TASK.physics, 1).reset(0)
        TASK.reset(data, np.random.default_rng([SEED, 0]))
        policy = beside(TASK, data, ASIDE, Path(folder))
    for kind in (PushingHand, Loose, Tied):
        for far, start in ((0.0, 10), (0.03, 200), (0.04, 200)):
            rows = InMemory()
            attempt = next(
                rollout(
                    TASK,
                    [SEED],
                    policy=policy,
                    operator=Somebody(kind, far, start),
                    way="delta",
                    worlds=1,
                    record=lambda *_, rows=rows: rows,
                )
            )
            views = [View(row["observation"]) for row in rows.rows]
            force = np.linalg.norm(rows.column("tick_hand_wrench")[..., :3], axis=-1)
            print(
                f"{kind.__name__:12} {100 * far:.0f} cm: {attempt.reason} at step {attempt.steps}, hand at most "
                f"{force.max():.1f} N; at step {AT} {force[AT, -1]:.1f} N, tool from its reference "
                f"{1e3 * np.linalg.norm(views[AT].tool.position - views[AT].reference.position):.1f} mm; tilt at most "
                f"{np.degrees(max(view.tilt for view in views[start:])):.2f} deg"
            )


if __name__ == "__main__":
    main()
