"""A specimen shown while its parameters change: an image layer and a labels layer.

Both are made once and drawn anew. Objects, and the view of them, are computed in a thread and
swapped in together when they are there; other views are computed as the user comes to them
(see :mod:`.feed`).
"""

from __future__ import annotations

from typing import Any

import napari.layers
from napari.components import ViewerModel
from qtpy.QtCore import QObject, Signal

from ...recipe.provenance import KEY, Provenance
from ...synthetic.plan import Plan
from ...synthetic.specimen import Specimen
from ..live.feed import Feed
from ..live.layers import appearance, entry_of, waits, write_entry
from ..live.ours import find
from ..live.own_layers import OwnLayers
from ..live.pictures import Place
from ..qt.driver import Task, driver, is_there
from .array import SpecimenView
from .computed import IMAGE, LABELS, Computed, computing, limits_of, place_of

#: Voxels that are computed at once at most, however little time it took before.
AT_ONCE = 1 << 20


class LiveSpecimen(QObject):
    """The two preview layers of a viewer, kept in step with a plan.

    Of plans that arrive while one is computed, the newest is next; one that takes
    long is given up for it.
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
        self._feeds: tuple[Feed, Feed] | None = None
        self._shown: Plan | None = None
        self._wanted: Plan | None = None
        self._refused: Plan | None = None  # or cancelled: not tried again by itself
        self._task: tuple[Task, Plan] | None = None
        self._long = False  # it takes long, which is shown
        self._new_limits = False
        self._own = OwnLayers(viewer, lambda: self.running, self)
        self._own.taken.connect(self._on_taken)

    # ---- public ----

    @property
    def running(self) -> bool:
        """Whether something is being computed that is to be seen."""
        return self._task is not None or any(feed.running for feed in self._feeds or ())

    @property
    def in_step(self) -> bool:
        """Whether the layers show what was asked for last."""
        return self._wanted is not None and self._wanted == self._shown and not self.running

    def show(self, plan: Plan, *, new_limits: bool = False) -> None:
        """Show a plan as soon as it is computed; ``new_limits``: fit the contrast to it."""
        self._wanted, self._refused = plan, None
        self._new_limits |= new_limits
        self._update()

    def cancel(self) -> None:
        """Stop; what is shown stays."""
        if self._task is not None:
            self._refused = self._wanted
        self._stop()
        for feed in self._feeds or ():
            feed.cancel()

    def left_behind(self) -> Plan | None:
        """The plan of a preview that another dock left in the viewer."""
        layer = self._find(IMAGE)
        if layer is None:
            return None
        return Plan.from_record(Provenance.read(entry_of(layer)).specimen)

    def release(self, *, hide: bool = False) -> None:
        """Let go of the layers, which stay as they are or are hidden."""
        self._wanted = None
        self._stop()
        self._own.let_go()
        if self.layers is None:
            return
        for layer in self.layers:
            if hide and layer in self._viewer.layers and layer.visible:
                layer.visible = False
                write_entry(layer, {**entry_of(layer), "waits": True})
        self.layers = self._feeds = self._shown = self.specimen = None

    # ---- computing ----

    def _update(self) -> None:
        """Start what has to be computed next, if anything."""
        wanted = self._wanted
        if wanted is None:
            return
        if self._task is not None:
            if not self._long:
                return  # soon done, and shown: a slider that moves on and on shows something
            self._stop()
        if wanted not in (self._shown, self._refused):
            places = self._in_view(wanted)
            task = driver().start(
                lambda: computing(wanted, places), self._on_computed, self._on_progress
            )
            self._task = task, wanted
        elif not self.running:
            self.ready.emit()

    def _in_view(self, plan: Plan) -> tuple[list[Place], list[Place]]:
        """What the viewer shows of both layers, if they can show this plan."""
        if self._feeds is None or self._shown is None or not plan.same_field(self._shown):
            return [], []
        image, labels = (feed.in_view for feed in self._feeds)
        return image, labels

    def _stop(self) -> None:
        if self._task is not None:
            driver().drop(self._task[0])
        self._task, self._long = None, False

    def _on_progress(self, done: int, pieces: int) -> None:
        self._long = True
        self.progressed.emit(*((done, pieces) if pieces > 1 else (0, 0)))

    def _on_computed(self, computed: Computed | None, error: Exception | None) -> None:
        self._task, self._long = None, False
        if error is not None or computed is None:
            self._refused = self._wanted
            self.failed.emit(error)
            self.ready.emit()
            return
        self._adopt(computed)
        if not is_there(self):  # new layers collect garbage: a dock that nobody holds is some
            return
        self.drawn.emit(computed.specimen)
        self._update()
        if not self.running:
            self.on_ready()

    # ---- what becomes of the feeds ----

    def on_changed(self, tag: Any) -> None:
        """Nothing: specimens are swapped in here."""

    def on_left_out(self) -> None:
        """Nothing: there is no image beneath to step aside for."""

    def on_ready(self) -> None:
        """What is in view is there."""
        newest = self._shown == self._wanted  # limits are for what was asked for last
        if self._new_limits and newest and self._feeds is not None and self.layers is not None:
            values = self._feeds[0].shown
            if values is not None:
                self._new_limits = False
                self.layers[0].contrast_limits = limits_of(values)
        if not self.running:
            self._own.idle.start()
            self.ready.emit()

    def on_progressed(self, done: int, pieces: int) -> None:
        """A view that takes long is so far."""
        self.progressed.emit(*((done, pieces) if pieces > 1 else (0, 0)))

    def on_failed(self, error: Exception) -> None:
        """A view could not be computed."""
        self.failed.emit(error)

    # ---- the layers ----

    def _adopt(self, computed: Computed) -> None:
        """Show another specimen."""
        if self.layers is not None and self.layers[0].ndim != computed.plan.ndim:
            self._own.let_go()  # napari cannot turn one kind of layer into the other
            self.layers = None
        fits = self._fits(computed)
        self._shown, self.specimen = computed.plan, computed.specimen
        if self.layers is None:
            self._take_or_make(computed)
        elif not fits:
            self._set_field(computed)
        assert self.layers is not None
        assert self._feeds is not None
        if fits:
            for feed, array, granted in zip(
                self._feeds, computed.arrays, computed.granted, strict=True
            ):
                feed.give([array], granted)
        for layer in self.layers:
            write_entry(layer, self._entry())

    def _fits(self, computed: Computed) -> bool:
        """Whether a specimen can take the place of the one shown, napari noticing nothing."""
        return (
            self.layers is not None
            and self._shown is not None
            and computed.plan.same_field(self._shown)
            and computed.specimen.labels.dtype == self.layers[1].dtype
        )

    def _feed_of(self, array: SpecimenView) -> Feed:
        feed = Feed([array], _at_once)
        feed.listener = self
        return feed

    def _set_field(self, computed: Computed) -> None:
        """Give both layers arrays of another shape or voxel size."""
        assert self.layers is not None
        assert self._shown is not None
        first, second = (self._feed_of(array) for array in computed.arrays)
        self._feeds = first, second
        for layer, role, feed in zip(self.layers, (IMAGE, LABELS), self._feeds, strict=True):
            self._own.give(layer, role, feed)
            for name, value in place_of(self._shown).items():
                setattr(layer, name, value)
            layer.translate = (0,) * self._shown.ndim
        self._look_at_the_middle()

    def _look_at_the_middle(self) -> None:
        assert self.layers is not None
        assert self._shown is not None
        if all(layer in self.layers for layer in self._viewer.layers):  # nobody else's view
            dims = self._viewer.dims
            dims.set_current_step(range(dims.ndim), [n // 2 for n in self._shown.shape])
            self._viewer.reset_view()

    def _take_or_make(self, computed: Computed) -> None:
        """Two layers: those that were left in the viewer, or new ones."""
        assert self._shown is not None
        layers, place = self._viewer.layers, place_of(self._shown)
        found = self._find(IMAGE), self._find(LABELS)
        ours = layers.selection.active in found
        active = layers.selection.active
        seen = [la is None or la.visible or waits(la) for la in found]
        looks: dict[str, Any] = {"contrast_limits": (0, 2**16 - 1)}
        opacity = 0.3  # the image stays to be seen; outlines would take napari several frames
        if found[0] is not None:
            looks = appearance(found[0])
        if found[1] is not None:
            opacity = found[1].opacity
        for layer in found:
            if layer is not None and layer.ndim != self._shown.ndim:
                self._own.take_away(layer)
        image, labels = self._find(IMAGE), self._find(LABELS)
        first, second = (self._feed_of(array) for array in computed.arrays)
        self._feeds = first, second
        if image is None:
            self._new_limits = True
            image = self._add(
                napari.layers.Image,
                IMAGE,
                first,
                visible=seen[0],
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
                second,
                visible=seen[1],
                opacity=opacity,
                **place,
            )
        labels.editable = False  # there is nothing to paint into
        self.layers = image, labels
        if found[0] is image or found[1] is labels:
            self._set_field(computed)
        else:
            self._look_at_the_middle()
        for layer, was in zip(self.layers, seen, strict=True):
            if was and not layer.visible:
                layer.visible = True
        if active is not None and active in layers:
            layers.selection.active = active
        elif ours or len(layers) == 2:
            layers.selection.active = image

    def _add(self, kind: Any, role: str, feed: Feed, **keywords: Any) -> Any:
        """A new layer of ours."""
        metadata = {KEY: self._entry()}
        return self._own.add(kind, role, feed, name=role, metadata=metadata, **keywords)

    def _find(self, role: str) -> Any:
        return find(self._viewer.layers, role)

    def _entry(self) -> dict[str, Any]:
        assert self._shown is not None
        return Provenance.of_specimen(self._shown.record()).entry()

    def _on_taken(self) -> None:
        self.release()
        self.removed.emit()


def _at_once() -> int:
    return AT_ONCE
