"""Between the grey levels of an image and the unit interval that steps work on.

A recipe maps intensities once, by two numbers that hold for the whole volume,
and maps them back once at the end. Both directions depend on nothing but the
voxel itself.

Steps work in single precision, which cannot tell all grey levels of wide integers
and of floats apart. The digits it loses are restored at the end from the source's
own grey levels (:func:`changed`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...core import compiled as kernels
from ...core.blocks import in_slabs
from ...core.checks import check_intensities
from ...core.grey_levels import GreyLevels

#: Intensities this far outside [0, 1] are meaningless, but must stay finite.
_FAR = 1e30
#: How many voxels can be mapped back in the time that a step takes for one.
_LITTLE = 16
#: Up to this end of the range, single precision reproduces every integer of 16 bits.
_NEAR = 2.0**17


def _working_dtype(dtype: np.dtype[Any], low: float, high: float) -> type[np.floating[Any]]:
    """float32 where it holds every value of ``dtype`` and the range, float64 elsewhere."""
    largest = max(abs(low), abs(high))
    if not np.can_cast(dtype, np.float32) or not high - low > 1e-6 * largest or largest > _FAR:
        return np.float64
    return np.float32 if all(np.float32(v) == v for v in (low, high)) else np.float64


def to_unit(block: npt.NDArray[Any], low: float, high: float) -> npt.NDArray[np.float32]:
    """(block - low) / (high - low) as float32; values outside the range are not clipped."""
    work = _working_dtype(block.dtype, low, high)
    with np.errstate(over="ignore"):
        unit: npt.NDArray[Any] = np.subtract(block, work(low), dtype=work)
        np.divide(unit, work(high) - work(low), out=unit)
    far = _furthest(work, low, high)
    if far == _FAR:
        np.clip(unit, -far, far, out=unit)
    return unit.astype(np.float32, copy=False)


def _furthest(work: type[np.floating[Any]], low: float, high: float) -> float:
    """How far from 0 a unit value may lie."""
    may_overflow = work is np.float64 or high - low < 1
    return _FAR if may_overflow else float(np.finfo(np.float32).max)


def from_unit(
    values: npt.NDArray[np.float32], low: float, high: float, dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Map [0, 1] back to grey levels; rounded and clipped for an integer dtype."""
    if levels := grey_levels(dtype, low, high):
        out = np.empty(values.shape, dtype)
        numbers = levels.width, levels.low, levels.bottom, levels.top
        unit, grey = np.ascontiguousarray(values, np.float32).reshape(-1), out.reshape(-1)

        def part(s: slice) -> None:
            kernels.grey_levels(unit[s], *numbers, grey[s])

        in_slabs(part, out.size, out.size // _LITTLE)
        return out
    work = _working_dtype(dtype, low, high)
    grey = np.multiply(values, work(high) - work(low), dtype=work)
    grey += work(low)
    if dtype.kind not in "iu":
        return np.clip(grey, *_finite_ends(dtype)).astype(dtype, copy=False)
    np.rint(grey, out=grey)
    bottom, top = map(work, _ends(dtype))
    if int(top) > np.iinfo(dtype).max:  # the float next to 2**63 or 2**64 lies above it
        top = np.nextafter(top, work(0))
    np.clip(grey, bottom, top, out=grey)
    return grey.astype(dtype)


def grey_levels(dtype: np.dtype[Any], low: float, high: float) -> GreyLevels | None:
    """How a dtype is mapped, if single precision is precise enough for its integers; else None."""
    work = _working_dtype(dtype, low, high)
    if work is not np.float32 or dtype.kind not in "iu" or dtype.itemsize > 2:
        return None
    bottom, top = map(np.float32, _ends(dtype))
    return GreyLevels(np.float32(low), np.float32(high) - np.float32(low), bottom, top)


def holds_all(dtype: np.dtype[Any], low: float, high: float) -> bool:
    """Whether unit values in single precision tell all grey levels of an image apart."""
    near = max(abs(low), abs(high)) <= _NEAR and high - low >= 1 / _NEAR
    return dtype.kind in "iu" and dtype.itemsize <= 2 and near


def changed(
    unit: npt.NDArray[np.float32],
    source: npt.NDArray[Any],
    low: float,
    high: float,
    dtype: np.dtype[Any],
) -> npt.NDArray[Any]:
    """Grey levels of the source, changed by as much as steps have changed its unit values.

    Where they changed nothing, the result is the source, bit for bit, and elsewhere none of
    its digits is lost: it is ``source + (high - low) * (unit - to_unit(source))``. Only a
    value that has moved to an end of the range, 0 or 1, becomes exactly that end.

    Parameters
    ----------
    unit : ndarray of float32
        The result of steps on ``to_unit(source, low, high)``.
    source : ndarray of ``dtype``, shape of ``unit``
    low, high : float
        Ends of the range.
    dtype : numpy.dtype
        Native. Results are clipped to what it holds, and rounded for integers.
    """
    work = _working_dtype(dtype, low, high)
    wide = np.dtype(np.float32) if dtype.itemsize <= 2 else dtype
    after, grey = (
        np.ascontiguousarray(a, t).reshape(-1) for a, t in ((unit, np.float32), (source, wide))
    )
    out = np.empty(unit.shape, np.float64 if dtype == np.float16 else dtype)
    mapping = (work(low), work(high) - work(low), work(_furthest(work, low, high)))
    width = min(high - low, _finite_ends(np.dtype(np.float64))[1])
    if dtype.kind in "iu" and dtype.itemsize == 8:
        sign = np.uint64(1 << 63 if dtype.kind == "i" else 0)
        long_ends = (_long(low, dtype), _long(high, dtype))
        flat = out.view(np.uint64).reshape(-1)

        def part(s: slice) -> None:
            kernels.changed_long_integers(
                after[s], grey[s], sign, *mapping, width, *long_ends, flat[s]
            )
            flat[s] ^= sign

    else:
        limits = _ends(dtype) if dtype.kind in "iu" else _finite_ends(dtype)
        kernel, real = kernels.changed_integers, np.dtype(np.float64)
        if dtype.kind == "f":
            kernel, real = kernels.changed_floats, out.dtype
        ends = [min(max(v, limits[0]), limits[1]) for v in (low, high)]
        numbers = [real.type(v) for v in (*ends, *limits)]
        flat = out.reshape(-1)

        def part(s: slice) -> None:
            kernel(after[s], grey[s], *mapping, width, *numbers, flat[s])

    in_slabs(part, out.size, out.size // _LITTLE)
    return out.astype(dtype, copy=False)


def _long(value: float, dtype: np.dtype[Any]) -> np.uint64:
    """A grey level as the nearest unsigned number, counted from the lowest of its dtype."""
    bottom, top = _ends(dtype)
    return np.uint64(min(max(round(value), bottom), top) - bottom)


def _finite_ends(dtype: np.dtype[Any]) -> tuple[float, float]:
    """The least and the greatest finite number that a floating-point dtype holds."""
    limits = np.finfo(dtype)
    return float(limits.min), float(limits.max)


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
        low, high = min(low, values.min().item()), max(high, values.max().item())
    return check_range(low, high)


def check_range(low: float, high: float) -> tuple[float, float]:
    """The range from the lowest to the highest grey level; raise if the image is constant.

    Two integers beyond 2**53 may be the same float: the range is made wider then.
    """
    if not low < high:
        raise ValueError(
            f"the image is constant: every voxel is {low:g}, so there is no intensity range "
            "to map to [0, 1]. Choose another image, or give an intensity range: two grey levels"
        )
    return float(low), max(float(high), float(np.nextafter(float(low), np.inf)))


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
