"""Gear insertion (CR-DAgger, section 4.1): onto a shaft with tiny tolerance, teeth mating a neighbour's.

The board is raised by 3 cm, as in the paper. The test grid is the paper's, five board locations with four rollouts
each; where they are, sizes and ranges, which the paper leaves open, are ours. A policy sees the board up to 3 mm off.
"""

import itertools
import math
from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float32, Float64

from retouch.geometry import Pose, quat_about, quat_from_matrix, quat_from_vector, quat_multiply, quat_near
from retouch.robots.ur5e_arm import add_ur5e, pointing_down
from retouch.robots.ur5e_tick import MEMORY
from retouch.sim.world import Worlds
from retouch.tasks.base import Manner, Skill
from retouch.tasks.contact import POSE_NAMES, WRENCH_NAMES, Case, ContactTask, new_scene
from retouch.tasks.gear_handovers import HANDOVERS
from retouch.tasks.gear_scene import (
    BOARD_TOP,
    NEIGHBOUR_TEETH,
    NEIGHBOUR_TOP,
    SHAFT_LENGTH,
    TOOL,
    add_board,
    add_gear,
)
from retouch.tasks.gear_skill import GearSkill
from retouch.tasks.gear_view import MATED, Observation, View, stages_of, tooth_mismatch
from retouch.tasks.handovers import Handovers
from retouch.tasks.vectors import UP

DOWN = np.array([0.0, 1.0, 0.0, 0.0])  # of q and -q, which are one rotation, an observation shows the nearer one
LEVEL = np.array([1.0, 0.0, 0.0, 0.0])
SEEN_ASIDE, SEEN_TURNED = slice(MEMORY, MEMORY + 2), MEMORY + 2  # what a policy misjudges, in a world's user data
MISJUDGED = 3


@dataclass(frozen=True)
class Layout:
    """Where an attempt may start, and how badly a policy sees: ranges, or the most either way [m], [rad].

    Attributes:
        board_x, board_y, board_yaw: where boards stood in demonstrations, in world.
        aside, above: of the gear from the shaft, and above the board.
        turned, tilted: of the gear against the board.
        bias: most by which the seen board is off, in a random direction, the same throughout an attempt.
        teeth_bias: most by which the neighbour's seen angle is off.
    """

    board_x: tuple[float, float] = (-0.06, 0.06)
    board_y: tuple[float, float] = (-0.12, 0.12)
    board_yaw: tuple[float, float] = (-math.radians(20), math.radians(20))
    aside: float = 0.03
    above: tuple[float, float] = (0.06, 0.10)
    turned: float = math.radians(15)
    tilted: float = math.radians(2)
    bias: float = 0.003
    teeth_bias: float = math.radians(2)


# The test grid: four boards among those of the demonstrations, and one beyond; each turned in four ways.
LOCATIONS = {
    "near left": (-0.045, 0.09, True),
    "near right": (-0.045, -0.09, True),
    "far left": (0.045, 0.09, True),
    "middle": (0.0, 0.0, True),
    "far right, outside": (0.09, -0.15, False),
}
TURNS = (-15, -5, 5, 15)  # [degrees]


class GearInsertion(ContactTask):
    """The gear insertion task; `layout` says how much it varies."""

    name = "gear-insertion"
    horizon = 600
    tool = TOOL
    view = View
    stage_names = ("over the shaft", "on the shaft", "teeth mated", "inserted")
    observation_names = (
        *(f"tool_{n}" for n in POSE_NAMES),
        *(f"reference_{n}" for n in POSE_NAMES),
        *(f"board_{n}" for n in POSE_NAMES),
        "neighbour_cos",
        "neighbour_sin",
    )
    sight_names = (*observation_names, *WRENCH_NAMES)
    cameras = ("overview", "close", "wrist")
    observation_cameras = ("wrist",)

    def __init__(self, layout: Layout = Layout()):
        self.layout = layout
        model = self.physics
        self._gear, self._board = model.site("gear").id, model.site("board").id
        self._board_at = int(model.joint("board_x").qposadr[0])
        self._neighbour_at = int(model.joint("neighbour").qposadr[0])
        self._arm = self.robot(Worlds(model, 1))  # only ever asked for postures

    def build(self, visuals: bool) -> mujoco.MjModel:
        """The arm with the gear in its fingers, and the board on the table."""
        scene = new_scene(self.name, visuals, memory=MISJUDGED)
        scene.table((1.4, 1.0, 0.05))
        tool = add_ur5e(scene, TOOL)
        add_gear(scene, tool)
        add_board(scene)
        scene.camera("overview", (0.50, 0.36, 1.14), (-0.02, 0.0, 0.90), fovy=36)
        scene.camera("close", (0.26, -0.26, 1.02), (0.01, 0.0, 0.875), fovy=38)
        # Beside the fingers, looking at the gear and what is below it.
        eye, target = np.array([0.0, 0.085, 0.01]), np.array([0.0, 0.0, 0.135])
        back = (eye - target) / np.linalg.norm(eye - target)
        right = np.array([1.0, 0.0, 0.0])
        quat = quat_from_matrix(np.column_stack([right, np.cross(back, right), back]))
        tool.add_camera(name="wrist", pos=eye, quat=quat, fovy=55)
        return scene.compile()

    def cases(self) -> tuple[Case, ...]:
        """Five board locations, each turned in four ways; four of the locations were seen."""
        return tuple(
            Case(f"{name}, {turn:+d} deg", {"board_x": x, "board_y": y, "board_yaw": math.radians(turn)}, seen)
            for (name, (x, y, seen)), turn in itertools.product(LOCATIONS.items(), TURNS)
        )

    def reset(self, data: mujoco.MjData, rng: np.random.Generator, case: Case | None = None) -> None:
        """The gear held at rest above the board, about upright; without a case, a board as in the demonstrations."""
        lay = self.layout
        board = np.array([rng.uniform(*lay.board_x), rng.uniform(*lay.board_y), rng.uniform(*lay.board_yaw)])
        if case is not None:
            board = np.array([case.values[n] for n in ("board_x", "board_y", "board_yaw")])
        data.qpos[self._board_at : self._board_at + 3] = board
        data.qpos[self._neighbour_at] = rng.uniform(-1, 1) * math.pi / NEIGHBOUR_TEETH
        over = rng.uniform((-lay.aside, -lay.aside, lay.above[0]), (lay.aside, lay.aside, lay.above[1]))
        over += np.array([board[0], board[1], BOARD_TOP])
        start = pointing_down(over, board[2] + rng.uniform(-1, 1) * lay.turned)
        tilt = quat_from_vector(np.array([*rng.uniform(-lay.tilted, lay.tilted, 2), 0.0]))
        self._arm.place(data, self._arm.joints_for(Pose(start.position, quat_multiply(tilt, start.quat))))
        way, far = rng.uniform(-math.pi, math.pi), rng.uniform(0, lay.bias)
        data.userdata[SEEN_ASIDE] = far * math.cos(way), far * math.sin(way)
        data.userdata[SEEN_TURNED] = rng.uniform(-lay.teeth_bias, lay.teeth_bias)
        mujoco.mj_forward(self.physics, data)

    def board_in_world(self, data: mujoco.MjData) -> Pose:
        """Where the board is: the shaft's foot, x towards the neighbour."""
        return Pose(data.site_xpos[self._board].copy(), quat_about(UP, float(data.qpos[self._board_at + 2])))

    def observe(self, data: mujoco.MjData) -> Observation:
        """Tool, reference, the board as it seems, and how the neighbour's teeth seem to stand.

        Poses in world; metres, wxyz quaternions. `neighbour_cos` and `_sin` are of its angle in the board times its
        number of teeth. Nothing is felt.
        """
        x, y = data.userdata[SEEN_ASIDE].tolist()
        return self._seen(data, np.array([x, y, 0.0]), float(data.userdata[SEEN_TURNED]))

    def sight(self, data: mujoco.MjData) -> Float32[np.ndarray, " 29"]:
        """What a policy sees, with the board where it is, and the wrench on the gear besides."""
        return np.concatenate([self._seen(data, np.zeros(3), 0.0), self.contact_wrench(data).astype(np.float32)])

    def _seen(self, data: mujoco.MjData, aside: np.ndarray, turned: float) -> Observation:
        tool, reference, board = self.tool_in_world(data), self.reference_in_world(data), self.board_in_world(data)
        angle = NEIGHBOUR_TEETH * (float(data.qpos[self._neighbour_at]) + turned)
        rows = (
            *tool.position,
            *quat_near(tool.quat, DOWN),
            *reference.position,
            *quat_near(reference.quat, DOWN),
            *(board.position + aside),
            *quat_near(board.quat, LEVEL),
            math.cos(angle),
            math.sin(angle),
        )
        return np.array(rows, dtype=np.float32)

    def gear_on_board(self, data: mujoco.MjData) -> tuple[float, float, float, float]:
        """Where the gear itself is: lateral error, height and tooth mismatch [m], tilt [rad]; see `stages_of`."""
        board = self.board_in_world(data)
        x, y, height = board.inverse().apply(data.site_xpos[self._gear]).tolist()
        axes = data.site_xmat[self._board].reshape(3, 3).T @ data.site_xmat[self._gear].reshape(3, 3)
        mismatch = tooth_mismatch(math.atan2(axes[1, 0], axes[0, 0]), float(data.qpos[self._neighbour_at]))
        return math.hypot(x, y), height, mismatch, math.acos(min(1.0, max(-1.0, -axes[2, 2])))

    def stages(self, data: mujoco.MjData) -> tuple[bool, ...]:
        """Over the shaft, on it, teeth mated, inserted; none of them for a robot that has stopped."""
        running = not self.stopped(data)
        return tuple(running and holds for holds in stages_of(*self.gear_on_board(data)))

    def failure(self, data: mujoco.MjData) -> str:
        """How an attempt that ends now has failed; empty when it has not."""
        stopped = self.stopped(data)
        if stopped:
            return f"stopped: {stopped}"
        _, on, mated, inserted = self.stages(data)
        height = self.gear_on_board(data)[1]
        if inserted:
            return ""
        if mated:
            return "ran out of time"
        if on:
            return "teeth not mated" if height < NEIGHBOUR_TOP + MATED else "jammed on the shaft"
        return "missed the shaft" if height < SHAFT_LENGTH + MATED else "ran out of time"

    def skill(self, rng: np.random.Generator, manner: Manner = Manner()) -> Skill:
        """A scripted skill for one attempt; it goes by `sight`."""
        return GearSkill(rng, manner.speed)

    def handovers(self) -> Handovers:
        """In the air, beside the shaft, on its top, half down, on the neighbour's teeth, pushed away."""
        return HANDOVERS

    def misses(self, observation: Observation) -> bool:
        """Whether the gear stands on the shaft's top, too far aside for the bore to find it."""
        return View(observation).misses

    def landmark(self, observation: Observation) -> Float32[np.ndarray, " 3"]:
        """The shaft's foot [m]."""
        return observation[14:17]

    def misjudged(
        self, observation: Observation, error: Float64[np.ndarray, "2 3"], share: Float64[np.ndarray, "2 3"]
    ) -> Observation:
        """The scene with the board misplaced in the plane; its second error, of the thing to go to, counts.

        A gear on the shaft's top or below it is near, however deep.
        """
        view, believed = View(observation), observation.copy()
        wrong = error[1] + share[1] * math.hypot(view.lateral, max(0.0, view.height - SHAFT_LENGTH))
        believed[14:16] += wrong[:2].astype(np.float32)
        return believed
