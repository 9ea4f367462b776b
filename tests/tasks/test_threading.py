"""The threading task: its published figures, its physics, where it starts, and when it is solved."""

import math

import mujoco
import numpy as np
import pytest

from retouch.geometry import Pose, quat_about, quat_multiply, quat_to_vector
from retouch.robots.sawyer import HOME, add_sawyer
from retouch.sim.scene import TABLE_TOP, Scene
from retouch.sim.world import Worlds
from retouch.tasks.threading import Layout, Threading
from retouch.tasks.threading_scene import (
    RING_BOXES,
    RING_HEIGHT,
    RING_INNER,
    RING_OUTER,
    add_rod,
    add_stand,
    ring_pose,
    rod_pose,
    tool_pose,
)

TASK = Threading()
MODEL = TASK.physics
ROD = int(MODEL.joint("rod").qposadr[0])
STAND = int(MODEL.joint("stand").qposadr[0])
STAND_DOF = int(MODEL.joint("stand").dofadr[0])
UPRIGHT = np.array([0.0, 0.0, 1.0])


def fresh(seed: int = 0) -> mujoco.MjData:
    data = Worlds(MODEL, 1).reset(0)
    TASK.reset(data, np.random.default_rng(seed))
    return data


def ring_of(data: mujoco.MjData) -> Pose:
    stand = Pose.from_vector(data.qpos[STAND : STAND + 7])
    return Pose(stand.apply(np.array([0.0, 0.0, 0.189])), stand.quat)


def put_rod(data: mujoco.MjData, pose: Pose) -> None:
    data.qpos[ROD : ROD + 3], data.qpos[ROD + 3 : ROD + 7] = pose.position, pose.quat
    data.qvel[:] = 0
    mujoco.mj_forward(MODEL, data)


def deepest(data: mujoco.MjData, body: str) -> float:
    """How far a body is inside what it touches [m]."""
    own = MODEL.body(body).id
    touching = [c.dist for c in data.contact if own in (MODEL.geom_bodyid[c.geom1], MODEL.geom_bodyid[c.geom2])]
    return max([0.0, *(-d for d in touching)])


def geoms(body: str) -> list[int]:
    return [g for g in range(MODEL.ngeom) if MODEL.geom_bodyid[g] == MODEL.body(body).id]


# The facts.


def test_masses():
    assert np.isclose(MODEL.body("rod").mass[0], 0.0076)
    assert np.isclose(MODEL.body("stand").mass[0], 0.0181)


def test_sizes():
    assert np.allclose(2 * MODEL.geom("rod").size, [0.120, 0.010, 0.010])
    assert np.allclose(2 * MODEL.geom("handle").size, 0.040)
    assert np.isclose(MODEL.geom("handle").pos[0], -0.08)  # its face meets the rod's end
    assert np.allclose(2 * MODEL.geom("foot").size[:2], 0.100)
    assert np.allclose(2 * MODEL.geom("table").size, [0.8, 0.8, 0.05])
    assert np.isclose(MODEL.geom("table").pos[2] + MODEL.geom("table").size[2], 0.8)
    assert len([g for g in geoms("stand") if MODEL.geom(g).name.startswith("ring")]) == 20


def test_friction():
    assert MODEL.geom("rod").friction[0] == MODEL.geom("ring0").friction[0] == 0.3


def test_ring_hole_and_height():
    """Rays from the ring's centre, in its plane and along its axis."""
    data = fresh()
    ring = ring_of(data)
    assert np.isclose(ring.position[2] - data.qpos[STAND + 2], 0.189)
    assert np.allclose(data.site_xpos[MODEL.site("ring").id], ring.position)
    hit, normal = np.zeros(1, np.int32), np.zeros(3)
    inner = []
    for angle in np.linspace(0, 2 * math.pi, 73):
        direction = math.cos(angle) * ring.axis(1) + math.sin(angle) * ring.axis(2)
        inner.append(mujoco.mj_ray(MODEL, data, ring.position, direction, None, 1, -1, hit, normal))
    assert min(inner) == pytest.approx(RING_INNER, abs=1e-5)
    assert max(inner) < RING_INNER / math.cos(math.pi / RING_BOXES) + 1e-5
    outer = mujoco.mj_ray(MODEL, data, ring.position + 0.05 * ring.axis(2), -ring.axis(2), None, 1, -1, hit, normal)
    assert 0.05 - outer == pytest.approx(RING_OUTER, abs=1e-4)
    beside = ring.position + (RING_INNER + RING_OUTER) / 2 * ring.axis(2) + 0.1 * ring.axis(0)
    assert 0.1 - mujoco.mj_ray(MODEL, data, beside, -ring.axis(0), None, 1, -1, hit, normal) == pytest.approx(0.005)
    assert mujoco.mj_ray(MODEL, data, ring.position, ring.axis(0), None, 1, -1, hit, normal) < 0 or hit[0] not in geoms(
        "stand"
    )


def test_rates():
    assert (TASK.control_period, TASK.horizon, MODEL.opt.timestep) == (0.05, 400, 0.002)
    assert TASK.robot(Worlds(MODEL, 1)).substeps == 25


# Where it starts.


def test_resets_fill_the_layout_and_stay_in_it():
    lay = Layout()
    seen = []
    for seed in range(300):
        data = fresh(seed)
        rod, stand = data.qpos[ROD : ROD + 7], data.qpos[STAND : STAND + 7]
        turns = [quat_to_vector(q.copy()) for q in (rod[3:], stand[3:])]
        assert all(np.allclose(turn[:2], 0) for turn in turns)
        seen.append([rod[0], rod[1], turns[0][2], stand[0], stand[1], turns[1][2]])
        assert np.isclose(rod[2], TABLE_TOP + 0.02)
        assert np.isclose(stand[2], TABLE_TOP)
        assert np.all(data.qvel == 0)
        assert np.abs(data.qpos[:7] - HOME).max() < 6 * lay.joint_noise
        assert np.all(data.qpos[7:9] < -0.02)
        assert deepest(data, "rod") < 1e-4
    low, high = np.array([lay.rod_x, lay.rod_y, lay.rod_yaw, lay.ring_x, lay.ring_y, lay.ring_yaw]).T
    seen = np.array(seen)
    assert np.all(seen >= low)
    assert np.all(seen <= high)
    assert np.all(seen.min(0) < low + 0.05 * (high - low))
    assert np.all(seen.max(0) > high - 0.05 * (high - low))
    assert np.abs(np.corrcoef(seen.T) - np.eye(6)).max() < 0.25
    assert (lay.rod_x, lay.rod_y) == ((-0.20, -0.05), (0.15, 0.25))
    assert np.allclose(np.degrees(lay.rod_yaw), (-120, -60))


def test_the_same_seed_is_the_same_start():
    assert np.array_equal(fresh(4).qpos, fresh(4).qpos)
    assert not np.array_equal(fresh(4).qpos, fresh(5).qpos)


def test_everything_rests_where_it_is_put():
    data = fresh()
    before = data.qpos[ROD:].copy()
    worlds = Worlds(MODEL, 1)
    TASK.reset(worlds.reset(0), np.random.default_rng(0))
    robot = TASK.robot(worlds)
    for _ in range(60):
        robot.command(np.array([0]), np.zeros((1, 7)))
    assert np.abs(worlds.datas[0].qpos[ROD:] - before).max() < 1e-3


# What is seen.


def test_observation():
    data = fresh(3)
    seen = TASK.observe(data)
    assert seen.dtype == np.float32
    assert seen.shape == (len(TASK.observation_names),)
    named = dict(zip(TASK.observation_names, seen.tolist(), strict=True))
    assert [named[f"rod_{a}"] for a in "xyz"] == pytest.approx(data.qpos[ROD : ROD + 3].tolist())
    assert [named[f"ring_{a}"] for a in "xyz"] == pytest.approx(ring_of(data).position.tolist())
    tool = data.site_xpos[MODEL.site("tool").id]
    assert [named[f"tool_{a}"] for a in "xyz"] == pytest.approx(tool.tolist())
    assert named["finger_right"] == pytest.approx(-0.020833)
    assert np.allclose(rod_pose(seen).position, data.qpos[ROD : ROD + 3], atol=1e-6)
    assert np.allclose(ring_pose(seen).axis(0), ring_of(data).axis(0), atol=1e-6)
    assert np.allclose(tool_pose(seen).axis(2), [0, 0, -1], atol=0.1)  # the hand looks down


def test_observed_quaternions_do_not_jump_with_the_sign():
    data = fresh(3)
    seen = TASK.observe(data)
    for address in (ROD, STAND):
        data.qpos[address + 3 : address + 7] *= -1
    mujoco.mj_forward(MODEL, data)
    assert np.allclose(TASK.observe(data), seen, atol=1e-6)


# When it is solved.


def through(data: mujoco.MjData, along: float = 0.0, aside: float = 0.0, lean: float = 0.0, roll: float = 0.0) -> None:
    """Put the rod into the ring: along its axis and aside of it [m], leaning [rad]."""
    ring = ring_of(data)
    place = ring.apply(np.array([along, aside, 0.0]))
    quat = quat_multiply(ring.quat, quat_multiply(quat_about(UPRIGHT, lean), quat_about(np.array([1.0, 0, 0]), roll)))
    put_rod(data, Pose(place, quat))


def test_success_when_the_rod_is_through():
    data = fresh()
    assert not TASK.success(data)
    for along in (-0.0115, 0.0, 0.0115):
        through(data, along)
        assert TASK.success(data)
    through(data, lean=math.pi)  # from the other side
    assert TASK.success(data)
    through(data, lean=0.3, roll=1.0)
    assert TASK.success(data)


@pytest.mark.parametrize("along", [-0.05, -0.0125, 0.0125, 0.06])
def test_no_success_before_the_middle_or_after_it(along):
    data = fresh()
    through(data, along)
    assert not TASK.success(data)


def test_no_success_across_the_face_of_the_ring():
    """The rod lies flat against the ring, its centre 10 mm from the ring's: near, and not through."""
    data = fresh()
    through(data, along=0.0101, lean=math.pi / 2)
    assert deepest(data, "rod") < 1e-4  # it can be there
    assert not TASK.success(data)


def test_no_success_beside_or_upon_the_ring():
    data = fresh()
    for aside in (RING_OUTER, -RING_OUTER):
        through(data, aside=aside)
        assert not TASK.success(data)
    ring = ring_of(data)
    put_rod(data, Pose(ring.position + np.array([0, 0, RING_OUTER - 0.0005]), ring.quat))
    assert not TASK.success(data)


def test_the_rod_fits():
    """Through the hole with its handle short of the ring, it touches nothing, however it is rolled."""
    for roll in np.linspace(0, math.pi / 2, 7):
        data = fresh()
        through(data, roll=roll)
        assert not [c for c in data.contact if MODEL.body("rod").id in MODEL.geom_bodyid[[c.geom1, c.geom2]]]


def test_the_handle_does_not_fit():
    data = fresh()
    through(data, along=0.08)
    assert deepest(data, "rod") > 0.003


# Physics.


def push_ring(force: float, seconds: float, axis: int, height: float = 0.189) -> tuple[np.ndarray, float]:
    """Push the stand sideways at a height: how far its foot went [m] and how far it leans then [rad]."""
    data = fresh()
    body = MODEL.body("stand").id
    before = data.qpos[STAND : STAND + 3].copy()
    direction = ring_of(data).axis(axis)
    for step in range(round((seconds + 1.0) / MODEL.opt.timestep)):
        mujoco.mj_step1(MODEL, data)
        data.ctrl[:7] = data.qfrc_bias[:7]
        data.qfrc_applied[:] = 0
        if step < seconds / MODEL.opt.timestep:
            stand = Pose.from_vector(data.qpos[STAND : STAND + 7])
            mujoco.mj_applyFT(
                MODEL, data, force * direction, np.zeros(3), stand.apply(UPRIGHT * height), body, data.qfrc_applied
            )
        mujoco.mj_step2(MODEL, data)
    up = Pose.from_vector(data.qpos[STAND : STAND + 7]).axis(2)
    return data.qpos[STAND : STAND + 3] - before, math.acos(min(1.0, up[2]))


@pytest.mark.parametrize("axis", [0, 1])
def test_a_push_at_the_ring_slides_the_stand_and_leaves_it_upright(axis):
    moved, lean = push_ring(0.042, 0.4, axis)  # against friction of 0.2 x 18.1 g x 9.81 = 0.036 N
    assert 0.005 < np.linalg.norm(moved[:2]) < 0.2
    assert lean < 0.02


def test_a_light_touch_does_not_move_the_stand():
    moved, lean = push_ring(0.02, 0.4, 0)
    assert np.linalg.norm(moved) < 1e-3
    assert lean < 0.01


def test_a_blow_tips_the_stand():
    _, lean = push_ring(0.4, 0.2, 1)
    assert lean > 1.0


class Bench(Scene):
    """A scene in which the stand is clamped and the rod slides along one axis."""

    def __init__(self, start: tuple[float, float, float], axis: tuple[float, float, float]):
        super().__init__("bench", visuals=False)
        self.start, self.axis = start, axis

    def free_body(self, name, pos=(0, 0, 1)):
        if name == "stand":
            return self.world.add_body(name=name, pos=(0, 0, 0))
        body = self.world.add_body(name=name, pos=self.start)
        body.add_joint(name=name, type=mujoco.mjtJoint.mjJNT_SLIDE, axis=self.axis, damping=[1.0, 0, 0])
        return body


@pytest.mark.parametrize(
    ("start", "axis"),
    [
        ((0.0, 0.0, RING_HEIGHT + RING_OUTER + 0.0052), (0.0, 0.0, -1.0)),
        ((-0.0652, 0.0, RING_HEIGHT + (RING_INNER + RING_OUTER) / 2), (1.0, 0.0, 0.0)),
        ((0.0, 0.0, 0.189), (0.0, 1, 0)),
    ],
    ids=["side onto the rim", "tip against the face", "side inside the hole"],
)
def test_nothing_sinks_into_the_ring_at_five_newtons(start, axis):
    bench = Bench(start, axis)
    add_sawyer(bench)
    add_rod(bench)
    add_stand(bench)
    model = bench.compile()
    data = mujoco.MjData(model)
    dof = int(model.joint("rod").dofadr[0])
    worst, force = 0.0, np.zeros(6)
    weight = 0.0076 * 9.81 if axis[2] else 0.0
    for pressed in np.concatenate([np.linspace(0, 5, 500), np.full(100, 5.0)]):
        data.qfrc_applied[dof] = pressed - weight
        mujoco.mj_step(model, data)
        worst = max([worst, *(-c.dist for c in data.contact)])
    total = np.zeros(3)
    for index, contact in enumerate(data.contact):
        mujoco.mj_contactForce(model, data, index, force)
        total += contact.frame.reshape(3, 3).T @ force[:3]
    assert np.abs(total @ axis) == pytest.approx(5.0, abs=0.3)  # pressed it is
    assert worst < 5e-4


def test_what_leaves_the_table_stops_at_the_floor():
    data = fresh()
    put_rod(data, Pose(np.array([0.2, 0.7, 0.5]), np.array([1.0, 0, 0, 0])))
    mujoco.mj_step(MODEL, data, 1000)
    assert 0 < data.qpos[ROD + 2] < 0.06


def test_a_held_rod_neither_slips_nor_trembles():
    """Ten seconds in the hand, lifted by the scripted skill."""
    worlds = Worlds(MODEL, 4, 2)
    robot = TASK.robot(worlds)
    skills = []
    for slot in range(4):
        TASK.reset(worlds.reset(slot), np.random.default_rng(slot))
        skills.append(TASK.skill(np.random.default_rng(slot)))
    slots = np.arange(4)
    for _ in range(150):
        robot.command(slots, np.array([s.act(TASK.observe(d)) for s, d in zip(skills, worlds.datas, strict=True)]))
        if all(data.qpos[ROD + 2] > TABLE_TOP + 0.08 for data in worlds.datas):
            break
    hold = np.zeros((4, 7))
    hold[:, 6] = 1.0
    for _ in range(10):
        robot.command(slots, hold)

    def held(data: mujoco.MjData) -> Pose:
        seen = TASK.observe(data)
        return tool_pose(seen).inverse() @ rod_pose(seen)

    before = [held(data) for data in worlds.datas]
    fastest = 0.0
    for _ in range(200):
        robot.command(slots, hold)
        fastest = max(fastest, *(np.abs(data.qvel[MODEL.joint("rod").dofadr[0] :][:3]).max() for data in worlds.datas))
    for pose, data in zip(before, worlds.datas, strict=True):
        assert data.qpos[ROD + 2] > TABLE_TOP + 0.05
        moved = pose.inverse() @ held(data)
        assert np.linalg.norm(moved.position) < 1e-3
        assert np.linalg.norm(quat_to_vector(moved.quat)) < math.radians(0.5)
    assert fastest < 0.02
