"""Which image is worked on: the active image layer, until the user pins another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

import napari.layers
from napari.components import ViewerModel
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QWidget
from superqt.utils import signals_blocked

from ..live.layers import entry_of
from ..live.ours import can_be_source, role_of
from ..qt.parts import soon
from ..qt.proxy import behind


class SourcePicker(QComboBox):
    """A list of the image layers of a viewer, headed by "active image".

    With the first entry chosen, the source is whichever image layer was active
    last; with another one, that image is pinned. What napari has just made of a
    live layer (a copy, a projection) is active at once, but was made to be kept:
    it is in the list, and is followed when it is activated anew.
    """

    sourceChanged = Signal(object)  # napari.layers.Image or None, or its array replaced

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._source: napari.layers.Image | None = None
        self._pinned: napari.layers.Image | None = None
        self._waiting = False
        self._left: napari.layers.Image | None = None  # the source when last disconnected
        self._seen: WeakSet[Any] | None = None  # all layers, when they changed last
        self._fresh: WeakSet[Any] = WeakSet()  # copies of live layers that have come just now
        self._forgetting = soon(self, self._forget_copies)
        self._kept: Any = None  # one of them, as long as it is active
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        self.setToolTip(
            "<p><b>Image</b><br>The image to diversify. By default the active image layer of the "
            "layer list; choose one here to pin it.</p>"
        )
        self.currentIndexChanged.connect(self._on_chosen)

    def source(self) -> napari.layers.Image | None:
        """The image layer worked on, or None."""
        return self._source

    def connect_viewer(self) -> None:
        """Follow the viewer from now on."""
        for emitter in self._emitters():
            emitter.connect(self._on_layers_changed)
        self._on_layers_changed()

    def disconnect_viewer(self) -> None:
        """Leave the viewer alone."""
        for emitter in self._emitters():
            emitter.disconnect(self._on_layers_changed)
        self._left = self._source
        self._watch(None)

    def _emitters(self) -> tuple[Any, ...]:
        layers = self._viewer.layers
        events = layers.events
        return (
            events.inserted,
            events.removed,
            events.reordered,
            events.renamed,
            layers.selection.events.active,
        )

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Keep the source while layers are added that become active for a moment."""
        with signals_blocked(self):
            self._waiting = True
            try:
                yield
            finally:
                self._waiting = False
                self._seen = WeakSet(behind(layer) for layer in self._viewer.layers)
        self._on_layers_changed()

    def pinned(self) -> bool:
        """Whether the user has chosen the image in the list, so that it stays."""
        return self._pinned is not None

    def lost(self) -> bool:
        """Whether the image that was worked on when the viewer was left is gone."""
        return self._left is not None and self._left not in self._viewer.layers

    def pin(self, layer: napari.layers.Image | None) -> None:
        """Stay with one image layer; None follows the active one again."""
        self._pinned = layer
        self._on_layers_changed()

    def _images(self) -> list[napari.layers.Image]:
        return [layer for layer in self._viewer.layers if can_be_source(layer)]

    def _on_chosen(self, index: int) -> None:
        images = self._images()
        self.pin(images[index - 1] if 0 < index <= len(images) else None)

    def _on_layers_changed(self, event: Any = None) -> None:
        if self._waiting:
            return
        images = self._images()
        if self._pinned is not None and self._pinned not in images:
            self._pinned = None
        active = self._viewer.layers.selection.active
        self._note_copies()
        if active != self._kept:
            self._kept = active if behind(active) in self._fresh else None
        if self._pinned is not None:
            source = self._pinned
        elif active in images and (active != self._kept or images == [active]):
            source = active
        elif (known := self._source or self._left) in images:
            source = known  # another kind of layer is active: stay
        else:
            source = images[-1] if images else None
        with signals_blocked(self):
            self.clear()
            self.addItem(f"active image: {source.name}" if source is not None else "no image")
            self.addItems([layer.name for layer in images])
            if self._pinned is not None:
                self.setCurrentIndex(1 + images.index(self._pinned))
        if source != self._source:
            self._watch(source)
            self.sourceChanged.emit(source)

    def _note_copies(self) -> None:
        """Notice layers that have come just now, with the metadata of a live one."""
        layers = self._viewer.layers
        if self._seen is not None:
            live = [entry_of(layer) for layer in layers if role_of(layer)]
            new = [layer for layer in layers if behind(layer) not in self._seen]
            copies = [layer for layer in new if entry_of(layer) in live and not role_of(layer)]
            if copies:
                self._fresh.update(behind(layer) for layer in copies)
                self._forgetting.start()  # napari makes them active at once
        self._seen = WeakSet(behind(layer) for layer in layers)

    def _forget_copies(self) -> None:
        self._fresh.clear()

    def _watch(self, source: napari.layers.Image | None) -> None:
        """Make an image the source, and be told when its array is replaced."""
        if self._source is not None:
            self._source.events.data.disconnect(self._on_data_replaced)
        self._source = source
        if source is not None:
            source.events.data.connect(self._on_data_replaced)

    def _on_data_replaced(self) -> None:
        self.sourceChanged.emit(self._source)
