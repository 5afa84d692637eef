"""What a step of a recipe takes away from a volume, computed where it is looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from ...core.blocks import Region, region_shape
from .cache import Cache, CachedOnly
from .volume import LazyVolume, State

if TYPE_CHECKING:
    from ..recipe import Recipe


class LazyRemoved(LazyVolume):
    """What the last step of a recipe takes away: its input minus its result, in grey levels.

    Parameters
    ----------
    array, recipe, spacing, sample, cache
        See :class:`LazyVolume`. Values are float32.
    """

    like_source: ClassVar[bool] = False

    def __init__(self, array: Any, recipe: Recipe, *args: Any, **keywords: Any) -> None:
        super().__init__(array, recipe, *args, **keywords)
        self.dtype = np.dtype(np.float32)

    def _reader(
        self, state: State, cache: Cache | CachedOnly | None
    ) -> Callable[[Region], npt.NDArray[Any]]:
        upto, n = self._steps(state, cache).upto, len(state.recipe.steps)

        def read(region: Region) -> npt.NDArray[Any]:
            lead, space = region[: -self.spatial_ndim], region[-self.spatial_ndim :]
            removed = upto(n - 1, lead, space) - upto(n, lead, space)
            removed *= np.float32(state.high - state.low)
            return removed.reshape(region_shape(region))

        return read
