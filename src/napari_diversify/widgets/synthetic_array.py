"""An array of a specimen that is swapped for another one's while a layer holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from ..core.blocks import normalise_index
from ..core.computed import Computed
from ..recipe.specimen import SpecimenArray

Index = tuple[slice, ...]


@dataclass(frozen=True)
class _State:
    """What an array gives: computed values of a part, and where the others come from."""

    array: SpecimenArray
    index: Index = ()
    values: npt.NDArray[Any] | None = None


class LiveArray(Computed):
    """An array of a specimen that can be swapped for that of another one.

    It gives the exact voxels of its specimen whatever is asked; those that
    have been computed already are not computed again.
    """

    def __init__(self, array: SpecimenArray) -> None:
        self.shape, self.dtype = array.shape, array.dtype  # whatever it is swapped for
        self._state = _State(array)

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        state = self._state  # once: it may be swapped while this runs
        region, dropped = normalise_index(key, state.array.shape)
        at = _within(state, region)
        if at is None or state.values is None:
            return state.array[key]
        return state.values[at].squeeze(dropped)

    def _whole(self) -> npt.NDArray[Any]:
        return self[...].copy()  # what is kept stays ours

    def __deepcopy__(self, memo: dict[int, Any]) -> SpecimenArray:
        return self._state.array  # a copy of the layer keeps what is shown now

    def swap(self, array: SpecimenArray, index: Index, values: npt.NDArray[Any] | None) -> None:
        """Give another array of the same shape, of which ``values`` are known."""
        self._state = _State(array, index, values)

    def holds(self, index: Index) -> bool:
        """Whether a part has been computed."""
        return _within(self._state, normalise_index(index, self.shape)[0]) is not None


def _within(state: _State, region: tuple[range, ...]) -> Index | None:
    """Where in the computed values a region lies; None if it does not."""
    if state.values is None:
        return None
    out = []
    for part, held, n in zip(region, state.index, state.array.shape, strict=True):
        start, stop, _ = held.indices(n)
        if part.step != 1 or part.start < start or part.stop > stop:
            return None
        out.append(slice(part.start - start, part.stop - start))
    return tuple(out)
