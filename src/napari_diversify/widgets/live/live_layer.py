"""A generated layer that follows its parameters while they change.

The layer is made once and drawn anew when there is something new to be seen: at once where that
takes no time, else when a thread has computed it (see :mod:`.feed`). ``layer.data`` never
holds anything but the exact result of the parameters written in the layer's metadata.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import napari.layers
from napari.components import ViewerModel
from qtpy.QtCore import QObject, Signal

from ...recipe.lazy.array import LazyArray
from .eye import Eye
from .feed import Feed
from .layers import (
    METADATA_KEY,
    appearance,
    copy_spatial_state,
    displayed_index,
    entry_of,
    of_voxels,
    shown_level,
    spatial_state,
    too_big,
    waits,
    why_not_shown,
    write_entry,
)
from .own_layers import OwnLayers
from .source_watch import SourceWatch

#: Voxels that are computed at once at most, however little time it took before.
AT_ONCE = 1 << 22


class LiveLayer(QObject):
    """One generated image layer of a viewer, kept in step with its parameters.

    Parameters
    ----------
    viewer : ViewerModel
    role : str
        What the layer shows, also in its name; kept in its metadata, so that
        it is found again.
    linked : bool
        Whether it shares its contrast limits with the source.
    """

    removed = Signal()  # the user deleted the layer
    progressed = Signal(int, int)  # pieces done, pieces, of what takes long
    ready = Signal()  # the layer shows what it should
    failed = Signal(object)
    level_changed = Signal(int)  # of a pyramid, because the user zoomed
    drawn = Signal()  # with newer settings, or another part of it
    source_edited = Signal()  # somebody changed the source's voxels in place
    source_moved = Signal()  # or its place, scale or units

    def __init__(
        self, viewer: ViewerModel, role: str, *, linked: bool = True, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.role = role
        self._linked = linked
        self.layer: napari.layers.Image | None = None
        self._watch: SourceWatch | None = None
        self._feed: Feed | None = None
        self._eye = Eye(viewer, self)
        self._own = OwnLayers(viewer, lambda: self.running, self)
        self._own.taken.connect(self._on_taken)
        self._wanted: tuple[LazyArray, ...] = ()
        self._metadata: dict[str, Any] = {}  # of what is wanted
        self._notes: dict[str, Any] = {}  # beside it
        self._paused = False  # by the user
        self._was_shut = False  # when it was left behind, not by the user
        self.level = 0  # of a pyramid, as shown

    @property
    def _source(self) -> napari.layers.Image | None:
        return None if self._watch is None else self._watch.source

    # ---- public ----

    @property
    def arrays(self) -> tuple[LazyArray, ...]:
        """The arrays that were given last, one per level."""
        return self._wanted

    def show(
        self,
        source: napari.layers.Image,
        arrays: Sequence[LazyArray],
        metadata: dict[str, Any],
        **looks: Any,
    ) -> None:
        """Show ``arrays``, one per level of the source: in our layer if there is one, or a new one.

        They may have one axis more than the source, of samples, before its own.
        ``looks`` are keywords of ``add_image`` for a new layer, which otherwise
        looks like the source.
        """
        before = None if self.layer is None else entry_of(self.layer).get("source")
        self._wanted = tuple(arrays)
        self._metadata = {**metadata, "source": source.name, **of_voxels(arrays[0])}
        self._notes = {}
        if not self.fits(source, arrays[0].ndim) and self.layer is not None:
            looks = {**appearance(self.layer), **looks}
            self._disconnect()
            self._own.take_away(self.layer)
            self.layer = None
        moved = self._source != source
        if moved:
            self._leave_source()
            self._watch_source(source)
        self._feed = Feed(self._wanted, _at_once)
        self._feed.watch = self._watch
        if self.layer is None:
            self._add(source, looks)
        else:
            self._replace(source)
            if moved and before != source.name:  # else the user may have named it
                self.layer.name = self._name(source.name)
            if moved:
                self._link()
        self._paused = False
        self._on_drawn()  # by napari, before anybody could hear of it
        if not self._feed.running:
            self.on_ready()

    def fits(self, source: napari.layers.Image, ndim: int | None = None) -> bool:
        """Whether our layer, if there is one, can show something of this image.

        napari cannot turn layers of one number of axes, or one kind, into the other.
        """
        ndim = source.ndim if ndim is None else ndim
        return self.layer is None or (
            self.layer.multiscale == source.multiscale and self.layer.ndim == ndim
        )

    def adopt(self, layer: napari.layers.Image, *, paused: bool = False) -> None:
        """Drive a layer that was left behind, by this widget or by one that is gone."""
        self.layer = layer
        self._paused = paused
        self._was_shut = waits(layer)
        self._own.hold(layer)
        self._connect()

    def change(self, change: Callable[[LazyArray], None], metadata: dict[str, Any]) -> None:
        """Give the arrays other parameters and show the result as soon as it is there."""
        if self.layer is None or self._feed is None:
            return
        levels = tuple(copy.copy(a) for a in self._wanted)
        for array in levels:
            change(array)
        self._wanted, self._metadata = levels, {**self._metadata, **metadata}
        if not self._paused:
            self._feed.show(levels, self._metadata)

    def annotate(self, metadata: dict[str, Any]) -> None:
        """Write more into the layer's metadata, of what it shows no other voxel depends on."""
        if self.layer is not None and self._feed is not None:
            self._notes |= metadata
            self._write_metadata(entry_of(self.layer))

    def in_view(self) -> tuple[LazyArray, tuple[Any, ...]] | None:
        """What is shown, the array and the index into it; None if nothing is."""
        if self.layer is None or self._feed is None or not self.layer.visible:
            return None
        if why_not_shown(self.layer, self._viewer):
            return None
        array = self._feed.arrays[shown_level(self.layer, self._viewer)]
        assert isinstance(array, LazyArray)
        return array, displayed_index(self.layer, self._viewer, array.shape)

    @property
    def running(self) -> bool:
        """Whether what is shown is not yet what it should be."""
        return self._feed is not None and self._feed.running

    def cancel(self) -> None:
        """Stop computing; what is shown stays."""
        if self._feed is not None:
            self._feed.cancel()

    def pause(self) -> None:
        """Hide the layer and compute nothing until it is shown again."""
        self.cancel()
        if self._feed is not None:
            self._feed.stepped_aside = False  # it is hidden for another reason by now
        self._paused, self._was_shut = True, False
        if self.layer is not None:
            self.layer.visible = False

    def set_aside(self) -> None:
        """Hide the layer for as long as it cannot show what it should, whoever drives it then."""
        self.pause()
        self._was_shut = True

    def resume(self) -> None:
        """Show the layer again, with the newest parameters, if it was paused."""
        if self._paused and self._feed is not None:
            self._paused = False
            self._feed.stepped_aside = True  # until there is something to be seen
            self._feed.show(self._wanted, self._metadata)

    def remove(self) -> None:
        """Take the layer out of the viewer."""
        if self.layer is not None and self.layer in self._viewer.layers:
            layer = self.layer
            if layer.locked:
                self.release()
            self._own.take_away(layer)

    def release(self) -> None:
        """Let go of the layer, which stays as it is."""
        shut = self._eye.shut or self._was_shut
        self._disconnect()
        if self.layer is not None and shut:
            write_entry(self.layer, {**entry_of(self.layer), "waits": True})
        self._was_shut = False
        self.layer = self._feed = None
        self._wanted = ()

    # ---- the layer ----

    def _name(self, source_name: str) -> str:
        return f"{source_name} ({self.role})"

    def _add(self, source: napari.layers.Image, looks: dict[str, Any]) -> None:
        feed = self._feed
        assert feed is not None
        active = self._viewer.layers.selection.active
        feed.volumes_aside = True
        self.layer = self._own.add(
            napari.layers.Image,
            self.role,
            feed,
            name=self._name(source.name),
            multiscale=source.multiscale,
            projection_mode="none",  # thick slices would average the noise away
            metadata={METADATA_KEY: self._metadata},
            **spatial_state(source, "" if feed.arrays[0].ndim == source.ndim else "sample"),
            **{**appearance(source), **looks},
        )
        feed.listener = self
        self._connect()
        self._eye.follow(self.layer, source, feed)
        self._link()
        if active is not None and active in self._viewer.layers:
            self._viewer.layers.selection.active = active

    def _replace(self, source: napari.layers.Image) -> None:
        """Give the layer other arrays."""
        feed, layer = self._feed, self.layer
        assert feed is not None
        assert layer is not None
        self._eye.follow(layer, source, feed)
        feed.stepped_aside |= self._was_shut or (self._paused and not layer.visible)
        self._was_shut = False
        self._own.give(layer, self.role, feed)
        feed.listener = self
        self._write_metadata(self._metadata)
        copy_spatial_state(source, layer)
        self._eye.open_it()

    def _write_metadata(self, entry: dict[str, Any]) -> None:
        assert self.layer is not None
        write_entry(self.layer, {**entry, **self._notes})

    def _link(self) -> None:
        if self._linked and self._source in self._viewer.layers:
            assert self.layer is not None
            assert self._source is not None
            self.layer.contrast_limits_range = self._source.contrast_limits_range
            self.layer.contrast_limits = self._source.contrast_limits
            self._viewer.layers.link_layers([self._source, self.layer], ("contrast_limits",))

    def _unlink(self) -> None:
        if self._linked and self._source is not None and self.layer is not None:
            layers = [la for la in (self._source, self.layer) if la in self._viewer.layers]
            if len(layers) == 2:
                self._viewer.layers.unlink_layers(layers, ("contrast_limits",))

    # ---- what becomes of the feed ----

    def on_changed(self, metadata: dict[str, Any]) -> None:
        """Newer settings are shown."""
        self._write_metadata(metadata)

    def on_ready(self) -> None:
        """The layer shows what it should."""
        self._eye.open_it()
        self._own.idle.start()
        self.ready.emit()

    def on_left_out(self) -> None:
        """A volume is going to take a while."""
        if self._feed is None or self.layer is None:
            return
        array, index = self._feed.arrays[-1], (slice(None),) * self.layer.ndim
        if problem := too_big(array, index):
            self._feed.cancel()
            self.failed.emit(MemoryError(problem))
        self._eye.shut_it()

    def on_progressed(self, done: int, pieces: int) -> None:
        """What takes long is so far."""
        self.progressed.emit(done, pieces)

    def on_failed(self, error: Exception) -> None:
        """The view could not be computed."""
        self.failed.emit(error)

    # ---- events ----

    def _connect(self) -> None:
        assert self.layer is not None
        self._viewer.layers.events.removed.connect(self._on_layer_removed)
        self.layer.events.set_data.connect(self._on_drawn)
        self.layer.events.visible.connect(self._on_eye)

    def _watch_source(self, source: napari.layers.Image) -> None:
        self._watch = SourceWatch.of(self._viewer, source)
        for name, callback in self._watched():
            self._watch.events[name].connect(callback)

    def _leave_source(self) -> None:
        self._unlink()
        if self._watch is not None:
            for name, callback in self._watched():
                self._watch.events[name].disconnect(callback)
            self._watch.leave()
            self._watch = None

    def _watched(self) -> tuple[tuple[str, Callable[[], None]], ...]:
        return (
            ("edited", self._on_source_edited),
            ("moved", self._on_source_moved),
            ("renamed", self._on_source_renamed),
        )

    def _disconnect(self) -> None:
        self._eye.leave()
        self._own.let_go()
        self._leave_source()
        if self.layer is None:
            return
        self._viewer.layers.events.removed.disconnect(self._on_layer_removed)
        self.layer.events.set_data.disconnect(self._on_drawn)
        self.layer.events.visible.disconnect(self._on_eye)

    def _on_drawn(self) -> None:
        level = shown_level(self.layer, self._viewer) if self.layer is not None else 0
        if level != self.level:
            self.level = level
            self.level_changed.emit(level)
        self.drawn.emit()

    def _on_eye(self) -> None:
        self.drawn.emit()  # what is not seen has no numbers

    def _on_source_edited(self) -> None:
        if self._feed is not None:
            self._feed.edited()
            self._wanted = self._feed.newest
        self.source_edited.emit()

    def _on_source_moved(self) -> None:
        if self.layer is not None and self._source is not None:
            copy_spatial_state(self._source, self.layer)
            self.source_moved.emit()

    def _on_source_renamed(self) -> None:
        if self.layer is None or self._source is None or not self._metadata:
            return
        if self.layer.name == self._name(self._metadata["source"]):
            self.layer.name = self._name(self._source.name)
        self._metadata = {**self._metadata, "source": self._source.name}
        self.annotate({"source": self._source.name})  # at once: no voxel depends on it

    def _on_layer_removed(self, event: Any) -> None:
        if event.value == self._source:
            self._leave_source()

    def _on_taken(self) -> None:
        self.release()
        self.removed.emit()


def _at_once() -> int:
    return AT_ONCE
