"""What happens to the image that a generated layer is made from: edited, moved, renamed."""

from __future__ import annotations

import napari.layers
from napari.components import ViewerModel
from qtpy.QtCore import QObject, Signal

from .layers import SPATIAL, shown_level, spatial_state


class SourceWatch(QObject):
    """Watches one image of a viewer, or none."""

    edited = Signal()  # somebody changed its voxels in place
    moved = Signal()  # its place, scale or units
    renamed = Signal()

    def __init__(self, viewer: ViewerModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.source: napari.layers.Image | None = None
        # the view in which it was last drawn, and its extent then
        self._drawn: tuple[object, object] = (None, None)

    def watch(self, source: napari.layers.Image) -> None:
        """Watch this image from now on, and no other."""
        self.leave()
        self.source = source
        self._drawn = (self._view(source), source.extent.data)
        source.events.set_data.connect(self._on_drawn)
        source.events.visible.connect(self._on_eye)
        source.events.name.connect(self._on_renamed)
        for name in SPATIAL:
            getattr(source.events, name).connect(self._on_moved)

    def leave(self) -> None:
        """Watch nothing."""
        if self.source is None:
            return
        self.source.events.set_data.disconnect(self._on_drawn)
        self.source.events.visible.disconnect(self._on_eye)
        self.source.events.name.disconnect(self._on_renamed)
        for name in SPATIAL:
            getattr(self.source.events, name).disconnect(self._on_moved)
        self.source = None

    def _on_drawn(self) -> None:
        """Tell an edit of the voxels from another look at them.

        A plain ``refresh()``, which is how edits are made known, also clears
        the layer's cached extent; scrolling, panning and threads that draw an
        old view late do not.
        """
        if self.source is None:
            return
        before, self._drawn = self._drawn, (self._view(self.source), self.source.extent.data)
        if self._drawn[0] == before[0] and self._drawn[1] is not before[1]:
            self.edited.emit()

    def _on_eye(self) -> None:
        # refresh() does nothing while a layer is invisible: it may have been edited
        if self.source is not None and self.source.visible:
            self.edited.emit()

    def _on_moved(self) -> None:
        self.moved.emit()

    def _on_renamed(self) -> None:
        self.renamed.emit()

    def _view(self, source: napari.layers.Image) -> object:
        dims = self._viewer.dims
        place = [str(value) for value in spatial_state(source).values()]
        return dims.point, dims.order, dims.ndisplay, shown_level(source, self._viewer), place
