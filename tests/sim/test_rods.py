"""Cables and belts as they are drawn: in pictures and on the page."""

import mujoco
import numpy as np
import pytest

from retouch.sim.camera import Camera, CameraPose
from retouch.sim.describe import body_poses, describe, drawn_bodies
from retouch.sim.rods import rod_poses, rods_of

ROPE = """<mujoco>
  <worldbody>
    <geom type="sphere" size=".05" pos="0 .5 0" rgba="0 0 1 1"/>
    <flexcomp name="{name}" type="grid" dim="1" count="4 1 1" spacing=".1 .1 .1" radius=".02" rgba="1 0 0 {alpha}"
      group="{group}" mass=".1"><edge equality="true"/></flexcomp>
  </worldbody>
</mujoco>"""


def rope(name: str = "rope", alpha: float = 1.0, group: int = 0) -> tuple[mujoco.MjModel, mujoco.MjData]:
    model = mujoco.MjModel.from_xml_string(ROPE.format(name=name, alpha=alpha, group=group))
    data = mujoco.MjData(model)
    data.qpos[:] = np.random.default_rng(0).normal(0, 0.02, model.nq)
    mujoco.mj_kinematics(model, data)
    return model, data


def test_rods_lie_between_the_vertices() -> None:
    model, data = rope()
    rods = rods_of(model)
    middles, axes = rod_poses(rods, data)
    mujoco.mj_forward(model, data)
    vertices = data.flexvert_xpos
    np.testing.assert_allclose(middles, (vertices[:-1] + vertices[1:]) / 2, atol=1e-12)
    along = np.diff(vertices, axis=0)
    turns = axes.reshape(-1, 3, 3)
    np.testing.assert_allclose(turns[:, :, 2], along / np.linalg.norm(along, axis=1, keepdims=True), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(turns), 1.0)
    np.testing.assert_allclose(rods.sizes, np.tile([0.02, 0.05], (3, 1)))


def test_a_rod_is_drawn_where_it_is() -> None:
    model, data = rope()
    mujoco.mj_forward(model, data)
    picture = Camera(model, CameraPose((0.0, -1.0, 0.0), (0.0, 0.0, 0.0)), 200, 200).look(data)
    focal = 100 / np.tan(np.deg2rad(22.5))
    for number, point in enumerate((data.flexvert_xpos[:-1] + data.flexvert_xpos[1:]) / 2):
        depth = 1.0 + point[1]
        column, row = 99.5 + focal * point[0] / depth, 99.5 - focal * point[2] / depth
        assert picture.geom[round(row), round(column)] == model.ngeom + number
        assert picture.depth[round(row), round(column)] == pytest.approx(depth - 0.02, abs=0.006)
        red, green, blue = picture.image[round(row), round(column)].astype(int)
        assert red > 60 + max(green, blue)


@pytest.mark.parametrize(("alpha", "group"), [(0.0, 0), (1.0, 3)])
def test_hidden_flexes_are_not_drawn(alpha: float, group: int) -> None:
    model, _ = rope(alpha=alpha, group=group)
    assert len(rods_of(model).bodies) == 0


def test_the_page_gets_a_body_with_a_capsule_for_every_rod() -> None:
    model, data = rope()
    scene, poses = describe(model), body_poses(data)
    assert len(scene["bodies"]) == len(poses) == drawn_bodies(model) == model.nbody + 3
    capsules = [geom for geom in scene["geoms"] if geom["type"] == "capsule"]
    assert [geom["body"] for geom in capsules] == list(range(model.nbody, model.nbody + 3))
    middles, axes = rod_poses(rods_of(model), data)
    for pose, middle, axis in zip(poses[model.nbody :], middles, axes, strict=True):
        np.testing.assert_allclose(pose[:3], middle, atol=1e-6)
        turned = np.empty(9)
        mujoco.mju_quat2Mat(turned, pose[3:].astype(float))
        np.testing.assert_allclose(turned, axis, atol=1e-6)
