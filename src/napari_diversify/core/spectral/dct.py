"""Planes in the domain of the DCT-II, where blur, haze and low-pass are products.

The DCT-II continues an image by reflection, as we do at every border, so nothing
wraps around. A result must not depend on how many threads computed it:
lines are transformed in blocks of a fixed size, each by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy

from ..blocks import in_slabs

Coefficients: TypeAlias = npt.NDArray[np.float32]
#: ``fill(part, out)`` writes some rows, or some columns, of a plane into ``out``.
Fill: TypeAlias = Callable[[slice, npt.NDArray[np.float32]], object]
_Transform: TypeAlias = Callable[..., npt.NDArray[Any]]

#: Lines transformed together. Fixed, because the rounding of a transform may
#: depend on the lines beside it.
LINES = 64
_COLUMNS = 128  # likewise: a wider block is read faster, and still fits the cache


def forward(image: npt.ArrayLike) -> Coefficients:
    """Orthonormal DCT-II of a plane.

    Parameters
    ----------
    image : array_like, shape (Y, X)

    Returns
    -------
    numpy.ndarray of float32, shape (Y, X)
        Coefficient u along an axis of n voxels of size s belongs to the
        frequency u / (2 n s).
    """
    plane = np.asarray(image)
    return forward_of(plane.shape, lambda part, out: _copy(plane[:, part], out))


def forward_of(shape: Sequence[int], columns: Fill) -> Coefficients:
    """:func:`forward` of a plane whose columns are made where they are transformed."""
    along = partial(scipy.fft.dct, type=2, norm="ortho")
    out = np.empty(tuple(shape), np.float32)
    _transform_columns(along, columns, out)
    _transform_rows(along, lambda part, rows: None, out)
    return out


def inverse(coefficients: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Plane that has these coefficients: the inverse of :func:`forward`."""
    c = np.asarray(coefficients)
    return inverse_of(c.shape, lambda part, out: _copy(c[part], out))


def inverse_of(
    shape: Sequence[int], rows: Fill, kept: int | None = None, dropped: Coefficients | None = None
) -> npt.NDArray[np.float32]:
    """:func:`inverse` of coefficients whose rows are made where they are transformed.

    Parameters
    ----------
    shape : sequence of int
        (Y, X) of the plane.
    rows : callable
        ``rows(part, out)`` writes the coefficients of some rows.
    kept : int, optional
        Number of rows beyond which all coefficients are zero: no work is done there.
    dropped : numpy.ndarray of float32, shape (Y, X), optional
        What was set to zero there, by a factor: a zero has a sign.
    """
    along = partial(scipy.fft.idct, type=2, norm="ortho")
    out = np.empty(tuple(shape), np.float32)
    kept = len(out) if kept is None else min(len(out), -(-kept // LINES) * LINES)
    _transform_rows(along, rows, out[:kept])

    def columns(part: slice, lines: npt.NDArray[np.float32]) -> None:
        lines[:kept] = out[:kept, part]
        if kept < len(lines) and dropped is not None:
            np.multiply(dropped[kept:, part], np.float32(0), out=lines[kept:])
        else:
            lines[kept:] = 0

    _transform_columns(along, columns, out)
    return out


def _transform_rows(along: _Transform, fill: Fill, out: npt.NDArray[np.float32]) -> None:
    """Transform rows in place, after ``fill`` has written them; they are in the cache by then."""

    def blocks(part: slice) -> None:
        for block in range(part.start, part.stop):
            rows = slice(block * LINES, (block + 1) * LINES)
            fill(rows, out[rows])
            _in_place(along, out[rows], 1)

    in_slabs(blocks, -(-len(out) // LINES), out.size)


def _transform_columns(along: _Transform, fill: Fill, out: npt.NDArray[np.float32]) -> None:
    """Transform the columns that ``fill`` writes.

    In a buffer: in the plane, the voxels of a column lie in so few sets of a
    processor's cache that they drive each other out.
    """
    height, width = out.shape

    def blocks(part: slice) -> None:
        buffer = np.empty(height * min(_COLUMNS, width), np.float32)
        for block in range(part.start, part.stop):
            columns = slice(block * _COLUMNS, min((block + 1) * _COLUMNS, width))
            n = columns.stop - columns.start
            lines = buffer[: height * n].reshape(height, n)
            fill(columns, lines)
            _in_place(along, lines, 0)
            out[:, columns] = lines

    in_slabs(blocks, -(-width // _COLUMNS), out.size)


def _in_place(along: _Transform, lines: npt.NDArray[np.float32], axis: int) -> None:
    transformed = along(lines, axis=axis, overwrite_x=True)
    if not np.may_share_memory(transformed, lines):  # SciPy may overwrite its input, or not
        lines[...] = transformed


def _copy(values: npt.NDArray[Any], out: npt.NDArray[np.float32]) -> None:
    np.copyto(out, values, casting="unsafe")


def relative_frequencies(shape: Sequence[int]) -> list[npt.NDArray[np.float64]]:
    """Give u / n along each axis, in units of the Nyquist frequency, ready to broadcast."""
    return list(np.meshgrid(*(np.arange(n) / n for n in shape), indexing="ij", sparse=True))


def frequencies(shape: Sequence[int], spacing: Sequence[float]) -> list[npt.NDArray[np.float64]]:
    """Give u / (2 n s) along each axis, in cycles per unit of ``spacing``, ready to broadcast."""
    nyquist = [0.5 / s for s in spacing]
    return [f * n for f, n in zip(relative_frequencies(shape), nyquist, strict=True)]


def blurred(coefficients: Coefficients, sigma: Sequence[float]) -> npt.NDArray[np.float32]:
    """The plane that has these coefficients, blurred by a Gaussian of ``sigma`` (y, x) in voxels.

    The factor exp(-2 pi^2 sum (sigma f)^2), f in cycles per voxel, is what a blur with
    reflecting borders does to each coefficient, at one cost for any width.
    """
    along_y, along_x = (
        np.exp(-2 * np.pi**2 * (s * f / 2) ** 2).astype(np.float32)
        for s, f in zip(sigma, relative_frequencies(coefficients.shape), strict=True)
    )

    def rows(part: slice, out: npt.NDArray[np.float32]) -> None:
        np.multiply(along_y[part], along_x, out=out)
        np.multiply(coefficients[part], out, out=out)

    # in single precision, a wide blur leaves nothing of the high frequencies
    return inverse_of(coefficients.shape, rows, int(np.count_nonzero(along_y)), coefficients)
