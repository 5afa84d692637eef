"""Which views are likely to be asked for next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...core.blocks import Region
from ...recipe.lazy.array import as_index
from ...recipe.lazy.viewable import Viewable
from . import pace
from .pictures import Pictures, Place, axes_in_view
from .wishes import Wish, wish_for

# planes computed ahead: so many at most, of so many bytes together, in so many seconds
_AHEAD, _AHEAD_BYTES, _AHEAD_S = 8, 64 << 20, 4.0

#: An axis, and which way along it.
Travel = tuple[int, int]


def travel(before: Region, now: Region) -> Travel | None:
    """The axis along which one plane lies from another, and which way; None if it is not so."""
    changed = [axis for axis, (a, b) in enumerate(zip(before, now, strict=True)) if a != b]
    if len(changed) != 1 or len(before[changed[0]]) != 1 or len(now[changed[0]]) != 1:
        return None
    axis = changed[0]
    return axis, 1 if now[axis].start > before[axis].start else -1


def next_ones(region: Region, shape: Sequence[int], way: Travel | None, n: int) -> Iterator[Region]:
    """At most n planes that lie ahead, nearest first, and one behind; unknown: those around.

    Who has come to the end can only turn back.
    """
    axes = [axis for axis, part in enumerate(region) if len(part) == 1 < shape[axis]]
    if way is None and axes:
        way = axes[-1], 1
    if way is None or way[0] not in axes:
        return
    axis, step = way
    at = region[axis].start
    if not 0 <= at + step < shape[axis]:
        step = -step
    for place in [at + step, at - step, *(at + step * d for d in range(2, n))][:n]:
        if 0 <= place < shape[axis]:
            yield (*region[:axis], range(place, place + 1), *region[axis + 1 :])


def wish_ahead(
    arrays: tuple[Viewable, ...], view: Place, way: Travel | None, pictures: Pictures
) -> Wish | None:
    """The nearest plane that is likely to be asked for next and not there yet."""
    level, region = view
    array, index = arrays[level], as_index(region)
    if axes_in_view(view) > 2:
        return None
    seconds = pace.PACES.seconds(array.kind_of_work, array.work(index), again=False)
    if array.in_memory and seconds <= pace.AT_ONCE_S:
        return None  # it takes no time then
    size = max(1, int(np.prod([len(r) for r in region])) * array.dtype.itemsize)
    n = min(_AHEAD, _AHEAD_BYTES // size, int(_AHEAD_S / seconds))
    for distance, there in enumerate(next_ones(region, array.shape, way, n), 1):
        wish = wish_for(arrays, [(level, there)], pictures, ahead=distance)
        if wish.places:
            return wish
    return None
