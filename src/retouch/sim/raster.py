"""Triangles to pixels, compiled: move to the camera's frame, clip, and keep the nearest surface of every pixel.

A picture's frame: x right, y down, z along the view, origin in the eye; metres. The pixel in column i and row j has its
centre at image point (i, j). Nearness is 1 / z for a camera, and for a shadow map it grows towards the lamp: the larger
one wins.
Corners are put on a grid of 1/16 pixel. Edge functions are then whole numbers below 2^52, exact in float64, so that
neighbouring triangles neither overlap nor leave gaps and the same pixels come out on every machine.
"""
# mypy: disable-error-code="no-untyped-def"

import math

import numba
import numpy as np

GRID = 16.0
FARTHEST = 2.0**25  # corners beyond this many grid units are moved there


@numba.njit(cache=True, nogil=True, error_model="numpy", inline="never")
def _fill(x0, y0, n0, x1, y1, n1, x2, y2, n2, label, nearness, labels):
    """One triangle that runs clockwise as seen (y down): grid units and nearness of its corners."""
    rows, columns = nearness.shape
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    if not area > 0.0:
        return
    low, high = min(x0, x1, x2), max(x0, x1, x2)
    first = max(0.0, math.ceil(low / GRID))
    last = min(columns - 1.0, math.floor(high / GRID))
    top = max(0, math.ceil(min(y0, y1, y2) / GRID))
    bottom = min(rows - 1, math.floor(max(y0, y1, y2) / GRID))
    if first > last or top > bottom:
        return
    step_x = ((n1 - n0) * (y2 - y0) - (n2 - n0) * (y1 - y0)) / area * GRID
    step_y = ((n2 - n0) * (x1 - x0) - (n1 - n0) * (x2 - x0)) / area * GRID
    origin = n0 - (x0 * step_x + y0 * step_y) / GRID
    # Edge functions at column 0, row 0; a pixel on an edge belongs to the triangle right of or below it.
    ax, ay, bx, by, cx, cy = x1 - x0, y1 - y0, x2 - x1, y2 - y1, x0 - x2, y0 - y2
    ea = x0 * ay - y0 * ax - (0.0 if ay < 0.0 or (ay == 0.0 and ax > 0.0) else 1.0)
    eb = x1 * by - y1 * bx - (0.0 if by < 0.0 or (by == 0.0 and bx > 0.0) else 1.0)
    ec = x2 * cy - y2 * cx - (0.0 if cy < 0.0 or (cy == 0.0 and cx > 0.0) else 1.0)
    for row in range(top, bottom + 1):
        down = GRID * row
        left, right = first, last
        for step, value in ((-ay * GRID, ea + ax * down), (-by * GRID, eb + bx * down), (-cy * GRID, ec + cx * down)):
            if step > 0.0:
                left = max(left, math.ceil(-value / step))
            elif step < 0.0:
                right = min(right, math.floor(-value / step))
            elif value < 0.0:
                right = -1.0
        if left > right:
            continue
        at_left = origin + step_y * row
        for column in range(np.uint32(left), np.uint32(right) + np.uint32(1)):
            near = np.float32(at_left + step_x * column)
            if near > nearness[row, column]:
                nearness[row, column] = near
                labels[row, column] = label


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _snap(value):
    return min(max(math.floor(value * GRID + 0.5), -FARTHEST), FARTHEST)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def draw_camera(
    rotation, eye, focal, near, geoms, geom_xpos, geom_xmat, radius, point_start, triangle_start, points, triangles,
    seen, screen, nearness, labels,
):  # fmt: skip
    """Fill `nearness` and `labels` with what a pinhole camera sees.

    Args:
        rotation: float64[3, 3], rows: the picture's x, y and z axes in world.
        eye: float64[3], metres in world.
        focal: pixels.
        near: metres; nothing closer is drawn.
        geoms: int32[G], rows of `geom_xpos` float64[ngeom, 3] and `geom_xmat` float64[ngeom, 9].
        radius: float64[G], of the sphere about the geom's origin that holds it, metres.
        point_start, triangle_start: int64[G + 1], where a geom's rows start in `points` and `triangles`.
        seen: float64[V, 3], receives the points in the picture's frame.
        screen: float64[V, 3], scratch.
        nearness: float32[H, W], receives 1 / z; zero where nothing is.
        labels: int32[H, W], receives the triangle's row, or -1.
    """
    rows, columns = nearness.shape
    nearness[:] = np.float32(0.0)
    labels[:] = -1
    half_x, half_y = 0.5 * columns / focal, 0.5 * rows / focal
    slant_x, slant_y = math.sqrt(1.0 + half_x * half_x), math.sqrt(1.0 + half_y * half_y)
    middle_x, middle_y = 0.5 * columns - 0.5, 0.5 * rows - 0.5
    turn, shift = np.empty((3, 3)), np.empty(3)
    polygon = np.empty((4, 3))
    for g in range(len(geoms)):
        geom = geoms[g]
        for i in range(3):
            shift[i] = 0.0
            for k in range(3):
                shift[i] += rotation[i, k] * (geom_xpos[geom, k] - eye[k])
        x, y, z, r = shift[0], shift[1], shift[2], radius[g]
        if z + r < near or abs(x) - half_x * z > r * slant_x or abs(y) - half_y * z > r * slant_y:
            continue
        for i in range(3):
            for j in range(3):
                turn[i, j] = 0.0
                for k in range(3):
                    turn[i, j] += rotation[i, k] * geom_xmat[geom, 3 * k + j]
        for v in range(point_start[g], point_start[g + 1]):
            px, py, pz = points[v, 0], points[v, 1], points[v, 2]
            x = turn[0, 0] * px + turn[0, 1] * py + turn[0, 2] * pz + shift[0]
            y = turn[1, 0] * px + turn[1, 1] * py + turn[1, 2] * pz + shift[1]
            z = turn[2, 0] * px + turn[2, 1] * py + turn[2, 2] * pz + shift[2]
            seen[v, 0], seen[v, 1], seen[v, 2] = x, y, z
            if z >= near:
                n = 1.0 / z
                screen[v, 0], screen[v, 1], screen[v, 2] = (
                    _snap(middle_x + focal * x * n),
                    _snap(middle_y + focal * y * n),
                    n,
                )
        for t in range(triangle_start[g], triangle_start[g + 1]):
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            inside = (seen[a, 2] >= near) + (seen[b, 2] >= near) + (seen[c, 2] >= near)
            if inside == 3:
                _fill(
                    screen[a, 0], screen[a, 1], screen[a, 2], screen[c, 0], screen[c, 1], screen[c, 2],
                    screen[b, 0], screen[b, 1], screen[b, 2], t, nearness, labels,
                )  # fmt: skip
            elif inside > 0:
                count = 0
                for i in range(3):
                    p, q = triangles[t, i], triangles[t, (i + 1) % 3]
                    if seen[p, 2] >= near:
                        for k in range(3):
                            polygon[count, k] = screen[p, k]
                        count += 1
                    if (seen[p, 2] >= near) != (seen[q, 2] >= near):
                        share = (near - seen[p, 2]) / (seen[q, 2] - seen[p, 2])
                        x = seen[p, 0] + share * (seen[q, 0] - seen[p, 0])
                        y = seen[p, 1] + share * (seen[q, 1] - seen[p, 1])
                        polygon[count, 0] = _snap(middle_x + focal * x / near)
                        polygon[count, 1] = _snap(middle_y + focal * y / near)
                        polygon[count, 2] = 1.0 / near
                        count += 1
                for i in range(1, count - 1):
                    _fill(
                        polygon[0, 0], polygon[0, 1], polygon[0, 2], polygon[i + 1, 0], polygon[i + 1, 1],
                        polygon[i + 1, 2], polygon[i, 0], polygon[i, 1], polygon[i, 2], t, nearness, labels,
                    )  # fmt: skip


@numba.njit(cache=True, nogil=True, error_model="numpy")
def draw_shadow_map(
    axes, centre, scale, casters, geoms, geom_xpos, geom_xmat, radius, point_start, triangle_start, points, triangles,
    screen, nearness, labels,
):  # fmt: skip
    """Fill `nearness` float32[S, S] with the height towards the light of the nearest caster, metres from `centre`.

    Args:
        axes: float64[3, 3], rows: the map's x and y axes and the way to the light, in world; right-handed.
        centre: float64[3], the point of the world in the middle of the map.
        scale: pixels per metre.
        casters: bool[G], which geoms cast.
        labels: int32[S, S], scratch.

    The others as for `draw_camera`.
    """
    size = nearness.shape[0]
    nearness[:] = np.float32(-1e9)
    middle = 0.5 * size - 0.5
    turn, shift = np.empty((3, 3)), np.empty(3)
    for g in range(len(geoms)):
        if not casters[g]:
            continue
        geom = geoms[g]
        for i in range(3):
            shift[i] = 0.0
            for k in range(3):
                shift[i] += axes[i, k] * (geom_xpos[geom, k] - centre[k])
        reach = 0.5 * size / scale + radius[g]
        if abs(shift[0]) > reach or abs(shift[1]) > reach:
            continue
        for i in range(3):
            for j in range(3):
                turn[i, j] = 0.0
                for k in range(3):
                    turn[i, j] += axes[i, k] * geom_xmat[geom, 3 * k + j]
        for v in range(point_start[g], point_start[g + 1]):
            px, py, pz = points[v, 0], points[v, 1], points[v, 2]
            x = turn[0, 0] * px + turn[0, 1] * py + turn[0, 2] * pz + shift[0]
            y = turn[1, 0] * px + turn[1, 1] * py + turn[1, 2] * pz + shift[1]
            screen[v, 0], screen[v, 1] = _snap(middle + scale * x), _snap(middle - scale * y)
            screen[v, 2] = turn[2, 0] * px + turn[2, 1] * py + turn[2, 2] * pz + shift[2]
        for t in range(triangle_start[g], triangle_start[g + 1]):
            a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            _fill(
                screen[a, 0], screen[a, 1], screen[a, 2], screen[c, 0], screen[c, 1], screen[c, 2],
                screen[b, 0], screen[b, 1], screen[b, 2], t, nearness, labels,
            )  # fmt: skip
