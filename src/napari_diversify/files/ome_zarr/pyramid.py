"""Coarser copies of an image: how many, how big, and how their voxels are computed.

Each level is a function of the level before as it is stored, so that it does
not matter in which pieces, in which order or by how many workers it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.blocks import in_slabs
from ..header import Header

#: Planes are halved until their longer side is at most this many voxels.
SMALLEST = 256


@dataclass(frozen=True)
class Level:
    """One resolution of a pyramid.

    Parameters
    ----------
    shape : tuple of int
        Voxels per axis.
    factors : tuple of int
        How many voxels of level 0 each of its voxels spans, per axis.
    """

    shape: tuple[int, ...]
    factors: tuple[int, ...]


def plan_levels(header: Header) -> list[Level]:
    """The levels of an image, level 0 first.

    y and x are halved together. z follows once a voxel is as wide as it is deep,
    so that the voxels of coarse levels become cubes. Odd sizes are rounded up.

    Examples
    --------
    >>> header = Header((40, 800, 600), "uint8", "zyx", (2.0, 1.0, 1.0), ("um", "um", "um"))
    >>> [level.shape for level in plan_levels(header)]
    [(40, 800, 600), (40, 400, 300), (20, 200, 150)]
    """
    n = header.ndim
    size = list(header.spacing or header.scale[-header.spatial_ndim :])
    size = [1.0] * (n - len(size)) + size
    levels = [Level(header.shape, (1,) * n)]
    while max(levels[-1].shape[-2:]) > SMALLEST:
        last = levels[-1]
        width = min(s * f for s, f in zip(size[-2:], last.factors[-2:], strict=True))
        halved = [n - 2, n - 1]
        # a part in a million: scales are decimal numbers, and halving them is not exact
        if header.spatial_ndim == 3 and width >= size[-3] * last.factors[-3] * (1 - 1e-6):
            halved.append(n - 3)
        twice = [2 if axis in halved and last.shape[axis] > 1 else 1 for axis in range(n)]
        levels.append(
            Level(
                tuple(-(-s // f) for s, f in zip(last.shape, twice, strict=True)),
                tuple(f * t for f, t in zip(last.factors, twice, strict=True)),
            )
        )
    return levels


def steps_between(finer: Sequence[int], coarser: Sequence[int]) -> tuple[int, ...]:
    """How many voxels of the finer level one of the coarser spans, from their shapes."""
    return tuple(1 if a == b else 2 for a, b in zip(finer, coarser, strict=True))


def reduced_block(
    block: npt.NDArray[Any], steps: Sequence[int], *, labels: bool
) -> npt.NDArray[Any]:
    """Halve a block along the axes whose step is 2.

    Images: the mean of the voxels that exist (fewer at the far border of odd
    sizes), rounded half to even for integers. Labels: every second voxel, as
    the mean of two labels would be a third one.

    Parameters
    ----------
    block : ndarray, shape (1, ..., 1, [z,] y, x)
        It must start at an even position along each halved axis.
    steps : sequence of 1 or 2
        One per axis.
    labels : bool
        Which of the two rules applies.

    Returns
    -------
    ndarray
        Of the same dtype; sizes are rounded up.
    """
    if labels:
        return block[tuple(slice(None, None, step) for step in steps)]
    shape = [-(-n // step) for n, step in zip(block.shape, steps, strict=True)]
    out = np.empty(shape, block.dtype)
    planes = block.reshape(-1, *block.shape[-2:])
    flat = out.reshape(-1, *out.shape[-2:])
    depth = steps[-3] if len(steps) > 2 else 1
    integer = block.dtype.kind in "iu"
    # sums of eight 16-bit numbers are exact in float32, which halves the memory traffic
    exact = np.float32 if integer and block.dtype.itemsize <= 2 else np.float64
    share = exact(1 / (depth * steps[-2] * steps[-1]))

    def reduce(rows: slice) -> None:
        for k in range(rows.start, rows.stop):
            total = _pairs(planes[k * depth : (k + 1) * depth], 0, depth, exact)[0]
            total = _pairs(total, 0, steps[-2], exact)
            total = _pairs(total, 1, steps[-1], exact)
            total *= share
            flat[k] = _rounded(total, block.dtype) if integer else total

    with np.errstate(invalid="ignore", over="ignore"):  # images may hold inf and NaN
        in_slabs(reduce, len(flat), block.size)
    return out


def _pairs(a: npt.NDArray[Any], axis: int, step: int, dtype: type) -> npt.NDArray[Any]:
    """Sums of neighbours along an axis; the last of an odd number counts twice."""
    if step == 1:
        return a.astype(dtype)
    a = np.moveaxis(a, axis, 0)
    sums: npt.NDArray[Any] = a[::2].astype(dtype)
    sums[: len(a) // 2] += a[1::2]
    if len(a) % 2:
        sums[-1] *= 2
    return np.moveaxis(sums, 0, axis)


def _rounded(mean: npt.NDArray[Any], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    np.rint(mean, out=mean)
    if dtype.itemsize == 8:  # float64 rounds the largest integers up beyond the dtype
        np.minimum(mean, np.nextafter(float(np.iinfo(dtype).max), 0), out=mean)
    return mean
