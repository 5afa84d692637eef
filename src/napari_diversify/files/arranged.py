"""An array presented differently, without moving a voxel before it is asked for.

:class:`Arranged` puts axes into another order, :class:`Cut` fixes some of them.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ..core.blocks import normalise_index, region_shape, span
from ..core.computed import Computed


class _View(Computed):
    """A view of an array that can be read but not written, so that it may be its own copy."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class Arranged(_View):
    """A lazy view of an array with its axes in our order and its numbers in native byte order.

    Files keep axes in any order, with or without those of length 1, in either
    byte order. Every basic index is accepted (negative steps too, which Zarr
    refuses); only what it covers is read.

    Parameters
    ----------
    array : array-like
        With shape, dtype and indexing by slices.
    axes : str
        One letter per axis of ``array``.
    wanted : str
        The axes of this view: those of ``array`` in any order. Axes of length 1
        may be left out, and added.

    Raises
    ------
    ValueError
        If an axis that is not wanted is longer than 1.
    """

    def __init__(self, array: Any, axes: str, wanted: str) -> None:
        for axis, size in zip(axes, array.shape, strict=True):
            if axis not in wanted and size != 1:
                raise ValueError(f"axis {axis!r} has {size} positions and cannot be left out")
        self._array = array
        self._axes = axes
        self._wanted = wanted
        self._order = [axes.index(a) for a in wanted if a in axes]
        sizes = dict(zip(axes, array.shape, strict=True))
        self.shape: tuple[int, ...] = tuple(int(sizes.get(a, 1)) for a in wanted)
        self.dtype: np.dtype[Any] = np.dtype(array.dtype).newbyteorder("=")

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        region, dropped = normalise_index(key, self.shape)
        shape = region_shape(region)
        if 0 in shape:
            return np.empty(shape, self.dtype).squeeze(dropped)
        spans = dict(zip(self._wanted, map(span, region), strict=True))
        whole = range(1)
        inner = tuple(
            slice(r.start, r.stop) for r in (spans.get(axis, whole) for axis in self._axes)
        )
        block = np.asarray(self._array[inner])
        # axes that are not wanted have length 1: moved to the end, they vanish in reshape
        rest = [i for i in range(len(self._axes)) if i not in self._order]
        block = block.transpose(self._order + rest)
        block = block.reshape([len(spans[axis]) for axis in self._wanted])
        block = block[tuple(slice(None, None, r.step if len(r) > 1 else 1) for r in region)]
        return block.astype(self.dtype, copy=False).squeeze(dropped)


class Cut(_View):
    """A lazy view of an array with some axes fixed.

    Parameters
    ----------
    array : array-like
        With shape, dtype and every basic index.
    index : tuple of int or slice
        One per axis of ``array``: a position on an axis that is fixed, ``slice(None)`` on the
        others.

    Examples
    --------
    >>> Cut(np.arange(24).reshape(2, 3, 4), (1, slice(None), slice(None)))[0, 1:3]
    array([13, 14])
    """

    def __init__(self, array: Any, index: tuple[int | slice, ...]) -> None:
        self._array, self._index = array, index
        self.shape = tuple(
            int(n) for n, i in zip(array.shape, index, strict=True) if isinstance(i, slice)
        )
        self.dtype = np.dtype(array.dtype)

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        region, dropped = normalise_index(key, self.shape)
        inner = iter(r.start if axis in dropped else _as_slice(r) for axis, r in enumerate(region))
        filled = tuple(next(inner) if isinstance(i, slice) else i for i in self._index)
        return np.asarray(self._array[filled])


def _as_slice(positions: range) -> slice:
    """The slice that gives these positions."""
    if not positions:
        return slice(0, 0)
    # only None stands for the position before the first
    return slice(positions.start, positions.stop if positions.stop >= 0 else None, positions.step)
