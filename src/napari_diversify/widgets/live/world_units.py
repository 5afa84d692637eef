"""Layers are drawn anew when the units of the viewer change."""

from __future__ import annotations

from operator import eq
from typing import Any

from napari.components import ViewerModel


class WorldUnits:
    """Follows the units of a viewer, which napari does not do by itself.

    Else the plane on display would be another one than that of the slider.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._units: Any = None

    def connect(self) -> None:
        """Follow from now on."""
        self._units = self._viewer.dims.units
        self._viewer.dims.events.units.connect(self._on_units)

    def disconnect(self) -> None:
        """Follow no more."""
        self._viewer.dims.events.units.disconnect(self._on_units)

    def _on_units(self) -> None:
        before, self._units = self._units, self._viewer.dims.units
        # of axes that were there before: another one comes and goes with its layers
        if before and self._units and all(map(eq, before[::-1], self._units[::-1])):
            return
        for layer in self._viewer.layers:
            layer.refresh(thumbnail=False, highlight=False, extent=False)
