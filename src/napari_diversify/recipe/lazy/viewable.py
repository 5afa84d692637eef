"""What a window needs of an array that is computed where it is looked at."""

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
    """An array that can be asked what is at hand, and computed piece by piece."""

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
        """Arrays with the same take about as long for each voxel of :meth:`work`."""
        return type(self)

    def work(self, key: Any) -> int:
        """Voxels to compute for ``self[key]``, if nothing is kept."""
        region, _ = normalise_index(key, self.shape)
        return math.prod(region_shape(region))

    def prepared(self, key: Any) -> bool:
        """Whether what ``self[key]`` needs of the whole source is at hand."""
        return True

    def quick(self, key: Any) -> npt.NDArray[Any] | None:
        """``self[key]`` if all that takes long is at hand, and only arithmetic is left; else None.

        As from slices: no axis is dropped.
        """
        return None

    def stand_in(self, key: Any) -> npt.NDArray[Any] | None:
        """Other values that may be shown until ``self[key]`` is computed; None if there are none.

        As from slices: no axis is dropped.
        """
        return None

    def look_again(self) -> None:
        """Become another array than before, as somebody has said that the source was edited."""

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
            Nobody has asked for it yet: what others need now is not driven out for it.
        """
