"""What the canvas has asked for last, and what it was given of it."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from ...recipe.lazy.array import as_index
from ...recipe.lazy.viewable import Viewable
from .ahead import Travel, travel
from .pictures import Place, axes_in_view, nothing


class OnScreen:
    """The view of one layer.

    Attributes
    ----------
    view : Place or None
        Asked for last.
    small : Place or None
        Asked for last for the thumbnail, of a pyramid.
    way : Travel or None
        The way that the views go.
    behind : bool
        Whether what is on the screen is not what was asked for.
    left_out : bool
        Whether nothing at all was drawn of it.
    """

    def __init__(self) -> None:
        self.view: Place | None = None
        self.small: Place | None = None
        self.way: Travel | None = None
        self.behind = self.left_out = False
        self._exact: tuple[Place, npt.NDArray[Any]] | None = None  # the picture drawn last

    def meanwhile(self, array: Viewable, place: Place, *, aside: bool) -> npt.NDArray[Any]:
        """What to draw of a part until it has been computed; ``aside``: of a volume nothing."""
        last = self._exact
        if last is not None and last[0] == place:
            return last[1]
        if aside and axes_in_view(place) > 2:
            self.left_out = True
            return nothing(array)
        values = array.stand_in(as_index(place[1]))
        return nothing(array) if values is None else values

    def give(self, place: Place, values: npt.NDArray[Any], *, exact: bool) -> None:
        """Note what the canvas is given of a part."""
        before, self.view = self.view, place
        if before is not None and before[0] == place[0] and before != place:
            self.way = travel(before[1], place[1])
        self.behind = not exact
        if exact:
            self._exact = place, values
        elif self._exact is not None and self._exact[0] != place:
            self._exact = None
