"""The layers of ours that a dock keeps in step, until the user takes one of them.

A layer is taken by removing it from the viewer or by putting other voxels into it; from then
on it is one like any other (see :mod:`.ours`). What is copied from ours gets arrays of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.components import ViewerModel
from qtpy.QtCore import QObject, QTimer, Signal

from ..qt.proxy import behind
from .feed import Feed
from .layers import METADATA_KEY, levels_of
from .live_array import LiveArray
from .ours import claim, disown, part_from, role_of

#: After this long without a change, the thumbnails are drawn anew.
_IDLE_MS = 300


class OwnLayers(QObject):
    """Layers of one viewer, each with its feed.

    Parameters
    ----------
    viewer : ViewerModel
    running : callable
        ``running()``: whether something is being computed that they are going to show.
    parent : QObject

    Attributes
    ----------
    idle : QTimer
        To be started when they show what they should.
    """

    taken = Signal()  # the user has taken a layer

    def __init__(self, viewer: ViewerModel, running: Callable[[], bool], parent: QObject) -> None:
        super().__init__(parent)
        self._viewer, self._running = viewer, running
        self._feeds: dict[Any, Feed | None] = {}  # of each layer
        self.idle = QTimer(self)
        self.idle.setSingleShot(True)
        self.idle.setInterval(_IDLE_MS)
        self.idle.timeout.connect(self._draw_thumbnails)

    # ---- public ----

    def add(self, kind: Any, role: str, feed: Feed, **keywords: Any) -> Any:
        """Add a layer of this kind that shows a feed, and hold it."""
        fronts = feed.fronts()
        feed.await_layer(self._viewer.layers)
        layer = kind(fronts if keywords.get("multiscale") else fronts[0], **keywords)
        claim(layer, role, fronts)  # before anybody sees it
        added = self._viewer.add_layer(layer)
        self.hold(added, feed)
        return added

    def hold(self, layer: Any, feed: Feed | None = None) -> None:
        """Notice from now on what the user does to a layer."""
        layer = behind(layer)
        if not self._feeds:
            self._viewer.layers.events.removed.connect(self._on_removed)
            self._viewer.layers.events.inserted.connect(self._on_inserted)
        if layer not in self._feeds:
            layer.events.data.connect(self._on_data_replaced)
        self._feeds[layer] = feed

    def give(self, layer: Any, role: str, feed: Feed) -> None:
        """Have a layer show another feed, in place of the one that it has or was left with."""
        before = self._feeds.get(behind(layer)) or _feed_of(layer)
        feed.await_layer(self._viewer.layers)  # and where its copies will be
        feed.attach(layer if before is None or before.layer is None else before.layer)
        if before is not None:
            before.end()
        fronts = feed.fronts()
        claim(layer, role, fronts)
        self.hold(layer, feed)
        locked = getattr(layer, "locked_data_level", None)  # which napari forgets with new data
        layer.data = fronts if layer.multiscale else fronts[0]
        if locked is not None:
            layer.locked_data_level = locked

    def let_go(self) -> None:
        """Leave the layers as they are; their feeds go on by themselves."""
        self.idle.stop()
        for feed in self._feeds.values():
            if feed is not None:
                feed.leave(self._viewer.layers)
        if self._feeds:
            self._viewer.layers.events.removed.disconnect(self._on_removed)
            self._viewer.layers.events.inserted.disconnect(self._on_inserted)
        for layer in self._feeds:
            layer.events.data.disconnect(self._on_data_replaced)
        self._feeds.clear()

    def take_away(self, layer: Any) -> None:
        """Remove a layer of ours, or leave it to the user who has locked it against that."""
        disown(layer)
        if not layer.locked:
            self._viewer.layers.remove(layer)

    # ---- events ----

    def _draw_thumbnails(self) -> None:
        for layer in self._feeds:
            if layer.visible and not self._running():
                layer.refresh(highlight=False, extent=False)

    def _on_removed(self, event: Any) -> None:
        if event.value in self._feeds:
            self._leave_to_the_user(event.value)

    def _on_inserted(self, event: Any) -> None:
        held = [layer for layer, feed in self._feeds.items() if feed is not None]
        part_from(event.value, [level for layer in held for level in levels_of(layer)])

    def _on_data_replaced(self) -> None:
        for layer, feed in self._feeds.items():
            if role_of(layer) is None:
                if feed is not None:
                    feed.end()
                self._leave_to_the_user(layer)
                layer.metadata = {k: v for k, v in layer.metadata.items() if k != METADATA_KEY}
                return

    def _leave_to_the_user(self, layer: Any) -> None:
        disown(layer)
        self.taken.emit()


def _feed_of(layer: Any) -> Feed | None:
    """The feed that a layer which was left behind has gone on with."""
    level = behind(levels_of(layer)[0])
    return level.feed if isinstance(level, LiveArray) else None
