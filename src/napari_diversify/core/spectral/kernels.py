"""The compiled loops over coefficients of the DCT, and over what they are made of; nothing else.

As in :mod:`..kernels`: serial, without the GIL, without ``fastmath``.
"""

from __future__ import annotations

import numba
import numpy as np

from ..kernels import _compiled


@_compiled
def add_two_products(c, by, bx, hy, hx, blur, halo, total):
    """``total += c * (blur * by by bx + halo * hy by hx)``, all float32."""
    for u in range(c.shape[0]):
        b = blur * by[u]
        h = halo * hy[u]
        for v in range(c.shape[1]):
            total[u, v] += c[u, v] * (b * bx[v] + h * hx[v])


@_compiled
def add_lost_power(c, d, by, bx, hy, hx, bb, bh, hh, of_c, of_d, total):
    """``total += (of_c * c + of_d * d) * sqrt(1 - g^2)``, one after the other, all float32.

    g^2 = bb (by bx)^2 + 2 bh (by bx)(hy hx) + hh (hy hx)^2: power that passes.
    """
    for u in range(c.shape[0]):
        for v in range(c.shape[1]):
            b = by[u] * bx[v]
            h = hy[u] * hx[v]
            passing = bb * b * b + np.float32(2) * bh * b * h + hh * h * h
            lost = np.sqrt(max(np.float32(1) - passing, np.float32(0)))
            total[u, v] = (total[u, v] + of_c * c[u, v] * lost) + of_d * d[u, v] * lost


@_compiled
def wiener(c, ends, by, bx, hy, hx, blur, halo, seen, hidden, doubt, out):
    """``out = c g / (g^2 + (1 - g^2) (g^2 seen[band] + hidden[band]) + doubt)``, all float32.

    g = blur * by bx + halo * hy hx. In row u, the band k ends before the column ``ends[u, k]``.
    """
    for u in range(c.shape[0]):
        b = blur * by[u]
        h = halo * hy[u]
        start = 0
        for k in range(ends.shape[1]):
            end = ends[u, k]
            of_c = c[u, start:end]
            of_bx = bx[start:end]
            of_hx = hx[start:end]
            of_out = out[u, start:end]
            for v in range(of_c.size):
                gain = b * of_bx[v] + h * of_hx[v]
                passing = gain * gain
                lost = max(np.float32(1) - passing, np.float32(0))
                noise = lost * (passing * seen[k] + hidden[k])
                # a ufunc: "/" would ask each time whether it divides by 0
                of_out[v] = of_c[v] * np.divide(gain, passing + noise + doubt)
            start = end


@_compiled
def band_power(c, ends, power):
    """Add the squares of ``c``, but for the mean, to ``power`` (bands,) float64.

    ``ends`` as for :func:`wiener`.
    """
    for u in range(c.shape[0]):
        start = 0 if u else 1
        for k in range(ends.shape[1]):
            end = ends[u, k]
            total = 0.0
            for v in range(start, end):
                total += np.float64(c[u, v]) * np.float64(c[u, v])
            power[k] += total
            start = end


@_compiled
def times_gain(c, by, bx, hy, hx, blur, halo, out):
    """``out = c * (blur * by bx + halo * hy hx)``, all float32."""
    for u in range(c.shape[0]):
        b = blur * by[u]
        h = halo * hy[u]
        for v in range(c.shape[1]):
            out[u, v] = c[u, v] * (b * bx[v] + h * hx[v])


@_compiled
def detector_noise(light, noise, first, a, b, out):
    """``out = sqrt(a + b * light) * noise`` for the columns from ``first`` on that ``out`` has.

    a and b float64, the rest float32.
    """
    n = out.shape[1]
    for u in range(out.shape[0]):
        here = light[u, first : first + n]
        there = noise[u, first : first + n]
        for v in range(n):
            variance = a + b * np.float64(here[v])
            out[u, v] = np.float32(np.sqrt(max(variance, 0.0)) * there[v])


@numba.njit(inline="always")
def _gain(fz, fy, fx, cutoff, shape, taper):
    """1 below the cutoff, 0 from it on, a cosine between; never rises with a frequency.

    Shape 0 is radial, 1 square, 2 triangular. A sharp radial edge is compared in squares.
    """
    if shape == 0:
        r = fz * fz + fy * fy + fx * fx
        if taper == 0.0:
            return 1.0 if r < cutoff * cutoff else 0.0
        r = np.sqrt(r)
    elif shape == 1:
        r = max(fz, max(fy, fx))
    else:
        r = fz + fy + fx
    start = cutoff * (1.0 - taper)
    if r >= cutoff:
        return 0.0
    if r <= start:
        return 1.0
    return 0.5 * (1.0 + np.cos(np.pi * ((r - start) / (cutoff - start))))


@_compiled
def lowpass_gain(fz, fy, fx, cutoff, shape, taper, gain):
    """Fill ``gain`` (z, y, x) float32; ``fz``, ``fy``, ``fx`` float64 in units of Nyquist."""
    for z in range(fz.size):
        for u in range(fy.size):
            for v in range(fx.size):
                gain[z, u, v] = np.float32(_gain(fz[z], fy[u], fx[v], cutoff, shape, taper))


@_compiled
def lowpass_edges(fy, fx, cutoff, shape, taper, full, passed):
    """Of each row (y), how many frequencies along x have a gain of 1, and how many one above 0."""
    n_full = n_passed = fx.size
    for u in range(fy.size):
        while n_passed > 0 and _gain(0.0, fy[u], fx[n_passed - 1], cutoff, shape, taper) == 0.0:
            n_passed -= 1
        n_full = min(n_full, n_passed)
        while n_full > 0 and _gain(0.0, fy[u], fx[n_full - 1], cutoff, shape, taper) < 1.0:
            n_full -= 1
        full[u] = n_full
        passed[u] = n_passed


@_compiled
def lowpass_band(fy, fx, cutoff, shape, taper, full, passed, starts, band):
    """The gains between 1 and 0: those of row u fill ``band`` from ``starts[u]`` on."""
    for u in range(fy.size):
        for v in range(full[u], passed[u]):
            gain = np.float32(_gain(0.0, fy[u], fx[v], cutoff, shape, taper))
            band[starts[u] + v - full[u]] = gain


@_compiled
def multiply_band(c, full, passed, starts, band, out):
    """``out = c * gain``, the gain given as by :func:`lowpass_edges` and :func:`lowpass_band`."""
    for u in range(c.shape[0]):
        a = full[u]
        b = passed[u]
        for v in range(a):
            out[u, v] = c[u, v]
        for v in range(a, b):
            out[u, v] = c[u, v] * band[starts[u] + v - a]
        for v in range(b, c.shape[1]):
            out[u, v] = c[u, v] * np.float32(0)


@_compiled
def lowpass_plane(c, wave, fz, fy, fx, cutoff, shape, taper, total):
    """``total[u, v] += sum over z of gain * wave[z] * c[z, u, v]``, z ascending."""
    for u in range(fy.size):
        passed = fx.size  # number of frequencies along x whose gain is above 0
        full = fx.size  # of those, the ones whose gain is 1
        for z in range(fz.size):
            while passed > 0 and _gain(fz[z], fy[u], fx[passed - 1], cutoff, shape, taper) == 0.0:
                passed -= 1
            if passed == 0:
                break  # nothing passes at higher frequencies along z either
            full = min(full, passed)
            while full > 0 and _gain(fz[z], fy[u], fx[full - 1], cutoff, shape, taper) < 1.0:
                full -= 1
            for v in range(full):
                total[u, v] += wave[z] * c[z, u, v]
            for v in range(full, passed):
                g = np.float32(_gain(fz[z], fy[u], fx[v], cutoff, shape, taper))
                total[u, v] += wave[z] * (g * c[z, u, v])
