"""What a model is painted in follows from the state: in pictures, and in words for a browser."""

import mujoco
import numpy as np
import pytest

from retouch.sim.camera import Camera, CameraPose
from retouch.sim.describe import describe
from retouch.sim.liveries import add_liveries, liveries, livery_of

RED, GREEN, BLUE, WHITE = (0.8, 0.1, 0.1, 1), (0.1, 0.8, 0.1, 1), (0.1, 0.1, 0.8, 1), (0.9, 0.9, 0.9, 1)


def scene(painted: bool = True) -> mujoco.MjModel:
    """A red ball beside a white one."""
    spec = mujoco.MjSpec()
    spec.nuserdata = 3
    for y, colour in ((-0.1, RED), (0.1, WHITE)):
        spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.05, 0, 0], pos=[0, y, 0], rgba=colour)
    if painted:
        add_liveries(spec, 1, {RED: (RED, GREEN, BLUE)})
    return spec.compile()


def strongest(model: mujoco.MjModel, livery: int, y: float) -> int:
    """Which of red, green and blue is strongest in the middle of a ball; -1 for none."""
    data = mujoco.MjData(model)
    data.userdata[1] = livery
    mujoco.mj_forward(model, data)
    camera = Camera(model, CameraPose((1.0, 0.0, 0.0), (0.0, 0.0, 0.0), 30.0), 80, 40)
    at = 40 + round(y * 20 / np.tan(np.deg2rad(15)))
    middle = camera.draw(data)[20, at].astype(int)
    return -1 if np.ptp(middle) < 20 else int(np.argmax(middle))


@pytest.mark.parametrize("livery", [0, 1, 2])
def test_a_picture_shows_the_colours_that_the_state_says(livery):
    assert strongest(scene(), livery, -0.1) == livery
    assert strongest(scene(), livery, 0.1) == -1


def test_a_browser_is_told_of_them_and_the_model_itself_stays_as_it_is():
    model = scene()
    told = [describe(painted)["geoms"] for painted in liveries(model)]
    assert [geoms[0]["rgba"] for geoms in told] == [pytest.approx(c) for c in (RED, GREEN, BLUE)]
    assert all(geoms[1]["rgba"] == pytest.approx(WHITE) for geoms in told)
    assert model.geom_rgba[0] == pytest.approx(RED)


def test_where_nothing_differs_there_is_one_livery():
    plain = scene(painted=False)
    data = mujoco.MjData(plain)
    data.userdata[1] = 2
    assert liveries(plain) == [plain]
    assert livery_of(data) == 0
