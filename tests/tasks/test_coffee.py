"""The coffee task: its published figures, its physics, where it starts, what is seen, and when it is solved."""

import math

import mujoco
import numpy as np
import pytest

from retouch.geometry import Pose, quat_about, quat_multiply, quat_to_vector
from retouch.robots.sawyer import HOME
from retouch.sim.scene import TABLE_TOP
from retouch.sim.world import Worlds
from retouch.tasks.coffee import MACHINE_YAW, Coffee, Layout
from retouch.tasks.coffee_scene import HOLDER_BOXES, HOLDER_INNER, LID_OPEN, POD_HALF, POD_RADIUS, RIM_ABOVE_SEAT
from retouch.tasks.coffee_view import EDGE, View
from retouch.tasks.vectors import UP

TASK = Coffee()
MODEL = TASK.physics
POD = int(MODEL.joint("pod").qposadr[0])
MACHINE = int(MODEL.joint("machine").qposadr[0])
LID = int(MODEL.joint("lid").qposadr[0])
ACROSS = np.array([1.0, 0.0, 0.0])


def fresh(seed: int = 0) -> mujoco.MjData:
    data = Worlds(MODEL, 1).reset(0)
    TASK.reset(data, np.random.default_rng(seed))
    return data


def seat_of(data: mujoco.MjData) -> Pose:
    machine = Pose.from_vector(data.qpos[MACHINE : MACHINE + 7])
    return Pose(machine.apply(np.array([0.0, 0.0, 0.150 + 0.0231])), machine.quat)


def brew(
    data: mujoco.MjData,
    high: float = 0.0,
    aside: float = 0.0,
    lean: float = 0.0,
    lid: float = 0.0,
    flipped: bool = False,
) -> None:
    """Put the pod on its seat, so far above it and aside of it [m], leaning [rad], and the lid at an angle [rad]."""
    seat = seat_of(data)
    data.qpos[POD : POD + 3] = seat.apply(np.array([aside, 0.0, high]))
    data.qpos[POD + 3 : POD + 7] = quat_multiply(seat.quat, quat_about(ACROSS, lean + math.pi * flipped))
    data.qpos[LID] = lid
    data.qvel[:] = 0
    mujoco.mj_forward(MODEL, data)


def settle(data: mujoco.MjData, seconds: float) -> None:
    """Let time pass, the arm held up against its weight alone."""
    for _ in range(round(seconds / MODEL.opt.timestep)):
        mujoco.mj_step1(MODEL, data)
        data.ctrl[:7] = data.qfrc_bias[:7] - 20.0 * data.qvel[:7]
        mujoco.mj_step2(MODEL, data)


def deepest(data: mujoco.MjData) -> float:
    """How far anything is inside of what it touches [m]."""
    return max([0.0, *(-c.dist for c in data.contact)])


# The facts.


def test_masses():
    assert np.isclose(MODEL.body("pod").mass[0], 0.0066)
    assert np.isclose(MODEL.body("machine").mass[0], 6.3)
    assert np.isclose(MODEL.body("lid").mass[0], 0.089)


def test_sizes():
    assert np.allclose(MODEL.geom("pod").size[:2], [0.0243, 0.0231])
    assert MODEL.geom("pod").friction[0] == MODEL.geom("holder_wall0").friction[0] == 1.0
    assert np.allclose(2 * MODEL.geom("lid").size, [0.088, 0.059, 0.019])
    lid = MODEL.joint("lid")
    assert np.allclose(np.degrees(lid.range), [0, 120])
    assert np.isclose(lid.damping[0], 0.005)


def test_the_holder_is_open_above_and_as_wide_as_it_says():
    data = fresh()
    data.qpos[LID] = LID_OPEN
    mujoco.mj_forward(MODEL, data)
    seat, hit, normal = seat_of(data), np.zeros(1, np.int32), np.zeros(3)
    assert np.allclose(data.site_xpos[MODEL.site("holder").id], seat.position)
    rim = seat.apply(np.array([0.0, 0.0, RIM_ABOVE_SEAT]))
    assert rim[2] == pytest.approx(TABLE_TOP + 0.202)
    inner = []
    for angle in np.linspace(0, 2 * math.pi, 73):
        way = math.cos(angle) * seat.axis(0) + math.sin(angle) * seat.axis(1)
        inner.append(mujoco.mj_ray(MODEL, data, seat.position, way, None, 1, -1, hit, normal))
    assert min(inner) == pytest.approx(HOLDER_INNER, abs=1e-5)
    assert max(inner) < HOLDER_INNER / math.cos(math.pi / HOLDER_BOXES) + 1e-5
    above = seat.apply(np.array([0.0, 0.0, 0.06]))
    assert mujoco.mj_ray(MODEL, data, above, -UP, None, 1, -1, hit, normal) == pytest.approx(0.06 + POD_HALF)


def test_rates():
    assert (TASK.control_period, TASK.horizon, MODEL.opt.timestep) == (0.05, 400, 0.002)
    assert TASK.robot(Worlds(MODEL, 1)).substeps == 25


# Where it starts.


def test_resets_move_the_pod_alone_and_fill_its_range():
    lay, seen = Layout(), []
    for seed in range(200):
        data = fresh(seed)
        pod, machine = data.qpos[POD : POD + 7], data.qpos[MACHINE : MACHINE + 7]
        assert np.isclose(pod[2], TABLE_TOP + POD_HALF)
        assert np.allclose(quat_to_vector(pod[3:].copy()), 0)
        assert np.allclose(machine[:3], [0.0, -0.1, TABLE_TOP])
        assert np.allclose(quat_to_vector(machine[3:].copy()), [0, 0, MACHINE_YAW])
        assert data.qpos[LID] == LID_OPEN
        assert np.all(data.qvel == 0)
        assert np.abs(data.qpos[:7] - HOME).max() < 6 * lay.joint_noise
        assert deepest(data) < 1e-4
        seen.append(pod[:2].copy())
    low, high = np.array([(-0.13, -0.07), (0.17, 0.23)]).T
    assert np.all(np.min(seen, axis=0) >= low)
    assert np.all(np.max(seen, axis=0) <= high)
    assert np.all(np.ptp(seen, axis=0) > 0.95 * (high - low))


def test_the_machine_moves_too_where_a_layout_says_so():
    task = Coffee(Layout(machine_x=(-0.05, 0.05), machine_yaw=(0.8, 1.2)))
    places = []
    for seed in range(5):
        data = Worlds(task.physics, 1).reset(0)
        task.reset(data, np.random.default_rng(seed))
        places.append(data.qpos[MACHINE : MACHINE + 7].copy())
    assert np.all(np.std(places, axis=0)[[0, 3, 6]] > 1e-3)


def test_the_same_seed_is_the_same_start():
    assert np.array_equal(fresh(4).qpos, fresh(4).qpos)
    assert not np.array_equal(fresh(4).qpos, fresh(5).qpos)


def test_everything_rests_where_it_is_put():
    worlds = Worlds(MODEL, 1)
    TASK.reset(worlds.reset(0), np.random.default_rng(0))
    data, robot = worlds.datas[0], TASK.robot(worlds)
    before = data.qpos[POD:].copy()
    for _ in range(60):
        robot.command(np.array([0]), np.zeros((1, 7)))
    assert np.abs(data.qpos[POD:] - before).max() < 2e-3
    assert np.abs(data.qvel[MODEL.joint("pod").dofadr[0] :]).max() < 0.02


# What is seen.


def test_observation():
    data = fresh(3)
    seen = TASK.observe(data)
    assert seen.dtype == np.float32
    assert seen.shape == (len(TASK.observation_names),)
    named = dict(zip(TASK.observation_names, seen.tolist(), strict=True))
    assert [named[f"pod_{a}"] for a in "xyz"] == pytest.approx(data.qpos[POD : POD + 3].tolist())
    assert [named[f"holder_{a}"] for a in "xyz"] == pytest.approx(seat_of(data).position.tolist())
    assert named["lid_angle"] == pytest.approx(LID_OPEN)
    tool, pod, holder = (Pose.from_vector(seen[at : at + 7].astype(float)) for at in (0, 9, 16))
    in_tool, in_pod = (Pose.from_vector(seen[at : at + 7].astype(float)) for at in (27, 34))
    assert np.allclose((tool @ in_tool).position, pod.position, atol=1e-6)
    assert np.allclose((pod @ in_pod).position, holder.position, atol=1e-6)
    assert np.allclose((pod @ in_pod).axis(0), holder.axis(0), atol=1e-6)


def test_observed_quaternions_do_not_jump_with_the_sign():
    data = fresh(3)
    seen = TASK.observe(data)
    for address in (POD, MACHINE):
        data.qpos[address + 3 : address + 7] *= -1
    mujoco.mj_forward(MODEL, data)
    assert np.allclose(TASK.observe(data), seen, atol=1e-6)


def touching(data: mujoco.MjData) -> dict[str, float]:
    named = dict(zip(TASK.observation_names, TASK.observe(data).tolist(), strict=True))
    return {name: value for name, value in named.items() if "touches" in name}


def test_contacts_are_seen():
    data = fresh()
    assert set(touching(data).values()) == {0.0}
    brew(data, high=-0.0002, lid=LID_OPEN)
    assert touching(data) == {"pod_touches_holder": 1, "pod_touches_fingers": 0, "holder_touches_fingers": 0}
    pad = data.geom_xpos[MODEL.geom("right_finger_pad").id].copy()
    data.qpos[POD : POD + 3] = pad
    mujoco.mj_forward(MODEL, data)
    assert touching(data) == {"pod_touches_holder": 0, "pod_touches_fingers": 1, "holder_touches_fingers": 0}
    data = fresh()
    data.qpos[MACHINE : MACHINE + 3] += pad - data.geom_xpos[MODEL.geom("holder_wall0").id]
    mujoco.mj_forward(MODEL, data)
    assert touching(data) == {"pod_touches_holder": 0, "pod_touches_fingers": 0, "holder_touches_fingers": 1}


def test_the_lid_is_seen_where_it_is():
    data = fresh()
    for angle in (0.0, 1.0, LID_OPEN):
        brew(data, lid=angle)
        lid = MODEL.body("lid").id
        expected = data.xpos[lid] + data.xmat[lid].reshape(3, 3) @ EDGE
        assert np.allclose(View(TASK.observe(data)).on_lid(EDGE), expected, atol=1e-6)


# When it is solved.


@pytest.mark.parametrize("change", [{}, {"flipped": True}, {"lid": math.radians(14)}, {"aside": 0.003}])
def test_success_when_the_pod_is_in_and_the_lid_is_closed(change):
    data = fresh()
    assert not TASK.success(data)
    brew(data, **change)
    assert TASK.success(data)
    assert View(TASK.observe(data)).done


@pytest.mark.parametrize(
    "change",
    [
        {"lid": math.radians(16)},
        {"lid": LID_OPEN},
        {"high": 0.012},  # not all the way in
        {"high": RIM_ABOVE_SEAT + POD_HALF},  # upon the rim, the lid "closed" through it
        {"high": 0.02, "lean": 0.5},  # jammed
        {"lean": 0.2},
        {"lean": math.pi / 2},
        {"aside": 0.01},
        {"aside": 0.08},
        {"high": -0.1},  # below the holder
    ],
)
def test_no_success_otherwise(change):
    data = fresh()
    brew(data, **change)
    assert not TASK.success(data)
    assert not View(TASK.observe(data)).done


def test_no_success_with_the_lid_closed_and_no_pod():
    data = fresh()
    data.qpos[LID] = 0.0
    mujoco.mj_forward(MODEL, data)
    assert not TASK.success(data)


@pytest.mark.parametrize("degrees", [15, 30, 90, 180])
def test_no_success_in_a_machine_that_has_fallen(degrees: float):
    data = fresh()
    fallen = quat_multiply(data.qpos[MACHINE + 3 : MACHINE + 7], quat_about(ACROSS, math.radians(degrees)))
    data.qpos[MACHINE + 3 : MACHINE + 7] = fallen
    brew(data)
    assert not TASK.success(data)


@pytest.mark.parametrize("what", [POD, POD + 3, LID, MACHINE, MACHINE + 3])
def test_no_success_in_a_world_that_has_come_apart(what: int):
    data = fresh()
    brew(data)
    assert TASK.success(data)
    data.qpos[what] = math.nan
    mujoco.mj_kinematics(MODEL, data)
    assert not TASK.success(data)


def test_success_goes_with_the_machine():
    data = fresh()
    data.qpos[MACHINE : MACHINE + 3] += [0.1, 0.05, 0.0]
    data.qpos[MACHINE + 3 : MACHINE + 7] = quat_about(UP, -1.0)
    brew(data)
    assert TASK.success(data)


# Physics.


def test_the_pod_fits_and_falls_to_its_seat():
    data = fresh()
    brew(data, lid=LID_OPEN)
    assert all("wall" not in MODEL.geom(g).name for c in data.contact for g in c.geom)
    brew(data, high=RIM_ABOVE_SEAT, aside=0.001, lean=0.03, lid=LID_OPEN)  # half in, as it is let go
    settle(data, 0.6)
    assert View(TASK.observe(data)).seated


def test_a_pod_upon_the_rim_keeps_the_lid_open():
    data = fresh()
    brew(data, high=RIM_ABOVE_SEAT + POD_HALF, aside=0.02, lid=math.radians(80))
    settle(data, 1.0)
    assert not TASK.success(data)
    assert deepest(data) < 1e-3


def test_the_open_lid_stays_and_one_past_the_vertical_falls_shut():
    data = fresh()
    settle(data, 0.5)
    assert data.qpos[LID] == pytest.approx(LID_OPEN, abs=0.01)
    brew(data, lid=math.radians(80))
    settle(data, 1.0)
    assert data.qpos[LID] == pytest.approx(0.0, abs=0.01)
    assert TASK.success(data)


def test_a_pod_on_its_side_comes_to_rest():
    data = fresh()
    data.qpos[POD : POD + 3] = -0.1, 0.2, TABLE_TOP + POD_RADIUS
    data.qpos[POD + 3 : POD + 7] = quat_about(ACROSS, math.pi / 2)
    dof = int(MODEL.joint("pod").dofadr[0])
    data.qvel[dof : dof + 6] = 0.05, 0, 0, 0, 0, -0.05 / POD_RADIUS
    mujoco.mj_forward(MODEL, data)
    settle(data, 3.0)
    assert np.linalg.norm(data.qvel[dof : dof + 3]) < 0.005
    assert data.qpos[POD] < 0.1


def test_the_machine_can_be_pushed_and_stays_upright():
    data = fresh()
    body, before = MODEL.body("machine").id, data.qpos[MACHINE : MACHINE + 3].copy()
    moved = {}
    for force in (8.0, 18.0):  # against friction of 0.2 x 6.4 kg x 9.81 = 12.5 N
        TASK.reset(data, np.random.default_rng(0))
        for _ in range(100):
            data.xfrc_applied[body, :2] = 0.0, force
            mujoco.mj_step1(MODEL, data)
            data.ctrl[:7] = data.qfrc_bias[:7]
            mujoco.mj_step2(MODEL, data)
        data.xfrc_applied[body] = 0
        moved[force] = float(np.linalg.norm(data.qpos[MACHINE : MACHINE + 2] - before[:2]))
        assert Pose.from_vector(data.qpos[MACHINE : MACHINE + 7]).axis(2)[2] > 0.999
    assert moved[8.0] < 1e-3
    assert 0.005 < moved[18.0] < 0.2


def test_nothing_explodes_when_the_arm_runs_into_the_machine():
    """Wild actions at and around the machine: everything stays finite, slow and out of each other."""
    worlds = Worlds(MODEL, 4, 2)
    robot, rng = TASK.robot(worlds), np.random.default_rng(0)
    for slot in range(4):
        TASK.reset(worlds.reset(slot), np.random.default_rng(slot))
    goals = np.array([[0.0, -0.1, 0.85], [0.0, -0.1, 0.95], [-0.05, -0.2, 1.0], [0.0, -0.1, 1.02]])
    for step in range(80):
        actions = rng.uniform(-1, 1, (4, 7))
        for slot, data in enumerate(worlds.datas):
            actions[slot, :3] += 40 * (goals[slot] - TASK.observe(data)[:3]) * (step % 20 < 15)
        robot.command(np.arange(4), np.clip(actions, -1, 1))
        for data in worlds.datas:
            assert np.isfinite(data.qpos).all()
            assert np.abs(data.qvel[MODEL.joint("machine").dofadr[0] :][:6]).max() < 3.0
            assert deepest(data) < 0.006


def test_a_held_pod_neither_slips_nor_trembles():
    worlds = Worlds(MODEL, 1)
    TASK.reset(worlds.reset(0), np.random.default_rng(1))
    robot, data = TASK.robot(worlds), worlds.datas[0]
    skill = TASK.skill(np.random.default_rng(1))
    for _ in range(150):
        robot.command(np.array([0]), skill.act(TASK.observe(data))[None])
        if View(TASK.observe(data)).lowest > 0.08:
            break
    hold = np.array([[0.0, 0, 0, 0, 0, 0, 1]])
    for _ in range(10):
        robot.command(np.array([0]), hold)
    before, fastest, dof = TASK.observe(data)[27:34].copy(), 0.0, int(MODEL.joint("pod").dofadr[0])
    for _ in range(200):
        robot.command(np.array([0]), hold)
        fastest = max(fastest, np.abs(data.qvel[dof : dof + 3]).max())
    after = TASK.observe(data)[27:34]
    assert View(TASK.observe(data)).held
    assert np.linalg.norm(after[:3] - before[:3]) < 1e-3
    assert abs(float(before[3:] @ after[3:])) > math.cos(math.radians(0.5))
    assert fastest < 0.02
