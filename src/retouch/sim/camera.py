"""A camera that draws a MuJoCo model without GL, without a display and with the same pixels on every machine.

    camera = Camera(model, CameraPose(eye=(1.2, -0.8, 1.4), target=(0.0, 0.0, 0.8)), 640, 480)
    image = camera.draw(data)

Every visible shape is cut into triangles once; a picture is then a few compiled calls: nearest surfaces, shadow map,
light, and with `samples=2` the mean of 2 x 2 pixels.
"""

import threading
from dataclasses import dataclass
from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from retouch.errors import InputError, UnknownName
from retouch.sim import raster, raster_shade, shapes
from retouch.sim.liveries import liveries, livery_of
from retouch.sim.rods import rod_poses, rods_of

NEAR = 0.01
SUN = (0.35, -0.45, 1.0)  # the way to the lamp in world
BACKGROUND = ((0.80, 0.84, 0.88), (0.93, 0.94, 0.95))  # sRGB, top and bottom row
FADE = 0.9  # planes without end are gone at this share of their size


@dataclass(frozen=True)
class CameraPose:
    """Where a camera stands, in world.

    Attributes:
        eye: metres.
        target: metres; the middle of the picture. World's z points up in it.
        fovy: vertical field of view, degrees.
    """

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    fovy: float = 45.0


class Picture(NamedTuple):
    """What a camera saw.

    Attributes:
        image: uint8[H, W, 3], sRGB.
        depth: float32[H, W], metres along the optical axis; infinite where nothing is. With `samples` s: [s H, s W].
        geom: int32[H, W], the geom's number in the model, or -1; shaped like `depth`. The rods of cables and belts
            (`rods`) are numbered on from there.
    """

    image: NDArray[np.uint8]
    depth: NDArray[np.float32]
    geom: NDArray[np.int32]


class Camera:
    """Draws one model from one place.

    Threads may share a camera (they take turns); a camera each lets them draw at the same time.

    Args:
        model: its visible geoms are drawn; one with alpha below 0.05 is invisible, any other opaque.
        camera: the name of a camera of the model, which moves with its body, or a place in world.
        width, height: of the picture, pixels.
        groups: the geom groups to draw.
        samples: 2 draws with twice the resolution and takes means, for films.
        shadows: cast by everything but planes.

    Raises:
        UnknownName: the model has no such camera.
        InputError: a size, pose, camera or shape that cannot be drawn.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        camera: str | CameraPose,
        width: int,
        height: int,
        *,
        groups: tuple[int, ...] = (0, 1, 2),
        samples: int = 1,
        shadows: bool = True,
    ):
        if width < 1 or height < 1 or samples not in (1, 2):
            raise InputError(f"a camera cannot draw {width} x {height} pixels with {samples} samples (1 or 2)")
        self.width, self.height, self.samples = width, height, samples
        self._camera_id = -1
        if isinstance(camera, str):
            self._camera_id = _find(model, camera)
            fovy = float(model.cam_fovy[self._camera_id])
            data = mujoco.MjData(model)
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            mujoco.mj_camlight(model, data)
            self._eye, self._rotation = self._placed(data)
            along = float(self._rotation[2] @ (model.stat.center - self._eye))
            self._focus_distance = max(along, 0.2 * float(model.stat.extent))
        else:
            fovy = camera.fovy
            self._eye, self._rotation = _look_at(camera)
            self._focus_distance = float(np.linalg.norm(np.subtract(camera.target, camera.eye)))
        if not 0.0 < fovy < 180.0:
            raise InputError(f"a field of view of {fovy} degrees")
        rows, columns = samples * height, samples * width
        self._focal = 0.5 * rows / float(np.tan(np.deg2rad(0.5 * fovy)))
        self._build(model, groups)
        self._light(columns, rows, shadows)
        self._lock = threading.Lock()

    def draw(self, data: mujoco.MjData) -> NDArray[np.uint8]:
        """The picture of a state, uint8[height, width, 3].

        Args:
            data: with poses of geoms and cameras up to date (`mj_forward`, or `mj_kinematics` and `mj_camlight`), and
                user data where colours follow from it (`liveries`).
        """
        with self._lock:
            return self._draw(data)

    def look(self, data: mujoco.MjData) -> Picture:
        """As `draw`, with depth and geoms."""
        with self._lock:
            image = self._draw(data)
            with np.errstate(divide="ignore"):
                depth = np.float32(1.0) / self._nearness
            return Picture(image, depth, np.append(self._geoms, np.int32(-1))[self._geom_of[self._labels]])

    def _placed(self, data: mujoco.MjData) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        axes = data.cam_xmat[self._camera_id].reshape(3, 3).T
        return data.cam_xpos[self._camera_id].copy(), np.ascontiguousarray(axes * np.array([[1.0], [-1.0], [-1.0]]))

    def _build(self, model: mujoco.MjModel, groups: tuple[int, ...]) -> None:
        """Cut the visible geoms into triangles and look up their colours."""
        seen = shapes.visible_geoms(model, groups)
        self._rods = rods_of(model, groups)
        self._geoms = np.append(seen, model.ngeom + np.arange(len(self._rods.bodies))).astype(np.int32)
        pixels_per_metre = self._focal / self._focus_distance
        surfaces = [shapes.surface_of(model, geom, shapes.sides_for(model, geom, pixels_per_metre)) for geom in seen]
        for radius, half in self._rods.sizes:
            surfaces.append(shapes.capsule(radius, half, shapes.sides_of_circle(pixels_per_metre * radius)))
        self._point_start = np.cumsum([0, *(len(s.points) for s in surfaces)]).astype(np.int64)
        self._triangle_start = np.cumsum([0, *(len(s.triangles) for s in surfaces)]).astype(np.int64)
        everything = shapes.join(*surfaces) if surfaces else shapes.NOTHING
        self._points, self._normals, self._triangles = everything.points, everything.normals, everything.triangles
        self._radius = np.array([np.sqrt(np.max(np.sum(s.points**2, axis=1))) for s in surfaces])
        # One row more: the label -1, for nothing, finds the last one.
        self._geom_of = np.append(np.repeat(np.arange(len(surfaces)), np.diff(self._triangle_start)), len(surfaces))
        self._geom_of = self._geom_of.astype(np.int32)
        corners = self._normals[self._triangles]
        self._flat = np.all(corners == corners[:, :1], axis=(1, 2))
        rods = len(self._rods.bodies)
        self._casters = np.append(model.geom_type[seen] != mujoco.mjtGeom.mjGEOM_PLANE, np.ones(rods, dtype=bool))
        _, gloss, checker = shapes.looks(model, seen, FADE)
        self._colours = [
            np.vstack([shapes.looks(painted, seen, FADE)[0], shapes.linear(rods_of(painted, groups).rgba[:, :3])])
            for painted in liveries(model)
        ]
        self._gloss = np.vstack([gloss, np.tile(shapes.PLAIN_GLOSS, (rods, 1))])
        self._checker = np.vstack([checker, np.zeros((rods, 6))])

    def _light(self, columns: int, rows: int, shadows: bool) -> None:
        """Place the lamp and make the buffers."""
        to_light = np.array(SUN) / np.sqrt(np.sum(np.square(SUN)))
        across = np.cross((0.0, 1.0, 0.0), to_light)
        across /= np.sqrt(across @ across)
        self._shadow_axes = np.stack([across, np.cross(to_light, across), to_light])
        reach = self._focus_distance * 0.5 * float(np.hypot(columns, rows)) / self._focal
        size = 0 if not shadows else 64 * int(np.clip(max(columns, rows) // 64, 2, 12))
        self._shadow_scale = max(size, 1) / (2.2 * reach)
        self._shadow_map = np.empty((size, size), np.float32)
        self._shadow_labels = np.empty((size, size), np.int32)
        self._nearness = np.empty((rows, columns), np.float32)
        self._labels = np.empty((rows, columns), np.int32)
        self._seen = np.empty_like(self._points)
        self._screen = np.empty_like(self._points)
        share = ((np.arange(rows) + 0.5) / rows)[:, None]
        top, bottom = (shapes.linear(np.array(c)) for c in BACKGROUND)
        self._background = top + share * (bottom - top)
        self._srgb = shapes.srgb_bytes()

    def _draw(self, data: mujoco.MjData) -> NDArray[np.uint8]:
        if self._camera_id >= 0:
            self._eye, self._rotation = self._placed(data)
        xpos, xmat = data.geom_xpos, data.geom_xmat
        if len(self._rods.bodies):
            middles, axes = rod_poses(self._rods, data)
            xpos, xmat = np.vstack([xpos, middles]), np.vstack([xmat, axes])
        raster.draw_camera(
            self._rotation, self._eye, self._focal, NEAR, self._geoms, xpos, xmat, self._radius, self._point_start,
            self._triangle_start, self._points, self._triangles, self._seen, self._screen, self._nearness, self._labels,
        )  # fmt: skip
        forward = self._rotation[2]
        centre = self._eye + self._focus_distance * forward
        if len(self._shadow_map):
            # The map moves in whole texels, so that shadows do not shimmer when the camera moves.
            in_map = self._shadow_axes @ centre
            in_map[:2] = np.round(in_map[:2] * self._shadow_scale) / self._shadow_scale
            centre = self._shadow_axes.T @ in_map
            raster.draw_shadow_map(
                self._shadow_axes, centre, self._shadow_scale, self._casters, self._geoms, xpos, xmat, self._radius,
                self._point_start, self._triangle_start, self._points, self._triangles, self._screen, self._shadow_map,
                self._shadow_labels,
            )  # fmt: skip
        to_light = self._shadow_axes[2]
        halfway = to_light - forward
        halfway = halfway / max(float(np.sqrt(halfway @ halfway)), 1e-9)
        fine = np.empty((*self._labels.shape, 3), np.uint8)
        vectors = np.stack([to_light, halfway, [0.0, 0.0, 1.0], -forward])
        raster_shade.shade(
            self._rotation, self._eye, self._focal, vectors, self._geoms, xmat, self._geom_of, self._flat,
            self._triangles, self._points, self._normals, self._seen, self._colours[livery_of(data)], self._gloss,
            self._checker, self._background, self._shadow_axes, centre, self._shadow_scale, self._shadow_map,
            self._nearness, self._labels, self._srgb, fine,
        )  # fmt: skip
        if self.samples == 1:
            return fine
        image = np.empty((self.height, self.width, 3), np.uint8)
        raster_shade.halve(fine, image)
        return image


def _find(model: mujoco.MjModel, name: str) -> int:
    """The number of a model's camera."""
    index = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, name)
    if index < 0:
        raise UnknownName("camera", name, (model.camera(i).name for i in range(model.ncam)))
    if model.cam_projection[index] != mujoco.mjtProjection.mjPROJ_PERSPECTIVE:
        raise InputError(f"camera '{name}' is orthographic; only perspective ones can be drawn")
    return index


def _look_at(pose: CameraPose) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eye and rotation (rows: right, down, forward) of a place in world."""
    eye = np.array(pose.eye, dtype=np.float64)
    forward = np.array(pose.target, dtype=np.float64) - eye
    length = float(np.sqrt(forward @ forward))
    if not length > 1e-9:
        raise InputError(f"a camera at {pose.eye} cannot look at {pose.target}")
    forward /= length
    up = np.array([0.0, 0.0, 1.0]) if abs(forward[2]) < 0.999999 else np.array([0.0, 1.0, 0.0])
    right = np.cross(forward, up)
    right /= np.sqrt(right @ right)
    return eye, np.stack([right, np.cross(forward, right), forward])
