"""What happens to the image that something is made from: edited, moved, renamed."""

from __future__ import annotations

import weakref
from typing import Any, ClassVar

import napari.layers
from napari.components import ViewerModel
from napari.settings import get_settings
from napari.utils.events import EmitterGroup, Event

from ...recipe.lazy.source import Source
from ..qt.driver import driver
from ..qt.proxy import behind
from .layers import SPATIAL, levels_of, shown_level
from .live_array import LiveArray


class SourceWatch:
    """Watches one image of a viewer, for all who have something made from it.

    Get it from :meth:`of`, and :meth:`leave` it in the end. When voxels were edited, it is the
    watch that says so to the sources of the levels: nothing that was computed before is
    taken for true after.

    Attributes
    ----------
    source : napari.layers.Image
    events : EmitterGroup
        ``edited``: somebody changed its voxels in place. ``moved``: its place, scale or
        units. ``renamed``.
    """

    _known: ClassVar[weakref.WeakValueDictionary[Any, SourceWatch]] = weakref.WeakValueDictionary()

    def __init__(self, viewer: ViewerModel, source: napari.layers.Image) -> None:
        self.source = source
        self.events = EmitterGroup(source=self, edited=Event, moved=Event, renamed=Event)
        self._viewer, self._users = viewer, 0
        self._read_as = [Source.of(level) for level in levels_of(source)]
        # the view in which it was last drawn, its place, and its extent then
        self._drawn = self._now()
        for emitter, callback in self._connections():
            emitter.connect(callback)
        emitters = [weakref.ref(emitter) for emitter, _ in self._connections()]
        weakref.finalize(self, driver().post, lambda: _forget_the_dead(emitters)).atexit = False
        self._made_live: list[Any] = []
        self._watch_feeds()

    @classmethod
    def of(cls, viewer: ViewerModel, source: napari.layers.Image) -> SourceWatch:
        """The watch of an image, the same for all who ask."""
        watch = cls._known.get(source.unique_id)
        if watch is None:
            watch = cls._known[source.unique_id] = cls(viewer, source)
        watch._users += 1
        return watch

    def again(self) -> SourceWatch:
        """The watch of the same image, for one more who wants to know."""
        return self.of(self._viewer, self.source)

    def leave(self) -> None:
        """Watch on only if somebody else wants to know."""
        self._users -= 1
        if not self._users:
            self._known.pop(self.source.unique_id, None)
            for emitter, callback in self._connections():
                emitter.disconnect(callback)
            for emitter in self._made_live:
                emitter.disconnect(self._on_edited)

    def _watch_feeds(self) -> None:
        """Be told when arrays of ours, which the image may hold, have other values."""
        levels = [behind(level) for level in levels_of(self.source)]
        for emitter in self._made_live:
            emitter.disconnect(self._on_edited)
        self._made_live = [la.feed.events.changed for la in levels if isinstance(la, LiveArray)]
        for emitter in self._made_live:
            emitter.connect(self._on_edited)

    def _connections(self) -> list[tuple[Any, Any]]:
        events, dims = self.source.events, self._viewer.dims.events
        return [
            (events.set_data, self._on_drawn),
            (events.reload, self._on_refreshed),
            (events.visible, self._on_eye),
            (events.data, self._on_data),
            (events.name, self._on_renamed),
            *((getattr(events, name), self._on_moved) for name in SPATIAL),
            # napari's own come first: it has drawn the view by then
            *((emitter, self._on_view) for emitter in (dims.point, dims.order, dims.ndisplay)),
        ]

    def _now(self) -> tuple[object, object, object]:
        dims, source = self._viewer.dims, self.source
        matrices = source.scale, source.translate, source.rotate, source.shear
        place = [m.tobytes() for m in (*matrices, source.affine.affine_matrix)]
        view = dims.point, dims.order, dims.ndisplay, shown_level(source, self._viewer)
        return view, (place, source.units, source.axis_labels), source.extent.data

    # ---- edited ----

    # A plain refresh(), which is how edits are made known, also clears the layer's cached
    # extent. So does drawing another view, and so does moving the layer: what is left is an edit.

    def _on_drawn(self) -> None:
        before, self._drawn = self._drawn, self._now()
        if get_settings().experimental.async_:
            return  # perhaps late, and of another view: _on_refreshed knows
        if self._drawn[:2] == before[:2] and self._drawn[2] is not before[2]:
            self._on_edited()

    def _on_refreshed(self) -> None:
        """With asynchronous slicing: about to be drawn, whatever comes in between."""
        before, self._drawn = self._drawn, self._now()
        if self._drawn[1] == before[1] and self._drawn[2] is not before[2]:
            self._on_edited()

    def _on_view(self) -> None:
        self._drawn = self._now()  # also along axes that the image does not have: nothing is drawn

    def _on_eye(self) -> None:
        # refresh() does nothing while a layer is invisible: it may have been edited
        if self.source.visible:
            self._on_edited()

    def _on_data(self) -> None:
        """Other arrays were set, or the same ones again, as one does after editing them."""
        if self._is_replaced():
            self._read_as = [Source.of(level) for level in levels_of(self.source)]
            self._watch_feeds()
        else:
            self._on_edited()

    def _is_replaced(self) -> bool:
        return [Source.of(level) for level in levels_of(self.source)] != self._read_as

    def _on_edited(self) -> None:
        if self._is_replaced():
            return  # and about to be said
        for source in self._read_as:
            source.edited()
        self.events.edited()

    # ---- moved, renamed ----

    def _on_moved(self) -> None:
        self._drawn = self._now()
        self.events.moved()

    def _on_renamed(self) -> None:
        self.events.renamed()


_NOBODY = object()


def _forget_the_dead(emitters: list[weakref.ref[Any]]) -> None:
    """Let go of callbacks of objects that are gone: napari does so when an event is emitted."""
    for emitter in (ref() for ref in emitters):
        if emitter is not None:
            emitter.disconnect(_NOBODY)
