"""Cable routing (CR-DAgger, section 4.1): a cable with one fixed end, led round three clips by a finger.

The test grid is the paper's, five cables with four places of the fixed end each; three of the cables were seen. Sizes,
stiffness and ranges, which the paper leaves open, are ours. How high each clip is differs from attempt to attempt, and
a policy sees each of them several millimetres off: only touch and a closer look tell that the cable is too high or low.
"""

import itertools
from dataclasses import dataclass

import mujoco
import numpy as np
from jaxtyping import Float32, Float64

from retouch.geometry import Pose, Vector3, quat_about, quat_from_matrix, quat_near
from retouch.robots.ur5e_arm import add_ur5e, pointing_down
from retouch.robots.ur5e_tick import MEMORY
from retouch.sim.liveries import add_liveries
from retouch.sim.world import Worlds
from retouch.tasks.base import Manner, Skill
from retouch.tasks.cable_handovers import HANDOVERS
from retouch.tasks.cable_path import crossing, laid, nearest
from retouch.tasks.cable_scene import (
    ASIDE,
    AT_BENDING,
    AT_PAD,
    BOARD_TOP,
    CABLES,
    CLIPS,
    HEIGHT,
    PIECES,
    TOOL,
    add_board,
    add_cable,
    add_finger,
    bending_of,
    paints,
)
from retouch.tasks.cable_skill import CableSkill
from retouch.tasks.cable_view import (
    ABOVE,
    ABSENT,
    BELOW,
    OBSERVATION_NAMES,
    SIGHT_NAMES,
    UNTHREADED,
    Observation,
    View,
)
from retouch.tasks.contact import Case, ContactTask, new_scene
from retouch.tasks.handovers import Handovers
from retouch.tasks.vectors import UP

DOWN = np.array([0.0, 1.0, 0.0, 0.0])
LEVEL = np.array([1.0, 0.0, 0.0, 0.0])
AT_BIAS = MEMORY  # in a world's user data, what a policy misjudges: the board's x and y, every clip's height
MISJUDGED = 2 + len(CLIPS)
AT_CABLE = AT_BIAS + MISJUDGED  # there, which of `CABLES` it is
SETTLING = 150  # steps of the physics before an attempt in which the cable comes to rest


@dataclass(frozen=True)
class Layout:
    """Where an attempt may start, and how badly a policy sees: ranges, or the most either way [m], [rad].

    Attributes:
        board_x, board_y, board_yaw: of the board, in world.
        height: of every clip from the middle of its travel.
        unlike_height: the same of clips unlike those of the demonstrations: so far at least, and so far at most.
        fixed: of the cable's fixed end from its place.
        out, aside, above: of the finger from the fixed end, along the way, across it, and up.
        bias: most by which the seen board is off along either axis, the same throughout an attempt.
        height_bias: most by which every clip's seen height is off.
    """

    board_x: tuple[float, float] = (-0.015, 0.015)
    board_y: tuple[float, float] = (-0.02, 0.02)
    board_yaw: tuple[float, float] = (-0.08, 0.08)
    height: float = 0.008
    unlike_height: tuple[float, float] = (0.009, 0.012)
    fixed: float = 0.004
    out: tuple[float, float] = (0.035, 0.045)
    aside: float = 0.012
    above: tuple[float, float] = (0.0, 0.02)
    bias: float = 0.003
    height_bias: float = 0.009


# Of the fixed end, in the board's frame [m].
PLACES = {
    "in line": (-ASIDE, -0.115),
    "robot's side": (-ASIDE - 0.025, -0.11),
    "far side": (-ASIDE + 0.02, -0.12),
    "set back": (-ASIDE, -0.14),
}


class CableRouting(ContactTask):
    """The cable routing task; `layout` says how much it varies."""

    name = "cable-routing"
    horizon = 1500
    tool = TOOL
    view = View
    stage_names = ("in the first clip", "in the second clip", "in the third clip")
    observation_names = OBSERVATION_NAMES
    sight_names = SIGHT_NAMES
    cameras = ("overview", "close", "wrist")
    observation_cameras = ("wrist",)

    def __init__(self, layout: Layout = Layout()):
        self.layout = layout
        model = self.physics
        self._board, self._eye = model.site("board").id, model.site("eye").id
        self._board_at = int(model.joint("board_x").qposadr[0])
        self._anchor_at = int(model.joint("anchor_x").qposadr[0])
        self._finger_at = int(model.joint("finger").qposadr[0])
        self._clips_at = [int(model.joint(f"clip{k}_z").qposadr[0]) for k in range(len(CLIPS))]
        self._cable_at = int(model.joint("cable1_x").qposadr[0])
        first = model.body("cable1").id
        self._bodies = np.array([model.body("anchor").id, *range(first, first + PIECES)])
        self._rest = model.body_pos[self._bodies[1:]].copy()
        self._arm = self.robot(Worlds(model, 1))  # only ever asked for postures

    def build(self, visuals: bool) -> mujoco.MjModel:
        """The arm with its finger, the board with its clips, and the cable."""
        scene = new_scene(self.name, visuals, memory=MISJUDGED + 1)
        add_liveries(scene.spec, AT_CABLE, paints())
        scene.spec.option.jacobian = (
            mujoco.mjtJacobian.mjJAC_DENSE
        )  # the sparse factors of MuJoCo 4.0.0 err with flexes
        scene.table((1.4, 1.0, 0.05))
        mount = add_ur5e(scene, TOOL)
        add_finger(scene, mount)
        add_board(scene)
        add_cable(scene)
        scene.camera("overview", (0.46, -0.20, 1.22), (0.0, -0.005, 0.885), fovy=42)
        scene.camera("close", (0.26, -0.02, 0.97), (0.0, 0.01, 0.86), fovy=40)
        # Behind the finger, looking along the way at the eye and the clips before it.
        eye, target = np.array([0.0, 0.10, 0.06]), np.array([0.0, -0.03, 0.205])
        back = (eye - target) / np.linalg.norm(eye - target)
        right = np.array([1.0, 0.0, 0.0])
        quat = quat_from_matrix(np.column_stack([right, np.cross(back, right), back]))
        mount.add_camera(name="wrist", pos=eye, quat=quat, fovy=62)
        return scene.compile()

    def cases(self) -> tuple[Case, ...]:
        """Five cables, each with its fixed end in four places; three were seen, the clips of the others are unlike."""
        return tuple(
            Case(f"{cable.name}: {place}", {"cable": number, "fixed_x": x, "fixed_y": y}, cable.seen)
            for (number, cable), (place, (x, y)) in itertools.product(enumerate(CABLES), PLACES.items())
        )

    def reset(self, data: mujoco.MjData, rng: np.random.Generator, case: Case | None = None) -> None:
        """The cable in the finger's eye near its fixed end, at rest; without a case, one of those that were seen."""
        if case is None:
            seen = [c for c in self.cases() if c.seen]
            case = seen[int(rng.integers(len(seen)))]
        lay, cable = self.layout, CABLES[int(case.values["cable"])]
        place = [rng.uniform(*lay.board_x), rng.uniform(*lay.board_y), rng.uniform(*lay.board_yaw)]
        data.qpos[self._board_at : self._board_at + 3] = place
        for at in self._clips_at:
            data.qpos[at] = rng.uniform(-lay.height, lay.height)
            if not cable.seen:
                data.qpos[at] = rng.choice((-1.0, 1.0)) * rng.uniform(*lay.unlike_height)
        board = Pose(np.array([place[0], place[1], BOARD_TOP]), quat_about(UP, place[2]))
        fixed = np.array([case.values["fixed_x"], case.values["fixed_y"], HEIGHT])
        fixed[:2] += rng.uniform(-lay.fixed, lay.fixed, 2)
        low, high = (-lay.aside, lay.out[0], lay.above[0]), (lay.aside, lay.out[1], lay.above[1])
        start = pointing_down(board.apply(fixed + rng.uniform(low, high)), place[2])
        anchor = board.apply(fixed)
        data.qpos[self._anchor_at : self._anchor_at + 2] = anchor[:2]
        self._arm.place(data, self._arm.joints_for(start))
        data.qpos[self._finger_at : self._finger_at + 7] = [*start.position, *start.quat]
        data.ctrl[AT_PAD], data.ctrl[AT_BENDING:] = cable.squeeze, bending_of(cable)
        vertices = laid(anchor, start, BOARD_TOP)[1:]
        data.qpos[self._cable_at : self._cable_at + 3 * PIECES] = (vertices - self._rest).ravel()
        for _ in range(SETTLING):
            mujoco.mj_step(self.physics, data)
        data.time = 0.0
        data.userdata[AT_CABLE] = case.values["cable"]
        data.userdata[AT_BIAS : AT_BIAS + 2] = rng.uniform(-lay.bias, lay.bias, 2)
        data.userdata[AT_BIAS + 2 : AT_BIAS + MISJUDGED] = rng.uniform(-lay.height_bias, lay.height_bias, len(CLIPS))
        mujoco.mj_forward(self.physics, data)

    def board_in_world(self, data: mujoco.MjData) -> Pose:
        """Where the board is: the middle of its top, y the way the cable is led."""
        return Pose(data.site_xpos[self._board].copy(), quat_about(UP, float(data.qpos[self._board_at + 2])))

    def cable_in_world(self, data: mujoco.MjData) -> Float64[np.ndarray, "41 3"]:
        """The cable's vertices from its fixed end on [m]."""
        return data.xpos[self._bodies]

    def observe(self, data: mujoco.MjData) -> Observation:
        """Tool, reference, board, clips and fixed end, where the cable passes the clips, and how much of it is out.

        In world; metres, wxyz quaternions. Board and clips are where they seem to be. Nothing is felt.
        """
        return self._seen(data, data.userdata[AT_BIAS : AT_BIAS + MISJUDGED])

    def sight(self, data: mujoco.MjData) -> Float32[np.ndarray, " 47"]:
        """What a policy sees, with board and clips where they are, and the wrench on the finger besides."""
        return np.concatenate([self._seen(data, np.zeros(MISJUDGED)), self.contact_wrench(data).astype(np.float32)])

    def _seen(self, data: mujoco.MjData, off: Float64[np.ndarray, " 5"]) -> Observation:
        tool, reference, board = self.tool_in_world(data), self.reference_in_world(data), self.board_in_world(data)
        cable = self.cable_in_world(data)
        at_eye, off_eye = nearest(cable, data.site_xpos[self._eye])
        seen = [*tool.position, *quat_near(tool.quat, DOWN), *reference.position, *quat_near(reference.quat, DOWN)]
        seen += [*(board.position + np.array([off[0], off[1], 0.0])), *quat_near(board.quat, LEVEL)]
        seen += [BOARD_TOP + HEIGHT + float(data.qpos[at] + off[2 + k]) for k, at in enumerate(self._clips_at)]
        seen += cable[0].tolist()
        for found in self.cable_at_clips(data, at_eye):
            seen += [0.0, 0.0, 0.0, ABSENT] if found is None else [*board.apply(found[0]), found[1]]
        return np.array([*seen, at_eye, off_eye], dtype=np.float32)

    def cable_at_clips(self, data: mujoco.MjData, at_eye: float) -> list[tuple[Vector3, float] | None]:
        """Where in the board's frame the cable passes every clip before it comes to the eye, and how far along it."""
        board = self.board_in_world(data)
        turn = data.site_xmat[self._board].reshape(3, 3)
        line = (self.cable_in_world(data) - board.position) @ turn
        return [crossing(line, y, at_eye) for _, y, _ in CLIPS]

    def stages(self, data: mujoco.MjData) -> tuple[bool, ...]:
        """In the first clip, in the first two, in all three; none for a robot that has stopped or lost the cable."""
        view = View(self.sight(data))
        going = not self.stopped(data) and view.threaded
        return tuple(going and all(view.held[: k + 1]) for k in range(len(CLIPS)))

    def over(self, data: mujoco.MjData) -> bool:
        """Whether the robot has stopped, or has lost the cable."""
        return bool(self.stopped(data)) or not self.threaded(data)

    def threaded(self, data: mujoco.MjData) -> bool:
        """Whether the cable is in the finger's eye."""
        return nearest(self.cable_in_world(data), data.site_xpos[self._eye])[1] < UNTHREADED

    def failure(self, data: mujoco.MjData) -> str:
        """How an attempt that ends now has failed; empty when it has not."""
        stopped = self.stopped(data)
        if stopped:
            return f"stopped: {stopped}"
        view = View(self.sight(data))
        if not view.threaded:
            return "cable out of the finger"
        if view.next == len(CLIPS):
            return ""
        for number, how in enumerate(view.passes):
            if how == ABOVE:
                return f"too high over clip {number + 1}"
            if how == BELOW:
                return f"too low, stuck at clip {number + 1}"
        return "ran out of time"

    def skill(self, rng: np.random.Generator, manner: Manner = Manner()) -> Skill:
        """A scripted skill for one attempt; it goes by `sight`."""
        return CableSkill(rng, manner.speed)

    def handovers(self) -> Handovers:
        """Interrupted, in the air, over a clip, stuck below one, past one that was missed, out of one, slack."""
        return HANDOVERS

    def bad_grasp(self, observation: Observation) -> bool:
        """Whether the cable has left the finger."""
        return not View(observation).threaded

    def landmark(self, observation: Observation) -> Float32[np.ndarray, " 3"]:
        """The middle of the first clip's slot, which stays where it is [m]."""
        view = View(observation)
        return view.board.apply(view.clips[0]).astype(np.float32)

    def misjudged(
        self, observation: Observation, error: Float64[np.ndarray, "2 3"], share: Float64[np.ndarray, "2 3"]
    ) -> Observation:
        """The scene with board and clips misplaced; its second error, of the thing to go to, counts."""
        believed = observation.copy()
        goal = self.landmark(observation).astype(float)
        wrong = error[1] + share[1] * float(np.linalg.norm(View(observation).tool.position - goal))
        believed[14:16] += wrong[:2].astype(np.float32)
        believed[21:24] += np.float32(wrong[2])
        return believed
