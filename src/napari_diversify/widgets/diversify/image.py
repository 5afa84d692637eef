"""The image that a dock works on: chosen, watched, measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import napari.layers
from napari.components import ViewerModel
from qtpy.QtCore import QObject, QTimer, Signal

from ...recipe.lazy.source import Source
from ..live.layers import guess_spatial_ndim, levels_of, spacing_in_micrometres, why_unusable
from ..live.source_watch import SourceWatch
from .measurement import Measurement
from .panel import ImageFacts
from .resolve import Facts, Wish
from .source import SourcePicker

_SETTLED_MS = 250


class ImageAtWork(QObject):
    """The chosen image, and what is known of it.

    Parameters
    ----------
    viewer : ViewerModel
    picker : SourcePicker
    wish : callable
        ``wish()`` says what has to be measured of it.
    """

    edited = Signal()  # its voxels, in place
    moved = Signal()  # it has another place, scale or unit

    def __init__(
        self,
        viewer: ViewerModel,
        picker: SourcePicker,
        wish: Callable[[], Wish],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._picker = picker
        self._wish = wish
        self._facts = Facts()
        self._watch: SourceWatch | None = None  # as long as the image is worked on
        self.measurement = Measurement(self)
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLED_MS)
        self._settled.timeout.connect(self.measure)
        self.edited.connect(self._settled.start)  # to be measured anew

    # ---- what is known ----

    def source(self) -> napari.layers.Image | None:
        """The image, if it can be worked on."""
        source = self._picker.source()
        return source if source is not None and why_unusable(source) is None else None

    def facts(self) -> Facts:
        """What decides what there is to be shown of it, or was shown of the last one."""
        source = self.source()
        if source is not None:
            self._facts = Facts(source.ndim, guess_spatial_ndim(source), self.measurement.range)
        return self._facts

    def facts_for_panels(self, *, alone: bool) -> ImageFacts | None:
        """What the panel of a step is told of it; ``alone``: the step works on the image itself."""
        source, measured = self.source(), self.measurement.result
        if source is None:
            return None
        ndim, array = self._wish().spatial_ndim, levels_of(source)[0]
        return ImageFacts(
            array=array,
            edition=Source.of(array).edition,
            spatial_ndim=ndim,
            spacing=spacing_in_micrometres(source, ndim),
            psnr={} if measured is None else measured.psnr,
            note=self.measurement.note(),
            alone=alone,
        )

    @property
    def busy(self) -> bool:
        """Whether it is being measured, or about to be."""
        return self.measurement.running or self._settled.isActive()

    # ---- measured ----

    def measure(self) -> None:
        """Measure what is wished for, in a thread."""
        self._settled.stop()
        source = self.source()
        if source is not None:
            self.measurement.start(source, self._wish())

    def follow(self) -> None:
        """Measure what is wished for by now, when the user has settled; axes at once."""
        before, wish = self.measurement.wish, self._wish()
        if self.source() is None or wish == before:
            return
        if before is not None and before.spatial_ndim != wish.spatial_ndim:
            self.measurement.forget()
            self.measure()
        else:
            self._settled.start()

    def rest(self) -> None:
        """Measure nothing until something changes."""
        self._settled.stop()

    # ---- watched ----

    def watch(self, source: napari.layers.Image | None) -> None:
        """Hear of changes of this image, and no more of the one before; forget what was known."""
        self.leave()
        if source is not None:
            self._watch = SourceWatch.of(self._viewer, source)
            self._watch.events.edited.connect(self._on_edited)
            self._watch.events.moved.connect(self._on_moved)
        self.measurement.forget()

    def leave(self) -> None:
        """Hear of no more changes."""
        if self._watch is not None:
            self._watch.events.edited.disconnect(self._on_edited)
            self._watch.events.moved.disconnect(self._on_moved)
            self._watch.leave()
            self._watch = None

    def _on_edited(self) -> None:
        self.edited.emit()

    def _on_moved(self) -> None:
        self.moved.emit()


def id_of(source: napari.layers.Image) -> tuple[Any, int]:
    """What an image is known by while its axes count."""
    return source.unique_id, source.ndim
