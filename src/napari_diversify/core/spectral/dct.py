"""Planes in the domain of the DCT-II, where blur, haze and low-pass are products.

The DCT-II continues an image by reflection, as we do at every border, so nothing
wraps around. A result must not depend on how many threads computed it:
lines are transformed in blocks of a fixed size, each by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from ..blocks import in_slabs

Coefficients = npt.NDArray[np.float32]

#: Lines transformed together. Fixed, because the rounding of a transform may
#: depend on the lines beside it.
LINES = 64


def forward(image: npt.ArrayLike, axes: Sequence[int] = (-2, -1)) -> Coefficients:
    """Orthonormal DCT-II of an image along ``axes``.

    Parameters
    ----------
    image : array_like, two axes or three
    axes : sequence of int, optional

    Returns
    -------
    numpy.ndarray of float32, shape of ``image``
        Coefficient u along an axis of n voxels of size s belongs to the
        frequency u / (2 n s).
    """
    return _transform(partial(scipy.fft.dct, type=2, norm="ortho"), image, axes)


def inverse(
    coefficients: npt.ArrayLike, axes: Sequence[int] = (-2, -1), *, rows: int | None = None
) -> Coefficients:
    """Image that has these coefficients: the inverse of :func:`forward`.

    With ``rows``, coefficients from this one on along the second last axis are
    known to be zero, which saves their part of the work.
    """
    along = partial(scipy.fft.idct, type=2, norm="ortho")
    return _transform(along, coefficients, axes[::-1], rows)


def _transform(
    along_one: Callable[..., npt.NDArray[Any]],
    array: npt.ArrayLike,
    axes: Sequence[int],
    rows: int | None = None,
) -> Coefficients:
    out = np.array(array, dtype=np.float32)
    for axis in axes:
        # lines are cut along another axis, so that each is whole
        axis %= out.ndim
        other = out.ndim - 2 if axis == out.ndim - 1 else out.ndim - 1
        length = out.shape[other] if rows is None or other != out.ndim - 2 else rows
        blocks = -(-length // LINES)

        def lines(part: slice, axis: int = axis, other: int = other) -> None:
            for block in range(part.start, part.stop):
                cut: list[slice] = [slice(None)] * out.ndim
                cut[other] = slice(block * LINES, (block + 1) * LINES)
                place = tuple(cut)
                out[place] = along_one(out[place], axis=axis)

        in_slabs(lines, blocks, out.size)
    return out


def relative_frequencies(shape: Sequence[int]) -> list[npt.NDArray[np.float64]]:
    """Give u / n along each axis, in units of the Nyquist frequency, ready to broadcast."""
    return list(np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij", sparse=True))


def frequencies(shape: Sequence[int], spacing: Sequence[float]) -> list[npt.NDArray[np.float64]]:
    """Give u / (2 n s) along each axis, in cycles per unit of ``spacing``, ready to broadcast."""
    nyquist = [0.5 / s for s in spacing]
    return [f * n for f, n in zip(relative_frequencies(shape), nyquist, strict=True)]


def gaussian(shape: Sequence[int], sigma: Sequence[float]) -> npt.NDArray[np.float32]:
    """Transfer function of a Gaussian blur with standard deviation ``sigma`` in voxels.

    exp(-2 pi^2 sum (sigma f)^2), f in cycles per voxel: what a blur with
    reflecting borders does to each coefficient, at one cost for any width.
    """
    gain: npt.NDArray[np.float32] = np.ones((1,) * len(shape), np.float32)
    for s, f in zip(sigma, relative_frequencies(shape), strict=True):
        gain = gain * np.exp(-2 * np.pi**2 * (s * f / 2) ** 2).astype(np.float32)
    return gain
