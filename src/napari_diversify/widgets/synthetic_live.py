"""A specimen shown while its parameters change: an image layer and a labels layer.

Both are made once and refreshed. Objects and the view of them are computed in
a thread, and swapped in together when they are there. Scrolling to a plane
that takes no longer than a few frames computes it at once; a view that takes
longer (3D, planes of a giant image) hides the layers until it is ready.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import napari.layers
import numpy as np
import numpy.typing as npt
from napari.components import ViewerModel
from napari.utils.events import EventEmitter
from qtpy.QtCore import QObject, QTimer, Signal

from .. import __version__
from ..core.blocks import normalise_index
from ..recipe.specimen import Specimen
from .background import Background, Work
from .layers import METADATA_KEY, appearance, displayed_index, entry_of, no_room, waits
from .ours import claim, disown, find, part_from, role_of
from .synthetic_array import Index, LiveArray
from .synthetic_plan import Plan

#: Names and roles of the layers.
IMAGE, LABELS = "synthetic", "synthetic labels"
#: Seconds that a plane may take to be computed while the user scrolls to it.
AT_ONCE_S = 0.05
# voxels computed between two looks at whether to go on
_PIECE = 1 << 20
_IDLE_MS = 300
#: After this long, it is shown that something is under way.
_PATIENCE_MS = 500


@dataclass(frozen=True)
class _Computed:
    """A specimen, and both its arrays in a view."""

    plan: Plan
    specimen: Specimen
    index: Index | None  # none was asked for
    image: npt.NDArray[Any] | None
    labels: npt.NDArray[Any] | None
    per_voxel: float  # seconds


class LiveSpecimen(QObject):
    """The two preview layers of a viewer, kept in step with a plan.

    Of plans that arrive while one is computed, the newest is next; a view of
    many pieces is given up for it.
    """

    removed = Signal()  # the user deleted a layer
    progressed = Signal(int, int)
    drawn = Signal(object)  # the Specimen that is shown now
    failed = Signal(object)
    ready = Signal()  # nothing is under way

    def __init__(self, viewer: ViewerModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.layers: tuple[napari.layers.Image, napari.layers.Labels] | None = None
        self.specimen: Specimen | None = None  # that is shown
        self._arrays: tuple[LiveArray, LiveArray] | None = None
        self._shown: Plan | None = None
        self._wanted: Plan | None = None
        self._refused: Plan | None = None  # or cancelled: not tried again by itself
        self._given_up = False  # the view, until it changes
        self._new_limits = False
        self._hidden = [False, False]  # by us, until a view is ready
        self._long = False  # it takes long, which is shown
        self._progress = (0, 0)  # pieces done, pieces; none if nobody knows
        self._per_voxel = math.inf  # seconds; unknown
        # see LiveLayer: through an emitter of napari's kind we come before it slices
        self._ahead = EventEmitter(source=None, type_name="before_view_changes")
        self._ahead.connect(self._hide_if_slow)
        self._background = Background(self)
        self._background.progressed.connect(self._on_progress)
        self._background.finished.connect(self._on_computed)
        self._background.failed.connect(self._on_failed)
        self._idle = QTimer(self)
        self._idle.setSingleShot(True)
        self._idle.setInterval(_IDLE_MS)
        self._idle.timeout.connect(self._draw_thumbnails)
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(_PATIENCE_MS)
        self._patience.timeout.connect(self._on_long)

    # ---- public ----

    @property
    def running(self) -> bool:
        """Whether something is being computed."""
        return self._background.running

    @property
    def in_step(self) -> bool:
        """Whether the layers show what was asked for last."""
        return self._wanted is not None and self._wanted == self._shown and not self.running

    def show(self, plan: Plan, *, new_limits: bool = False) -> None:
        """Show a plan as soon as it is computed; ``new_limits``: fit the contrast to it."""
        self._wanted, self._refused, self._given_up = plan, None, False
        self._new_limits |= new_limits
        self._update()

    def cancel(self) -> None:
        """Stop; what is shown stays."""
        if self.running:
            self._refused, self._given_up = self._wanted, True
        self._background.cancel()

    def left_behind(self) -> Plan | None:
        """The plan of a preview that another dock left in the viewer."""
        layer = self._find(IMAGE)
        if layer is None:
            return None
        return Plan.from_record(entry_of(layer)["specimen"])

    def release(self, *, hide: bool = False) -> None:
        """Let go of the layers, which stay as they are or are hidden."""
        self._wanted = None
        self._background.cancel()
        self._idle.stop()
        if self.layers is None:
            return
        layers = self.layers
        self._disconnect()
        for layer, hidden in zip(layers, self._hidden, strict=True):
            if hidden:
                entry = {**entry_of(layer), "waits": True}
                layer.metadata = {**layer.metadata, METADATA_KEY: entry}
            if hide and layer in self._viewer.layers and (layer.visible or hidden):
                layer.visible = False
                entry = {**entry_of(layer), "waits": True}
                layer.metadata = {**layer.metadata, METADATA_KEY: entry}
        self._hidden = [False, False]
        self.layers = self._arrays = self._shown = self.specimen = None

    # ---- computing ----

    def _update(self) -> None:
        """Start what has to be computed next, if anything."""
        if self._wanted is None:
            return
        was_running = self.running
        if was_running:
            if not self._long:
                return  # soon done, and shown: a slider that moves on and on shows something
            self._background.cancel()
        self._start_next(self._wanted)
        if was_running and not self.running:
            self.ready.emit()

    def _start_next(self, wanted: Plan) -> None:
        if wanted not in (self._shown, self._refused):
            self._start(wanted, None, self._index_of(wanted))
        elif self._shown is not None and self.specimen is not None and self._arrays is not None:
            index = self._index_of(self._shown)
            if index is None or self._given_up:
                return
            if any(self._hidden) or not self._arrays[0].holds(index):
                self._start(self._shown, self.specimen, index)

    def _start(self, plan: Plan, specimen: Specimen | None, index: Index | None) -> None:
        self._long, self._progress = False, (0, 0)
        self._patience.start()
        self._background.start(lambda: _computed(plan, specimen, index))

    def _index_of(self, plan: Plan) -> Index | None:
        """What the viewer shows of a plan's field, if our layers have that already."""
        if self.layers is None or self._shown is None or not plan.same_field(self._shown):
            return None
        return displayed_index(self.layers[0], self._viewer, plan.shape)

    def _on_progress(self, done: int, pieces: int) -> None:
        self._progress = (done, pieces) if pieces > 1 else (0, 0)
        if self._long:
            self.progressed.emit(*self._progress)

    def _on_long(self) -> None:
        if self.running:
            self._long = True
            self.progressed.emit(*self._progress)

    def _on_computed(self, found: _Computed) -> None:
        if self._wanted is None:
            return
        if found.index is not None:
            self._per_voxel = found.per_voxel
        new = found.plan != self._shown
        if new:
            self._adopt(found)
        elif self._arrays is not None and found.index is not None:
            self._give(found)
        self._reveal()
        if new:
            self.drawn.emit(found.specimen)
        self._update()
        if not self.running:
            self.ready.emit()

    def _on_failed(self, error: Exception) -> None:
        self._refused, self._given_up = self._wanted, True
        self.failed.emit(error)
        self.ready.emit()

    # ---- the layers ----

    def _adopt(self, found: _Computed) -> None:
        """Show another specimen."""
        if self.layers is not None and self.layers[0].ndim != found.plan.ndim:
            self._disconnect()  # napari cannot turn one kind of layer into the other
            self.layers = None
        fits = self._fits(found)
        self._shown, self.specimen = found.plan, found.specimen
        if self.layers is None:
            self._take_or_make()
        elif not fits:
            self._set_field()
        else:
            self._give(found)
        assert self.layers is not None
        for layer in self.layers:
            layer.metadata = {**layer.metadata, METADATA_KEY: self._entry()}

    def _fits(self, found: _Computed) -> bool:
        """Whether a specimen can take the place of the one shown, napari noticing nothing."""
        return (
            self._shown is not None
            and self._arrays is not None
            and found.plan.same_field(self._shown)
            and found.specimen.labels.dtype == self._arrays[1].dtype
        )

    def _give(self, found: _Computed) -> None:
        """Put the specimen and its view into the arrays, and have them drawn."""
        assert self._arrays is not None
        assert self.layers is not None
        specimen, index = found.specimen, found.index or ()
        self._arrays[0].swap(specimen.image, index, found.image)
        self._arrays[1].swap(specimen.labels, index, found.labels)
        if self._new_limits and found.image is not None:
            self._new_limits = False
            self.layers[0].contrast_limits = limits_of(found.image)
        self._hide_if_slow()  # the view may have moved on
        for layer, hidden in zip(self.layers, self._hidden, strict=True):
            if not hidden:
                layer.refresh(thumbnail=False, highlight=False, extent=False)
        self._idle.start()

    def _set_field(self) -> None:
        """Give both layers arrays of another shape or voxel size; hidden until they are known."""
        assert self.layers is not None
        assert self.specimen is not None
        assert self._shown is not None
        self._hide()
        self._arrays = LiveArray(self.specimen.image), LiveArray(self.specimen.labels)
        for layer, role, array in zip(self.layers, (IMAGE, LABELS), self._arrays, strict=True):
            claim(layer, role, (array,))
            layer.data = array
            for name, value in place_of(self._shown).items():
                setattr(layer, name, value)
            layer.translate = (0,) * self._shown.ndim
        if all(layer in self.layers for layer in self._viewer.layers):  # nobody else's view
            dims = self._viewer.dims
            dims.set_current_step(range(dims.ndim), [n // 2 for n in self._shown.shape])
            self._viewer.reset_view()

    def _take_or_make(self) -> None:
        """Two layers: those that were left in the viewer, or new ones."""
        assert self.specimen is not None
        assert self._shown is not None
        layers, place = self._viewer.layers, place_of(self._shown)
        found = self._find(IMAGE), self._find(LABELS)
        ours = layers.selection.active in found
        active = layers.selection.active
        self._hidden = [
            was or la is None or la.visible or waits(la)
            for was, la in zip(self._hidden, found, strict=True)
        ]
        looks: dict[str, Any] = {"contrast_limits": (0, 2**16 - 1)}
        opacity = 0.3  # the image stays to be seen; outlines would take napari several frames
        if found[0] is not None:
            looks = appearance(found[0])
        if found[1] is not None:
            opacity = found[1].opacity
        for layer in found:
            if layer is not None and layer.ndim != self._shown.ndim:
                disown(layer)
                if not layer.locked:
                    layers.remove(layer)
        image, labels = self._find(IMAGE), self._find(LABELS)
        if image is None:
            self._new_limits = True
            image = self._add(
                napari.layers.Image,
                IMAGE,
                LiveArray(self.specimen.image),
                projection_mode="none",
                **place,
                **looks,
            )
            if labels is not None:  # which would be seen no more
                layers.move(layers.index(image), layers.index(labels))
        if labels is None:
            labels = self._add(
                napari.layers.Labels,
                LABELS,
                LiveArray(self.specimen.labels),
                opacity=opacity,
                **place,
            )
        labels.editable = False  # there is nothing to paint into
        self.layers = image, labels
        self._set_field()
        self._connect()
        if active is not None and active in layers:
            layers.selection.active = active
        elif ours or len(layers) == 2:
            layers.selection.active = image

    def _add(self, kind: Any, role: str, array: LiveArray, **keywords: Any) -> Any:
        """A new layer of ours, hidden at first."""
        metadata = {METADATA_KEY: self._entry()}
        layer = kind(array, name=role, visible=False, metadata=metadata, **keywords)
        claim(layer, role, (array,))  # before anybody sees it
        return self._viewer.add_layer(layer)

    def _find(self, role: str) -> Any:
        return find(self._viewer.layers, role)

    def _entry(self) -> dict[str, Any]:
        assert self._shown is not None
        return {"specimen": self._shown.record(), "version": __version__}

    def _reveal(self) -> None:
        """Show again what was hidden, if its view is known now or soon computed."""
        if self.layers is None or not any(self._hidden) or self._slow():
            return
        if self._arrays is None or not self._arrays[0].holds(self._index_now()):
            return  # computed first, it is known what it costs
        hidden, self._hidden = self._hidden, [False, False]
        for layer, was in zip(self.layers, hidden, strict=True):
            if was:
                layer.visible = True

    def _hide(self) -> None:
        assert self.layers is not None
        for n, layer in enumerate(self.layers):
            if layer.visible:
                self._hidden[n] = True
                layer.visible = False

    def _index_now(self) -> Index:
        assert self.layers is not None
        assert self._shown is not None
        return displayed_index(self.layers[0], self._viewer, self._shown.shape)

    def _slow(self) -> bool:
        """Whether the view would have to be computed, and that takes long."""
        if self.layers is None or self._arrays is None or self._shown is None:
            return False
        index = self._index_now()
        if self._arrays[0].holds(index):
            return False
        return _voxels(index, self._shown.shape) * self._per_voxel > AT_ONCE_S

    def _draw_thumbnails(self) -> None:
        for layer in self.layers or ():
            if layer.visible and not self._slow():
                layer.refresh(highlight=False, extent=False)

    # ---- events ----

    def _connect(self) -> None:
        dims, layers = self._viewer.dims.events, self._viewer.layers.events
        for emitter in (dims.point, dims.order, dims.ndisplay):
            emitter.connect(self._ahead, position="first")
            emitter.connect(self._on_view_changed, position="last")
        layers.removed.connect(self._on_layer_removed)
        layers.inserted.connect(self._on_layer_inserted)
        for layer in self.layers or ():
            layer.events.data.connect(self._on_data_replaced)

    def _disconnect(self) -> None:
        dims, layers = self._viewer.dims.events, self._viewer.layers.events
        for emitter in (dims.point, dims.order, dims.ndisplay):
            emitter.disconnect(self._ahead)
            emitter.disconnect(self._on_view_changed)
        layers.removed.disconnect(self._on_layer_removed)
        layers.inserted.disconnect(self._on_layer_inserted)
        for layer in self.layers or ():
            layer.events.data.disconnect(self._on_data_replaced)

    def _hide_if_slow(self) -> None:
        if self.layers is not None and self._slow():
            self._hide()

    def _on_view_changed(self) -> None:
        if self._slow() or any(self._hidden):
            self._given_up = False
            self._update()

    def _on_layer_removed(self, event: Any) -> None:
        if self.layers is not None and event.value in self.layers:
            self._leave_to_the_user(event.value)

    def _on_layer_inserted(self, event: Any) -> None:
        part_from(event.value, self._arrays or ())

    def _on_data_replaced(self) -> None:
        """Somebody has put voxels of theirs into a layer of ours: it is theirs now."""
        for layer in self.layers or ():
            if role_of(layer) is None:
                self._leave_to_the_user(layer)
                layer.metadata = {k: v for k, v in layer.metadata.items() if k != METADATA_KEY}
                return

    def _leave_to_the_user(self, layer: Any) -> None:
        disown(layer)
        self.release()
        self.removed.emit()


# ---- in a thread ----


def _computed(
    plan: Plan, specimen: Specimen | None, index: Index | None
) -> Generator[tuple[int, int], None, _Computed]:
    """Draw the objects of a plan if that is to be done, and compute a view of them."""
    if specimen is None:
        specimen = yield from plan.drawing()
    yield 0, 1
    if index is None:
        return _Computed(plan, specimen, None, None, None, math.inf)
    start = time.perf_counter()
    image, labels = yield from values_of(specimen, index)
    per_voxel = (time.perf_counter() - start) / max(1, image.size)
    return _Computed(plan, specimen, index, image, labels, per_voxel)


def values_of(
    specimen: Specimen, index: Index
) -> Generator[tuple[int, int], None, tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """Image and labels of a part of a specimen, piece by piece.

    Raises
    ------
    MemoryError
        If there is no room for them.
    """
    region, _ = normalise_index(index, specimen.shape)
    shape = [len(part) for part in region]
    size = math.prod(shape) * (2 + specimen.labels.dtype.itemsize)
    if problem := no_room(size, "Make the shape smaller, or write it to a file: Copy as command"):
        raise MemoryError(problem)
    image = np.empty(shape, specimen.image.dtype)
    labels = np.empty(shape, specimen.labels.dtype)
    axis = int(np.argmax([n > 1 for n in shape]))
    run = max(1, _PIECE * shape[axis] // max(1, math.prod(shape)))
    starts = range(0, shape[axis], run)
    for n, start in enumerate(starts):
        part = region[axis][start : start + run]
        there = (*index[:axis], slice(part.start, part.stop), *index[axis + 1 :])
        here = (slice(None),) * axis + (slice(start, start + run),)
        image[here] = specimen.image[there]
        labels[here] = specimen.labels[there]
        yield n + 1, len(starts)
    return image, labels


def whole_of(plan: Plan) -> Work:
    """Work: (plan, image, labels, objects), all voxels of a plan and how many objects they show."""
    specimen = yield from plan.drawing()
    yield 0, 1
    image, labels = yield from values_of(specimen, (slice(None),) * plan.ndim)
    objects = int(np.count_nonzero(np.bincount(labels.ravel())[1:]))
    return plan, image, labels, objects


def place_of(plan: Plan) -> dict[str, Any]:
    """Keywords that put a layer into the field of a plan."""
    return {
        "scale": plan.spacing,
        "units": ("micrometer",) * plan.ndim,
        "axis_labels": tuple("zyx"[-plan.ndim :]),
    }


def limits_of(image: npt.NDArray[Any]) -> tuple[float, float]:
    """Contrast limits that show an image from its background to its brightest structures."""
    low, high = np.percentile(image.ravel()[:: max(1, image.size // 200_000)], (0.5, 99.9))
    return float(low), float(max(high, low + 1))


def _voxels(index: Sequence[slice], shape: Sequence[int]) -> int:
    return math.prod(len(range(*s.indices(n))) for s, n in zip(index, shape, strict=True))
