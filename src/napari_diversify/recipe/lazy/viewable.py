"""What a viewer needs from an array that is computed where it is indexed."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Generator, Hashable
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from ...core.blocks import Region, normalise_index, region_shape
from ...core.computed import Computed


@dataclass(frozen=True, eq=False)
class Look:
    """All that the values of an array depend on: its parameters, and the edition of its source."""

    state: object
    edition: object = None

    def same_as(self, other: Look) -> bool:
        """Whether the values are the same."""
        return self.state is other.state and self.edition is other.edition


class Viewable(Computed):
    """An array that says what can be shown at once, and can be computed piece by piece."""

    @property
    @abstractmethod
    def look(self) -> Look:
        """All that the values depend on at this moment."""

    @property
    def in_memory(self) -> bool:
        """Whether nothing has to be read from anywhere."""
        return True

    @property
    def kind_of_work(self) -> Hashable:
        """Arrays of the same kind take about as long for each voxel of :meth:`work`."""
        return type(self)

    def work(self, key: Any) -> int:
        """Voxels to compute for ``self[key]``, if nothing is cached."""
        region, _ = normalise_index(key, self.shape)
        return math.prod(region_shape(region))

    def prepared(self, key: Any) -> bool:
        """Whether everything that ``self[key]`` needs from the whole source is cached."""
        return True

    def quick(self, key: Any) -> npt.NDArray[Any] | None:
        """``self[key]`` if all that takes long is cached and only arithmetic is left; else None.

        No axis is dropped, as with slices.
        """
        return None

    def stand_in(self, key: Any) -> npt.NDArray[Any] | None:
        """Other values that may be shown until ``self[key]`` is computed; None if there are none.

        No axis is dropped, as with slices.
        """
        return None

    def look_again(self) -> None:
        """Take note that the source was edited: compare as a new array from now on."""

    @abstractmethod
    def computing(
        self, key: Any, *, ahead: bool = False
    ) -> Generator[tuple[int, int], None, tuple[Region, npt.NDArray[Any]]]:
        """Compute ``self[key]`` piece by piece; yield (pieces done, pieces).

        For threads: it may be stopped between pieces. Returns the region that was
        computed, and its values: the region asked for, or a bigger one that costs no more.

        Parameters
        ----------
        key : basic index
        ahead : bool
            Whether it is computed before it is needed: then it drives nothing out of the cache.
        """
