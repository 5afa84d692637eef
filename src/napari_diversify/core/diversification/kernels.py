"""The compiled loops of the σ map and of diversification, and nothing else.

As in :mod:`..kernels`: serial, without the GIL, without ``fastmath``. Sums are taken afresh
for each window in a fixed order. Work goes tile by tile, with what is around a tile, so that
all sums stay in the processor's nearest caches. Arrays are handed on whole with the number of a
row, as a view of each row would cost more than the arithmetic on it; and columns are counted
with unsigned numbers, which are not checked for counting backwards.
"""

from __future__ import annotations

import numba
import numpy as np

from ..kernels import _compiled, _part, fill_normals, grey_level, normals_room

# Below this ratio of variance to mean square, E[x^2] - E[x]^2 has lost nine of
# float64's sixteen digits; the window is then summed again around its first voxel.
_CANCELLED = 1e-9
# marks a standard deviation that is still to be computed that way
_SPOILT = np.float32(-1)
#: Planes, rows and columns of a tile: with its context, it fits the second cache.
_PLANES, _ROWS, _COLUMNS = 8, 32, 256


@_part
def _tile_shape(shape, window):
    """Planes, rows and columns of a tile of an output of this shape: long beside the window."""
    planes = min(shape[0], _PLANES)
    rows = max(_ROWS * _PLANES // planes, 2 * window[1])
    return planes, min(shape[1], rows), min(shape[2], max(_COLUMNS, 2 * window[2]))


@_part
def _fill_tile(block, zs, ys, xs, inner, mapping, corner, size, tile):
    """Copy a box of the reflected image out of ``block``, mapped to unit values if asked to.

    ``zs``, ``ys`` and ``xs`` say which plane, row and column of the block stands at each place
    of the reflected image; columns ``inner`` of it follow each other. The box begins at
    ``corner``. ``mapping`` is (lowest grey level, width of the range), float32, or None.
    """
    start, stop = corner[2], corner[2] + size[2]
    left = min(max(start, inner[0]), stop)
    right = max(min(stop, inner[1]), left)
    shift = np.uint64(xs[min(left, len(xs) - 1)])
    at = np.uint64(left - start)
    outside = size[2] - (right - left)
    for k in range(size[0]):
        z = zs[corner[0] + k]
        for j in range(size[1]):
            y = ys[corner[1] + j]
            for i in range(right - left):
                tile[k, j, at + np.uint64(i)] = block[z, y, shift + np.uint64(i)]
            for e in range(outside):
                i = start + e if start + e < left else right + e - (left - start)
                tile[k, j, i - start] = block[z, y, xs[i]]
            if mapping is not None:
                low, width = mapping
                for i in range(size[2]):
                    tile[k, j, i] = (tile[k, j, i] - low) / width


@_part
def _sum_along_z(x, z, y, wz, ring, k, n):
    """``ring[k]`` = sums of x and of x^2 over the wz rows ``x[z:, y]``, z ascending."""
    if wz >= 5:
        for i in range(n):
            s = np.float64(x[z, y, i]) + np.float64(x[z + 1, y, i])
            s = (s + np.float64(x[z + 2, y, i])) + np.float64(x[z + 3, y, i])
            ring[k, 0, i] = s + np.float64(x[z + 4, y, i])
        for i in range(n):
            p, q = np.float64(x[z, y, i]), np.float64(x[z + 1, y, i])
            r, s = np.float64(x[z + 2, y, i]), np.float64(x[z + 3, y, i])
            t = np.float64(x[z + 4, y, i])
            ring[k, 1, i] = (((p * p + q * q) + r * r) + s * s) + t * t
    else:
        for i in range(n):
            v = np.float64(x[z, y, i])
            ring[k, 0, i] = v
            ring[k, 1, i] = v * v
    for d in range(5 if wz >= 5 else 1, wz, 2):
        for i in range(n):
            v, w = np.float64(x[z + d, y, i]), np.float64(x[z + d + 1, y, i])
            ring[k, 0, i] = (ring[k, 0, i] + v) + w
            ring[k, 1, i] = (ring[k, 1, i] + v * v) + w * w


@numba.njit(inline="always")
def _next(k, n):
    """The place after k in a ring of n."""
    return k + 1 if k + 1 < n else 0


@_part
def _sum_along_y(ring, oldest, sums, n):
    """``sums`` = sums over all rows of the ring, from the ``oldest`` on, in this order."""
    wy = ring.shape[0]
    for j in range(2):
        a = oldest
        if wy >= 5:
            b = _next(a, wy)
            c = _next(b, wy)
            d = _next(c, wy)
            e = _next(d, wy)
            for i in range(n):
                s = ((ring[a, j, i] + ring[b, j, i]) + ring[c, j, i]) + ring[d, j, i]
                sums[j, i] = s + ring[e, j, i]
            a = e
        else:
            for i in range(n):
                sums[j, i] = ring[a, j, i]
        for _ in range(5 if wy >= 5 else 1, wy, 2):
            b = _next(a, wy)
            a = _next(b, wy)
            for i in range(n):
                sums[j, i] = (sums[j, i] + ring[b, j, i]) + ring[a, j, i]


@numba.njit(inline="always")
def _std_of(sum_, squares, voxels):
    """Standard deviation of a window from its sums, and whether cancellation has spoilt it."""
    square = voxels * squares
    v = square - sum_ * sum_  # n^2 times the variance
    spoilt = v < _CANCELLED * square
    v = 0.0 if v < 0.0 else v  # NaN stays NaN
    sigma = np.float32(np.sqrt(v) * (1.0 / voxels))
    return _SPOILT if spoilt else sigma, spoilt


@_part
def _std_row(columns, wx, voxels, sums, sigma, n):
    """Fill ``sigma[0, :n]`` from the sums of columns; return how many voxels are spoilt.

    Those over wx columns from each on are the sums over windows of so many ``voxels``, a float64.
    """
    spoilt = 0
    if wx == 5:
        for i in range(n):
            s = ((columns[0, i] + columns[0, i + 1]) + columns[0, i + 2]) + columns[0, i + 3]
            t = ((columns[1, i] + columns[1, i + 1]) + columns[1, i + 2]) + columns[1, i + 3]
            sigma[0, i], bad = _std_of(s + columns[0, i + 4], t + columns[1, i + 4], voxels)
            spoilt += bad
        return spoilt
    for j in range(2):
        for i in range(n):
            sums[j, i] = columns[j, i]
        for k in range(1, wx, 2):
            d = np.uint64(k)
            for i in range(n):
                u = np.uint64(i) + d
                sums[j, i] = (sums[j, i] + columns[j, u]) + columns[j, u + np.uint64(1)]
    for i in range(n):
        sigma[0, i], bad = _std_of(sums[0, i], sums[1, i], voxels)
        spoilt += bad
    return spoilt


@_part
def _mend_row(x, z, y, window, sigma, n):
    """Compute the spoilt voxels of a row of σ again, from the windows that begin at ``x[z, y]``.

    Constant windows, the common case, are recognised by their minimum and maximum.
    """
    wz, wy, wx = window
    voxels = np.float64(wz * wy * wx)
    low = np.empty(n + wx - 1)
    high = np.empty(n + wx - 1)
    for i in range(n + wx - 1):
        low[i] = high[i] = np.float64(x[z, y, i])
    for dz in range(wz):
        for dy in range(wy):
            for i in range(n + wx - 1):
                value = np.float64(x[z + dz, y + dy, i])
                low[i] = min(low[i], value)
                high[i] = max(high[i], value)
    for i in range(n):
        if sigma[0, i] == _SPOILT:
            least = low[i]
            most = high[i]
            for d in range(1, wx):
                least = min(least, low[i + d])
                most = max(most, high[i + d])
            v = 0.0
            if least != most:
                v = max(_shifted_variance(x, z, y, i, wz, wy, wx), 0.0)
            sigma[0, i] = np.float32(np.sqrt(v) * (1.0 / voxels))


@numba.njit(inline="always")
def _shifted_variance(x, z, y, i, wz, wy, wx):
    """n^2 times the population variance of one window, free of cancellation."""
    shift = np.float64(x[z, y, i])
    s1 = 0.0
    s2 = 0.0
    for dz in range(wz):
        for dy in range(wy):
            for dx in range(wx):
                d = np.float64(x[z + dz, y + dy, i + dx]) - shift
                s1 += d
                s2 += d * d
    return wz * wy * wx * s2 - s1 * s1


@_compiled
def in_tiles(block, zs, ys, xs, inner, window, dtype, part, mapping, mixing, out):
    """Standard deviation of every window, or the image diversified with it, in one pass.

    ``block`` (z, y, x) holds the voxels, ``zs`` (Z + wz - 1,), ``ys`` and ``xs`` where in it
    those of the reflected image lie, of which the columns ``inner`` = (first, one after the
    last) follow each other. Windows are odd. ``dtype`` (0,) is an array of the one that values
    are worked on in, float32 or float64. Sums run over z, then y, then x in ascending order, in
    float64: exact for integers of up to 16 bits. Of ``out`` (Z, Y, X), ``part`` = (first plane,
    one after the last, first row, one after the last) is filled.

    Without ``mapping`` and ``mixing``, both None, ``out`` is the σ map, float32; voxels that
    cancellation has spoilt are marked for :func:`mend_tiles`, and their number is returned.
    Otherwise it is ``clip(w_i * I + w_v * sigma * n, 0, 1)`` in the grey levels of ``block``,
    integers of up to 16 bits. Then ``mapping`` is (grey level of 0, width up to that of 1), and
    ``mixing`` (w_i, w_v, the least and the greatest grey level), all float32; the number of
    ``out[0, 0, 0]`` in the noise and by how much it grows along z and along y; and the
    counter, the key and the table of the noise.
    """
    wz, wy, wx = window
    voxels = np.float64(wz * wy * wx)
    shape = part[1] - part[0], part[3] - part[2], out.shape[2]
    depth, height, width = _tile_shape(shape, window)
    tile = np.empty((depth + wz - 1, height + wy - 1, width + wx - 1), dtype.dtype)
    # sums over z of as many rows as a window has, those of their columns, those of the windows
    ring = np.empty((wy, 2, tile.shape[2]))
    columns = np.empty((2, tile.shape[2]))
    sums = np.empty((2, width))
    sigma = np.empty((1, width), np.float32)
    if mixing is not None:
        noise = np.empty((1, width), np.float32)
        room = normals_room()
    spoilt = 0
    for z0 in range(part[0], part[1], depth):
        for y0 in range(part[2], part[3], height):
            for x0 in range(0, out.shape[2], width):
                planes = min(depth, part[1] - z0)
                rows = min(height, part[3] - y0) + wy - 1
                n = min(width, out.shape[2] - x0)
                size = planes + wz - 1, rows, n + wx - 1
                _fill_tile(block, zs, ys, xs, inner, mapping, (z0, y0, x0), size, tile)
                for z in range(planes):
                    oldest = 0
                    for row in range(rows):
                        _sum_along_z(tile, z, row, wz, ring, oldest, n + wx - 1)
                        oldest = _next(oldest, wy)
                        y = row - wy + 1
                        if y < 0:
                            continue
                        _sum_along_y(ring, oldest, columns, n + wx - 1)
                        bad = _std_row(columns, wx, voxels, sums, sigma, n)
                        at = z0 + z, y0 + y, np.uint64(x0)
                        if mixing is None:
                            spoilt += bad
                            for i in range(n):
                                out[at[0], at[1], at[2] + np.uint64(i)] = sigma[0, i]
                        else:
                            if bad:
                                _mend_row(tile, z, y, window, sigma, n)
                            weights, number, counter, key, table = mixing
                            first = number[0] + at[0] * number[1] + at[1] * number[2] + x0
                            fill_normals(first, counter, key, table, room, noise, 0, n)
                            image = z + wz // 2, y + wy // 2, np.uint64(wx // 2)
                            _mix_row(tile, image, sigma, noise, mapping, weights, out, at, n)
    return spoilt


@_compiled
def mend_tiles(block, zs, ys, xs, inner, window, dtype, part, out):
    """Compute the voxels again that :func:`in_tiles` has marked in ``part`` of the σ map.

    A kernel of its own, as most images have no such voxels and it takes long to compile.
    """
    wz, wy, wx = window
    shape = part[1] - part[0], part[3] - part[2], out.shape[2]
    depth, height, width = _tile_shape(shape, window)
    tile = np.empty((depth + wz - 1, height + wy - 1, width + wx - 1), dtype.dtype)
    sigma = np.empty((1, width), np.float32)
    for z0 in range(part[0], part[1], depth):
        for y0 in range(part[2], part[3], height):
            for x0 in range(0, out.shape[2], width):
                size = min(depth, part[1] - z0), min(height, part[3] - y0)
                n = min(width, out.shape[2] - x0)
                box = size[0] + wz - 1, size[1] + wy - 1, n + wx - 1
                _fill_tile(block, zs, ys, xs, inner, None, (z0, y0, x0), box, tile)
                for z in range(size[0]):
                    for y in range(size[1]):
                        spoilt = 0
                        for i in range(n):
                            sigma[0, i] = out[z0 + z, y0 + y, x0 + i]
                            spoilt += sigma[0, i] == _SPOILT
                        if spoilt > 0:
                            _mend_row(tile, z, y, window, sigma, n)
                            for i in range(n):
                                out[z0 + z, y0 + y, x0 + i] = sigma[0, i]


@numba.njit(inline="always")
def _mixed(image, sigma, noise, w_i, w_v, low, high):
    """The diversified value of a voxel, all float32."""
    return min(max(w_i * image + (w_v * sigma) * noise, low), high)


@_part
def _mix_row(x, image, sigma, noise, mapping, weights, out, at, n):
    """Mix n voxels of a row of unit values, and of σ and noise, into a row of grey levels."""
    low, width = mapping
    w_i, w_v, bottom, top = weights
    for i in range(n):
        u = np.uint64(i)
        v = x[image[0], image[1], image[2] + u]
        v = _mixed(v, sigma[0, i], noise[0, i], w_i, w_v, np.float32(0), np.float32(1))
        out[at[0], at[1], at[2] + u] = np.int32(grey_level(v, width, low, bottom, top))


# --- diversification --------------------------------------------------------


@_compiled
def diversify_flat(image, sigma, noise, w_i, w_v, low, high, out):
    """``out = clip(w_i * I + w_v * sigma * n, low, high)``, all float32 of one length."""
    for i in range(out.size):
        out[i] = _mixed(image[i], sigma[i], noise[i], w_i, w_v, low, high)
