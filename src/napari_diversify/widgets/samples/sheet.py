"""A sheet of drawn samples in the viewer: one layer, looked through, kept or rejected."""

from __future__ import annotations

from typing import Any

import napari.layers
from napari.components import ViewerModel
from qtpy.QtCore import QObject, Signal

from ...core.blocks import spatial_ndim_of
from ...recipe import LazySamples, Sampling
from ...recipe.lazy.cache import Cache
from ...recipe.lazy.source import Source, original, unwrapped
from ...recipe.provenance import Provenance
from ..live.layers import displayed_index, entry_of, level_spacings, levels_of, why_not_shown
from ..live.live_array import LiveArray
from ..live.live_layer import LiveLayer
from ..live.ours import can_be_source, find
from ..qt.keys import Keys

#: Keys that mark the sample in view.
KEEP, REJECT = "K", "R"


class Samples(QObject):
    """The sheet of a viewer: the samples of a sampling along an axis of their own.

    The sheet shows what was drawn and does not follow the sliders. Which
    samples are rejected stands in the layer's metadata, so that it outlives
    the dock.
    """

    changed = Signal()  # what is drawn, kept, or in view
    aboutToDraw = Signal()  # and to be seen, whatever else is

    def __init__(self, viewer: ViewerModel, cache: Cache, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._cache = cache
        self.sampling: Sampling | None = None
        self.source: napari.layers.Image | None = None  # of which the samples are
        self._rejected: set[int] = set()
        self.live = LiveLayer(viewer, "samples", parent=self)
        self.live.drawn.connect(self._look)
        self.live.removed.connect(self.forget)
        self._keys = Keys(viewer, {KEEP: self.keep, REJECT: self.reject})
        self._written: tuple[str, bool] | None = None  # the canvas's text before ours
        self._said = ""  # ours
        self.live.source_moved.connect(self._on_source_moved)

    # ---- public ----

    def draw(self, source: napari.layers.Image, sampling: Sampling) -> None:
        """Show the samples of an image in place of those shown before.

        Raises
        ------
        ValueError
            If the image or the samples cannot be shown; the message says why.
        """
        sizes = level_spacings(source, _ndim(sampling, source))
        arrays = [
            LazySamples(Source.of(level), sampling, size, cache=self._cache)
            for level, size in zip(levels_of(source), sizes, strict=True)
        ]
        self.aboutToDraw.emit()
        if sampling != self.sampling:
            self._rejected.clear()
        self.sampling, self.source = sampling, source
        self.live.show(source, arrays, self._metadata())
        if self.live.layer is not None:
            self.live.layer.events.visible.connect(self._look)
            self._viewer.dims.last_used = self._axis()  # the arrow keys turn the pages
        self._look()

    def shows(self, source: napari.layers.Image | None) -> bool:
        """Whether the sheet is of this image, with the voxels and the scale that it has now."""
        layer = self.live.layer
        if layer is None or source is None or self.source != source or self.sampling is None:
            return False
        sheet, ndim = self.live.arrays[0], _ndim(self.sampling, source)
        assert isinstance(sheet, LazySamples)
        return (
            sheet.source is Source.of(levels_of(source)[0])
            and sheet.spacing == level_spacings(source, ndim)[0]
        )

    def renew_if_of(self, source: napari.layers.Image) -> None:
        """Show the same samples of an image as it is now, if they are of it and it has changed."""
        if self.sampling is not None and self.source == source and not self.shows(source):
            self.draw(source, self.sampling)

    def kept(self) -> tuple[int, ...]:
        """Numbers of the samples that are not rejected."""
        n = 0 if self.sampling is None else len(self.sampling)
        return tuple(i for i in range(n) if i not in self._rejected)

    def current(self) -> int | None:
        """The sample in view, if one is."""
        layer = self.live.layer
        if layer is None or not layer.visible or self._axis() in self._viewer.dims.displayed:
            return None
        if why_not_shown(layer, self._viewer):
            return None
        index = displayed_index(layer, self._viewer, levels_of(layer)[0].shape)
        return int(index[0].start)

    def go_to(self, number: int) -> None:
        """Bring a sample into view."""
        if self.live.layer is None:
            return
        self._viewer.dims.set_point(self._axis(), float(number))
        self._viewer.dims.last_used = self._axis()
        if not self.live.layer.visible:  # else napari would draw once more
            self.live.layer.visible = True

    def keep(self) -> None:
        """Keep the sample in view, and go on to the next."""
        self._mark(True)

    def reject(self) -> None:
        """Reject the sample in view, and go on to the next."""
        self._mark(False)

    def set_kept(self, number: int, kept: bool) -> None:
        """Keep a sample, or reject it."""
        (self._rejected.discard if kept else self._rejected.add)(number)
        self._write()

    def is_kept(self, number: int) -> bool:
        """Whether a sample is not rejected."""
        return number not in self._rejected

    def keep_all(self) -> None:
        """Take back all rejections."""
        self._rejected.clear()
        self._write()

    def close(self) -> None:
        """Remove the sheet."""
        if self.live.layer is not None:
            self.live.remove()
            self.forget()

    def release(self) -> None:
        """Release the sheet, which stays as it is."""
        self.live.release()
        self._look()

    def take_over(self) -> None:
        """Continue with a sheet that was left behind, if its image still exists.

        Raises
        ------
        ValueError
            If its metadata do not say what it shows.
        """
        self.forget()
        layers = self._viewer.layers
        sheet = find(layers, self.live.role)
        if sheet is None:
            return
        # by its voxels, as another image may have got the name
        array = original(_shown_by(sheet).source)
        source = next(
            (la for la in layers if can_be_source(la) and original(levels_of(la)[0]) is array), None
        )
        if source is None:
            return
        try:
            made = Provenance.read(entry_of(sheet))
            self.sampling = sampling = Sampling(**(made.sampling or {}))
            self._rejected = set(made.rejected)
            self.live.adopt(sheet, paused=not sheet.visible)
            self.draw(source, sampling)
        except ValueError as error:
            raise ValueError(f"The samples of “{sheet.name}” could not be read: {error}") from None

    # ---- private ----

    def forget(self) -> None:
        """Forget the sheet, which does not exist any more."""
        self.sampling = self.source = None
        self._rejected.clear()
        self._look()

    def _on_source_moved(self) -> None:
        try:
            if self.source is not None:
                self.renew_if_of(self.source)
        except ValueError:  # as the live layers say
            self.close()

    def _axis(self) -> int:
        """The viewer's axis along which the samples lie."""
        assert self.live.layer is not None
        return int(self._viewer.dims.ndim - self.live.layer.ndim)

    def _mark(self, kept: bool) -> None:
        number = self.current()
        if number is None or self.sampling is None:
            return
        self.set_kept(number, kept)
        if number + 1 < len(self.sampling):
            self.go_to(number + 1)

    def _metadata(self) -> dict[str, Any]:
        assert self.sampling is not None
        return Provenance.of_sheet(self.sampling, self._rejected).entry()

    def _write(self) -> None:
        self.live.annotate(self._metadata())
        self._look()

    def _look(self) -> None:
        """Say which sample is in view; take the keys while one is."""
        number = self.current()
        text = self._viewer.canvas.overlays.text
        if number is None:
            self._keys.release()
            if self._written is not None:
                if text.text == self._said:  # else somebody else has written meanwhile
                    text.text, text.visible = self._written
                self._written = None
        else:
            self._keys.take()
            said = f"{self.caption(number)}\n{KEEP} keeps, {REJECT} rejects, arrows go on"
            if self._written is None:
                self._written = (text.text, text.visible)
                text.text, text.visible, self._said = said, True, said
            elif text.text == self._said != said:
                text.text = self._said = said
        self.changed.emit()

    def caption(self, number: int) -> str:
        """A sample in words: its number in files, what was drawn for it, whether it is kept."""
        assert self.sampling is not None
        drawn = [f"{n.split('.')[-1]} {v:.3g}" for n, v in self.sampling.drawn(number).items()]
        mark = "kept" if self.is_kept(number) else "REJECTED"
        return "  ·  ".join([f"sample {self.sampling.recipe.sample + number}", *drawn, mark])


def _shown_by(layer: napari.layers.Image) -> Any:
    """The array that a live layer shows, or that any other layer holds."""
    data = unwrapped(levels_of(layer)[0])
    return data.array if isinstance(data, LiveArray) else data


def _ndim(sampling: Sampling, source: napari.layers.Image) -> int:
    return spatial_ndim_of(source.ndim, sampling.recipe.spatial_ndim)
