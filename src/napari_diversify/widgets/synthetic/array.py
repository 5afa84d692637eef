"""Image and labels of a specimen as the driver of live layers takes them."""

from __future__ import annotations

import math
from collections.abc import Generator, Hashable
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.blocks import Region, normalise_index, region_shape, span
from ...core.computed import Computed
from ...recipe.lazy.array import as_index
from ...recipe.lazy.viewable import Look, Viewable
from ..live.layers import no_room

# voxels computed between two looks at whether to go on
_PIECE = 1 << 20


class SpecimenView(Viewable):
    """An array of a specimen; ``kind`` says which it is, and of what specimens.

    One that is ``slow`` is never computed while a window waits.
    """

    def __init__(self, array: Computed, kind: Hashable, *, slow: bool = False) -> None:
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self._kind, self._slow = kind, slow

    @property
    def look(self) -> Look:
        """The specimen never changes."""
        return Look(self.array)

    @property
    def in_memory(self) -> bool:
        """Whether it may be computed at once, if there is little of it."""
        return not self._slow

    @property
    def kind_of_work(self) -> Hashable:
        """As it was told."""
        return self._kind

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        return self.array[key]

    def computing(
        self, key: Any, *, ahead: bool = False
    ) -> Generator[tuple[int, int], None, tuple[Region, npt.NDArray[Any]]]:
        """Compute a part piece by piece; see :meth:`.Viewable.computing`."""
        region = tuple(span(r) for r in normalise_index(key, self.shape)[0])
        return region, (yield from values_of(self.array, region))


def values_of(
    array: Computed, region: Region
) -> Generator[tuple[int, int], None, npt.NDArray[Any]]:
    """A part of an array of a specimen, piece by piece; yield (pieces done, pieces).

    Raises
    ------
    MemoryError
        If there is no room for it.
    """
    shape = region_shape(region)
    size = math.prod(shape)
    what_to_do = "Make the shape smaller, or write it to a file: Copy as command"
    if problem := no_room(size * array.dtype.itemsize, what_to_do):
        raise MemoryError(problem)
    values = np.empty(shape, array.dtype)
    axis = int(np.argmax([n > 1 for n in shape]))
    run = max(1, _PIECE * shape[axis] // max(1, size))
    starts = range(0, shape[axis], run)
    for n, start in enumerate(starts):
        part = region[axis][start : start + run]
        here = (slice(None),) * axis + (slice(start, start + run),)
        values[here] = array[as_index((*region[:axis], part, *region[axis + 1 :]))]
        yield n + 1, len(starts)
    return values
