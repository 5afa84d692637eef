"""The σ map: standard deviation of the intensities around each voxel.

It says where an image has structure, and so where noise of realistic strength
belongs (Eschweiler et al. 2022): strong at edges and texture, weak in flat
background.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..blocks import (
    Region,
    in_slabs,
    reflected,
    region_shape,
    slices,
    spatial_ndim_of,
    whole,
    with_context,
)
from ..checks import check_intensities
from . import compiled as kernels

PerAxis: TypeAlias = int | Sequence[int]

# With so many planes, threads share them rather than rows: less around each part.
_PLANES = 12
# voxels that are converted at once
_CONVERTED = 1 << 22


def check_per_axis(name: str, value: PerAxis, axes: int, *, odd: bool = False) -> tuple[int, ...]:
    """One positive whole number per spatial axis, from a single one or a sequence."""
    numbers = tuple(value) if isinstance(value, Sequence) else (value,) * axes
    kind = "an odd whole number" if odd else "a whole number"
    valid = all(
        isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= 1 for n in numbers
    )
    if not valid or (odd and any(n % 2 == 0 for n in numbers)):
        raise ValueError(f"{name} must be {kind} from 1 upwards, or one per axis; got {value!r}")
    if len(numbers) != axes:
        raise ValueError(
            f"{name} has {len(numbers)} numbers, but {axes} spatial axes are filtered: {value!r}"
        )
    return tuple(int(n) for n in numbers)


def source_region(
    region: Region, shape: Sequence[int], window: Sequence[int], stride: Sequence[int]
) -> Region:
    """The voxels that the σ map of ``region`` (gapless) is computed from."""
    needed = []
    for positions, n, w, s in zip(region, shape, window, stride, strict=True):
        grid = range(positions.start // s, (positions.stop - 1) // s + 1)
        grid = with_context(grid, w // 2, -(-n // s))
        first, last = grid.start * s, (grid.stop - 1) * s
        needed.append(range(min(first, positions.start), max(last + 1, positions.stop)))
    return tuple(needed)


def local_std_region(
    block: npt.NDArray[Any],
    block_region: Region,
    region: Region,
    shape: Sequence[int],
    window: Sequence[int],
    stride: Sequence[int],
) -> npt.NDArray[np.float32]:
    """The σ map of ``region``, from ``block`` = the image in ``block_region``.

    ``shape`` is that of the whole image; ``block_region`` is at least
    :func:`source_region`, and both regions are gapless, with two or three axes.
    """
    if any(s > 1 for s in stride):
        on_grid = tuple(
            slice(-h.start % s, None, s) for h, s in zip(block_region, stride, strict=True)
        )
        grid_block = tuple(
            range(-(-h.start // s), (h.stop - 1) // s + 1)
            for h, s in zip(block_region, stride, strict=True)
        )
        grid = tuple(
            range(r.start // s, (r.stop - 1) // s + 1) for r, s in zip(region, stride, strict=True)
        )
        grid_shape = tuple(-(-n // s) for n, s in zip(shape, stride, strict=True))
        sigma = local_std_region(
            block[on_grid], grid_block, grid, grid_shape, window, (1,) * len(window)
        )
        for axis, (r, s) in enumerate(zip(region, stride, strict=True)):
            places = np.asarray(r) // s - grid[axis].start
            sigma = np.take(sigma, places, axis=axis)
        return sigma

    sigma = np.empty(region_shape(region), np.float32)
    dtype = np.float32 if np.can_cast(block.dtype, np.float32) else np.float64

    block = np.ascontiguousarray(block, dtype)
    in_windows(None, None, sigma, block, block_region, region, shape, window)
    return sigma


def in_windows(
    mapping: Any,
    mixing: Any,
    out: npt.NDArray[Any],
    block: npt.NDArray[Any],
    block_region: Region,
    region: Region,
    shape: Sequence[int],
    window: Sequence[int],
) -> None:
    """Fill ``out``, of the shape of ``region``, by :func:`.kernels.in_tiles`, in threads.

    ``block`` to ``window`` are those of :func:`local_std_region`.
    """
    flat = (1,) * (3 - len(region))
    out, block = out.reshape(flat + out.shape), block.reshape(flat + block.shape)
    window = (*flat, *window)
    single = tuple(range(1) for _ in flat)
    (zs, _), (ys, _), (xs, inner) = (
        reflected(r, w // 2, n, held.start)
        for r, w, n, held in zip(
            (*single, *region), window, (*flat, *shape), (*single, *block_region), strict=True
        )
    )
    dtype = np.empty(0, np.float64 if block.dtype == np.float64 else np.float32)
    whole = [0, out.shape[0], 0, out.shape[1]]
    axis = 0 if len(out) >= _PLANES else 1

    def fill(s: slice) -> None:
        part = list(whole)
        part[2 * axis : 2 * axis + 2] = s.start, s.stop
        around = block, zs, ys, xs, inner, window, dtype, tuple(part)
        if kernels.in_tiles(*around, mapping, mixing, out):
            kernels.mend_tiles(*around, out)

    in_slabs(fill, out.shape[axis], out.size)


def local_std(
    image: npt.ArrayLike, window: PerAxis = 5, *, stride: PerAxis = 1
) -> npt.NDArray[np.float32]:
    """Local standard deviation σ of an image.

    Parameters
    ----------
    image : array_like of int or float, shape (..., [Z,] Y, X)
        Finite intensities, two axes or more. With ``window`` a single number
        the last three axes (two of a 2D image) are spatial; with one number
        per axis, as many axes as there are numbers. Other, leading axes (time,
        channel) are independent images.
    window : int or sequence of int, optional
        Odd side of the window in voxels of the strided grid, per spatial axis.
    stride : int or sequence of int, optional
        Take every stride-th voxel, compute σ on this coarser grid, and repeat
        each value to the full shape, as the reference does (with 4): cheaper and
        blockier. 1 computes σ at every voxel.

    Returns
    -------
    numpy.ndarray of float32, shape of ``image``
        Population standard deviation (ddof=0), in the unit of ``image``.
        Borders are reflected (d c b a | a b c d | d c b a).

    Raises
    ------
    TypeError
        If the image is not integer or floating point.
    ValueError
        If it is empty, not finite, has fewer than two axes, or if window or
        stride are out of range.

    Notes
    -----
    Sums are taken in float64, exact for integers of up to 16 bits whatever
    their offset.

    References
    ----------
    .. [1] D. Eschweiler, J. Schock, J. Stegmaier, "Image diversification",
       SASHIMI workshop at MICCAI (2022). There: stride 4, window 5x5x5.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify.core import local_std
    >>> edge = np.repeat([[0, 0, 0, 9, 9, 9]], 4, axis=0)
    >>> local_std(edge, window=3)[0].round(2)
    array([0.  , 0.  , 4.24, 4.24, 0.  , 0.  ], dtype=float32)
    """
    array = check_intensities(image)
    if array.ndim < 2:
        raise ValueError(f"image must have two axes or more; its shape is {array.shape}")
    axes = len(window) if isinstance(window, Sequence) else spatial_ndim_of(array.ndim)
    if axes not in (2, 3) or axes > array.ndim:
        raise ValueError(
            f"window must give one number for two or three of the {array.ndim} axes; got {window!r}"
        )
    window = check_per_axis("window", window, axes, odd=True)
    stride = check_per_axis("stride", stride, axes)
    shape = array.shape[-axes:]
    region = whole(shape)
    if array.ndim == axes and array.dtype == np.float32:
        return local_std_region(array, region, region, shape, window, stride)
    sigma = np.empty(array.shape, np.float32)
    # some rows of voxels at a time: other dtypes are converted first
    rows = max(2 * window[0], _CONVERTED * shape[0] // math.prod(shape))
    for lead in np.ndindex(array.shape[:-axes]):
        for start in range(0, shape[0], rows):
            part = (range(start, min(start + rows, shape[0])), *region[1:])
            around = source_region(part, shape, window, stride)
            block = array[lead][slices(around)]
            sigma[lead][slices(part)] = local_std_region(block, around, part, shape, window, stride)
    return sigma
