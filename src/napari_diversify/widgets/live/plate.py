"""The coarsest level of a pyramid, which napari asks for as a whole, once, and keeps."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from ...recipe.lazy.viewable import Viewable
from .pictures import nothing


class Plate:
    """The array that napari keeps; what is true later is filled in in its place."""

    def __init__(self) -> None:
        self._values: npt.NDArray[Any] | None = None
        self._owed = False  # napari keeps next to nothing in its place

    @property
    def asked_for(self) -> bool:
        """Whether napari keeps one, or would if it had been there."""
        return self._values is not None or self._owed

    def give(self, array: Viewable, exact: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
        """The plate of a level; ``exact``: its values, if they are at hand."""
        if self._values is None:
            values = array.stand_in(...) if exact is None else exact
            self._owed = values is None
            if values is None:
                return nothing(array)
            self._values = values.copy()
        return self._values

    def fill(self, values: npt.NDArray[Any], layer: Any) -> None:
        """Put what is true now where napari looks for it."""
        if self._values is not None:
            self._values[...] = values
        elif self._owed and layer is not None:
            self._owed = False
            locked = layer.locked_data_level  # which napari forgets with new data
            layer.data = list(layer.data)  # asks for the plate again
            if locked is not None:
                layer.locked_data_level = locked
