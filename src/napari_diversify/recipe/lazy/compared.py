"""A recipe on an array compared with the array itself: side by side, or what differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from ...core.blocks import Region, region_shape, slices
from ...core.spectral.lowpass import equalised_plane
from ..steps.step import whole_planes
from .cache import Cache, CachedOnly
from .removed import LazyRemoved
from .volume import LazyVolume, State

if TYPE_CHECKING:
    from ..recipe import Recipe


class LazyDifference(LazyVolume):
    """The result of a recipe minus its source, in grey levels.

    Parameters
    ----------
    array, recipe, spacing, sample, cache
        See :class:`LazyVolume`. Values are float32.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify import Recipe
    >>> from napari_diversify.recipe import Diversify
    >>> from napari_diversify.recipe.lazy.compared import LazyDifference
    >>> image = np.array([[10, 200], [60, 90]], np.uint8)
    >>> dimmed = Recipe(steps=(Diversify(w_i=0.5, w_v=0),), intensity_range=(0, 255))
    >>> LazyDifference(image, dimmed)[0]
    array([  -5., -100.], dtype=float32)
    """

    like_source: ClassVar[bool] = False

    def __init__(self, array: Any, recipe: Recipe, *args: Any, **keywords: Any) -> None:
        super().__init__(array, recipe, *args, **keywords)
        self.dtype = np.dtype(np.float32)

    def _reader(
        self, state: State, cache: Cache | CachedOnly | None
    ) -> Callable[[Region], npt.NDArray[Any]]:
        result = super()._reader(state, cache)

        def read(region: Region) -> npt.NDArray[Any]:
            source = self._of_source(region, cache)
            # in double precision, where integers of 32 bits are exact
            difference: npt.NDArray[np.float32] = np.subtract(
                result(region), source, dtype=np.float64
            ).astype(np.float32)
            return difference

        return read


@dataclass(frozen=True)
class _Split(State):
    """Where the source ends and the result begins."""

    axis: int = -1
    at: int = 0


class LazySplit(LazyVolume):
    """The source up to a divider, and the result of a recipe from there on.

    Parameters
    ----------
    array, recipe, spacing, sample, cache
        See :class:`LazyVolume`.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_diversify import Recipe
    >>> from napari_diversify.recipe import Diversify
    >>> from napari_diversify.recipe.lazy.compared import LazySplit
    >>> dimmed = Recipe(steps=(Diversify(w_i=0.5, w_v=0),), intensity_range=(0, 255))
    >>> split = LazySplit(np.full((2, 6), 100, np.uint8), dimmed)
    >>> split.divider = (-1, 4)  # before column 4
    >>> split[0]
    array([100, 100, 100, 100,  50,  50], dtype=uint8)
    """

    def __init__(self, array: Any, recipe: Recipe, *args: Any, **keywords: Any) -> None:
        super().__init__(array, recipe, *args, **keywords)
        self._state = _Split(**vars(self._state), at=self.shape[-1] // 2)

    @property
    def divider(self) -> tuple[int, int]:
        """Axis along which source and result are split, and where the result begins."""
        assert isinstance(self._state, _Split)
        return self._state.axis, self._state.at

    @divider.setter
    def divider(self, divider: tuple[int, int]) -> None:
        axis, at = divider
        assert isinstance(self._state, _Split)
        self._state = replace(self._state, axis=axis, at=at)

    def _reader(
        self, state: State, cache: Cache | CachedOnly | None
    ) -> Callable[[Region], npt.NDArray[Any]]:
        result = super()._reader(state, cache)
        assert isinstance(state, _Split)
        axis, at = state.axis, state.at

        def read(region: Region) -> npt.NDArray[Any]:
            along = region[axis]
            first = min(max(at - along.start, 0), len(along))  # of the result
            source = np.asarray(self._of_source(region, cache), self.dtype)
            if first == len(along):
                return source
            both = result(region)
            both[_upto(axis, first)] = source[_upto(axis, first)]
            return both

        return read


def _upto(axis: int, stop: int) -> tuple[Any, ...]:
    """Index of the first ``stop`` along an axis counted from the end."""
    return (..., slice(stop), *[slice(None)] * (-1 - axis))


class LazyHidden(LazyRemoved):
    """What the last step takes away with its contrast equalised, plane by plane, 0 to 1.

    Of each plane equal to the ``equalised`` of :func:`napari_diversify.core.hidden_signal`, where
    the last step is a low-pass of planes.

    Parameters
    ----------
    array, recipe, spacing, sample, cache
        See :class:`LazyVolume`. Values are float32.
    """

    @property
    def _by_planes(self) -> bool:
        return True  # contrast is that of a whole plane

    def _needed(self, state: State, region: Region) -> Region:
        return super()._needed(state, whole_planes(region, self.shape))

    def _reader(
        self, state: State, cache: Cache | CachedOnly | None
    ) -> Callable[[Region], npt.NDArray[Any]]:
        removed = super()._reader(state, cache)

        def read(region: Region) -> npt.NDArray[Any]:
            planes = removed(whole_planes(region, self.shape))
            rows, columns = slices(region[-2:])
            out = [
                equalised_plane(planes[lead])[rows, columns]
                for lead in np.ndindex(planes.shape[:-2])
            ]
            return np.stack(out).reshape(region_shape(region))

        return read
