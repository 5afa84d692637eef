"""The compiled loops, and nothing else.

Every kernel is serial and releases the GIL; threads are the caller's
(:mod:`.blocks`). The result of a voxel depends on its position and on its
neighbours only, never on where the array handed in starts or ends: sums are
taken afresh for each window in a fixed order, no running sum is carried along,
and ``fastmath`` stays off, so that no compiler reorders an addition.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numba
import numpy as np
from numba.core.caching import FunctionCache

_STAMP = (lambda status: (status.st_mtime_ns, status.st_size))(os.stat(__file__))


class _DiskCache(FunctionCache):
    """Machine code on disk, which a full disk or a killed program may have damaged."""

    def __init__(self, function):
        super().__init__(function)
        # the code of a kernel in another file has parts of this one in it: as old as both are
        index = self._cache_file
        index._source_stamp = index._source_stamp, _STAMP

    def load_overload(self, *arguments):
        try:
            return super().load_overload(*arguments)
        except Exception:  # noqa: BLE001  damaged pickles raise anything
            with suppress(Exception):
                self.flush()
            return None  # then the function is compiled again

    def save_overload(self, *arguments):
        with suppress(Exception):
            super().save_overload(*arguments)


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile nogil, keeping the machine code on disk where that is possible."""
    kernel = numba.njit(nogil=True)(function)
    with suppress(RuntimeError):  # neither the package nor the home folder is writable
        kernel._cache = _DiskCache(function)
    return kernel


def _part(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function that only kernels call."""
    return numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)


# --- normal noise -----------------------------------------------------------

_MULTIPLY_0, _MULTIPLY_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL_0, _WEYL_1 = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF_WORD = np.uint64(32)
_BLOCKS = 128  # Philox blocks worked on together: all that is known of them fits L1


@numba.njit(inline="always")
def _philox(c0, c1, c2, c3, k0, k1):
    """Philox4x32-10 of Random123: four 32-bit words from a counter and a key."""
    for _ in range(10):
        p0 = _MULTIPLY_0 * np.uint64(c0)
        p1 = _MULTIPLY_1 * np.uint64(c2)
        c0, c1, c2, c3 = (
            np.uint32(p1 >> _HALF_WORD) ^ c1 ^ k0,
            np.uint32(p1 & _LOW),
            np.uint32(p0 >> _HALF_WORD) ^ c3 ^ k1,
            np.uint32(p0 & _LOW),
        )
        k0 = np.uint32(k0 + _WEYL_0)
        k1 = np.uint32(k1 + _WEYL_1)
    return c0, c1, c2, c3


@_compiled
def philox_words(first_block, count, c2, c3, k0, k1, words):
    """Fill ``words`` (>= 4 * count,) uint32: four each of the blocks from ``first_block`` on."""
    for b in range(count):
        block = np.uint64(first_block + b)
        w0, w1, w2, w3 = _philox(
            np.uint32(block & _LOW), np.uint32(block >> _HALF_WORD), c2, c3, k0, k1
        )
        words[4 * b] = w0
        words[4 * b + 1] = w1
        words[4 * b + 2] = w2
        words[4 * b + 3] = w3


@numba.njit(inline="always")
def _place_of(word):
    """Where to find N(0, 1) of a 32-bit word: segment of the table, place in it, and sign.

    The top bit is the sign, the rest the tail: m = 2 * (word mod 2**31) + 1 stands for the
    upper tail p = m / 2**33. The exponent and the first four mantissa bits of m choose a
    segment of the table, the other bits are the place t in it, from 0 to 1.
    """
    m = np.uint32((word << np.uint32(1)) | np.uint32(1))
    bits = np.float64(m).view(np.int64)
    segment = np.uint32(np.int32(bits >> 48) - np.int32(1023 << 4))
    t = np.float32(np.int32((bits >> 17) & 0x7FFFFFFF)) * np.float32(2.0**-31)
    sign = np.float32(1) - np.float32(2) * np.float32(np.int32(word >> np.uint32(31)))
    return segment, t, sign


@numba.njit(inline="always")
def _cubic(coefficients, t):
    """A cubic at t, whose four float32 coefficients are the bits of one complex128."""
    low = np.float64(coefficients.real).view(np.int64)
    high = np.float64(coefficients.imag).view(np.int64)
    c0 = np.int32(low & 0xFFFFFFFF).view(np.float32)
    c1 = np.int32(low >> 32).view(np.float32)
    c2 = np.int32(high & 0xFFFFFFFF).view(np.float32)
    c3 = np.int32(high >> 32).view(np.float32)
    z = (c3 * t + c2) * t + c1
    return z * t + c0


@_part
def normals_room():
    """Room for what :func:`fill_normals` knows of the voxels at work."""
    n = 4 * _BLOCKS
    return (
        np.empty(n + 4, np.uint32),
        np.empty(n, np.uint32),
        np.empty(n, np.float32),
        np.empty(n, np.float32),
        np.empty(n, np.complex128),
    )


@_part
def fill_normals(start, counter, key, table, room, out, row, n):
    """Fill ``out[row, :n]``, float32, with the voxels from ``start`` on.

    Step by step for some blocks at a time: each step but the look into the table is a loop
    that the compiler turns into vector code, and that look copies all four numbers at once,
    which is what complex128 is for. Unsigned indices are not checked for counting backwards.
    """
    words, segments, ts, signs, cubics = room
    for done in range(0, n, 4 * _BLOCKS):
        first = start + done
        skip = np.uint64(first & 3)
        count = min(4 * _BLOCKS, n - done)
        philox_words(first >> 2, ((first & 3) + count + 3) >> 2, *counter, *key, words)
        for i in range(count):
            segments[i], ts[i], signs[i] = _place_of(words[skip + np.uint64(i)])
        for i in range(count):
            cubics[i] = table[np.uint64(segments[i])]
        at = np.uint64(done)
        for i in range(count):
            out[row, at + np.uint64(i)] = _cubic(cubics[i], ts[i]) * signs[i]


@_compiled
def normal_rows(starts, counter, key, table, out):
    """Fill ``out`` (rows, n) float32: row r holds the voxels from ``starts[r]`` on.

    Voxel v takes word ``v % 4`` of the block ``v // 4``.
    """
    room = normals_room()
    for r in range(out.shape[0]):
        fill_normals(starts[r], counter, key, table, room, out, r, out.shape[1])


@_compiled
def normal_scattered(starts, step, counter, key, table, out):
    """The same for the voxels ``starts[r] + step * i``, one by one."""
    (c2, c3), (k0, k1) = counter, key
    rows, n = out.shape
    for r in range(rows):
        for i in range(n):
            voxel = np.uint64(starts[r] + step * i)
            block = voxel >> np.uint64(2)
            w0, w1, w2, w3 = _philox(
                np.uint32(block & _LOW), np.uint32(block >> _HALF_WORD), c2, c3, k0, k1
            )
            place = voxel & np.uint64(3)
            if place < 2:
                word = w0 if place == 0 else w1
            else:
                word = w2 if place == 2 else w3
            segment, t, sign = _place_of(word)
            out[r, i] = _cubic(table[segment], t) * sign


# --- grey levels --------------------------------------------------------------


@numba.njit(inline="always")
def grey_level(unit, width, low, bottom, top):
    """The grey level of a unit value: a whole number in single precision.

    Whoever stores it as an integer of up to 16 bits goes by one of 32: processors convert many
    of these at once.
    """
    return min(max(np.rint(unit * width + low), bottom), top)


@_compiled
def grey_levels(unit, width, low, bottom, top, out):
    """``out = clip(rint(unit * width + low), bottom, top)``, out an integer of up to 16 bits."""
    for i in range(out.size):
        out[i] = np.int32(grey_level(unit[i], width, low, bottom, top))


@numba.njit(inline="always")
def _unit(grey, low, width, far):
    """A grey level mapped to [0, 1], with the rounding of the type of ``low`` and ``width``."""
    return np.float32(min(max((grey - low) / width, -far), far))


@numba.njit(inline="always")
def _limited(value, after, before, low, high, bottom, top):
    """Limit a result: exactly an end where the unit value is one, else between the ends."""
    least = high if after == 1 else low if after >= 0 else bottom
    most = low if after == 0 else high if after <= 1 else top
    least = bottom if after == before else least
    most = top if after == before else most
    value = least if value < least else value  # NaN stays NaN
    return most if value > most else value


@_compiled
def changed_floats(after, grey, unit_low, unit_width, far, width, low, high, bottom, top, out):
    """``out = grey + width * (after - before)``, where before is ``grey`` as unit values.

    ``unit_low``, ``unit_width`` and ``far`` are what unit values are computed with, in their
    type; ``width`` is a finite float64, and the ends are of the type of ``out``.
    """
    for i in range(out.size):
        before = _unit(grey[i], unit_low, unit_width, far)
        out[i] = grey[i] + width * (np.float64(after[i]) - np.float64(before))
        out[i] = _limited(out[i], after[i], before, low, high, bottom, top)


@_compiled
def changed_integers(after, grey, unit_low, unit_width, far, width, low, high, bottom, top, out):
    """As :func:`changed_floats`, rounded, for integers of up to 32 bits and float64 ends."""
    for i in range(out.size):
        before = _unit(grey[i], unit_low, unit_width, far)
        value = grey[i] + width * (np.float64(after[i]) - np.float64(before))
        value = _limited(value, after[i], before, low, high, bottom, top)
        out[i] = np.int64(np.rint(value))


@_compiled
def changed_long_integers(after, grey, sign, unit_low, unit_width, far, width, low, high, out):
    """As :func:`changed_floats` for integers of 64 bits, whose last digits float64 cannot hold.

    ``out``, ``low`` and ``high`` are uint64 that ascend as the grey levels do: of a signed
    type, its bits with the first one (``sign``) flipped.
    """
    largest = np.uint64(0xFFFFFFFFFFFFFFFF)
    for i in range(out.size):
        before = _unit(grey[i], unit_low, unit_width, far)
        value = np.uint64(grey[i]) ^ sign
        change = np.rint(width * (np.float64(after[i]) - np.float64(before)))
        # 2^64 - 2^11: the last float64 that fits
        step = np.uint64(min(abs(change), 18446744073709549568.0))
        if change > 0.0:
            value += min(step, largest - value)
        else:
            value -= min(step, value)
        out[i] = _limited(value, after[i], before, low, high, np.uint64(0), largest)


# --- sums over a pair -----------------------------------------------------------

_LANES = 128  # partial sums side by side: a fixed order of addition that is quick all the same
#: Voxels whose sums of floats make one row of a table.
SUMMED = 1 << 15


@_compiled
def whole_pair_sums(x, y, sums):
    """Add sums of x, y, x^2, y^2 and (x - y)^2 to ``sums`` (5,) int64.

    Exact for integers of up to 16 bits, fewer than 2^31 of them.
    """
    sx = sy = xx = yy = dd = np.int64(0)
    for i in range(x.size):
        p = np.int64(x[i])
        q = np.int64(y[i])
        sx += p
        sy += q
        xx += p * p
        yy += q * q
        dd += (p - q) * (p - q)
    sums[0] += sx
    sums[1] += sy
    sums[2] += xx
    sums[3] += yy
    sums[4] += dd


@_part
def _halve(lanes):
    """The sum of some lanes, their number a power of two."""
    n = lanes.size
    while n > 1:
        n //= 2
        for j in range(n):
            lanes[j] += lanes[n + j]
    return lanes[0]


@_compiled
def shifted_pair_sums(x, y, shift_x, shift_y, sums):
    """Fill ``sums`` (chunks, 6) float64 with u = x - shift_x and v = y - shift_y summed.

    A row holds the sums of u, v, u^2, v^2, u v and (x - y)^2 over the next
    ``SUMMED`` voxels. In float64, in an order that only the length decides.
    """
    su = np.empty(_LANES)
    sv = np.empty(_LANES)
    uu = np.empty(_LANES)
    vv = np.empty(_LANES)
    uv = np.empty(_LANES)
    dd = np.empty(_LANES)
    for c in range(sums.shape[0]):
        for lanes in (su, sv, uu, vv, uv, dd):
            lanes[:] = 0.0
        for first in range(c * SUMMED, min((c + 1) * SUMMED, x.size), _LANES):
            p = x[first : first + _LANES]
            q = y[first : first + _LANES]
            for j in range(p.size):
                u = np.float64(p[j]) - shift_x
                v = np.float64(q[j]) - shift_y
                d = np.float64(p[j]) - np.float64(q[j])
                su[j] += u
                sv[j] += v
                uu[j] += u * u
                vv[j] += v * v
                uv[j] += u * v
                dd[j] += d * d
        for k, lanes in enumerate((su, sv, uu, vv, uv, dd)):
            sums[c, k] = _halve(lanes)


@_compiled
def clipped_count(x, y, low, high, count):
    """Add to ``count`` (1,) int64 where y is at low or high, or beyond, and x is not."""
    n = np.int64(0)
    for i in range(x.size):
        n += ((y[i] <= low) & (x[i] > low)) | ((y[i] >= high) & (x[i] < high))
    count[0] += n
