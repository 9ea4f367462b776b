"""A real arm as a task, in a package of its own: `pip install examples/cell`, and `retouch serve` offers it as `cell`.

As it stands, the arm is the simulated UR5e with a stick over a table. For a UR, say where it is and what it is allowed
(docs/robots.md); for another arm, bring an adapter.
"""

import numpy as np

from retouch.geometry import Pose
from retouch.robots import registry
from retouch.robots.protocol import Robot
from retouch.sim.scene import TABLE_TOP
from retouch.tasks.real import RealTask


class Cell(RealTask):
    """The cell; an attempt has succeeded when whoever is there says so."""

    name = "cell"
    workpiece = Pose(np.array([0.0, 0.0, TABLE_TOP]), np.array([1.0, 0.0, 0.0, 0.0]))

    def arm(self) -> Robot:
        """The robot; `ur:192.168.1.10` would be the UR at that address."""
        return registry.make("ur5e-simulated")
