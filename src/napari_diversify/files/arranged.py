"""An array with its axes in another order, without moving a voxel before it is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.blocks import normalise_index, region_shape, span
from ..core.computed import Computed


class Arranged(Computed):
    """A lazy view of an array whose axes are named, ordered and native as ours are.

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
        # axes that are not wanted have length 1: moved to the end, they fall off in reshape
        rest = [i for i in range(len(self._axes)) if i not in self._order]
        block = block.transpose(self._order + rest)
        block = block.reshape([len(spans[axis]) for axis in self._wanted])
        block = block[tuple(slice(None, None, r.step if len(r) > 1 else 1) for r in region)]
        return block.astype(self.dtype, copy=False).squeeze(dropped)
