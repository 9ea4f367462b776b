"""What `raster` found in every pixel, coloured: a lamp with soft shadows, light from sky and ground, a faint headlight.

All light is linear; the picture's bytes are sRGB. Viewer and lamp count as infinitely far away, as in classic OpenGL.
"""
# mypy: disable-error-code="no-untyped-def"

import math

import numba
import numpy as np

LAMP = (0.86, 0.82, 0.76)
SKY = (0.46, 0.50, 0.55)
GROUND = (0.25, 0.23, 0.21)
HEADLIGHT = 0.10
TO_LAMP, HALFWAY, UP, TO_VIEWER = range(4)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _product(left, right, transpose_left, result):
    """left @ right.T, or left.T @ right, of 3 columns each."""
    for i in range(result.shape[0]):
        for j in range(3):
            result[i, j] = 0.0
            for k in range(3):
                if transpose_left:
                    result[i, j] += left[k, i] * right[k, j]
                else:
                    result[i, j] += left[i, k] * right[j, k]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _facing(vectors, g, which, x, y, z):
    return vectors[g, which, 0] * x + vectors[g, which, 1] * y + vectors[g, which, 2] * z


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _power32(x):
    x = max(x, 0.0)
    x *= x
    x *= x
    x *= x
    x *= x
    return x * x


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _byte(srgb, value):
    return srgb[int(min(value, 1.0) * (len(srgb) - 1.0) + 0.5)]


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _bias(sun):
    """How far above a surface its shadow is looked up, in texels: more where the lamp grazes it."""
    return 0.6 + min(1.6 * math.sqrt(max(1.0 - sun * sun, 0.0)) / max(sun, 0.01), 4.0)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _lit(shadow_map, u, v, height):
    """The share of four neighbouring texels that see the lamp, weighted by closeness; 1 outside the map."""
    size = shadow_map.shape[0]
    if not (0.0 <= u < size - 1.0 and 0.0 <= v < size - 1.0):
        return 1.0
    column, row = np.uint32(u), np.uint32(v)
    next_column, next_row = np.uint32(column + 1), np.uint32(row + 1)
    here, beside = shadow_map[row, column] <= height, shadow_map[row, next_column] <= height
    below, across = shadow_map[next_row, column] <= height, shadow_map[next_row, next_column] <= height
    if here == beside and below == across and here == below:
        return 1.0 if here else 0.0
    right, down = u - column, v - row
    top = (1.0 - right) * here + right * beside
    low = (1.0 - right) * below + right * across
    return (1.0 - down) * top + down * low


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _light(vectors, g, x, y, z, sun, red, green, blue, gloss, in_shade, in_light):
    """The light that comes from a surface with this normal and colour, without and with the lamp, float64[3] each."""
    sky = 0.5 + 0.5 * _facing(vectors, g, UP, x, y, z)
    own = gloss[g, 1] + HEADLIGHT * max(_facing(vectors, g, TO_VIEWER, x, y, z), 0.0)
    shine = gloss[g, 0] * _power32(_facing(vectors, g, HALFWAY, x, y, z))
    sun = max(sun, 0.0)
    in_shade[0] = red * (GROUND[0] + sky * (SKY[0] - GROUND[0]) + own)
    in_shade[1] = green * (GROUND[1] + sky * (SKY[1] - GROUND[1]) + own)
    in_shade[2] = blue * (GROUND[2] + sky * (SKY[2] - GROUND[2]) + own)
    in_light[0] = in_shade[0] + LAMP[0] * (red * sun + shine)
    in_light[1] = in_shade[1] + LAMP[1] * (green * sun + shine)
    in_light[2] = in_shade[2] + LAMP[2] * (blue * sun + shine)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _stripe(x, width):
    """A wave of period 1 between -0.5 and 0.5 whose edges are `width` wide."""
    x -= 0.25
    return min(max((abs(x - math.floor(x) - 0.5) - 0.25) / width, -0.5), 0.5)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def shade(
    rotation, eye, focal, vectors, geoms, geom_xmat, geom_of, flat, triangles, points, normals, seen,
    colour, gloss, checker, background, shadow_axes, shadow_centre, shadow_scale, shadow_map, nearness, labels, srgb,
    image,
):  # fmt: skip
    """Colour `image` uint8[H, W, 3].

    Args:
        vectors: float64[4, 3], unit vectors in world: to the lamp, half-way to the viewer, up, to the viewer.
        geom_of: int32[T], each triangle's row in `geoms`; flat: bool[T].
        colour: float64[G, 3], linear; gloss: float64[G, 2], strength of the highlight and of own light.
        checker: float64[G, 6], second colour (linear), repeats per metre in x and y, distance [m] at which it is gone;
            the last is zero where there is no pattern.
        background: float64[H, 3], linear.
        shadow_map: float32[S, S] as `draw_shadow_map` left it; S = 0 for no shadows.
        srgb: uint8[L], the byte for a linear value of i / (L - 1).

    The others as for `raster.draw_camera`.
    """
    rows, columns = labels.shape
    local = np.empty((len(geoms), 4, 3))
    for g in range(len(geoms)):
        for i in range(4):
            for j in range(3):
                local[g, i, j] = 0.0
                for k in range(3):
                    local[g, i, j] += geom_xmat[geoms[g], 3 * k + j] * vectors[i, k]
    to_map, eye_in_map = np.empty((3, 3)), np.empty(3)
    _product(shadow_axes, rotation, False, to_map)
    for i in range(3):
        eye_in_map[i] = 0.0
        for k in range(3):
            eye_in_map[i] += shadow_axes[i, k] * (eye[k] - shadow_centre[k])
    has_shadows = shadow_map.shape[0] > 0
    middle_x, middle_y, per_pixel = 0.5 * columns - 0.5, 0.5 * rows - 0.5, 1.0 / focal
    middle, texel = 0.5 * shadow_map.shape[0] - 0.5, 1.0 / shadow_scale
    base_u = middle + shadow_scale * eye_in_map[0]
    base_v = middle - shadow_scale * eye_in_map[1]
    base_height = eye_in_map[2]
    weight, normal_of, place_of = np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3))
    corner_normals, corner_points = np.empty((3, 3)), np.empty((3, 3))
    in_shade, in_light = np.empty(3), np.empty(3)
    bytes_in_shade, bytes_in_light = np.empty(3, np.uint8), np.empty(3, np.uint8)
    for row in range(rows):
        dy = (row - middle_y) * per_pixel
        map_u = to_map[0, 1] * dy + to_map[0, 2]
        map_v = to_map[1, 1] * dy + to_map[1, 2]
        map_height = to_map[2, 1] * dy + to_map[2, 2]
        stop = 0
        while stop < columns:
            start, t = stop, labels[row, stop]
            while stop < columns and labels[row, stop] == t:
                stop += 1
            if t < 0:
                for k in range(3):
                    value = _byte(srgb, background[row, k])
                    for column in range(start, stop):
                        image[row, column, k] = value
                continue
            g, is_flat = geom_of[t], flat[t]
            is_patterned = checker[g, 5] > 0.0
            first = triangles[t, 0]
            x, y, z = normals[first, 0], normals[first, 1], normals[first, 2]
            sun = _facing(local, g, TO_LAMP, x, y, z)
            bias = _bias(sun)
            if is_patterned or not is_flat:
                # A corner's weight at a pixel: the ray times the cross product of the other two; negative where seen.
                for i in range(3):
                    p, q = triangles[t, (i + 1) % 3], triangles[t, (i + 2) % 3]
                    weight[i, 0] = seen[p, 1] * seen[q, 2] - seen[p, 2] * seen[q, 1]
                    weight[i, 1] = seen[p, 2] * seen[q, 0] - seen[p, 0] * seen[q, 2]
                    weight[i, 2] = seen[p, 0] * seen[q, 1] - seen[p, 1] * seen[q, 0]
                    for k in range(3):
                        corner_normals[i, k] = normals[triangles[t, i], k]
                        corner_points[i, k] = points[triangles[t, i], k]
                _product(corner_normals, weight, True, normal_of)
                _product(corner_points, weight, True, place_of)
            if is_flat and not is_patterned:
                _light(local, g, x, y, z, sun, colour[g, 0], colour[g, 1], colour[g, 2], gloss, in_shade, in_light)
                for k in range(3):
                    bytes_in_shade[k], bytes_in_light[k] = _byte(srgb, in_shade[k]), _byte(srgb, in_light[k])
                if not has_shadows or sun <= 0.0:
                    for k in range(3):
                        image[row, start:stop, k] = bytes_in_light[k]
                    continue
                # A flat run looks its shadow up in every second pixel and takes the mean between.
                ahead = 0.0
                for column in range(start, stop):
                    lit = ahead
                    if column == start or ((column - start) % 2 == 1 and column + 1 < stop):
                        there = column if column == start else column + 1
                        dx = (there - middle_x) * per_pixel
                        depth = shadow_scale / nearness[row, there]
                        u = base_u + depth * (to_map[0, 0] * dx + map_u)
                        v = base_v - depth * (to_map[1, 0] * dx + map_v)
                        height = base_height + (depth * (to_map[2, 0] * dx + map_height) + bias) * texel
                        ahead = _lit(shadow_map, u, v, height)
                        lit = ahead if column == start else 0.5 * (lit + ahead)
                    if lit == 1.0:
                        for k in range(3):
                            image[row, column, k] = bytes_in_light[k]
                    elif lit == 0.0:
                        for k in range(3):
                            image[row, column, k] = bytes_in_shade[k]
                    else:
                        for k in range(3):
                            image[row, column, k] = _byte(srgb, in_shade[k] + lit * (in_light[k] - in_shade[k]))
                continue
            for column in range(start, stop):
                dx = (column - middle_x) * per_pixel
                if not is_flat:
                    x = -(normal_of[0, 0] * dx + normal_of[0, 1] * dy + normal_of[0, 2])
                    y = -(normal_of[1, 0] * dx + normal_of[1, 1] * dy + normal_of[1, 2])
                    z = -(normal_of[2, 0] * dx + normal_of[2, 1] * dy + normal_of[2, 2])
                    scale = 1.0 / math.sqrt(x * x + y * y + z * z + 1e-60)
                    x, y, z = x * scale, y * scale, z * scale
                    sun = _facing(local, g, TO_LAMP, x, y, z)
                    bias = _bias(sun)
                lit = 1.0
                depth = shadow_scale / nearness[row, column]
                if has_shadows and sun > 0.0:
                    u = base_u + depth * (to_map[0, 0] * dx + map_u)
                    v = base_v - depth * (to_map[1, 0] * dx + map_v)
                    height = base_height + (depth * (to_map[2, 0] * dx + map_height) + bias) * texel
                    lit = _lit(shadow_map, u, v, height)
                depth *= texel
                mix = fade = 0.0
                if is_patterned:
                    mix = _checker(checker, g, place_of, weight, dx, dy, 1.5 * depth * per_pixel)
                    fade = min(depth / checker[g, 5], 1.0)
                    fade *= fade * (3.0 - 2.0 * fade)
                red = colour[g, 0] + mix * (checker[g, 0] - colour[g, 0])
                green = colour[g, 1] + mix * (checker[g, 1] - colour[g, 1])
                blue = colour[g, 2] + mix * (checker[g, 2] - colour[g, 2])
                _light(local, g, x, y, z, sun, red, green, blue, gloss, in_shade, in_light)
                for k in range(3):
                    value = in_shade[k] + lit * (in_light[k] - in_shade[k])
                    image[row, column, k] = _byte(srgb, value + fade * (background[row, k] - value))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _checker(checker, g, place_of, weight, dx, dy, blur):
    """How much of the second colour there is at a pixel that is `blur` metres wide."""
    total = 0.0
    for i in range(3):
        total += weight[i, 0] * dx + weight[i, 1] * dy + weight[i, 2]
    total = min(total, -1e-30)
    x = (place_of[0, 0] * dx + place_of[0, 1] * dy + place_of[0, 2]) / total
    y = (place_of[1, 0] * dx + place_of[1, 1] * dy + place_of[1, 2]) / total
    wave_x = _stripe(x * checker[g, 3], max(blur * checker[g, 3], 1e-9))
    wave_y = _stripe(y * checker[g, 4], max(blur * checker[g, 4], 1e-9))
    return 0.5 + 2.0 * wave_x * wave_y


@numba.njit(cache=True, nogil=True, error_model="numpy")
def halve(fine, image):
    """The means of 2 x 2 pixels of `fine` uint8[2 H, 2 W, 3] into `image` uint8[H, W, 3]."""
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            for k in range(3):
                total = 2
                for i in range(2):
                    for j in range(2):
                        total += fine[2 * row + i, 2 * column + j, k]
                image[row, column, k] = total // 4
