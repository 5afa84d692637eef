"""A generated layer that follows its parameters while they change.

The layer is made once and refreshed. Looking at a plane computes that plane,
at once. A view that needs much (3D, planes of a giant image) is computed in a
thread; until it is ready the layer keeps its last picture, or is hidden where
that picture belongs to another view. ``layer.data`` never holds anything but
the exact result of the parameters written in the layer's metadata.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import napari.layers
from napari.components import ViewerModel
from napari.utils.events import EventEmitter
from qtpy.QtCore import QObject, QTimer, Signal

from ..recipe.lazy_array import LazyArray
from .background import Background
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
)
from .ours import claim, disown, part_from, role_of
from .source_watch import SourceWatch

#: Voxels that are computed at once when the view changes; about a frame's time.
AT_ONCE = 1 << 22
#: After this long without a change, the thumbnail is drawn anew.
_IDLE_MS = 300


@dataclass(frozen=True)
class _Picture:
    """Lazy arrays, one per level of a pyramid, and the metadata that tells what they show."""

    levels: tuple[LazyArray, ...]
    metadata: dict[str, Any]


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
    progressed = Signal(int, int)  # pieces done, pieces, of a big view
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
        self._watch = SourceWatch(viewer, self)
        self._watch.edited.connect(self._on_source_edited)
        self._watch.moved.connect(self._on_source_moved)
        self._watch.renamed.connect(self._on_source_renamed)
        self._shown: _Picture | None = None
        self._wanted: _Picture | None = None
        self._computing: _Picture | None = None
        self._hidden = False  # by us, until a big view is ready
        self._paused = False  # by the user
        self._coarsest_is_old = False  # in napari's own copy of it
        self.level = 0  # of a pyramid, as shown
        # napari calls its own callbacks before those of plugins, and it counts its
        # emitters as its own: through one of them we come before it slices
        self._ahead = EventEmitter(source=None, type_name="before_view_changes")
        self._ahead.connect(self._hide_if_big)
        self._background = Background(self)
        self._background.progressed.connect(self.progressed)
        self._background.finished.connect(self._on_computed)
        self._background.failed.connect(self.failed)
        self._idle = QTimer(self)
        self._idle.setSingleShot(True)
        self._idle.setInterval(_IDLE_MS)
        self._idle.timeout.connect(self._draw_thumbnail)

    @property
    def _source(self) -> napari.layers.Image | None:
        return self._watch.source

    # ---- public ----

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
        self._cancel()
        metadata = {**metadata, "source": source.name, **of_voxels(arrays[0])}
        self._shown = _Picture(tuple(arrays), metadata)
        self._wanted = _Picture(tuple(copy.copy(a) for a in arrays), metadata)
        if self.layer is not None and (
            self.layer.multiscale != source.multiscale or self.layer.ndim != arrays[0].ndim
        ):  # napari cannot turn one kind of layer into the other
            looks = {**appearance(self.layer), **looks}
            self._disconnect()
            self._take_away(self.layer)
            self.layer = None
        moved = self._source != source
        if moved:
            self._leave_source()
            self._watch.watch(source)
        if self.layer is None:
            self._add(source, looks)
        else:
            self._hidden |= self._paused
            self._hide_if_big()
            self._set_data()
            copy_spatial_state(source, self.layer)
            if moved:
                self.layer.name = self._name(source.name)
                self._link()
        self._paused = False
        self._bring_up_to_date()

    def adopt(self, layer: napari.layers.Image, *, paused: bool = False) -> None:
        """Drive a layer that was left behind, by this widget or by one that is gone."""
        self.layer = layer
        self._hidden = waits(layer)
        self._paused = paused
        self._connect_viewer()

    def change(self, change: Callable[[LazyArray], None], metadata: dict[str, Any]) -> None:
        """Give the arrays other parameters and show the result as soon as it is there."""
        if self.layer is None or self._wanted is None:
            return
        levels = tuple(copy.copy(a) for a in self._wanted.levels)
        for array in levels:
            change(array)
        self._wanted = _Picture(levels, {**self._wanted.metadata, **metadata})
        self._bring_up_to_date()

    def annotate(self, metadata: dict[str, Any]) -> None:
        """Write more into the layer's metadata, of what it shows no other voxel depends on."""
        if self.layer is not None and self._shown is not None and self._wanted is not None:
            self._wanted = replace(self._wanted, metadata={**self._wanted.metadata, **metadata})
            self._shown = replace(self._shown, metadata={**self._shown.metadata, **metadata})
            self._write_metadata()

    def in_view(self) -> tuple[LazyArray, tuple[Any, ...]] | None:
        """What is shown, the array and the index into it; None if nothing is."""
        if self.layer is None or self._shown is None or not self.layer.visible:
            return None
        if why_not_shown(self.layer, self._viewer):
            return None
        return self._in_view(self._shown, self.layer)

    @property
    def running(self) -> bool:
        """Whether a big view is being computed."""
        return self._background.running

    def cancel(self) -> None:
        """Stop computing a big view; what is shown stays."""
        self._cancel()

    def pause(self) -> None:
        """Hide the layer and compute nothing until it is shown again."""
        self._cancel()
        self._paused = True
        if self.layer is not None:
            self.layer.visible = False

    def remove(self) -> None:
        """Take the layer out of the viewer."""
        if self.layer is not None and self.layer in self._viewer.layers:
            layer = self.layer
            if layer.locked:
                self.release()
            self._take_away(layer)

    def release(self) -> None:
        """Let go of the layer, which stays as it is."""
        self._cancel()
        self._idle.stop()
        self._disconnect()
        if self.layer is not None and self._hidden:
            entry = {**entry_of(self.layer), "waits": True}
            self.layer.metadata = {**self.layer.metadata, METADATA_KEY: entry}
        self._hidden = False
        self.layer = self._shown = self._wanted = None

    # ---- the layer ----

    def _name(self, source_name: str) -> str:
        return f"{source_name} ({self.role})"

    def _add(self, source: napari.layers.Image, looks: dict[str, Any]) -> None:
        assert self._shown is not None
        levels = self._shown.levels
        active = self._viewer.layers.selection.active
        big = self._is_big(*self._in_view(self._shown, source), source)
        self._hidden = big
        layer = napari.layers.Image(
            list(levels) if source.multiscale else levels[0],
            name=self._name(source.name),
            multiscale=source.multiscale,
            projection_mode="none",  # thick slices would average the noise away
            visible=not big,
            metadata={METADATA_KEY: self._shown.metadata},
            **spatial_state(source, "" if levels[0].ndim == source.ndim else "sample"),
            **{**appearance(source), **looks},
        )
        claim(layer, self.role, levels)  # before anybody sees it
        self.layer = self._viewer.add_layer(layer)
        self._connect_viewer()
        self._link()
        if active is not None and active in self._viewer.layers:
            self._viewer.layers.selection.active = active

    def _set_data(self) -> None:
        assert self.layer is not None
        assert self._shown is not None
        levels = self._shown.levels
        locked = self.layer.locked_data_level  # which napari forgets with new data
        claim(self.layer, self.role, levels)
        self.layer.data = list(levels) if self.layer.multiscale else levels[0]
        if locked is not None:
            self.layer.locked_data_level = locked
        self._write_metadata()

    def _take_away(self, layer: Any) -> None:
        """Remove a layer of ours, or leave it to the user who has locked it against that."""
        disown(layer)
        if not layer.locked:
            self._viewer.layers.remove(layer)

    def _write_metadata(self) -> None:
        assert self.layer is not None
        assert self._shown is not None
        self.layer.metadata = {**self.layer.metadata, METADATA_KEY: self._shown.metadata}

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

    # ---- computing ----

    def _is_big(self, array: LazyArray, index: Any, layer: napari.layers.Image) -> bool:
        """Whether a view needs more than can be computed at once."""
        if layer.multiscale and self._viewer.dims.ndisplay == 2:
            return False  # napari asks for no more than the canvas shows
        return array.work(index) > AT_ONCE

    def _in_view(
        self, picture: _Picture, layer: napari.layers.Image
    ) -> tuple[LazyArray, tuple[Any, ...]]:
        """The array of the level shown, and the index of what the viewer shows of it."""
        array = picture.levels[shown_level(layer, self._viewer)]
        return array, displayed_index(layer, self._viewer, array.shape)

    def _bring_up_to_date(self) -> None:
        """Show the newest parameters: at once, or when they have been computed."""
        if self.layer is None or self._wanted is None or self._paused:
            return
        array, index = self._in_view(self._wanted, self.layer)
        if not self._is_big(array, index, self.layer) or array.holds(index):
            self._cancel()
            self._adopt_picture(self._wanted)
        elif self._computing is None:  # else the running one is finished first
            if problem := too_big(array, index):
                self.failed.emit(MemoryError(problem))
                return
            self._computing = self._wanted
            self._background.start(lambda: array.prefetch(index))

    def _on_computed(self, _: object) -> None:
        picture, self._computing = self._computing, None
        if picture is None or self.layer is None:
            return
        array, index = self._in_view(picture, self.layer)
        if array.holds(index) or not self._is_big(array, index, self.layer):
            self._adopt_picture(picture)
        if picture is not self._wanted or self._shown_is_not(picture):
            self._bring_up_to_date()

    def _shown_is_not(self, picture: _Picture) -> bool:
        """Whether a picture was not adopted: the view has changed meanwhile."""
        return self._shown is None or self._shown.metadata is not picture.metadata

    def _adopt_picture(self, picture: _Picture) -> None:
        assert self.layer is not None
        assert self._shown is not None
        for shown, new in zip(self._shown.levels, picture.levels, strict=True):
            shown.adopt(new)
        self._shown = _Picture(self._shown.levels, picture.metadata)
        self._write_metadata()
        if self._hidden:
            self._hidden = False
            self.layer.visible = True
        elif self._napari_keeps_level():
            self._set_data()
        else:
            self._coarsest_is_old = self.layer.multiscale and self.layer.ndim == 2
            self.layer.refresh(thumbnail=False, highlight=False, extent=False)
        self._idle.start()
        self.ready.emit()

    def _napari_keeps_level(self) -> bool:
        """Whether the level shown is the one that napari keeps: the coarsest, of a 2D pyramid.

        Only new data make it forget; they take the view back to that level, so
        they are given when it is shown anyway.
        """
        layer = self.layer
        if layer is None or not layer.multiscale or layer.ndim != 2:
            return False
        return shown_level(layer, self._viewer) == len(layer.data) - 1

    def _draw_thumbnail(self) -> None:
        if self.layer is not None and self.layer.visible and not self._needs_thread():
            self.layer.refresh(highlight=False, extent=False)

    def _cancel(self) -> None:
        self._computing = None
        self._background.cancel()

    # ---- events ----

    def _connect_viewer(self) -> None:
        dims, layers = self._viewer.dims.events, self._viewer.layers.events
        for emitter in (dims.point, dims.order, dims.ndisplay):
            emitter.connect(self._ahead, position="first")
            emitter.connect(self._after_view_changed, position="last")
        layers.removed.connect(self._on_layer_removed)
        layers.inserted.connect(self._on_layer_inserted)
        assert self.layer is not None
        self.layer.events.set_data.connect(self._on_drawn)
        self.layer.events.data.connect(self._on_data_replaced)
        self.layer.events.visible.connect(self._on_eye)

    def _leave_source(self) -> None:
        self._unlink()
        self._watch.leave()

    def _disconnect(self) -> None:
        self._leave_source()
        if self.layer is None:
            return
        dims, layers = self._viewer.dims.events, self._viewer.layers.events
        for emitter in (dims.point, dims.order, dims.ndisplay):
            emitter.disconnect(self._ahead)
            emitter.disconnect(self._after_view_changed)
        layers.removed.disconnect(self._on_layer_removed)
        layers.inserted.disconnect(self._on_layer_inserted)
        self.layer.events.set_data.disconnect(self._on_drawn)
        self.layer.events.data.disconnect(self._on_data_replaced)
        self.layer.events.visible.disconnect(self._on_eye)

    def _hide_if_big(self) -> None:
        """Hide what would take long; runs before napari asks for a new view."""
        if self.layer is not None and self.layer.visible and self._needs_thread():
            self._hidden = True
            self.layer.visible = False

    def _needs_thread(self) -> bool:
        """Whether what is shown now would have to be computed, and takes long."""
        if self.layer is None or self._shown is None:
            return False
        array, index = self._in_view(self._shown, self.layer)
        return self._is_big(array, index, self.layer) and not array.holds(index)

    def _after_view_changed(self) -> None:
        # a layer hidden by the user is computed too: its eye may be opened any time
        if self._preparing():
            return  # it serves the new view as well
        if self._hidden or self._computing is not None or self._needs_thread():
            self._cancel()
            self._bring_up_to_date()

    def _preparing(self) -> bool:
        """Whether what is computed now does not depend on the view."""
        if self._computing is None or self.layer is None:
            return False
        array, index = self._in_view(self._computing, self.layer)
        return not array.prepared(index)

    def _on_drawn(self) -> None:
        if self._coarsest_is_old and self._napari_keeps_level():
            self._coarsest_is_old = False
            QTimer.singleShot(0, self._renew)
        level = shown_level(self.layer, self._viewer) if self.layer is not None else 0
        if level != self.level:
            self.level = level
            self.level_changed.emit(level)
        self.drawn.emit()

    def _on_eye(self) -> None:
        self.drawn.emit()  # what is not seen has no numbers

    def _renew(self) -> None:
        if self._napari_keeps_level():
            self._set_data()

    def _on_source_edited(self) -> None:
        self.change(lambda array: array.source_edited(), {})
        self.source_edited.emit()

    def _on_source_moved(self) -> None:
        if self.layer is not None and self._source is not None:
            copy_spatial_state(self._source, self.layer)
            self.source_moved.emit()

    def _on_source_renamed(self) -> None:
        if self.layer is None or self._source is None or self._wanted is None:
            return
        old = self._wanted.metadata["source"]
        if self.layer.name == self._name(old):
            self.layer.name = self._name(self._source.name)
        self.change(lambda array: None, {"source": self._source.name})

    def _on_layer_removed(self, event: Any) -> None:
        if event.value == self._source:
            self._leave_source()
        elif event.value == self.layer:
            self._leave_to_the_user()

    def _on_layer_inserted(self, event: Any) -> None:
        if self._shown is not None:
            part_from(event.value, self._shown.levels)

    def _on_data_replaced(self) -> None:
        """Somebody has put voxels of theirs into our layer: it is theirs now."""
        layer = self.layer
        if layer is not None and role_of(layer) is None:
            self._leave_to_the_user()
            layer.metadata = {k: v for k, v in layer.metadata.items() if k != METADATA_KEY}

    def _leave_to_the_user(self) -> None:
        disown(self.layer)
        self.release()
        self.removed.emit()
