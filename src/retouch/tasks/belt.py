"""Belt assembly (CR-DAgger, section 4.1): a thin belt over a small pulley, around a large one, and out of the fingers.

As in the paper the belt is grasped from the start; it is threaded over the small pulley, stretched down and out to the
large one's slot, wound around it by half a turn, and released by pulling up. The paper's test grid is four boards, four
grasps and two rollouts each; where they are, all sizes and ranges are ours, and so is that the small pulley stands on a
spring, as a tensioner does, and that fingers hold the belt in a slot with two soft lips, out of which 3 N pull it: the
state of the grasp is where the belt is, and nothing else. A policy sees the board a few millimetres off and too high or
too low, and does not feel.
"""

import itertools
import math
from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float32, Float64

from retouch.geometry import Pose, quat_about, quat_from_matrix, quat_near, quat_to_matrix
from retouch.robots.ur5e_arm import add_ur5e, pointing_down
from retouch.robots.ur5e_tick import MEMORY
from retouch.sim.world import Worlds
from retouch.tasks.base import Manner, Skill
from retouch.tasks.belt_handovers import HANDOVERS
from retouch.tasks.belt_scene import (
    BOARD_TOP,
    GROOVE,
    GROOVE_HALF,
    POINTS,
    TOOL,
    add_belt,
    add_board,
    add_hook,
    laid,
)
from retouch.tasks.belt_skill import BeltSkill
from retouch.tasks.belt_view import (
    COARSE,
    OBSERVATION_NAMES,
    SIGHT_NAMES,
    Observation,
    Points,
    View,
)
from retouch.tasks.contact import Case, ContactTask, new_scene
from retouch.tasks.handovers import Handovers
from retouch.tasks.vectors import UP

DOWN = np.array([0.0, 1.0, 0.0, 0.0])  # of q and -q, which are one rotation, an observation shows the nearer one
LEVEL = np.array([1.0, 0.0, 0.0, 0.0])
SEEN_ASIDE, GRASP = slice(MEMORY, MEMORY + 3), MEMORY + 3  # what a policy misjudges, the grasped point
REMEMBERED = 4
SETTLING = 2.0  # of the belt in the hook, before an attempt [s]


@dataclass(frozen=True)
class Layout:
    """Where an attempt may start, and how badly a policy sees: ranges, or the most either way [m], [rad].

    Attributes:
        board_x, board_y, board_yaw: where boards stood in demonstrations, in world.
        behind, aside, above: of the hook from the small pulley's free place, and of the belt's lowest point above the
            groove.
        turned: of the hook against the board.
        bias, height_bias: most by which the seen board is off, in a random direction of the plane, and up or down; the
            same throughout an attempt.
    """

    board_x: tuple[float, float] = (-0.10, -0.02)
    board_y: tuple[float, float] = (-0.10, 0.10)
    board_yaw: tuple[float, float] = (-math.radians(20), math.radians(20))
    behind: tuple[float, float] = (0.03, 0.06)
    aside: float = 0.02
    above: tuple[float, float] = (0.02, 0.05)
    turned: float = math.radians(10)
    bias: float = 0.020
    height_bias: float = 0.009


# The test grid: three boards among those of the demonstrations and one beyond [m], [degrees]; three grasps that were
# demonstrated and one that was not, as points along the belt from the middle of one of its rounded ends.
BOARDS = {
    "left": (-0.04, 0.07, 12, True),
    "right": (-0.04, -0.07, -12, True),
    "near": (-0.08, 0.0, 0, True),
    "far, outside": (0.0, 0.12, -25, False),
}
GRASPS = {"end": (0, True), "left of it": (44, True), "right of it": (4, True), "far right": (7, False)}
SEEN_GRASPS = tuple(point for point, seen in GRASPS.values() if seen)


class BeltAssembly(ContactTask):
    """The belt assembly task; `layout` says how much it varies."""

    name = "belt-assembly"
    horizon = 1200
    tool = TOOL
    view = View
    stage_names = ("over the small pulley", "on the large pulley", "turned round", "released and seated")
    observation_names = OBSERVATION_NAMES
    sight_names = SIGHT_NAMES
    cameras = ("overview", "close", "wrist")
    observation_cameras = ("wrist",)

    def __init__(self, layout: Layout = Layout()):
        self.layout = layout
        model = self.physics
        self._board = model.site("board").id
        self._board_at = int(model.joint("board_x").qposadr[0])
        self._pulley_at = int(model.joint("small_pulley").qposadr[0])
        self._belt_at = int(model.joint("belt0_x").qposadr[0])
        self._rest = np.array([model.body(f"belt{k}").pos for k in range(POINTS)])
        self._arm = self.robot(Worlds(model, 1))  # only ever asked for postures
        self._hanging: dict[int, Points] = {}

    def build(self, visuals: bool) -> mujoco.MjModel:
        """The arm with the belt in its hook, and the board on the table."""
        scene = new_scene(self.name, visuals, memory=REMEMBERED)
        # The flex is only drawn, so that MuJoCo 4.0.0's sparse solver serves; a test compares it with the dense one.
        scene.spec.option.jacobian = mujoco.mjtJacobian.mjJAC_SPARSE
        scene.table((1.4, 1.0, 0.05))
        tool = add_ur5e(scene, TOOL)
        add_hook(scene, tool)
        add_board(scene)
        add_belt(scene)
        scene.camera("overview", (0.46, -0.46, 1.26), (-0.02, 0.0, 0.92), fovy=38)
        scene.camera("close", (0.20, -0.26, 1.10), (0.0, 0.0, 0.88), fovy=44)
        # Beside the fingers, looking at the hook and what is below it.
        eye, target = np.array([0.08, 0.0, 0.05]), np.array([0.0, 0.0, 0.20])
        back = (eye - target) / np.linalg.norm(eye - target)
        right = np.array([0.0, 1.0, 0.0])
        quat = quat_from_matrix(np.column_stack([right, np.cross(back, right), back]))
        tool.add_camera(name="wrist", pos=eye, quat=quat, fovy=62)
        return scene.compile()

    def cases(self) -> tuple[Case, ...]:
        """Four boards, four grasps; three of each were seen."""
        return tuple(
            Case(
                f"{name}: {grasp}",
                {"board_x": x, "board_y": y, "board_yaw": math.radians(turn), "grasp": point},
                known and seen,
            )
            for (name, (x, y, turn, known)), (grasp, (point, seen)) in itertools.product(BOARDS.items(), GRASPS.items())
        )

    def reset(self, data: mujoco.MjData, rng: np.random.Generator, case: Case | None = None) -> None:
        """The belt hangs in the hook behind the small pulley; without a case, a board and a grasp that were seen."""
        lay = self.layout
        board = np.array([rng.uniform(*lay.board_x), rng.uniform(*lay.board_y), rng.uniform(*lay.board_yaw)])
        grasp = int(rng.choice(SEEN_GRASPS))
        if case is not None:
            board = np.array([case.values[n] for n in ("board_x", "board_y", "board_yaw")])
            grasp = int(case.values["grasp"])
        hanging = self.hanging(grasp)
        data.qpos[self._board_at : self._board_at + 3] = board
        above = GROOVE + rng.uniform(*lay.above) + float(hanging[:, 2].max())
        start = np.array([-rng.uniform(*lay.behind), rng.uniform(-lay.aside, lay.aside), above])
        on_table = Pose(np.array([board[0], board[1], BOARD_TOP]), quat_about(UP, board[2]))
        tool = pointing_down(on_table.apply(start), board[2] + rng.uniform(-1, 1) * lay.turned)
        self._arm.place(data, self._arm.joints_for(tool))
        self._lay(data, tool.position + hanging @ quat_to_matrix(tool.quat).T)
        way, far = rng.uniform(-math.pi, math.pi), rng.uniform(0, lay.bias)
        data.userdata[SEEN_ASIDE] = (
            far * math.cos(way),
            far * math.sin(way),
            rng.uniform(-lay.height_bias, lay.height_bias),
        )
        data.userdata[GRASP] = grasp
        mujoco.mj_forward(self.physics, data)

    def hanging(self, grasp: int) -> Points:
        """How the belt hangs when it is held at one of its points, float64[POINTS, 3], in the tool frame [m].

        It is left to settle once.
        """
        if grasp not in self._hanging:
            worlds = Worlds(self.physics, 1)
            robot, data = self.robot(worlds), worlds.reset(0)
            tool = pointing_down(np.array([0.0, 0.0, BOARD_TOP + 0.3]))
            robot.place(data, robot.joints_for(tool))
            self._lay(data, tool.position + laid(grasp) @ quat_to_matrix(tool.quat).T)
            mujoco.mj_forward(self.physics, data)
            for _ in range(round(SETTLING / self.control_period)):
                robot.command(np.array([0]), self.hold(data)[None])
            found = (self.belt_in_world(data) - data.site("tcp").xpos) @ data.site("tcp").xmat.reshape(3, 3)
            self._hanging[grasp] = found
        return self._hanging[grasp]

    def _lay(self, data: mujoco.MjData, points: Points) -> None:
        data.qpos[self._belt_at : self._belt_at + 3 * POINTS] = (points - self._rest).ravel()

    def belt_in_world(self, data: mujoco.MjData) -> Points:
        """Where the belt's points are, float64[POINTS, 3] [m]."""
        return self._rest + data.qpos[self._belt_at : self._belt_at + 3 * POINTS].reshape(POINTS, 3)

    def board_in_world(self, data: mujoco.MjData) -> Pose:
        """Where the board is: the small pulley's free place on its top, x towards the large pulley."""
        return Pose(data.site_xpos[self._board].copy(), quat_about(UP, float(data.qpos[self._board_at + 2])))

    def observe(self, data: mujoco.MjData) -> Observation:
        """Tool, reference, the board as it seems, the small pulley on its spring, and some points of the belt.

        Poses in world; metres, wxyz quaternions. Points of the belt are in world, from the grasped one on. Nothing is
        felt.
        """
        return np.array(self._seen(data, data.userdata[SEEN_ASIDE].copy(), COARSE), dtype=np.float32)

    def sight(self, data: mujoco.MjData) -> Float32[np.ndarray, " 172"]:
        """The same with the board where it is and the whole belt, and the wrench on the hook besides."""
        return np.array([*self._seen(data, np.zeros(3), POINTS), *self.contact_wrench(data)], dtype=np.float32)

    def _seen(self, data: mujoco.MjData, aside: np.ndarray, points: int) -> list[float]:
        tool, reference, board = self.tool_in_world(data), self.reference_in_world(data), self.board_in_world(data)
        belt = np.roll(self.belt_in_world(data), -int(data.userdata[GRASP]), axis=0)[:: POINTS // points]
        return [
            *tool.position,
            *quat_near(tool.quat, DOWN),
            *reference.position,
            *quat_near(reference.quat, DOWN),
            *(board.position + aside),
            *quat_near(board.quat, LEVEL),
            float(data.qpos[self._pulley_at]),
            *belt.ravel(),
        ]

    def stages(self, data: mujoco.MjData) -> tuple[bool, ...]:
        """Over the small pulley, on the large one, turned round it, released; none of them for a robot that stopped."""
        running = not self.stopped(data)
        return tuple(running and holds for holds in View(self.sight(data)).stages)

    def failure(self, data: mujoco.MjData) -> str:
        """How an attempt that ends now has failed; empty when it has not."""
        stopped = self.stopped(data)
        view = View(self.sight(data))
        if stopped:
            return f"stopped: {stopped}"
        if view.seated:
            return ""
        if not view.held:
            return "dropped the belt"
        if view.over_small:
            if view.turned_round:
                return "ran out of time"
            if view.on_button:
                return "blocked by the large pulley's button"
            missed = view.hook[2] < GROOVE + 0.020 and view.hook[0] > 0.06 and not view.on_large
            return "slot missed" if missed else "ran out of time"
        low = view.behind_small is not None and view.behind_small.height < GROOVE - GROOVE_HALF
        if view.winding(view.small) and low and view.hook[0] > 0.0:
            return "stuck at the small pulley's base"
        return "missed the small pulley" if view.hook[0] > 0.03 else "ran out of time"

    def skill(self, rng: np.random.Generator, manner: Manner = Manner()) -> Skill:
        """A scripted skill for one attempt; it goes by `sight`."""
        return BeltSkill(rng, manner.speed)

    def handovers(self) -> Handovers:
        """In the air, beside, below and beyond the small pulley, on the large one's top, beside it, half around it."""
        return HANDOVERS

    def bad_grasp(self, observation: Observation) -> bool:
        """Whether the belt has left the hook before it was around both pulleys."""
        view = View(observation)
        return not view.held and not view.turned_round

    def landmark(self, observation: Observation) -> Float32[np.ndarray, " 3"]:
        """The small pulley's free place on the board [m]."""
        return observation[14:17]

    def misjudged(
        self, observation: Observation, error: Float64[np.ndarray, "2 3"], share: Float64[np.ndarray, "2 3"]
    ) -> Observation:
        """The scene with the board misplaced; its second error, of the thing to go to, counts."""
        believed = observation.copy()
        believed[14:17] += (error[1] + share[1] * View(observation).left_to_go).astype(np.float32)
        return believed
