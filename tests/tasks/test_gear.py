"""Gear insertion: where it starts, what is seen and felt, what its contacts are like, and when it is solved."""

import math

import mujoco
import numpy as np
import pytest

from retouch.errors import UnknownName
from retouch.geometry import Pose, quat_from_vector, quat_multiply
from retouch.operators.profile import profile
from retouch.operators.scripted import Watch
from retouch.robots.ur5e import command_of
from retouch.robots.ur5e_arm import pointing_down
from retouch.robots.ur5e_tick import AT_STOP, STOPS
from retouch.sim.camera import Camera
from retouch.sim.scene import TABLE_TOP
from retouch.sim.world import Worlds
from retouch.tasks import registry
from retouch.tasks.gear import SEEN_ASIDE, SEEN_TURNED, GearInsertion, Layout
from retouch.tasks.gear_scene import (
    APART,
    BACKLASH,
    BOARD_TOP,
    CLEARANCE,
    NEIGHBOUR_PITCH_RADIUS,
    NEIGHBOUR_TEETH,
    NEIGHBOUR_TOP,
    PITCH_RADIUS,
    PLATE_HALF,
    RAISED,
    SHAFT_LENGTH,
    TEETH,
    TOOTH_PITCH,
)
from retouch.tasks.gear_skill import CLEAR
from retouch.tasks.gear_view import CATCH, SEATED, View, stages_of, tooth_mismatch
from retouch.tasks.steering import nearer

TASK = GearInsertion()
HERE = np.array([0])


class Attempt:
    """One world, led by references on the board."""

    def __init__(self, seed: int = 0, **layout: object):
        self.task = GearInsertion(Layout(**layout)) if layout else TASK  # type: ignore[arg-type]
        self.worlds = Worlds(TASK.physics, 1)
        self.robot = self.task.robot(self.worlds)
        self.data = self.worlds.reset(0)
        self.task.reset(self.data, np.random.default_rng(seed))
        self.records = np.empty((0, 52))

    def lead(
        self, position: tuple[float, float, float], steps: int, *, yaw: float | None = None, tilt: float = 0.0
    ) -> "Attempt":
        """Lead the reference to a place on the board, 6 cm/s; without a yaw, to where the teeth mate."""
        view = View(self.task.sight(self.data))
        goal = view.upright(np.array(position), view.yaw - view.mismatch / PITCH_RADIUS if yaw is None else yaw)
        goal = Pose(goal.position, quat_multiply(quat_from_vector(np.array([tilt, 0.0, 0.0])), goal.quat))
        for _ in range(steps):
            reference = nearer(View(self.task.sight(self.data)).reference, goal, 0.06)
            record = self.robot.command(HERE, command_of(reference)[None])[0]
            self.records = np.concatenate([self.records, record])
        return self

    @property
    def wrench(self) -> np.ndarray:
        return self.task.contact_wrench(self.data)

    @property
    def gear(self) -> tuple[float, float, float, float]:
        return self.task.gear_on_board(self.data)


def at_shaft(seed: int = 0) -> Attempt:
    return Attempt(seed).lead((0, 0, CLEAR), 120)


@pytest.fixture(scope="module")
def inserted() -> Attempt:
    return at_shaft().lead((0, 0, -0.005), 60)


def test_is_registered() -> None:
    assert isinstance(registry.make("gear-insertion"), GearInsertion)
    with pytest.raises(UnknownName):
        registry.make("gear-insertio")


def test_the_board_is_raised_by_three_centimetres() -> None:
    np.testing.assert_allclose([BOARD_TOP - 2 * PLATE_HALF[2] - TABLE_TOP, RAISED], 0.03)


def test_gears_mesh_as_drawn() -> None:
    """One module, shafts as far apart as the pitch circles touch, and room for the teeth."""
    np.testing.assert_allclose(PITCH_RADIUS / TEETH, NEIGHBOUR_PITCH_RADIUS / NEIGHBOUR_TEETH)
    np.testing.assert_allclose(PITCH_RADIUS + NEIGHBOUR_PITCH_RADIUS, APART)
    assert 0.001 < BACKLASH < 0.003
    half = math.pi / NEIGHBOUR_TEETH
    assert tooth_mismatch(0.0, half) == pytest.approx(0.0, abs=1e-12)
    assert abs(tooth_mismatch(0.0, 0.0)) == pytest.approx(TOOTH_PITCH / 2)
    # rolling on one another keeps them mated
    for roll in (0.1, -0.7, 2.0):
        turned = tooth_mismatch(roll, half - roll * PITCH_RADIUS / NEIGHBOUR_PITCH_RADIUS)
        assert turned == pytest.approx(0.0, abs=1e-9)


def test_the_grid_is_five_boards_with_four_rollouts() -> None:
    cases = TASK.cases()
    places = [(c.values["board_x"], c.values["board_y"]) for c in cases]
    assert len({c.name for c in cases}) == len(cases) == 20
    assert sorted(places.count(p) for p in set(places)) == [4] * 5
    lay = TASK.layout
    for case, (x, y) in zip(cases, places, strict=True):
        known = lay.board_x[0] <= x <= lay.board_x[1] and lay.board_y[0] <= y <= lay.board_y[1]
        assert known == case.seen
    assert sum(c.seen for c in cases) == 16


def test_a_case_fixes_the_board_and_the_seed_the_rest() -> None:
    worlds = Worlds(TASK.physics, 2)
    one, two = TASK.cases()[0], TASK.cases()[-1]
    for slot, case in enumerate((one, two)):
        TASK.reset(worlds.reset(slot), np.random.default_rng(4), case)
    boards = [TASK.board_in_world(d) for d in worlds.datas]
    for case, board in zip((one, two), boards, strict=True):
        np.testing.assert_allclose(board.position, [case.values["board_x"], case.values["board_y"], BOARD_TOP])
    tools = [b.inverse() @ TASK.tool_in_world(d) for b, d in zip(boards, worlds.datas, strict=True)]
    # the same offset in world
    np.testing.assert_allclose(tools[0].position[2], tools[1].position[2], atol=1e-9)
    assert np.array_equal(worlds.datas[0].userdata[SEEN_ASIDE], worlds.datas[1].userdata[SEEN_ASIDE])


def test_starts_within_the_stated_ranges() -> None:
    worlds, lay = Worlds(TASK.physics, 1), TASK.layout
    far = []
    for seed in range(40):
        data = worlds.reset(0)
        TASK.reset(data, np.random.default_rng(seed))
        view = View(TASK.sight(data))
        x, y = view.board.position[:2]
        assert lay.board_x[0] <= x <= lay.board_x[1]
        assert lay.board_y[0] <= y <= lay.board_y[1]
        assert lay.above[0] - 1e-6 <= view.height <= lay.above[1] + 1e-6
        assert view.lateral <= math.sqrt(2) * lay.aside + 1e-6
        assert view.tilt <= math.sqrt(2) * lay.tilted + 1e-6
        assert abs(view.yaw) <= lay.turned + 0.01
        assert TASK.failure(data) == "ran out of time"
        assert not any(TASK.stages(data)[1:])
        far.append(np.linalg.norm(data.userdata[SEEN_ASIDE]))
    assert max(far) <= lay.bias
    assert min(far) < 0.1 * lay.bias
    assert np.mean(far) == pytest.approx(lay.bias / 2, rel=0.25)


def test_a_policy_sees_the_board_aside_and_a_person_where_it_is() -> None:
    attempt = Attempt(3)
    seen, sight = TASK.observe(attempt.data), TASK.sight(attempt.data)
    assert seen.shape == (len(TASK.observation_names),)
    assert sight.shape == (len(TASK.sight_names),)
    assert seen.dtype == sight.dtype == np.float32
    aside = attempt.data.userdata[SEEN_ASIDE]
    np.testing.assert_allclose(seen[14:16] - sight[14:16], aside, atol=1e-6)
    np.testing.assert_array_equal(seen[:14], sight[:14])
    turned = View(seen).neighbour - View(sight).neighbour
    assert turned == pytest.approx(attempt.data.userdata[SEEN_TURNED], abs=1e-5)
    np.testing.assert_allclose(View(sight).board.position, TASK.board_in_world(attempt.data).position, atol=1e-6)
    before = aside.copy()
    attempt.lead((0, 0, 0.05), 20)
    np.testing.assert_array_equal(attempt.data.userdata[SEEN_ASIDE], before)  # all attempt long


def test_nothing_is_felt_in_the_air() -> None:
    attempt = Attempt(1)
    for tilt in (0.0, 0.3):
        attempt.lead((0.03, 0.02, 0.08), 120, tilt=tilt)
        assert np.abs(attempt.wrench[:3]).max() < 1e-3
        assert np.abs(attempt.wrench[3:]).max() < 1e-4


@pytest.mark.parametrize(("way", "turned"), [(0.4, 0.0), (2.0, np.pi / 2), (-2.7, np.pi), (1.1, -2.0)])
def test_what_is_felt_on_the_shafts_top_points_to_the_shaft(way: float, turned: float) -> None:
    """Pressed onto the top aside of the axis, the gear feels a push against its z axis, from where the shaft is.

    So it is however the board, and the gear with it, is turned.
    """
    attempt = Attempt(2, board_yaw=(turned, turned))
    x, y = 0.003 * math.cos(way), 0.003 * math.sin(way)
    attempt.lead((x, y, CLEAR), 120).lead((x, y, SHAFT_LENGTH - 0.010), 80)
    force, torque = attempt.wrench[:3], attempt.wrench[3:]
    assert -11 < force[2] < -7
    assert np.abs(force[:2]).max() < 0.1 * abs(force[2])
    contact = np.array([-torque[1], torque[0]]) / force[2]  # torque = contact x force
    view = View(attempt.task.sight(attempt.data))
    shaft = view.tool.inverse().apply(view.board.position)[:2]
    assert contact @ shaft / np.linalg.norm(contact) / np.linalg.norm(shaft) > 0.95
    assert 0.002 < np.linalg.norm(contact) < 0.009
    on_board = view.pressed_at
    assert on_board is not None
    assert on_board @ -view.gear[:2] / np.linalg.norm(on_board) / view.lateral > 0.95
    assert attempt.records[-100:, 36].std() < 0.02
    assert attempt.task.failure(attempt.data) == "missed the shaft"


def test_inserted_is_success(inserted: Attempt) -> None:
    assert TASK.stages(inserted.data) == (True, True, True, True)
    assert TASK.success(inserted.data)
    assert TASK.failure(inserted.data) == ""
    lateral, height, mismatch, tilt = inserted.gear
    assert lateral < CLEARANCE
    assert -1e-4 < height < SEATED
    assert abs(mismatch) < BACKLASH / 2
    assert tilt < 0.01
    sight = TASK.sight(inserted.data)
    assert View(sight).phase == "done"
    assert View(sight).progress == 1.0


def test_an_inserted_gear_has_the_clearance_it_says() -> None:
    """Pulled to every side, it moves by the clearance, and sinks into the shaft by less than 0.1 mm."""
    attempt = at_shaft(6).lead((0, 0, SHAFT_LENGTH - 0.010), 60)
    for way in np.arange(0, 2 * math.pi, math.pi / 3):
        attempt.lead((0.005 * math.cos(way), 0.005 * math.sin(way), SHAFT_LENGTH - 0.010), 40)
        assert CLEARANCE - 5e-5 < attempt.gear[0] < CLEARANCE + 1e-4


def test_the_neighbour_turns_with_an_inserted_gear() -> None:
    attempt = at_shaft(4).lead((0, 0, -0.002), 60)
    at = int(TASK.physics.joint("neighbour").qposadr[0])
    before, yaw = float(attempt.data.qpos[at]), View(TASK.sight(attempt.data)).yaw
    attempt.lead((0, 0, -0.002), 120, yaw=yaw + 0.5)
    turned = float(attempt.data.qpos[at]) - before
    free = BACKLASH / NEIGHBOUR_PITCH_RADIUS
    assert turned == pytest.approx(-0.5 * PITCH_RADIUS / NEIGHBOUR_PITCH_RADIUS, abs=free)
    assert TASK.success(attempt.data)


def test_beside_the_shaft_at_depth_is_no_success() -> None:
    attempt = Attempt(1).lead((-0.03, 0, 0.04), 120).lead((-0.03, 0, -0.004), 80)
    lateral, height, _, _ = attempt.gear
    assert height < SEATED
    assert lateral > 0.02
    assert TASK.stages(attempt.data) == (False, False, False, False)
    assert TASK.failure(attempt.data) == "missed the shaft"
    assert attempt.wrench[2] < -2  # it stands on the board


@pytest.mark.parametrize(
    ("lateral", "height", "mismatch", "tilt", "held"),
    [
        (0.0001, 0.0, 0.0, 0.0, 4),
        (0.010, 0.0, 0.0, 0.0, 0),  # beside the shaft
        (0.0001, 0.0, 0.004, 0.0, 2),  # teeth in one another, which cannot be
        (0.0001, 0.0, 0.0, 0.1, 3),  # aslant
        (0.0001, 0.003, 0.0, 0.0, 3),
        (0.0001, NEIGHBOUR_TOP, 0.0, 0.0, 2),
        (0.001, SHAFT_LENGTH, 0.0, 0.0, 1),
        (0.002, SHAFT_LENGTH, 0.0, 0.0, 0),
        (0.0, 0.08, 0.0, 0.0, 0),
    ],
)
def test_stages(lateral: float, height: float, mismatch: float, tilt: float, held: int) -> None:
    assert stages_of(lateral, height, mismatch, tilt) == tuple(k < held for k in range(4))


def test_failures_are_named(inserted: Attempt) -> None:
    clash = at_shaft(8).lead((0, 0, NEIGHBOUR_TOP + 0.003), 60)
    yaw = View(TASK.sight(clash.data)).yaw
    clash.lead((0, 0, NEIGHBOUR_TOP + 0.003), 60, yaw=yaw + math.pi / TEETH)
    clash.lead((0, 0, NEIGHBOUR_TOP - 0.006), 40, yaw=yaw + math.pi / TEETH)
    assert TASK.failure(clash.data) == "teeth not mated"
    assert TASK.stages(clash.data) == (True, True, False, False)
    assert clash.wrench[2] < -3
    stuck = at_shaft(9).lead((0, 0, SHAFT_LENGTH - 0.004), 40)
    assert TASK.failure(stuck.data) == "jammed on the shaft"
    jumped = Attempt(5)
    jumped.robot.command(HERE, command_of(Pose(np.array([0.5, 0, 1.0]), np.array([0.0, 1, 0, 0])))[None])
    assert TASK.failure(jumped.data) == "stopped: reference jumped"


def test_a_robot_that_has_stopped_has_not_succeeded(inserted: Attempt) -> None:
    state = inserted.worlds.state(0)
    inserted.data.userdata[AT_STOP] = STOPS.index("force")
    assert not any(TASK.stages(inserted.data))
    assert TASK.failure(inserted.data) == "stopped: force"
    inserted.worlds.set_state(0, state)
    assert TASK.success(inserted.data)


def test_the_bore_finds_the_shaft_within_its_catch_range_and_not_beyond() -> None:
    for far, finds in ((0.85 * CATCH, True), (1.15 * CATCH, False)):
        for way in (0.0, 1.9, -2.1):
            attempt = Attempt(7)
            x, y = far * math.cos(way), far * math.sin(way)
            attempt.lead((x, y, CLEAR), 110).lead((x, y, SHAFT_LENGTH - 0.012), 60)
            assert TASK.stages(attempt.data)[1] == finds
            assert attempt.records[:, 34:37].max() < 60


def test_the_board_stays_where_it_is() -> None:
    attempt = Attempt(2).lead((0.004, 0, CLEAR), 100)
    at = int(TASK.physics.joint("board_x").qposadr[0])
    before = attempt.data.qpos[at : at + 3].copy()
    attempt.lead((0.004, 0, 0.0), 100).lead((-0.03, 0.0, 0.0), 100)
    assert np.abs(attempt.wrench[:3]).max() > 5
    assert np.abs(attempt.data.qpos[at : at + 3] - before).max() < 2e-6


def test_a_state_continues_bit_for_bit() -> None:
    attempt = at_shaft(3).lead((0.0005, 0.0003, SHAFT_LENGTH - 0.002), 30)  # in contact
    state, seen = attempt.worlds.state(0), TASK.observe(attempt.data)
    attempt.lead((0, 0, 0.0), 30)
    after = attempt.worlds.state(0)
    other = Attempt(99)
    other.worlds.set_state(0, state)
    assert np.array_equal(TASK.observe(other.data), seen)  # what is misjudged, too
    other.lead((0, 0, 0.0), 30)
    assert np.array_equal(other.worlds.state(0), after)


def test_watchers_read_what_is_there(inserted: Attempt) -> None:
    start = Attempt(0)
    sight = TASK.sight(start.data)
    _, angle, distance = View(sight).funnel_error
    true = start.gear
    assert (distance + SHAFT_LENGTH, angle) == pytest.approx((true[1], true[3]), abs=1e-5)
    assert View(sight).lateral == pytest.approx(true[0], abs=1e-5)
    assert View(sight).phase == "carry"
    assert 0 <= View(sight).progress < 0.4
    over = at_shaft(0)
    assert View(sight).progress < View(TASK.sight(over.data)).progress < View(TASK.sight(inserted.data)).progress
    assert not TASK.gripper_closed(sight)
    assert not TASK.bad_grasp(sight)
    np.testing.assert_allclose(TASK.landmark(sight), TASK.board_in_world(start.data).position, atol=1e-6)


def test_a_gear_far_aside_is_trouble_when_it_is_low_and_not_where_it_starts() -> None:
    """Anywhere in the ranges of the start, three centimetres aside at the lowest among them."""
    sight, shaft = TASK.sight(Attempt(0).data), TASK.board_in_world(Attempt(0).data).position

    def troubles(aside: float, height: float) -> set[str | None]:
        """Of somebody who looks ten times at a gear that hangs still there, upright."""
        seen, watch = sight.copy(), Watch(TASK, profile("steady"))
        tool = pointing_down(shaft + np.array([aside, aside, height]), 0.0)
        seen[:7] = [*tool.position, *tool.quat]
        return {watch.trouble(seen) for _ in range(10)}

    low, high = TASK.layout.above
    most = TASK.layout.aside
    for height in np.linspace(low, high, 5):
        assert troubles(most, float(height)) == {None}
    assert troubles(most, SHAFT_LENGTH + 0.01) == {None, "funnel"}
    assert troubles(0.005, SHAFT_LENGTH) == {None, "funnel"}
    assert troubles(0.002, SHAFT_LENGTH) == {None}


def test_misjudged_moves_the_board_alone() -> None:
    sight = TASK.sight(Attempt(0).data)
    error = np.array([[9.0, 9.0, 9.0], [0.002, -0.001, 0.5]])
    believed = TASK.misjudged(sight, error, np.zeros((2, 3)))
    np.testing.assert_allclose(believed[14:16] - sight[14:16], [0.002, -0.001], atol=1e-6)
    np.testing.assert_array_equal(np.delete(believed, [14, 15]), np.delete(sight, [14, 15]))


def test_towards_leads_there_without_a_jump() -> None:
    attempt = Attempt(2)
    start = TASK.tool_in_world(attempt.data)
    turn = quat_from_vector(np.array([0, 0, 0.2]))
    target = Pose(start.position + np.array([0.02, -0.02, 0.03]), quat_multiply(turn, start.quat))
    for _ in range(60):
        attempt.robot.command(HERE, TASK.towards(TASK.observe(attempt.data), target, False)[None])
    assert attempt.robot.stopped(attempt.data) == ""
    assert np.linalg.norm(TASK.tool_in_world(attempt.data).position - target.position) < 2e-3


def test_physics_and_drawing_agree_and_pictures_show_the_scene() -> None:
    assert TASK.drawing.nq == TASK.physics.nq
    data = mujoco.MjData(TASK.drawing)
    data.qpos[:] = Attempt(1).data.qpos
    mujoco.mj_forward(TASK.drawing, data)
    for name in TASK.cameras:
        picture = Camera(TASK.drawing, name, 96, 72).draw(data).astype(int)
        orange = (picture[..., 0] > 150) & (picture[..., 1] < 150) & (picture[..., 2] < 80)
        assert orange.sum() > 5  # the gear is in every picture
    assert set(TASK.observation_cameras) <= set(TASK.cameras)
