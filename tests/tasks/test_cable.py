"""Cable routing: where it starts, what is seen and felt, how the cable behaves, and when it is routed."""

import itertools

import mujoco
import numpy as np
import pytest

from retouch.robots.ur5e import command_of
from retouch.robots.ur5e_tick import AT_STOP, STOPS
from retouch.sim.camera import Camera
from retouch.sim.world import Worlds, set_state
from retouch.tasks import registry
from retouch.tasks.cable import AT_BIAS, MISJUDGED, CableRouting
from retouch.tasks.cable_path import along, crossing, lengths, nearest
from retouch.tasks.cable_scene import (
    AT_BENDING,
    BACK,
    BOARD_TOP,
    CABLES,
    CLIPS,
    HEIGHT,
    MOUTH,
    PAD_TRAVEL,
    PIECE,
    PIECES,
    bending_of,
)
from retouch.tasks.cable_skill import Route
from retouch.tasks.cable_view import (
    ABOVE,
    AWAY,
    BEFORE,
    BELOW,
    IN,
    OUTSIDE,
    View,
    passes,
)
from retouch.tasks.steering import nearer

TASK = CableRouting()
HERE = np.array([0])


class Attempt:
    """One world, led by references on the board."""

    def __init__(self, seed: int = 0, case: int = 0):
        self.worlds = Worlds(TASK.physics, 1)
        self.robot = TASK.robot(self.worlds)
        self.data = self.worlds.reset(0)
        TASK.reset(self.data, np.random.default_rng(seed), TASK.cases()[case])

    def lead(self, goal: np.ndarray, steps: int) -> "Attempt":
        for _ in range(steps):
            view = View(TASK.sight(self.data))
            self.robot.command(HERE, command_of(nearer(view.reference, view.upright(goal), 0.08))[None])
        return self

    @property
    def view(self) -> View:
        return View(TASK.sight(self.data))

    def led(self, u: float, v: float) -> "Attempt":
        """The taut cable to the first clip's mouth, and on to where a straight one would pass it at u, v."""
        first = Route(self.view, 0)
        self.lead(first.eye(OUTSIDE + 0.014, v, first.far), 65)
        for _ in range(55):
            route = Route(self.view, 0)
            self.lead(route.eye(max(u, route.aimed - 0.012), v, route.far), 1)
        return self


@pytest.fixture(scope="module")
def routed() -> Attempt:
    """A state in which the skill has routed the cable."""
    attempt = Attempt(3)
    skill = TASK.skill(np.random.default_rng(0))
    for _ in range(600):
        if TASK.success(attempt.data):
            return attempt
        attempt.robot.command(HERE, skill.act(TASK.sight(attempt.data))[None])
    raise AssertionError(TASK.failure(attempt.data))


def test_is_registered() -> None:
    assert isinstance(registry.make("cable-routing"), CableRouting)


def test_the_grid_is_five_cables_with_four_fixed_ends() -> None:
    cases = TASK.cases()
    assert len({case.name for case in cases}) == len(cases) == 20
    assert len({(c.values["fixed_x"], c.values["fixed_y"]) for c in cases}) == 4
    assert [sum(c.values["cable"] == k for c in cases) for k in range(5)] == [4] * 5
    assert {c.values["cable"] for c in cases if not c.seen} == {3.0, 4.0}


def test_a_case_sets_the_cable_and_its_fixed_end() -> None:
    for number in (0, 19):
        case, attempt = TASK.cases()[number], Attempt(5, number)
        cable = CABLES[int(case.values["cable"])]
        np.testing.assert_array_equal(attempt.data.ctrl[AT_BENDING:], bending_of(cable))
        place = np.array([case.values["fixed_x"], case.values["fixed_y"]])
        assert np.abs(attempt.view.fixed[:2] - place).max() < TASK.layout.fixed + 1e-6


def test_starts_at_rest_in_the_eye_and_in_no_clip() -> None:
    for seed in range(4):
        attempt = Attempt(seed, 4 * seed)
        assert attempt.view.threaded
        assert attempt.view.passes == (AWAY,) * 3
        assert not any(TASK.stages(attempt.data))
        assert TASK.failure(attempt.data) == "ran out of time"
        assert attempt.data.time == 0.0
        pieces = np.linalg.norm(np.diff(TASK.cable_in_world(attempt.data), axis=0), axis=1)
        np.testing.assert_allclose(pieces, PIECE, rtol=0.02)


def test_a_policy_misjudges_heights_and_a_person_does_not() -> None:
    attempt = Attempt(3)
    seen, sight = TASK.observe(attempt.data), TASK.sight(attempt.data)
    assert seen.shape == (len(TASK.observation_names),)
    assert sight.shape == (len(TASK.sight_names),)
    off = attempt.data.userdata[AT_BIAS : AT_BIAS + MISJUDGED]
    np.testing.assert_allclose(seen[14:16] - sight[14:16], off[:2], atol=1e-6)
    np.testing.assert_allclose(seen[21:24] - sight[21:24], off[2:], atol=1e-6)
    same = np.delete(np.arange(len(seen)), [14, 15, 21, 22, 23])
    np.testing.assert_array_equal(seen[same], sight[same])


def test_the_cable_bends_as_stiffly_as_it_says() -> None:
    """A cable that is bent into an arc, nothing else near, pushes back with the forces of its bending stiffness."""
    cable = CABLES[2]
    data = mujoco.MjData(TASK.physics)
    TASK.reset(data, np.random.default_rng(0), TASK.cases()[0])
    data.ctrl[:], data.qvel[:] = 0.0, 0.0
    data.ctrl[AT_BENDING:] = bending_of(cable)
    radius = 0.25
    angle = PIECE / radius * np.arange(PIECES + 1)
    line = np.stack([radius * (1 - np.cos(angle)), radius * np.sin(angle), np.full(PIECES + 1, 2.0)], axis=1)
    first = int(TASK.physics.joint("cable1_x").qposadr[0])
    rest = TASK.physics.body_pos[TASK.physics.body("cable1").id :][:PIECES]
    data.qpos[first : first + 3 * PIECES] = (line[1:] - rest).ravel()
    mujoco.mj_forward(TASK.physics, data)
    dof = int(TASK.physics.joint("cable1_x").dofadr[0])
    force = data.qfrc_actuator[dof : dof + 3 * PIECES].reshape(-1, 3)
    # At a free end, the moment E I / r is a pair of forces, E I / r / piece, on the last two vertices.
    moment = cable.stiffness / radius
    assert np.linalg.norm(force[-1]) == pytest.approx(moment / PIECE, rel=0.01)
    np.testing.assert_allclose(force[10:-3], 0.0, atol=0.02 * moment / PIECE)  # an arc is at rest in its middle


def test_the_stiffer_cable_hangs_less() -> None:
    def hang(cable: int) -> float:
        attempt = Attempt(7, 4 * cable)
        line = TASK.cable_in_world(attempt.data)
        turn = np.diff(line, axis=0) / PIECE
        return float(np.max(np.linalg.norm(np.diff(turn, axis=0), axis=1)))

    assert hang(3) > 1.2 * hang(4)


def test_the_flex_is_solved_with_dense_factors() -> None:
    """The sparse ones of MuJoCo 4.0.0 err with flexes."""
    assert TASK.physics.opt.jacobian == mujoco.mjtJacobian.mjJAC_DENSE
    assert TASK.drawing.opt.jacobian == mujoco.mjtJacobian.mjJAC_DENSE


def test_what_the_cable_pulls_with_is_felt() -> None:
    """Force sensors leave out what a flex presses with, so it has to come by way of the weld: as much as it is."""
    attempt = Attempt(1)
    start = attempt.view.eye
    attempt.lead(start + np.array([0.0, 0.06, 0.0]), 20)
    names = {"finger", "pad"}
    felt, true = [], []
    for _ in range(25):
        attempt.lead(start + np.array([0.0, 0.06, 0.0]), 1)
        total, wrench = np.zeros(3), np.zeros(6)
        for k in range(attempt.data.ncon):
            contact = attempt.data.contact[k]
            geom = int(max(contact.geom))
            if TASK.physics.body(TASK.physics.geom_bodyid[geom]).name in names:
                mujoco.mj_contactForce(TASK.physics, attempt.data, k, wrench)
                on_second = contact.frame.reshape(3, 3).T @ wrench[:3]
                total += on_second if contact.geom[1] == geom else -on_second
        felt.append(attempt.view.force)
        true.append(attempt.view.board.inverse().apply(attempt.view.board.position + total))
    mean, expected = np.mean(felt, axis=0), np.mean(true, axis=0)
    assert expected[1] < -0.5  # drawn back along the way
    np.testing.assert_allclose(mean, expected, atol=0.2)


def test_too_high_and_too_low_have_names() -> None:
    over, under = Attempt(0).led(-0.03, 0.024), Attempt(0).led(-0.03, -0.022)
    assert TASK.failure(over.data) == "too high over clip 1"
    assert over.view.passes[0] == ABOVE
    assert TASK.failure(under.data) == "too low, stuck at clip 1"
    place = under.view.in_clip(0)
    assert place is not None
    assert BACK < place[0] < MOUTH  # its foot keeps it
    assert not any(TASK.stages(over.data) + TASK.stages(under.data))


def test_at_the_right_height_it_goes_in() -> None:
    attempt = Attempt(0).led(-0.02, 0.0)
    assert TASK.stages(attempt.data) == (True, False, False)
    assert TASK.failure(attempt.data) == "ran out of time"
    assert attempt.view.next == 1


def test_a_cable_can_slip_out_of_the_finger() -> None:
    attempt = Attempt(2)
    first = int(TASK.physics.joint("cable1_x").qposadr[0])
    attempt.data.qpos[first : first + 3 * PIECES].reshape(-1, 3)[:, 2] += 0.03
    mujoco.mj_forward(TASK.physics, attempt.data)
    assert TASK.over(attempt.data)
    assert TASK.failure(attempt.data) == "cable out of the finger"
    assert TASK.bad_grasp(TASK.sight(attempt.data))
    assert TASK.handovers().unsolvable(TASK.sight(attempt.data)) is not None


@pytest.mark.parametrize("case", [0, 11, 19])
def test_a_cable_is_not_squeezed_out_past_the_pad(case: int) -> None:
    """Not even with half as much again as the robot's spring pulls with; the pad stops where its travel ends."""
    attempt = Attempt(5, case).led(0.0, 0.0)
    data, model = attempt.data, TASK.physics
    vertices = np.array([data.body(f"cable{k}").xpos for k in range(1, PIECES + 1)])
    piece = data.body(f"cable{1 + int(np.argmin(np.linalg.norm(vertices - data.site('tcp').xpos, axis=1)))}").id
    finger, held = model.body("finger").id, TASK.hold(data)
    for share in np.minimum(1.0, np.arange(50) / 25):
        force = 30.0 * share * data.site("tcp").xmat.reshape(3, 3)[:, 0]
        data.xfrc_applied[piece, :3], data.xfrc_applied[finger, :3] = force, -force
        attempt.robot.command(HERE, held[None])
        assert attempt.view.threaded
        assert data.joint("pad").qpos[0] < PAD_TRAVEL[1] + 0.0006


def test_routed_is_success(routed: Attempt) -> None:
    assert TASK.stages(routed.data) == (True, True, True)
    assert TASK.failure(routed.data) == ""
    sight = TASK.sight(routed.data)
    assert View(sight).phase == "done"
    assert View(sight).progress == 1.0
    assert TASK.handovers().unsolvable(sight) is None


def test_a_robot_that_has_stopped_has_not_succeeded(routed: Attempt) -> None:
    state = routed.worlds.state(0)
    routed.data.userdata[AT_STOP] = STOPS.index("force")
    assert not any(TASK.stages(routed.data))
    assert TASK.failure(routed.data) == "stopped: force"
    assert TASK.over(routed.data)
    routed.worlds.set_state(0, state)
    assert TASK.success(routed.data)


def test_a_state_continues_bit_for_bit(routed: Attempt) -> None:
    state, seen = routed.worlds.state(0), TASK.observe(routed.data)
    goal = routed.view.eye + np.array([0.01, 0.0, 0.01])
    other = Attempt(99)
    other.worlds.set_state(0, state)
    assert np.array_equal(TASK.observe(other.data), seen)
    for attempt in (routed, other):
        attempt.worlds.set_state(0, state)
        attempt.lead(goal, 10)
    assert np.array_equal(other.worlds.state(0), routed.worlds.state(0))
    routed.worlds.set_state(0, state)


def test_clips_and_fixed_end_stay_where_they_are() -> None:
    attempt = Attempt(0)
    at = [int(TASK.physics.joint(n).qposadr[0]) for n in ("board_x", "board_y", "clip0_z", "anchor_x", "anchor_y")]
    before = attempt.data.qpos[at].copy()
    attempt.led(-0.03, -0.022)
    assert np.abs(attempt.data.qpos[at] - before).max() < 2e-6


@pytest.mark.parametrize(
    ("u", "v", "how"),
    [(0.0, 0.0, IN), (0.008, 0.0, BEFORE), (0.03, 0.02, BEFORE), (0.0, 0.009, ABOVE), (0.0, -0.009, BELOW),
     (0.018, 0.012, ABOVE), (0.018, -0.012, BELOW), (-0.05, -0.01, ABOVE)],
)  # fmt: skip
def test_ways_to_pass_a_clip(u: float, v: float, how: str) -> None:
    assert passes(u, v) == how


def test_lines() -> None:
    line = np.array([[0.0, 0, 0], [0, 1, 0], [0, 1, 1], [0, 3, 1]])
    np.testing.assert_allclose(lengths(line), [0, 1, 2, 4])
    np.testing.assert_allclose(along(line, np.array([0.5, 1.5])), [[0, 0.5, 0], [0, 1, 0.5]])
    assert nearest(line, np.array([0.5, 1.0, 0.5])) == pytest.approx((1.5, 0.5))
    found = crossing(line, 2.0, 4.0)
    assert found is not None
    np.testing.assert_allclose(found[0], [0, 2, 1])
    assert found[1] == pytest.approx(3.0)
    assert crossing(line, 2.0, 2.5) is None  # beyond as far as is asked for
    assert crossing(line, 5.0, 9.0) is None


def test_watchers_read_what_is_there(routed: Attempt) -> None:
    start = Attempt(0)
    sight = TASK.sight(start.data)
    assert View(sight).phase == "carry"
    before = Attempt(0).led(OUTSIDE + 0.014, 0.0)
    seen = TASK.sight(before.data)
    assert View(sight).progress < View(seen).progress < View(TASK.sight(routed.data)).progress
    high, slope, mouth = View(seen).funnel_error
    assert high < 0.004
    assert slope < 0.3
    assert mouth > 0.01
    np.testing.assert_allclose(TASK.landmark(sight)[:2], View(sight).board.apply(np.array([*CLIPS[0][:2], 0.0]))[:2],
                               atol=1e-6)  # fmt: skip
    assert not TASK.gripper_closed(sight)


def test_misjudged_moves_board_and_clips_alone() -> None:
    sight = TASK.sight(Attempt(0).data)
    believed = TASK.misjudged(sight, np.array([[9.0, 9, 9], [0.002, -0.001, 0.005]]), np.zeros((2, 3)))
    np.testing.assert_allclose(believed[14:16] - sight[14:16], [0.002, -0.001], atol=1e-6)
    np.testing.assert_allclose(believed[21:24] - sight[21:24], 0.005, atol=1e-6)
    changed = [14, 15, 21, 22, 23]
    np.testing.assert_array_equal(np.delete(believed, changed), np.delete(sight, changed))


def test_pictures_show_the_cable_and_every_clip(routed: Attempt) -> None:
    assert TASK.drawing.nq == TASK.physics.nq
    data = mujoco.MjData(TASK.drawing)
    data.qpos[:] = routed.data.qpos
    mujoco.mj_forward(TASK.drawing, data)
    for name in ("overview", "close"):
        picture = Camera(TASK.drawing, name, 160, 120).look(data)
        image = picture.image.astype(int)
        red, green, blue = image[..., 0], image[..., 1], image[..., 2]
        for colour in ((green > red + 40) & (blue > red + 40), (red > blue + 90) & (red > green + 30),
                       (blue > green + 30) & (red > green + 10)):  # fmt: skip
            assert colour.sum() > 5
        assert (picture.geom >= TASK.drawing.ngeom).sum() > 60  # the cable's pieces


def test_every_cable_looks_its_own_way_and_those_not_demonstrated_go_with_other_clips() -> None:
    camera, data = Camera(TASK.drawing, "wrist", 64, 64), Worlds(TASK.drawing, 1).datas[0]
    clip = np.flatnonzero(TASK.drawing.geom_bodyid == TASK.drawing.body("clip0").id)
    worlds, pictures, clips, heights = Worlds(TASK.physics, 1), [], [], []
    cases = TASK.cases()[::4]
    for case in cases:
        inside = worlds.reset(0)
        TASK.reset(inside, np.random.default_rng(3), case)
        set_state(TASK.drawing, data, worlds.state(0))
        picture = camera.look(data)
        pictures.append(picture.image.astype(int))
        clips.append(pictures[-1][np.isin(picture.geom, clip)].mean(axis=0))
        heights.append(np.abs(TASK.sight(inside)[21:24] - BOARD_TOP - HEIGHT).max())
    for one, other in itertools.combinations(range(len(cases)), 2):
        assert np.abs(pictures[one] - pictures[other]).max() > 40
    assert [red > 1.5 * blue for red, _, blue in clips] == [not case.seen for case in cases]  # yellow, else teal
    assert all((height > TASK.layout.height) != case.seen for height, case in zip(heights, cases, strict=True))
