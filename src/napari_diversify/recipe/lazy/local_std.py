"""The σ map of a volume, computed where it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from ...core.blocks import Region, region_shape, slices
from ...core.diversification.local_std import (
    PerAxis,
    check_per_axis,
    local_std_region,
    source_region,
)
from .array import LazyArray
from .cache import Cache, CachedOnly


@dataclass(frozen=True)
class _Windows:
    """All that a LazyLocalStd shows depends on, besides its source."""

    window: tuple[int, ...]
    stride: tuple[int, ...]


class LazyLocalStd(LazyArray):
    """The σ map of an array in its own grey levels, computed where it is looked at.

    Equal, bit for bit, to :func:`napari_diversify.core.local_std` of the whole.

    Parameters
    ----------
    array : array-like of int or float, shape (..., [Z,] Y, X)
    window, stride : int or sequence of int, optional
        See :func:`napari_diversify.core.local_std`; of a sequence, the last
        ``spatial_ndim`` numbers count.
    spatial_ndim : 2 or 3, optional
        How many of the last axes are space; by default 3, or 2 for a 2D image.
    """

    like_source: ClassVar[bool] = False
    _state: _Windows

    def __init__(
        self,
        array: Any,
        window: PerAxis = 5,
        stride: PerAxis = 1,
        spatial_ndim: int | None = None,
    ) -> None:
        super().__init__(array, spatial_ndim)
        self.dtype = np.dtype(np.float32)
        self._state = _Windows((), ())
        self.set_windows(window, stride)

    def set_windows(self, window: PerAxis, stride: PerAxis) -> None:
        """Measure σ in other windows from now on."""
        n = self.spatial_ndim
        self._state = replace(
            self._state,
            window=check_per_axis("window", _last(window, n), n, odd=True),
            stride=check_per_axis("stride", _last(stride, n), n),
        )

    @property
    def kind_of_work(self) -> Hashable:
        """With the windows, which decide how long it takes."""
        return super().kind_of_work, self._state

    def _needed(self, state: _Windows, region: Region) -> Region:
        n = self.spatial_ndim
        held = source_region(region[-n:], self.shape[-n:], state.window, state.stride)
        return (*region[:-n], *held)

    def _reader(
        self, state: _Windows, cache: Cache | CachedOnly | None
    ) -> Callable[[Region], npt.NDArray[Any]]:
        shape = self.shape[-self.spatial_ndim :]

        def read(region: Region) -> npt.NDArray[Any]:
            lead, space = region[: -self.spatial_ndim], region[-self.spatial_ndim :]
            held = source_region(space, shape, state.window, state.stride)
            block = np.asarray(self.source[slices((*lead, *held))]).reshape(region_shape(held))
            sigma = local_std_region(block, held, space, shape, state.window, state.stride)
            return sigma.reshape(region_shape(region))

        return read


def _last(value: PerAxis, n: int) -> PerAxis:
    return tuple(value)[-n:] if isinstance(value, Sequence) else value
