"""The surface of every shape of a MuJoCo model as triangles in its own frame.

Triangles run counter-clockwise seen from outside. Curved faces carry the shape's exact normal at each vertex, flat ones
the normal of the face, so that few triangles look round.
"""

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from retouch.errors import InputError

INVISIBLE_ALPHA = 0.05
ENDLESS = 12.0  # half-size [m] that stands in for a plane without end
UNFADED = 1e9  # distance [m]
UNSET_RGBA = (0.5, 0.5, 0.5, 1.0)  # what MuJoCo gives a geom without a colour
PLAIN_GLOSS = (0.15, 0.0)  # of what has no material: how it shines, how it glows

Points = NDArray[np.float64]
Triangles = NDArray[np.int32]


@dataclass(frozen=True)
class Surface:
    """One shape's triangles, in its own frame.

    Attributes:
        points: float64[V, 3], metres.
        normals: float64[V, 3], outward, of unit length.
        triangles: int32[T, 3], indices into `points`.
    """

    points: Points
    normals: Points
    triangles: Triangles


NOTHING = Surface(np.empty((0, 3)), np.empty((0, 3)), np.empty((0, 3), np.int32))


def join(*surfaces: Surface) -> Surface:
    """Several surfaces of one frame as one."""
    starts = np.cumsum([0, *(len(s.points) for s in surfaces)])
    return Surface(
        np.concatenate([s.points for s in surfaces]),
        np.concatenate([s.normals for s in surfaces]),
        np.concatenate([s.triangles + start for s, start in zip(surfaces, starts, strict=False)]).astype(np.int32),
    )


def rectangle(half_x: float, half_y: float) -> Surface:
    """A rectangle at z = 0 that faces +z."""
    points = np.array([[-half_x, -half_y, 0], [half_x, -half_y, 0], [half_x, half_y, 0], [-half_x, half_y, 0]], float)
    return Surface(points, np.tile([0.0, 0.0, 1.0], (4, 1)), np.array([[0, 1, 2], [0, 2, 3]], np.int32))


def box(half: NDArray[np.float64]) -> Surface:
    """A box with half-sizes `half`, float64[3]."""
    faces = []
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        for side in (1.0, -1.0):
            points = np.zeros((4, 3))
            points[:, axis] = side * half[axis]
            points[:, u] = half[u] * np.array([-1, 1, 1, -1]) * side
            points[:, v] = half[v] * np.array([-1, -1, 1, 1])
            normals = np.zeros((4, 3))
            normals[:, axis] = side
            faces.append(Surface(points, normals, np.array([[0, 1, 2], [0, 2, 3]], np.int32)))
    return join(*faces)


def revolve(radius: Points, height: Points, normal_radius: Points, normal_height: Points, sides: int) -> Surface:
    """A profile turned about z: float64[K] radii, heights and normals, from the top down."""
    angle = 2 * np.pi * np.arange(sides) / sides
    cosine, sine = np.cos(angle), np.sin(angle)

    def turn(r: Points, z: Points) -> Points:
        return np.stack([r[:, None] * cosine, r[:, None] * sine, np.repeat(z[:, None], sides, axis=1)], axis=-1)

    triangles = []
    for ring in range(len(radius) - 1):
        for side in range(sides):
            a, b = ring * sides + side, ring * sides + (side + 1) % sides
            if radius[ring] > 0:
                triangles.append((a, a + sides, b))
            if radius[ring + 1] > 0:
                triangles.append((b, a + sides, b + sides))
    return Surface(
        turn(radius, height).reshape(-1, 3),
        turn(normal_radius, normal_height).reshape(-1, 3),
        np.array(triangles, np.int32),
    )


def _arc(sides: int) -> tuple[Points, Points]:
    """Radii and heights of a unit half-circle from the top down, exactly zero and one where they should be."""
    angle = np.pi * np.arange(sides // 2 + 1) / (sides // 2)
    radius, height = np.sin(angle), np.cos(angle)
    radius[[0, -1]] = 0.0
    height[sides // 4] = 0.0
    return radius, height


def ellipsoid(half: NDArray[np.float64], sides: int) -> Surface:
    """An ellipsoid with half-axes `half`, float64[3]; a sphere where they are equal."""
    radius, height = _arc(sides)
    unit = revolve(radius, height, radius, height, sides)
    normals = unit.normals / half
    return Surface(unit.points * half, normals / np.linalg.norm(normals, axis=1, keepdims=True), unit.triangles)


def capsule(radius: float, half_length: float, sides: int) -> Surface:
    """A capsule along z; `half_length` is the cylinder's, without the caps."""
    r, z = _arc(sides)
    middle = sides // 4
    r = np.concatenate([r[: middle + 1], r[middle:]])
    z = np.concatenate([z[: middle + 1], z[middle:]])
    shift = np.where(np.arange(len(z)) <= middle, half_length, -half_length)
    return revolve(radius * r, radius * z + shift, r, z, sides)


def cylinder(radius: float, half_length: float, sides: int) -> Surface:
    """A cylinder along z with flat ends."""
    r, z = np.array([radius, radius]), np.array([half_length, -half_length])
    wall = revolve(r, z, np.ones(2), np.zeros(2), sides)
    rim, centre = np.array([0.0, radius]), np.zeros(2)
    top = revolve(rim, centre + half_length, centre, centre + 1, sides)
    bottom = revolve(rim[::-1], centre - half_length, centre, centre - 1, sides)
    return join(wall, top, bottom)


def mesh(model: mujoco.MjModel, index: int) -> Surface:
    """A mesh asset, with the normals that MuJoCo keeps for it."""
    faces = slice(model.mesh_faceadr[index], model.mesh_faceadr[index] + model.mesh_facenum[index])
    points = model.mesh_vert[model.mesh_vertadr[index] :][: model.mesh_vertnum[index]]
    normals = model.mesh_normal[model.mesh_normaladr[index] :][: model.mesh_normalnum[index]]
    corners = np.stack([model.mesh_face[faces].ravel(), model.mesh_facenormal[faces].ravel()], axis=1)
    unique, inverse = np.unique(corners, axis=0, return_inverse=True)
    return Surface(
        points[unique[:, 0]].astype(float), normals[unique[:, 1]].astype(float), inverse.reshape(-1, 3).astype(np.int32)
    )


def surface_of(model: mujoco.MjModel, geom: int, sides: int) -> Surface:
    """The surface of one geom, in the geom's frame.

    Args:
        sides: of a full circle; a multiple of 4.

    Raises:
        InputError: a kind of shape that has no surface here (height fields).
    """
    kinds = mujoco.mjtGeom
    kind, size = kinds(int(model.geom_type[geom])), model.geom_size[geom].astype(float)
    if kind == kinds.mjGEOM_PLANE:
        return rectangle(size[0] or ENDLESS, size[1] or ENDLESS)
    if kind == kinds.mjGEOM_BOX:
        return box(size)
    if kind == kinds.mjGEOM_SPHERE:
        return ellipsoid(np.full(3, size[0]), sides)
    if kind == kinds.mjGEOM_ELLIPSOID:
        return ellipsoid(size, sides)
    if kind == kinds.mjGEOM_CAPSULE:
        return capsule(size[0], size[1], sides)
    if kind == kinds.mjGEOM_CYLINDER:
        return cylinder(size[0], size[1], sides)
    if kind in (kinds.mjGEOM_MESH, kinds.mjGEOM_SDF):
        return mesh(model, model.geom_dataid[geom])
    raise InputError(f"geom {geom} ('{model.geom(geom).name}') is of a kind that the camera cannot draw: {kind.name}")


def sides_for(model: mujoco.MjModel, geom: int, pixels_per_metre: float) -> int:
    """How many sides make a circle of this geom look round."""
    size = model.geom_size[geom]
    several = model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_ELLIPSOID
    return sides_of_circle(pixels_per_metre * float(np.max(size) if several else size[0]))


def sides_of_circle(pixels: float) -> int:
    """How many sides make a circle look round: a quarter of a pixel off at most; 8 to 40, by fours."""
    return 4 * int(np.clip(np.ceil(np.sqrt(2.0 * pixels) * np.pi / 4.0), 2, 10))


def visible_geoms(model: mujoco.MjModel, groups: tuple[int, ...]) -> NDArray[np.int32]:
    """The geoms, int32[G], of these groups that are not transparent."""
    shown = np.isin(model.geom_group, groups) & (geom_rgba(model)[:, 3] >= INVISIBLE_ALPHA)
    return np.flatnonzero(shown).astype(np.int32)


def geom_rgba(model: mujoco.MjModel) -> NDArray[np.float64]:
    """The colour of every geom, float64[ngeom, 4]: its material's, unless the geom says otherwise."""
    rgba = model.geom_rgba.astype(float)
    unset = (model.geom_matid >= 0) & np.all(model.geom_rgba == UNSET_RGBA, axis=1)
    rgba[unset] = model.mat_rgba[model.geom_matid[unset]]
    return rgba


def linear(srgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light of an sRGB value; both between 0 and 1."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def srgb_bytes(levels: int = 4096) -> NDArray[np.uint8]:
    """The sRGB byte for the light i / (levels - 1), uint8[levels]."""
    light = np.arange(levels) / (levels - 1)
    value = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(255 * value).astype(np.uint8)


def looks(
    model: mujoco.MjModel, geoms: NDArray[np.int32], fade: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Colour, gloss and pattern of geoms, as `raster_shade.shade` takes them."""
    colour = linear(np.clip(geom_rgba(model)[geoms, :3], 0.0, 1.0))
    gloss, checker = np.tile(PLAIN_GLOSS, (len(geoms), 1)), np.zeros((len(geoms), 6))
    for i, geom in enumerate(geoms):
        material = model.geom_matid[geom]
        plane = model.geom_type[geom] == mujoco.mjtGeom.mjGEOM_PLANE
        if plane:
            endless = not (model.geom_size[geom, 0] and model.geom_size[geom, 1])
            checker[i] = [*colour[i], 0.0, 0.0, fade * ENDLESS if endless else 0.0]
        if material < 0:
            continue
        gloss[i] = 0.3 * model.mat_specular[material], model.mat_emission[material]
        texture = model.mat_texid[material, mujoco.mjtTextureRole.mjTEXROLE_RGB]
        if plane and texture >= 0 and model.tex_type[texture] == mujoco.mjtTexture.mjTEXTURE_2D:
            first, second = _checker_colours(model, texture)
            tint = colour[i].copy()
            colour[i], checker[i, :3] = tint * first, tint * second
            whole = np.ones(2) if model.mat_texuniform[material] else 2.0 * np.maximum(model.geom_size[geom, :2], 0.5)
            checker[i, 3:5] = model.mat_texrepeat[material] / whole
            checker[i, 5] = checker[i, 5] or UNFADED
    return colour, gloss, checker


def _checker_colours(model: mujoco.MjModel, texture: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two colours of a checkered texture, linear; equal where a texture has but one."""
    height, width, channels = model.tex_height[texture], model.tex_width[texture], model.tex_nchannel[texture]
    pixels = (
        model.tex_data[model.tex_adr[texture] :][: height * width * channels].reshape(height, width, channels) / 255.0
    )
    row = height // 4
    return linear(pixels[row, width // 4, :3]), linear(pixels[row, 3 * width // 4, :3])
