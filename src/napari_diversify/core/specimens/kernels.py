"""The compiled loops of synthetic specimens, and nothing else.

As in :mod:`.kernels`: serial, without the GIL, without ``fastmath``. A voxel's
value follows from its place in the field and from the objects alone, never from
where the block that it is computed in begins. Lengths are micrometres, axes (z,
y, x); symmetric matrices are six numbers: zz, yy, xx, zy, zx, yx.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np
import numpy.typing as npt

from ..kernels import _compiled

_F = TypeVar("_F", bound=Callable[..., Any])
_Float: Any = npt.NDArray[np.float64]
_Image: Any = npt.NDArray[np.float32]
_Index: Any = npt.NDArray[np.int64]

#: Normalised radius at which the light of an object ends, and the width over which it fades.
EDGE, FADE = 1.08, 0.16


def _part(function: _F) -> _F:
    """Compile a function that only other kernels call."""
    compiled: _F = numba.njit(function)
    return compiled


# --- ellipsoids that do not overlap ------------------------------------------


@_part
def _inverse_form(q: _Float, p: _Float, t: float, z: float, y: float, x: float) -> Any:
    """The form r' [(1 - t) Q + t P]^-1 r, by the cofactors of a symmetric matrix."""
    s = 1.0 - t
    a, b, c = s * q[0] + t * p[0], s * q[1] + t * p[1], s * q[2] + t * p[2]
    d, e, f = s * q[3] + t * p[3], s * q[4] + t * p[4], s * q[5] + t * p[5]
    aa, bb, cc = b * c - f * f, a * c - e * e, a * b - d * d
    dd, ee, ff = e * f - d * c, d * f - b * e, d * e - a * f
    form = aa * z * z + bb * y * y + cc * x * x + 2.0 * (dd * z * y + ee * z * x + ff * y * x)
    return form / (a * aa + d * dd + e * ee)


@_part
def _contact(q: _Float, p: _Float, z: float, y: float, x: float, enough: float) -> Any:
    """The contact function of Perram and Wertheim, or any value of it above ``enough``.

    It is the largest t (1 - t) r' [(1 - t) Q + t P]^-1 r over 0 < t < 1, which is
    concave in t: a golden-section search finds it, from below.
    """
    golden = 0.6180339887498949
    low, high = 0.0, 1.0
    u, v = 1.0 - golden, golden
    fu = u * (1.0 - u) * _inverse_form(q, p, u, z, y, x)
    fv = v * (1.0 - v) * _inverse_form(q, p, v, z, y, x)
    for _ in range(24):
        if max(fu, fv) > enough:
            break
        if fu < fv:
            low, u, fu = u, v, fv
            v = low + golden * (high - low)
            fv = v * (1.0 - v) * _inverse_form(q, p, v, z, y, x)
        else:
            high, v, fv = v, u, fu
            u = high - golden * (high - low)
            fu = u * (1.0 - u) * _inverse_form(q, p, u, z, y, x)
    return max(fu, fv)


@_compiled
def contacts(q: _Float, centres: _Float, pairs: _Index, out: _Float) -> None:
    """Write the contact function of pairs (n, 2) of ellipsoids: below 1 they overlap."""
    for n in range(len(pairs)):
        i, j = pairs[n, 0], pairs[n, 1]
        d = centres[j] - centres[i]
        out[n] = _contact(q[i], q[j], d[0], d[1], d[2], np.inf)


@_part
def _apart(q: _Float, p: _Float, z: float, y: float, x: float, near: float, core: float) -> Any:
    """Whether two ellipsoids, at this distance from each other, do not overlap.

    ``near`` and ``core`` are the sums of their longest and of their shortest semi-axes.
    """
    d2 = z * z + y * y + x * x
    if d2 >= near * near or d2 <= core * core:
        return d2 >= near * near
    # the function is concave and 0 at both ends: nowhere more than twice its middle value
    middle = 0.25 * _inverse_form(q, p, 0.5, z, y, x)
    if middle > 1.0 or middle < 0.5:
        return middle > 1.0
    return _contact(q, p, z, y, x, 1.0) > 1.0


@_compiled
def place(
    q: _Float,
    reach: _Float,
    core: _Float,
    low: _Float,
    size: _Float,
    wrapped: Any,
    cluster: _Index,
    parents: _Float,
    spread: float,
    tries: int,
    patience: int,
    rng: Any,
    first: int,
    last: int,
    failed: int,
    heads: Any,
    following: _Index,
    centres: _Float,
    placed: Any,
) -> int:
    """Random sequential placement: each ellipsoid in turn where it overlaps no other.

    Places those from ``first`` to ``last`` among the ones before. ``failed`` is how many
    in a row had found no place before the call; how many have by now is returned.
    ``heads`` (z, y, x), filled with -1, is a grid of cells, as wide as twice the longest
    reach or more, that cover the box from ``low`` of ``size``. Along ``wrapped`` axes
    the box continues at its other end, so that no place in it is special. Objects
    with a ``cluster`` are tried around its parent, further out with every try.
    After ``patience`` objects in a row that found no place, the others are not tried.
    ``following`` links objects of one cell.
    """
    place, direct, nearest = np.zeros(3), np.zeros(3), np.zeros(3)
    cell = np.zeros(3, np.int64)
    for i in range(first, last):
        if failed > patience:
            break
        failed += 1
        for attempt in range(tries):
            free = True
            for axis in range(3):
                if cluster[i] < 0:
                    at = rng.random() * size[axis]
                else:
                    wide = spread * (1.0 + 0.05 * attempt) * (size[axis] > 0.0)
                    at = parents[cluster[i], axis] - low[axis] + wide * rng.standard_normal()
                    if wrapped[axis]:
                        at -= np.floor(at / size[axis]) * size[axis]
                    free &= at >= 0.0 and at <= size[axis]
                place[axis] = low[axis] + at
                if size[axis] > 0.0:
                    cell[axis] = min(
                        int(at / size[axis] * heads.shape[axis]), heads.shape[axis] - 1
                    )
            if not free:
                continue
            for n in range(27):
                cz, cy, cx = cell[0] + n // 9 - 1, cell[1] + n // 3 % 3 - 1, cell[2] + n % 3 - 1
                if wrapped[0]:
                    cz %= heads.shape[0]
                if wrapped[1]:
                    cy %= heads.shape[1]
                if wrapped[2]:
                    cx %= heads.shape[2]
                if min(cz, cy, cx) < 0:
                    continue
                if cz >= heads.shape[0] or cy >= heads.shape[1] or cx >= heads.shape[2]:
                    continue
                j = heads[cz, cy, cx]
                while j >= 0 and free:
                    near, within = reach[i] + reach[j], core[i] + core[j]
                    differs = False
                    for axis in range(3):
                        direct[axis] = nearest[axis] = centres[j, axis] - place[axis]
                        if wrapped[axis] and abs(direct[axis]) > 0.5 * size[axis]:
                            nearest[axis] -= np.copysign(size[axis], direct[axis])
                            differs = True
                    # in a small box the object itself may be near too, not only its nearest image
                    for image in range(2 if differs else 1):
                        d = direct if image else nearest
                        free = free and _apart(q[i], q[j], d[0], d[1], d[2], near, within)
                    j = following[j]
                if not free:
                    break
            if free:
                for axis in range(3):
                    centres[i, axis] = place[axis]
                placed[i] = True
                failed = 0
                following[i] = heads[cell[0], cell[1], cell[2]]
                heads[cell[0], cell[1], cell[2]] = i
                break
    return failed


# --- ellipsoids on voxels ----------------------------------------------------


@_part
def _row(m: _Float, z: float, y: float) -> tuple[float, float]:
    """Coefficients of a quadratic form along x: its constant and its linear term."""
    return m[0] * z * z + m[1] * y * y + 2.0 * m[3] * z * y, 2.0 * (m[4] * z + m[5] * y)


@_compiled
def label_ellipsoids(
    m: _Float,
    centres: _Float,
    boxes: _Index,
    numbers: _Index,
    start: _Index,
    spacing: _Float,
    nearest: _Image,
    labels: Any,
) -> None:
    """Number the voxels inside ellipsoids; where they overlap, by the smaller normalised radius."""
    for n in range(len(numbers)):
        k = numbers[n]
        for iz in range(max(boxes[k, 0, 0] - start[0], 0), boxes[k, 1, 0] - start[0]):
            if iz >= labels.shape[0]:
                break
            z = (iz + start[0] + 0.5) * spacing[0] - centres[k, 0]
            for iy in range(max(boxes[k, 0, 1] - start[1], 0), boxes[k, 1, 1] - start[1]):
                if iy >= labels.shape[1]:
                    break
                y = (iy + start[1] + 0.5) * spacing[1] - centres[k, 1]
                a, b = _row(m[k], z, y)
                if a - 0.25 * b * b / m[k, 2] > 1.0:
                    continue
                last = min(boxes[k, 1, 2] - start[2], labels.shape[2])
                for ix in range(max(boxes[k, 0, 2] - start[2], 0), last):
                    x = (ix + start[2] + 0.5) * spacing[2] - centres[k, 2]
                    r2 = np.float32(a + x * (b + m[k, 2] * x))
                    if r2 <= 1.0 and r2 < nearest[iz, iy, ix]:
                        nearest[iz, iy, ix] = r2
                        labels[iz, iy, ix] = k + 1


@_compiled
def owns_voxel(
    m: _Float, centres: _Float, boxes: _Index, shape: _Index, spacing: _Float, out: Any
) -> None:
    """Whether the centre of any voxel of the field lies inside each ellipsoid."""
    for k in range(len(m)):
        out[k] = False
        for iz in range(max(boxes[k, 0, 0], 0), min(boxes[k, 1, 0], shape[0])):
            z = (iz + 0.5) * spacing[0] - centres[k, 0]
            for iy in range(max(boxes[k, 0, 1], 0), min(boxes[k, 1, 1], shape[1])):
                y = (iy + 0.5) * spacing[1] - centres[k, 1]
                a, b = _row(m[k], z, y)
                for ix in range(max(boxes[k, 0, 2], 0), min(boxes[k, 1, 2], shape[2])):
                    x = (ix + 0.5) * spacing[2] - centres[k, 2]
                    if a + x * (b + m[k, 2] * x) <= 1.0:
                        out[k] = True
                        break
                if out[k]:
                    break
            if out[k]:
                break


@_part
def _eased(lattice: _Image, z: float, y: float, x: float) -> float:
    """Value noise at a place in units of the lattice: its corners, eased into each other."""
    iz, iy, ix = int(z), int(y), int(x)
    fz, fy, fx = z - iz, y - iy, x - ix
    fz, fy, fx = fz * fz * (3 - 2 * fz), fy * fy * (3 - 2 * fy), fx * fx * (3 - 2 * fx)
    total = 0.0
    for dz in range(2):
        wz = fz if dz else 1.0 - fz
        for dy in range(2):
            wy = wz * (fy if dy else 1.0 - fy)
            row = lattice[iz + dz, iy + dy]
            total += wy * ((1.0 - fx) * row[ix] + fx * row[ix + 1])
    return total


@_part
def _texture(
    lattice: _Image,
    finer: _Image,
    origin: _Float,
    grain: float,
    scale: float,
    z: float,
    y: float,
    x: float,
) -> float:
    """Noise of standard deviation 1: grains, and half as strong grains of half the size."""
    z, y, x = (z + origin[0]) / grain, (y + origin[1]) / grain, (x + origin[2]) / grain
    coarse = _eased(lattice, z - origin[3], y - origin[4], x - origin[5])
    fine = _eased(finer, 2.0 * z - origin[6], 2.0 * y - origin[7], 2.0 * x - origin[8])
    return scale * (coarse + 0.5 * fine)


@_compiled
def paint_ellipsoids(
    m: _Float,
    centres: _Float,
    boxes: _Index,
    brightness: _Float,
    numbers: _Index,
    start: _Index,
    spacing: _Float,
    lattice: _Image,
    finer: _Image,
    origin: _Float,
    grain: float,
    strength: float,
    scale: float,
    light: _Image,
) -> None:
    """Paint ellipsoids: textured, the rim a quarter brighter, the edge fading; the brightest wins.

    The brightness at a normalised radius r is min(1, (EDGE - r) / FADE) (3 + r^2) / 4.
    """
    limit = EDGE * EDGE
    for n in range(len(numbers)):
        k = numbers[n]
        for iz in range(max(boxes[k, 0, 0] - start[0], 0), boxes[k, 1, 0] - start[0]):
            if iz >= light.shape[0]:
                break
            pz = (iz + start[0] + 0.5) * spacing[0]
            z = pz - centres[k, 0]
            for iy in range(max(boxes[k, 0, 1] - start[1], 0), boxes[k, 1, 1] - start[1]):
                if iy >= light.shape[1]:
                    break
                py = (iy + start[1] + 0.5) * spacing[1]
                a, b = _row(m[k], z, py - centres[k, 1])
                if a - 0.25 * b * b / m[k, 2] > limit:
                    continue
                last = min(boxes[k, 1, 2] - start[2], light.shape[2])
                for ix in range(max(boxes[k, 0, 2] - start[2], 0), last):
                    px = (ix + start[2] + 0.5) * spacing[2]
                    x = px - centres[k, 2]
                    r2 = a + x * (b + m[k, 2] * x)
                    if r2 >= limit:
                        continue
                    value = brightness[k] * 0.25 * (3.0 + min(r2, 1.0))
                    if r2 > (EDGE - FADE) * (EDGE - FADE):
                        value *= (EDGE - np.sqrt(r2)) / FADE
                    if strength > 0.0:
                        t = _texture(lattice, finer, origin, grain, scale, pz, py, px)
                        value *= max(1.0 + strength * t, 0.05)
                    light[iz, iy, ix] = max(light[iz, iy, ix], np.float32(value))


# --- Voronoi cells -----------------------------------------------------------


@_part
def _nearest(
    seeds: _Float, gathered: _Index, count: int, far: float, z: float, y: float, x: float
) -> tuple[int, float]:
    """The nearest of some seeds, and the distance to the nearest plane halfway to another."""
    best, mine = np.inf, -1
    for n in range(count):
        j = gathered[n]
        dz, dy, dx = seeds[j, 0] - z, seeds[j, 1] - y, seeds[j, 2] - x
        d2 = dz * dz + dy * dy + dx * dx
        if d2 < best or (d2 == best and j < mine):
            best, mine = d2, j
    wall = far
    if far > 0.0:
        reach = (np.sqrt(best) + 2.0 * far) ** 2
        for n in range(count):
            j = gathered[n]
            dz, dy, dx = seeds[j, 0] - z, seeds[j, 1] - y, seeds[j, 2] - x
            d2 = dz * dz + dy * dy + dx * dx
            if j == mine or d2 > reach:
                continue
            ez = seeds[j, 0] - seeds[mine, 0]
            ey = seeds[j, 1] - seeds[mine, 1]
            ex = seeds[j, 2] - seeds[mine, 2]
            away = (d2 - best) / (2.0 * np.sqrt(ez * ez + ey * ey + ex * ex))
            wall = min(wall, away)
    return mine, wall


@_compiled
def voronoi(
    seeds: _Float,
    low: _Float,
    side: float,
    firsts: Any,
    order: _Index,
    start: _Index,
    spacing: _Float,
    far: float,
    labels: _Index,
    walls: _Image,
) -> None:
    """Number of the nearest seed, and distance to the nearest wall of its cell, up to ``far``.

    Seeds lie in a grid of cells of ``side`` from ``low``: those of cell c are
    ``order[firsts[c] : firsts[c + 1]]``. For a run of voxels along x the seeds that could
    matter to any of them are gathered, searching the grid outwards; gathering others as
    well changes nothing.
    """
    nz, ny, nx = firsts.shape[0], firsts.shape[1], firsts.shape[2] - 1
    gathered = np.empty(len(seeds), np.int64)
    run = min(max(int(0.5 * side / spacing[2]), 1), 32)
    for iz in range(labels.shape[0]):
        z = (iz + start[0] + 0.5) * spacing[0]
        cz = min(max(int((z - low[0]) / side), 0), nz - 1)
        for iy in range(labels.shape[1]):
            y = (iy + start[1] + 0.5) * spacing[1]
            cy = min(max(int((y - low[1]) / side), 0), ny - 1)
            for begin in range(0, labels.shape[2], run):
                end = min(begin + run, labels.shape[2])
                middle = (0.5 * (begin + end) + start[2]) * spacing[2]
                cx = min(max(int((middle - low[2]) / side), 0), nx - 1)
                # from any voxel of the run, what matters lies within its nearest seed + 2 far
                more = (end - begin) * spacing[2] + 2.0 * far + 1e-6 * side
                best = np.inf
                ring = 0
                while ring <= max(nz, ny, nx):
                    ring += 1
                    for gz in range(max(cz - ring, 0), min(cz + ring + 1, nz)):
                        for gy in range(max(cy - ring, 0), min(cy + ring + 1, ny)):
                            first = firsts[gz, gy, max(cx - ring, 0)]
                            for n in range(first, firsts[gz, gy, min(cx + ring + 1, nx)]):
                                j = order[n]
                                dz, dy, dx = seeds[j, 0] - z, seeds[j, 1] - y, seeds[j, 2] - middle
                                best = min(best, dz * dz + dy * dy + dx * dx)
                    if np.sqrt(best) + more <= ring * side:
                        break
                reach = (np.sqrt(best) + more) ** 2
                count = 0
                for gz in range(max(cz - ring, 0), min(cz + ring + 1, nz)):
                    for gy in range(max(cy - ring, 0), min(cy + ring + 1, ny)):
                        first = firsts[gz, gy, max(cx - ring, 0)]
                        for n in range(first, firsts[gz, gy, min(cx + ring + 1, nx)]):
                            j = order[n]
                            dz, dy, dx = seeds[j, 0] - z, seeds[j, 1] - y, seeds[j, 2] - middle
                            if dz * dz + dy * dy + dx * dx <= reach:
                                gathered[count] = j
                                count += 1
                for ix in range(begin, end):
                    x = (ix + start[2] + 0.5) * spacing[2]
                    labels[iz, iy, ix], walls[iz, iy, ix] = _nearest(
                        seeds, gathered, count, far, z, y, x
                    )


@_compiled
def paint_walls(
    walls: _Image,
    start: _Index,
    spacing: _Float,
    lattice: _Image,
    finer: _Image,
    origin: _Float,
    grain: float,
    strength: float,
    scale: float,
    far: float,
    inside: float,
    light: _Image,
) -> None:
    """Paint membranes: (1 - (w / far)^2)^2 at a distance w from the wall, textured."""
    for iz in range(walls.shape[0]):
        z = (iz + start[0] + 0.5) * spacing[0]
        for iy in range(walls.shape[1]):
            y = (iy + start[1] + 0.5) * spacing[1]
            for ix in range(walls.shape[2]):
                u = walls[iz, iy, ix] / far
                value = 0.0
                if u < 1.0:
                    value = (1.0 - u * u) * (1.0 - u * u)
                    if strength > 0.0:
                        x = (ix + start[2] + 0.5) * spacing[2]
                        t = _texture(lattice, finer, origin, grain, scale, z, y, x)
                        value *= max(1.0 + strength * t, 0.05)
                light[iz, iy, ix] = inside + (1.0 - inside) * value


# --- the microscope ----------------------------------------------------------


@_compiled
def blur_axis(block: _Image, weights: _Image, axis: int, out: _Image) -> None:
    """Convolve along an axis with symmetric weights (middle first); out is shorter by their reach.

    Each sum is taken in the same order, outwards, whatever the block.
    """
    n = len(weights) - 1
    dz, dy, dx = int(axis == 0), int(axis == 1), int(axis == 2)
    for z in range(out.shape[0]):
        for y in range(out.shape[1]):
            row = out[z, y]
            middle = block[z + n * dz, y + n * dy]
            for x in range(out.shape[2]):
                row[x] = weights[0] * middle[x + n * dx]
            for k in range(1, n + 1):
                before = block[z + (n - k) * dz, y + (n - k) * dy]
                after = block[z + (n + k) * dz, y + (n + k) * dy]
                for x in range(out.shape[2]):
                    row[x] += weights[k] * (before[x + (n - k) * dx] + after[x + (n + k) * dx])


# --- measuring labels --------------------------------------------------------


@_compiled
def label_moments(labels: _Index, sums: _Float, boxes: _Index, touching: Any) -> None:
    """Sums of 1, z, y, x, zz, yy, xx, zy, zx, yx in voxels, bounding boxes, and what touches.

    ``labels`` holds 0 to n; row k of the outputs belongs to k.
    """
    nz, ny, nx = labels.shape
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                k = labels[z, y, x]
                if k == 0:
                    continue
                row = sums[k]
                row[0] += 1.0
                row[1] += z
                row[2] += y
                row[3] += x
                row[4] += z * z
                row[5] += y * y
                row[6] += x * x
                row[7] += z * y
                row[8] += z * x
                row[9] += y * x
                box = boxes[k]
                box[0, 0], box[1, 0] = min(box[0, 0], z), max(box[1, 0], z + 1)
                box[0, 1], box[1, 1] = min(box[0, 1], y), max(box[1, 1], y + 1)
                box[0, 2], box[1, 2] = min(box[0, 2], x), max(box[1, 2], x + 1)
                for n in range(14, 27):  # the half of the 26 neighbours that come after
                    az, ay, ax = z + n // 9 - 1, y + n // 3 % 3 - 1, x + n % 3 - 1
                    if az < nz and 0 <= ay < ny and 0 <= ax < nx:
                        other = labels[az, ay, ax]
                        if other not in (0, k):
                            touching[k] = True
                            touching[other] = True
