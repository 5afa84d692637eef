"""The array that napari holds of a live layer: exact for everybody, quick for the canvas.

napari slices a layer by indexing its data, in the thread of the window unless asynchronous slicing
is switched on. Whoever else indexes the data (a writer, a projection, another plugin, a script)
gets what it asks for, however long that takes. The canvas gets what is at hand.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...core.blocks import Region, normalise_index, region_shape, span
from ...core.computed import Computed

if TYPE_CHECKING:
    from .feed import Feed

# Nothing public says who asks: only the name of the module that does. If napari moves this
# code, everybody gets exact values, and computing them takes its time: a test says so.
_SLICER = "napari.layers._scalar_field._slice"
_LEVELS = "napari.layers._scalar_field.scalar_field"


def _caller() -> str:
    """The name of the module that called the method that asks."""
    return str(sys._getframe(2).f_globals.get("__name__", ""))


class LiveArray(Computed):
    """One level of a live layer.

    Attributes
    ----------
    feed : Feed
        Which knows the arrays that are shown, and fetches what is not at hand.
    """

    def __init__(self, feed: Feed, level: int) -> None:
        array = feed.arrays[level]
        self.feed, self.level = feed, level
        self.shape, self.dtype = array.shape, array.dtype

    @property
    def array(self) -> Any:
        """The array whose values these are at this moment."""
        return self.feed.arrays[self.level]

    @property
    def chunks(self) -> Any:
        """Of the source: napari fetches tiles of as many whole ones of ours as of the image."""
        return getattr(getattr(self.array, "source", None), "chunks", None)

    def __getitem__(self, key: Any) -> Any:
        if _caller() != _SLICER:
            return self.feed.exact(self.level, key)
        region, dropped = normalise_index(key, self.shape)
        return Glance(self, region, dropped)

    def __getattr__(self, name: str) -> Any:
        """What is public of the array: scripts ask ``layer.data`` for its spacing or recipe."""
        if name.startswith("_") or name in ("feed", "level"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(self.array, name)

    def _whole(self) -> npt.NDArray[Any]:
        return np.asarray(self.array)

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        if _caller() == _LEVELS:
            return self.feed.plate(self.level)
        return super().__array__(dtype, copy)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self.feed.copied(self.level)


class Glance:
    """What the canvas asks for, in one or two steps; values are looked up at the end.

    Of a pyramid napari first cuts a tile out of the whole stack, and then a plane out of
    the tile: only the plane is wanted.
    """

    def __init__(
        self, live: LiveArray, region: Region, dropped: tuple[int, ...] = (), *, tile: bool = False
    ) -> None:
        self._live, self._region, self._dropped, self._tile = live, region, dropped, tile
        self.shape = tuple(n for i, n in enumerate(region_shape(region)) if i not in dropped)
        self.dtype, self.ndim = live.dtype, len(self.shape)

    def __getitem__(self, key: Any) -> Glance:
        inner, dropped = normalise_index(key, self.shape)
        axes = [i for i in range(len(self._region)) if i not in self._dropped]
        region = list(self._region)
        for axis, part in zip(axes, inner, strict=True):
            stop = part.stop if part.stop >= 0 else None  # backwards, down to the first
            region[axis] = region[axis][part.start : stop : part.step]
        both = (*self._dropped, *(axes[i] for i in dropped))
        return Glance(self._live, tuple(region), tuple(sorted(both)), tile=True)

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        region = tuple(span(r) for r in self._region)
        values = self._live.feed.picture((self._live.level, region), tile=self._tile)
        if values.shape == region_shape(region):  # else the layer steps aside
            values = values[tuple(slice(None, None, r.step) for r in self._region)]
        values = values.squeeze(self._dropped)
        return values if dtype is None else values.astype(dtype, copy=False)
