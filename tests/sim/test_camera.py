"""The camera against the pinhole equation, against order of drawing, and against golden images.

`python tests/sim/test_camera.py` writes the golden images anew; look at them before they are committed.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mujoco
import numpy as np
import pytest
from PIL import Image

from retouch.errors import InputError, UnknownName
from retouch.sim.camera import Camera, CameraPose

GOLDEN = Path(__file__).parent / "golden"
PRIMITIVES = """<mujoco>
  <asset>
    <texture name="c" type="2d" builtin="checker" rgb1=".75 .76 .78" rgb2=".6 .62 .65" width="64" height="64"/>
    <material name="c" texture="c" texuniform="true" texrepeat="2 2"/>
    <material name="shiny" rgba=".9 .7 .2 1" specular="1"/>
  </asset>
  <worldbody>
    <geom type="plane" size="0 0 1" material="c"/>
    <geom type="box" size=".15 .1 .1" pos="0 -.45 .1" rgba=".8 .3 .2 1" euler="0 0 30"/>
    <geom type="sphere" size=".15" pos="0 0 .15" rgba=".2 .5 .8 1"/>
    <geom type="capsule" size=".07 .15" pos=".1 .4 .07" euler="90 20 0" material="shiny"/>
    <geom type="cylinder" size=".1 .15" pos="-.5 -.3 .15" rgba=".3 .6 .4 1"/>
    <geom type="ellipsoid" size=".2 .1 .15" pos="-.5 .3 .15" rgba=".6 .4 .7 1"/>
    <geom type="box" size=".5 .5 .5" pos=".5 0 1" rgba="1 0 0 0.01"/>
    <geom type="box" size=".5 .5 .5" pos=".5 0 1" rgba="1 0 0 1" group="3"/>
  </worldbody>
</mujoco>"""
MESH = """<mujoco>
  <asset><mesh name="wedge" vertex="0 0 0  .5 0 0  .5 .4 0  0 .4 0  0 0 .3  0 .4 .3"/></asset>
  <worldbody>
    <geom type="box" size=".6 .6 .02" pos="0 0 -.02" rgba=".8 .7 .6 1"/>
    <geom type="mesh" mesh="wedge" pos="-.1 0 .15" euler="0 0 40" rgba=".2 .5 .5 1"/>
  </worldbody>
</mujoco>"""
ARM = """<mujoco>
  <worldbody>
    <geom type="plane" size="1 1 1" rgba=".7 .72 .75 1"/>
    <geom type="cylinder" size=".09 .04" pos="0 0 .04" rgba=".2 .2 .22 1"/>
    <body pos="0 0 .08"><joint axis="0 0 1"/>
      <geom type="capsule" size=".06" fromto="0 0 0 0 0 .3" rgba=".7 .12 .15 1"/>
      <body pos="0 0 .3"><joint axis="0 1 0"/>
        <geom type="sphere" size=".07" rgba=".2 .2 .22 1"/>
        <geom type="capsule" size=".05" fromto="0 0 0 .35 0 0" rgba=".7 .12 .15 1"/>
        <body pos=".35 0 0"><joint axis="0 1 0"/>
          <geom type="sphere" size=".06" rgba=".2 .2 .22 1"/>
          <geom type="capsule" size=".04" fromto="0 0 0 .25 0 0" rgba=".7 .12 .15 1"/>
          <geom type="box" size=".02 .06 .02" pos=".3 0 0" rgba=".8 .8 .82 1"/>
          <camera name="wrist" pos=".2 0 .12" xyaxes="0 -1 0 .5 0 1" fovy="70"/>
        </body>
      </body>
    </body>
  </worldbody>
</mujoco>"""
SCENES = {
    "primitives": (PRIMITIVES, [], CameraPose((1.4, -0.8, 0.9), (-0.1, 0, 0.1))),
    "mesh": (MESH, [], CameraPose((0.8, -0.8, 0.8), (0, 0, 0.1))),
    "arm": (ARM, [0.5, -0.5, 1.2], CameraPose((0.9, -1.1, 0.8), (0.15, 0, 0.25))),
}


def scene(xml: str, qpos: list[float] | None = None) -> tuple[mujoco.MjModel, mujoco.MjData]:
    model = mujoco.MjModel.from_xml_string(xml)
    data = mujoco.MjData(model)
    if qpos:
        data.qpos[:] = qpos
    mujoco.mj_forward(model, data)
    return model, data


def world(*geoms: str) -> tuple[mujoco.MjModel, mujoco.MjData]:
    return scene(f"<mujoco><worldbody>{''.join(f'<geom {g}/>' for g in geoms)}</worldbody></mujoco>")


def pictured(name: str) -> np.ndarray:
    xml, qpos, pose = SCENES[name]
    model, data = scene(xml, qpos)
    return Camera(model, pose, 84, 84).draw(data)


@pytest.mark.parametrize("name", SCENES)
def test_golden_image(name: str) -> None:
    golden = np.asarray(Image.open(GOLDEN / f"{name}.png")).astype(int)
    difference = np.abs(pictured(name).astype(int) - golden)
    assert difference.max() <= 1, f"{np.sum(difference.max(axis=2) > 1)} pixels differ from {name}.png"


@pytest.mark.parametrize("place", [(0.0, 0.0, 0.0), (0.3, 0.4, -0.2), (-0.5, 0.2, 0.5)])
def test_a_sphere_lands_where_the_pinhole_equation_says(place: tuple[float, float, float]) -> None:
    """Seen along +x the picture's right is -y and its down is -z."""
    model, data = world(f'type="sphere" size=".04" pos="{place[0]} {place[1]} {place[2]}"')
    width, height, fovy = 301, 201, 50.0
    picture = Camera(model, CameraPose((-2, 0, 0), (0, 0, 0), fovy), width, height).look(data)
    rows, columns = np.nonzero(picture.geom == 0)
    focal = 0.5 * height / np.tan(np.deg2rad(fovy / 2))
    depth = place[0] + 2
    assert columns.mean() + 0.5 == pytest.approx(width / 2 - focal * place[1] / depth, abs=0.4)
    assert rows.mean() + 0.5 == pytest.approx(height / 2 - focal * place[2] / depth, abs=0.4)
    assert picture.depth.min() == pytest.approx(depth - 0.04, abs=2e-3)
    assert len(rows) == pytest.approx(np.pi * (focal * 0.04 / depth) ** 2, rel=0.06)


def test_depth_of_a_wall_is_exact_and_infinite_beside_it() -> None:
    model, data = world('type="box" size=".1 .2 .3" pos="1.1 0 0"')
    depth = Camera(model, CameraPose((0, 0, 0), (1, 0, 0), 60), 101, 101).look(data).depth
    assert depth[50, 50] == pytest.approx(1.0, abs=1e-6)
    assert np.isinf(depth[0, 0])
    wall = np.isfinite(depth)
    focal = 50.5 / np.tan(np.deg2rad(30))
    assert wall.any(axis=0).sum() == pytest.approx(2 * 0.2 * focal, abs=1)
    assert wall.any(axis=1).sum() == pytest.approx(2 * 0.3 * focal, abs=1)


@pytest.mark.parametrize("seed", range(5))
def test_the_nearest_wall_wins_whatever_the_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    at = rng.permutation(np.linspace(1.0, 3.0, 6))
    model, data = world(*(f'type="box" size=".02 {0.1 + 0.1 * x:.3f} 1" pos="{x} 0 0"' for x in at))
    geom = Camera(model, CameraPose((0, 0, 0.1), (1, 0, 0.1)), 64, 48).look(data).geom
    assert geom[24, 32] == np.argmin(at)
    assert set(np.unique(geom[24])) <= set(range(-1, 6))


def test_touching_boxes_leave_no_gap_between_them() -> None:
    """Two boxes share an edge that cuts across the pixels; nothing shows through."""
    model, data = world(
        'type="box" size=".1 1 .5" pos="1 0 .5" euler="7 0 0"', 'type="box" size=".1 1 1.5" pos="1.3 0 0" euler="7 0 0"'
    )
    geom = Camera(model, CameraPose((-1, 0, 0.1), (1, 0, 0.1), 30), 97, 83).look(data).geom
    assert (geom >= 0).all()


def test_a_closed_surface_is_watertight() -> None:
    """Every row and column of a convex outline is one run: no pixel inside is missed."""
    model, data = world('type="ellipsoid" size=".3 .5 .4" euler="20 30 40"')
    for eye in ((2, 0.3, 0.4), (0.5, -2, 1), (-1, 1, -1.5)):
        inside = Camera(model, CameraPose(eye, (0, 0, 0)), 120, 90).look(data).geom == 0
        for line in (*inside, *inside.T):
            assert np.abs(np.diff(line.astype(int))).sum() in (0, 2)
        assert inside.sum() > 300


def test_the_near_plane_cuts_and_what_is_behind_does_not_show() -> None:
    """The eye stands 20 cm above a floor that goes on behind it, and inside of a sphere."""
    model, data = world(
        'type="plane" size="5 5 1"', 'type="sphere" size=".3" pos="-2 0 0.2"', 'type="sphere" size=".05"'
    )
    picture = Camera(model, CameraPose((-0.1, 0, 0.2), (1, 0, 0.2), 90), 80, 80).look(data)
    assert (picture.geom[42:] == 0).mean() > 0.9
    assert (picture.geom[:38] == -1).all()
    expected = 0.2 / ((np.arange(80) + 0.5 - 40) / 40)
    assert picture.depth[60:, 2] == pytest.approx(expected[60:], rel=1e-3)
    assert not (picture.geom == 1).any()


def test_shapes_are_the_size_mujoco_says() -> None:
    """Triangles enclose almost the shape's volume, and never more: normals face outwards, windings agree."""
    from retouch.sim.shapes import surface_of

    model, _ = world(
        'type="box" size=".1 .2 .3"', 'type="sphere" size=".2"', 'type="capsule" size=".1 .2"',
        'type="cylinder" size=".1 .2"', 'type="ellipsoid" size=".1 .2 .3"',
    )  # fmt: skip
    volumes = [
        8 * 0.006, 4 / 3 * np.pi * 0.008, np.pi * 0.01 * 0.4 + 4 / 3 * np.pi * 0.001,
        np.pi * 0.01 * 0.4, 4 / 3 * np.pi * 0.006,
    ]  # fmt: skip
    for geom, volume in enumerate(volumes):
        surface = surface_of(model, geom, 40)
        a, b, c = np.moveaxis(surface.points[surface.triangles], 1, 0)
        assert np.sum(a * np.cross(b, c)) / 6 == pytest.approx(volume, rel=0.02)
        across = np.cross(b - a, c - a)
        assert (np.sum(across * surface.normals[surface.triangles[:, 0]], axis=1) > 0).all()
        assert np.linalg.norm(surface.normals, axis=1) == pytest.approx(1.0)


def test_a_wrist_camera_moves_with_its_body() -> None:
    model, data = scene(ARM, [0.0, 0.0, 0.0])
    camera = Camera(model, "wrist", 60, 60)
    before = camera.draw(data)
    data.qpos[:] = [0.0, -0.3, 0.6]
    mujoco.mj_forward(model, data)
    assert (camera.draw(data) != before).mean() > 0.2


def test_shadows_darken_the_floor_away_from_the_lamp_only() -> None:
    model, data = world('type="plane" size="2 2 1" rgba=".8 .8 .8 1"', 'type="box" size=".1 .1 .1" pos="0 0 .5"')
    pose = CameraPose((0, -0.001, 3), (0, 0, 0))
    with_shadow, without = (Camera(model, pose, 120, 120, shadows=s).draw(data).astype(int) for s in (True, False))
    rows, columns = np.nonzero((without - with_shadow).sum(axis=2) > 60)
    assert len(rows) > 30
    # The lamp is at +x, -y: the shadow falls to -x (left) and +y (up).
    assert columns.mean() < 60
    assert rows.mean() < 60
    assert (with_shadow <= without).all()


def test_the_same_pixels_in_every_call_camera_and_thread() -> None:
    """Threads share a camera, or have one each, and draw two states in turn."""
    xml, qpos, pose = SCENES["arm"]
    states = [scene(xml, qpos), scene(xml, [-0.5, -0.9, 0.3])]
    model = states[0][0]
    shared = Camera(model, pose, 84, 84)
    expected = [shared.draw(data) for _, data in states]
    assert (expected[0] != expected[1]).any()
    with ThreadPoolExecutor(4) as pool:
        pictures = [
            (pool.submit((shared if i % 5 else Camera(model, pose, 84, 84)).draw, states[i % 2][1]), expected[i % 2])
            for i in range(200)
        ]
        assert all(np.array_equal(drawn.result(), right) for drawn, right in pictures)


def test_two_samples_are_the_mean_of_four_pixels() -> None:
    xml, qpos, pose = SCENES["arm"]
    model, data = scene(xml, qpos)
    fine = Camera(model, pose, 120, 120).draw(data).astype(int)
    smooth = Camera(model, pose, 60, 60, samples=2).draw(data)
    assert np.abs(fine.reshape(60, 2, 60, 2, 3).mean(axis=(1, 3)) - smooth).max() <= 0.5


def test_groups_and_transparency() -> None:
    model, data = scene(PRIMITIVES)
    pose = SCENES["primitives"][2]
    assert not np.isin(Camera(model, pose, 64, 64).look(data).geom, (6, 7)).any()
    assert (Camera(model, pose, 64, 64, groups=(3,)).look(data).geom == 7).any()


def test_an_empty_scene_is_background() -> None:
    model, data = world('type="sphere" size=".1" group="4"')
    picture = Camera(model, CameraPose((1, 0, 0), (0, 0, 0)), 8, 6).look(data)
    assert picture.image.shape == (6, 8, 3)
    assert (picture.geom == -1).all()


def test_a_state_that_is_not_finite_draws_without_harm() -> None:
    model, data = world('type="sphere" size=".1"', 'type="box" size=".1 .1 .1" pos="0 .3 0"')
    data.geom_xpos[0] = np.nan
    data.geom_xmat[0] = np.nan
    geom = Camera(model, CameraPose((1, 0, 0), (0, 0, 0)), 32, 32).look(data).geom
    assert set(np.unique(geom)) == {-1, 1}


def test_errors_say_what_is_wrong() -> None:
    model, _ = scene(ARM)
    with pytest.raises(UnknownName, match="did you mean 'wrist'"):
        Camera(model, "wrst", 8, 8)
    with pytest.raises(InputError, match="look at"):
        Camera(model, CameraPose((1, 0, 0), (1, 0, 0)), 8, 8)
    with pytest.raises(InputError, match="0 x 8 pixels"):
        Camera(model, "wrist", 0, 8)
    with pytest.raises(InputError, match="180"):
        Camera(model, CameraPose((1, 0, 0), (0, 0, 0), 180), 8, 8)


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for scene_name in SCENES:
        Image.fromarray(pictured(scene_name)).save(GOLDEN / f"{scene_name}.png", optimize=True)
