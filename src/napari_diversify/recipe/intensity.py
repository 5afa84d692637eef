"""Between the grey levels of an image and the unit interval that steps work on.

A recipe maps intensities once, by two numbers that hold for the whole volume,
and maps them back once at the end. Neither direction looks at anything but the
voxel itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..core import kernels
from ..core.local_std import check_intensities

#: Intensities this far outside [0, 1] mean nothing any more, but must stay finite.
_FAR = 1e30


def _working_dtype(dtype: np.dtype[Any], low: float, high: float) -> type[np.floating[Any]]:
    """float32 where it holds every value of ``dtype`` and the range, float64 elsewhere."""
    largest = max(abs(low), abs(high))
    if not np.can_cast(dtype, np.float32) or not high - low > 1e-6 * largest or largest > _FAR:
        return np.float64
    return np.float32 if all(np.float32(v) == v for v in (low, high)) else np.float64


def to_unit(block: npt.NDArray[Any], low: float, high: float) -> npt.NDArray[np.float32]:
    """(block - low) / (high - low) as float32, values outside the range kept."""
    work = _working_dtype(block.dtype, low, high)
    with np.errstate(over="ignore"):
        unit: npt.NDArray[Any] = np.subtract(block, work(low), dtype=work)
        np.divide(unit, work(high) - work(low), out=unit)
    if work is np.float64 or high - low < 1:
        np.clip(unit, -_FAR, _FAR, out=unit)
    return unit.astype(np.float32, copy=False)


def from_unit(
    values: npt.NDArray[np.float32], low: float, high: float, dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Map [0, 1] back to grey levels; rounded and clipped for an integer dtype."""
    work = _working_dtype(dtype, low, high)
    if work is np.float32 and dtype.kind in "iu" and dtype.itemsize <= 2:
        out = np.empty(values.shape, dtype)
        numbers = (work(high) - work(low), work(low), *map(work, _ends(dtype)))
        flat = np.ascontiguousarray(values, np.float32).reshape(-1)
        kernels.grey_levels(flat, *numbers, out.reshape(-1))
        return out
    grey = np.multiply(values, work(high) - work(low), dtype=work)
    grey += work(low)
    if dtype.kind not in "iu":
        limits = np.finfo(dtype)
        return np.clip(grey, limits.min, limits.max).astype(dtype, copy=False)
    np.rint(grey, out=grey)
    bottom, top = map(work, _ends(dtype))
    if int(top) > np.iinfo(dtype).max:  # the float next to 2**63 or 2**64 lies above it
        top = np.nextafter(top, work(0))
    np.clip(grey, bottom, top, out=grey)
    return grey.astype(dtype)


def _ends(dtype: np.dtype[Any]) -> tuple[int, int]:
    """The least and the greatest number that an integer dtype holds."""
    return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)


def exact_range(array: Any) -> tuple[float, float]:
    """Minimum and maximum of an array, streamed block by block.

    Parameters
    ----------
    array : array-like with ``shape`` and basic indexing (NumPy, dask, Zarr, ...)

    Raises
    ------
    ValueError
        If the image holds NaN or infinity, or only one value.
    """
    low, high = np.inf, -np.inf
    for block in iter_blocks(array):
        values = check_intensities(block)
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    return check_range(low, high)


def check_range(low: float, high: float) -> tuple[float, float]:
    """Return (low, high), or say why it is no intensity range."""
    if not low < high:
        raise ValueError(
            f"the image is constant: every voxel is {low:g}, so there is no intensity range "
            "to map to [0, 1]. Choose another image, or give an intensity range: two grey levels"
        )
    return low, high


def iter_blocks(array: Any, voxels: int = 1 << 22) -> Any:
    """Yield gapless NumPy blocks that cover ``array``, of about ``voxels`` each.

    Blocks run along the first axis that has to be cut; axes before it go one by one.
    """
    shape = array.shape
    axis, inner = len(shape) - 1, 1
    while axis > 0 and inner * shape[axis] < voxels:
        inner *= shape[axis]
        axis -= 1
    step = max(1, voxels // max(inner, 1))
    for lead in np.ndindex(*shape[:axis]):
        for start in range(0, shape[axis], step):
            yield np.asarray(array[(*lead, slice(start, start + step))])
