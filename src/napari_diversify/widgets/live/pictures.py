"""Computed parts of the arrays of a live layer: bounded in bytes, thread-safe."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ...core.blocks import Region, slices
from ...recipe.lazy.array import contains
from ...recipe.lazy.viewable import Look, Viewable

#: Which level of a pyramid (0 of any other image), and which part of it.
Place: TypeAlias = tuple[int, Region]

_BUDGET = 128 << 20


class Pictures:
    """The parts used last, up to a number of bytes, and the newest two whatever their size."""

    def __init__(self, budget: int = _BUDGET) -> None:
        self._budget = budget
        self._kept: OrderedDict[Place, tuple[Look, npt.NDArray[Any]]] = OrderedDict()
        self._lock = Lock()

    def find(self, place: Place, look: Look) -> npt.NDArray[Any] | None:
        """The values at a place, if they are kept, alone or as a part of others, and true."""
        level, region = place
        with self._lock:
            known = self._kept.get(place)
            if known is not None and known[0].same_as(look):
                self._kept.move_to_end(place)
                return known[1]
            for (of, held), (then, values) in reversed(self._kept.items()):
                if of == level and then.same_as(look) and contains(held, region):
                    return values[slices(region, held)]
        return None

    def keep(self, place: Place, look: Look, values: npt.NDArray[Any]) -> None:
        """Keep the values at a place, in the place of any that are kept there."""
        with self._lock:
            self._kept[place] = look, values
            self._kept.move_to_end(place)
            size = sum(kept.nbytes for _, kept in self._kept.values())
            while size > self._budget and len(self._kept) > 2:
                size -= self._kept.popitem(last=False)[1][1].nbytes

    def keep_only(self, looks: Iterable[Look]) -> None:
        """Forget what is not true any more."""
        true = list(looks)
        with self._lock:
            for place, (look, _) in list(self._kept.items()):
                if not any(look.same_as(other) for other in true):
                    del self._kept[place]


def axes_in_view(place: Place) -> int:
    """How many axes of a part are in view."""
    return sum(len(r) > 1 for r in place[1])


def nothing(array: Viewable) -> npt.NDArray[Any]:
    """One voxel at the corner: napari draws no array that has none."""
    return np.zeros((1,) * len(array.shape), array.dtype)
