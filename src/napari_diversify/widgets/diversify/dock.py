"""The dock widget "Diversify": choose an image, move sliders, watch it change."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager, nullcontext
from operator import eq
from pathlib import Path
from typing import Any

import napari.layers
import numpy.typing as npt
from napari.components import ViewerModel
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QGridLayout, QVBoxLayout, QWidget
from superqt.utils import QSignalThrottler, signals_blocked

from ...analysis.measure import Measured
from ...recipe import Diversify, LazyVolume, Recipe
from ...recipe.lazy.cache import Cache
from ...recipe.steps.registry import AnyStep
from ..live.layers import (
    entry_of,
    how_made,
    levels_of,
    name_of_view,
    showing,
    spacing_in_micrometres,
    waits,
    why_not_shown,
    why_unusable,
)
from ..live.live_layer import LiveLayer
from ..live.ours import find
from ..live.snapshot import Snapshot
from ..live.source_watch import SourceWatch
from ..live.views import DifferenceView, RemovedView, SigmaView, SplitView, View
from ..live.warming import warm_up
from ..qt.dock import Dock
from ..qt.parts import button, soon
from ..qt.preferences import preference, set_preference
from ..samples.sheet import Samples
from .compare import Compare
from .measurement import Measurement
from .readout import Readout
from .source_panel import SourcePanel
from .state import Left, State, leave, left
from .steps_panel import StepsPanel
from .windows import Windows

#: Instead of a section: whichever is the last that is live.
_LAST = "last"
_FRAME_MS = 16
_SETTLED_MS = 250
_NO_IMAGE = "Open an image, or choose File > Open Sample > Diversify > Synthetic nuclei (3D)."


class Explorer(Dock):
    """Interactive diversification of the active image layer.

    The state is a recipe without steps (range, axes, seed), a sample number
    and one step per section. Panels edit it; after every change, at most once
    a frame, each view that is switched on gets the recipe it shows.
    """

    # image, range, axes, seed, sample
    # > Contrast    [ ] live   ...
    # v Diversify   [x] live   [ ] show σ map   ...
    # > Low-pass    [ ] live   [ ] show what it removes   ...
    # [ ] Chain  order [contrast > diversify > low-pass v]
    # plane 31  PSNR ...  SSIM ...   volume  PSNR ...
    # message, progress [cancel]
    # [Snapshot] [Save recipe] [Load recipe] [Export]

    def __init__(self, napari_viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(napari_viewer, "recipe", parent)
        warm_up()
        self._setup = Recipe()
        self._sample = 0
        self._announce = False  # say what is shown, as soon as it is
        self._units: Any = None  # of the viewer's world
        self._deleted: list[View] = []  # at this moment; perhaps the viewer is being emptied
        self._forgetting = soon(self, self._forget_deleted)
        self._to_add: list[View] = []  # views that are going to have a layer
        self._adding = soon(self, self._add_next)

        self.source_panel = SourcePanel(napari_viewer)
        self.steps = StepsPanel()
        self.sections, self.chain, self.order = (
            self.steps.sections,
            self.steps.chain,
            self.steps.order,
        )
        self.contrast, self.diversify, self.lowpass = self.sections.values()
        self.show_sigma, self.show_removed = self.steps.show_sigma, self.steps.show_removed
        self.compare = Compare(napari_viewer, self._pair)
        self.readout = Readout()
        self.status.say(_NO_IMAGE)
        self.plots_button = button(
            "Plots…", "Histogram, power spectrum, contrast against depth, PSNR against w_v."
        )
        self.samples_button = button(
            "Samples…",
            "Draw samples with other parameters, look through them, and keep or reject each.",
        )
        self.explore_button = button(
            "Explore…", "A sheet of tiles with other weights w_i and w_v; click one to take them."
        )
        self.snapshot_button = button(
            "Snapshot",
            "Compute the whole result of the last live step and keep it as an ordinary layer that "
            "no slider changes.",
        )
        self.export_button = button(
            "Export…",
            "Make any number of samples with these settings, in files that training tools take as "
            "they are.",
        )

        cache = Cache()
        self._cache = cache
        self.samples = Samples(napari_viewer, cache, self)
        self.windows = Windows(napari_viewer, self.samples, self._what_to_export, self)

        def view(kind: type[View], role: str, box: Any, section: str) -> View:
            return kind(napari_viewer, role, box, self._recipe_of, section, cache, self)

        self.views = {
            "contrast": view(View, "deep tissue", self.contrast.live, "contrast"),
            "diversify": view(View, "diversified", self.diversify.live, "diversify"),
            "lowpass": view(View, "low-passed", self.lowpass.live, "lowpass"),
            "sigma": view(SigmaView, "σ map", self.show_sigma, "diversify"),
            "removed": view(RemovedView, "removed", self.show_removed, "lowpass"),
            "difference": view(DifferenceView, "difference", self.compare.difference, _LAST),
            "split": view(SplitView, "split", self.compare.split, _LAST),
        }
        self._watch: SourceWatch | None = None  # of the image, as long as one is worked on
        self._measurement = Measurement(self)
        self._snapshot = Snapshot(self)
        self._calibration = self.contrast.panel.background
        self._tasks = (
            self._measurement,
            self._snapshot,
            self._calibration,
            self.readout,
            *(view.live for view in self.views.values()),
            self.samples.live,
        )
        self._throttle = QSignalThrottler(parent=self)
        self._throttle.setTimeout(_FRAME_MS)
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLED_MS)
        self._lay_out()
        self._wire()
        self.diversify.live.setChecked(True)
        self.source_panel.setValue(self._setup)

    def _lay_out(self) -> None:
        buttons = QGridLayout()
        for n, push in enumerate(
            (
                self.plots_button,
                self.samples_button,
                self.explore_button,
                self.export_button,
                self.snapshot_button,
                self.save_button,
                self.load_button,
            )
        ):
            buttons.addWidget(push, n // 4, n % 4)
        layout = QVBoxLayout(self)
        layout.addWidget(self.source_panel)
        layout.addWidget(self.steps, stretch=1)
        layout.addWidget(self.compare)
        layout.addWidget(self.readout)
        layout.addWidget(self.status)
        layout.addLayout(buttons)

    def _wire(self) -> None:
        self.source_panel.sourceChanged.connect(self._on_source_changed)
        self.source_panel.valueChanged.connect(self._on_setup_changed)
        self.source_panel.sampleChanged.connect(self._on_sample_changed)
        self.source_panel.autoRequested.connect(self._measure)
        self.source_panel.refused.connect(self.status.say)
        self.steps.stepChanged.connect(self._on_step_changed)
        self.steps.refused.connect(self.status.say)
        self.steps.chainChanged.connect(self._throttle.throttle)
        self.compare.refused.connect(self._on_compare_said)
        self.compare.dividerMoved.connect(self._on_divider)
        self._throttle.triggered.connect(self._apply)
        self._settled.timeout.connect(self._measure)
        self._measurement.ranged.connect(self._on_ranged)
        self._measurement.finished.connect(self._on_measured)
        for view in self.views.values():
            view.switched.connect(self._on_switched)
            view.deleted.connect(self._on_deleted)
            view.live.ready.connect(self._on_ready)
            view.live.level_changed.connect(self._say_what_is_shown)
            view.outdated.connect(self._throttle.throttle)
        for kind in self.sections:
            self.views[kind].live.drawn.connect(self._on_drawn)
        self._calibration.finished.connect(self._on_ready)
        tasks: tuple[Any, ...] = (self._measurement, self._snapshot)
        for task in (*tasks, *(view.live for view in self.views.values())):
            task.progressed.connect(self.status.show_progress)
            task.failed.connect(self._on_failed)
        self._measurement.failed.connect(self._set_aside)
        self._measurement.stopped.connect(self._on_ready)
        self._snapshot.finished.connect(self._on_snapshot)
        self.status.cancelled.connect(self._on_cancelled)
        self.snapshot_button.clicked.connect(self.take_snapshot)
        self.export_button.clicked.connect(self.windows.open_export)
        self.samples_button.clicked.connect(self.windows.open_samples)
        self.explore_button.clicked.connect(self.windows.open_explore)
        self.plots_button.clicked.connect(self.windows.open_plots)
        self.samples.aboutToDraw.connect(self.compare.stop)
        self.windows.weightsPicked.connect(self._on_weights_picked)
        self.windows.opened.connect(self._on_window_opened)

    # ---- public ----

    def value(self) -> Recipe:
        """The recipe of all steps that are live, in their order."""
        return self._with_steps(self.steps.steps(self.steps.live() or ["diversify"]))

    def setValue(self, recipe: Recipe, sample: int | None = None) -> None:
        """Show a recipe: its steps become live, chained if there are several.

        Raises
        ------
        ValueError
            If it has no step, or two of one kind, which the widget could not show.
        """
        kinds = [step.kind for step in recipe.steps]
        if not kinds or len(set(kinds)) < len(kinds):
            raise ValueError(
                "this widget shows recipes with at least one step and at most one of each kind; "
                f"this one has {len(kinds)} steps: {', '.join(kinds) or 'none'}"
            )
        self._sample = recipe.sample if sample is None else sample
        self.source_panel.setSample(self._sample)
        source = self.source_panel.picker.source()
        if recipe.spatial_ndim is None or (source is not None and source.ndim == 2):
            recipe = recipe.replace(spatial_ndim=self.source_panel.value().spatial_ndim)
        self.source_panel.auto.setChecked(recipe.intensity_range is None)
        self._setup = recipe.replace(steps=())
        self.source_panel.setValue(self._setup)
        if recipe.spatial_ndim is not None:
            self.source_panel.keepAxes()
        self.steps.setSteps(recipe.steps)
        self._measurement.forget()
        if self._connected:
            self._measure()

    def sample(self) -> int:
        """The sample number shown."""
        return self._sample

    def state(self) -> State:
        """All settings, those of steps that are not live too."""
        return State(
            self._setup,
            self._sample,
            self.source_panel.auto.isChecked(),
            self.steps.steps(list(self.sections)),
            self.steps.order.currentData(),
            self.steps.chain.isChecked(),
            frozenset(name for name, view in self.views.items() if view.switch.isChecked()),
            self.steps.openSections(),
        )

    def restore(self, state: State) -> None:
        """Show the settings of an earlier dock; which layers are live, its layers tell."""
        self._setup, self._sample = state.setup, state.sample
        self.source_panel.setValue(state.setup)
        self.source_panel.setSample(state.sample)
        self.source_panel.auto.setChecked(state.automatic)
        if state.setup.spatial_ndim is not None:
            self.source_panel.keepAxes()
        self.steps.setParameters(state.steps)
        self.steps.setOrder(state.order)
        self.steps.chain.setChecked(state.chained)
        self.steps.setOpenSections(state.open)

    def take_snapshot(self) -> None:
        """Compute the whole result of the last live step and add it as an ordinary layer."""
        source = self._source()
        if source is None or not self._measurement.has_range:
            self.status.say("There is no diversified image to take a snapshot of yet.")
            return
        view = self.views[self.steps.last_live()]
        try:
            array, metadata = view.full(source, self._sample)
        except ValueError as error:
            self._on_failed(error)
            return
        self._snapshot.take(source, array, metadata)

    # ---- recipes ----

    def _write(self, path: str | Path) -> None:
        self.value().save(path, overwrite=True)

    def _read(self, path: str | Path) -> Recipe:
        return Recipe.load(path)

    def _what_to_export(self) -> tuple[napari.layers.Image | None, dict[str, Recipe]]:
        """The image, and the recipe of each live layer by what it shows; the last is the usual."""
        recipes = [self._recipe_of(kind) for kind in self.steps.live()]
        named = {" › ".join(step.kind for step in recipe.steps): recipe for recipe in recipes}
        return self._source(), named

    def _recipe_of(self, kind: str) -> Recipe:
        """What the live layer of a section shows, or that of the last one."""
        return self._with_steps(self.steps.upto(self.steps.last_live() if kind == _LAST else kind))

    def _with_steps(self, steps: tuple[AnyStep, ...]) -> Recipe:
        recipe: Recipe = self._setup.replace(steps=steps, sample=self._sample)
        return recipe

    # ---- the source ----

    def _source(self) -> napari.layers.Image | None:
        """The image worked on, if it can be."""
        source = self.source_panel.picker.source()
        return source if source is not None and why_unusable(source) is None else None

    def _on_source_changed(self, source: napari.layers.Image | None) -> None:
        self._leave_source()
        if source is None:
            self._keep_switched_on()
        else:
            self._watch = SourceWatch.of(self._viewer, source)
            self._watch.events.edited.connect(self._on_source_edited)
            self._watch.events.moved.connect(self._on_source_moved)
        self._measurement.forget()
        self._cache.clear()
        self.compare.stop()
        self.diversify.panel.setPsnrModel(None, "")
        self._look()  # there are no numbers of it yet
        problem = _NO_IMAGE if source is None else why_unusable(source)
        self._announce = True
        if problem is not None:
            if source is not None:
                self._set_aside()
            self._tell_panels()
            self.status.say(problem)
            return
        assert source is not None
        warm_up(source.dtype)
        self._setup = self.source_panel.value()
        self._renew_sheet()
        self._measure()

    def _leave_source(self) -> None:
        if self._watch is not None:
            self._watch.events.edited.disconnect(self._on_source_edited)
            self._watch.events.moved.disconnect(self._on_source_moved)
            self._watch.leave()
            self._watch = None

    def _renew_sheet(self) -> None:
        """Draw the sheet anew if its image holds another array now."""
        try:
            if self.samples.source == self._source():
                self.samples.renew()
        except (TypeError, ValueError) as error:
            self.samples.close()
            self.status.say(f"The sheet of samples was closed: {error}.")

    def _measure(self) -> None:
        """Measure range and PSNR of the source in a thread; the live layers follow."""
        source = self._source()
        if source is not None and self._connected:
            given = None if self.source_panel.auto.isChecked() else self._setup.intensity_range
            ndim = self.source_panel.spatialNdim()
            step = self.diversify.panel.value()
            self._measurement.start(source, step, ndim, given)

    def _on_ranged(self, low: float, high: float) -> None:
        """Show the image as soon as its range is known."""
        if self.source_panel.auto.isChecked() or self._setup.intensity_range is None:
            self._setup = self._setup.replace(intensity_range=(low, high))
        self.source_panel.setValue(self._setup)
        self._show_layers()

    def _on_measured(self, measured: Measured) -> None:
        """Show what else is known."""
        self.diversify.panel.setPsnrModel(measured.psnr, self._psnr_note())
        self._expect()
        self._show_layers()

    # ---- the live layers ----

    def _psnr_note(self) -> str:
        """What the PSNR shown was measured on, where that is not the whole source."""
        note = self._measurement.note()
        if len(self._recipe_of("diversify").steps) > 1:
            note += " PSNR is that of these weights on the image itself, not at the end of the "
            note += "chain."
        return note.strip()

    def _show_layers(self) -> None:
        source = self._source()
        if source is None or self._setup.intensity_range is None:
            return
        self._tell_panels()
        views = [view for view in self.views.values() if view.switch.isChecked()]
        together = self._together(source, views)
        # napari takes a while for a new layer: one at a time, and the window lives in between
        self._to_add = [] if together else [v for v in views if v.live.layer is None][1:]
        self._adding.start()
        with together or nullcontext():
            shown = [self._show(view, source) for view in views if view not in self._to_add]
        if all(shown) and self._announce:
            self._announce = False
            self._say_what_is_shown()

    def _set_aside(self) -> None:
        """Hide all layers of another image than the one chosen, which cannot be shown."""
        source = self._source()
        for view in self.views.values():
            if source is None or not view.is_of(source):
                view.set_aside()

    def _tell_panels(self) -> None:
        """Say which image the steps work on, if any, and the size of its voxels."""
        source = self._source()
        if source is None:
            self.contrast.panel.forgetImage()
            self.lowpass.panel.setSpacing(None)
            return
        ndim = self.source_panel.spatialNdim()
        spacing = spacing_in_micrometres(source, ndim)
        self.diversify.panel.setSpatialNdim(ndim)
        self.contrast.panel.setImage(levels_of(source)[0], ndim, spacing)
        self.lowpass.panel.setSpacing(spacing)

    def _on_source_edited(self) -> None:
        self._settled.start()  # to be measured anew

    def _on_source_moved(self) -> None:
        """The image has another place, scale or unit: lengths are other numbers of voxels."""
        self._tell_panels()
        self._throttle.throttle()

    def _on_units(self) -> None:
        """Have layers drawn in the new units of the viewer, which napari does not do by itself.

        Else the plane on display would be another one than that of the slider.
        """
        before, self._units = self._units, self._viewer.dims.units
        # of axes that were there before: another one comes and goes with its layers
        if before and self._units and all(map(eq, before[::-1], self._units[::-1])):
            return
        for layer in self._viewer.layers:
            layer.refresh(thumbnail=False, highlight=False, extent=False)

    def _together(
        self, source: napari.layers.Image, views: list[View]
    ) -> AbstractContextManager[None] | None:
        """In which layers are taken away at once, if any are: napari collects garbage for each."""
        some = any(not view.live.fits(source) for view in views)
        return self._viewer.layers.batched_update() if some else None

    def _add_next(self) -> None:
        """Show the next view that has no layer yet."""
        source = self._source()
        if source is None or not self._connected:
            self._to_add.clear()
        while self._to_add:
            view = self._to_add.pop(0)
            if source is not None and view.switch.isChecked() and view.live.layer is None:
                self._show(view, source)
                break
        if self._to_add:
            self._adding.start()

    def _show(self, view: View, source: napari.layers.Image) -> bool:
        try:
            view.show(source, self._sample)
        except ValueError as error:
            if not view.is_of(source):
                view.set_aside()
            self._on_failed(error)
            return False
        finally:
            self._look()
        return True

    def _apply(self) -> None:
        """Give the newest settings to the views that are switched on."""
        waiting = self._measurement.running and not self._measurement.has_range
        if waiting or not self._connected:
            return  # they will get them when the image has been measured
        source = self._source()
        if source is not None and not self._measurement.has_range:
            self._measure()  # it was cancelled before
            return
        self.diversify.panel.setNote(self._psnr_note())
        done: list[bool] = []
        for view in self.views.values():
            if not view.switch.isChecked() or view in self._to_add:
                continue
            if source is not None and not view.shows(source):
                done.append(self._show(view, source))
                continue
            try:
                view.follow(self._sample)
            except ValueError as error:
                self._on_failed(error)
                done.append(False)
        if done and all(done) and self._announce:
            self._announce = False
            self._say_what_is_shown()

    # ---- what the user does ----

    def _on_step_changed(self, step: AnyStep) -> None:
        self.source_panel.setValue(self._setup)
        self._expect()
        measured = self._measurement.windows
        if isinstance(step, Diversify) and measured not in (None, (step.window, step.stride)):
            self._settled.start()
        self._throttle.throttle()

    def _on_setup_changed(self, recipe: Recipe) -> None:
        old, self._setup = self._setup, recipe
        if recipe.spatial_ndim != old.spatial_ndim:
            self._measurement.forget()
            self._measure()
            return
        if recipe.intensity_range != old.intensity_range:
            self._settled.start()
        self._throttle.throttle()

    def _on_sample_changed(self, sample: int) -> None:
        self._sample = int(sample)
        self._throttle.throttle()

    def _last_view(self) -> View:
        """The view of the last live step, or of the last that could be shown of the image."""
        source = self._source()
        kinds = self.steps.live() or ["diversify"]
        shown = [self.views[k] for k in kinds if source is not None and self.views[k].is_of(source)]
        return shown[-1] if shown else self.views[kinds[-1]]

    def _pair(self) -> tuple[napari.layers.Image, napari.layers.Image] | None:
        """The image and its last live result, if both are there."""
        source, view = self._source(), self._last_view()
        result = view.live.layer
        if source is None or result is None or not result.visible or not view.is_of(source):
            return None
        return source, result

    def _on_compare_said(self, refusal: str) -> None:
        if refusal:
            self.status.say(refusal)
        else:
            self._say_what_is_shown()

    def _on_divider(self, divider: tuple[int, float]) -> None:
        view = self.views["split"]
        assert isinstance(view, SplitView)
        view.move_divider(divider)

    def _on_weights_picked(self, w_i: float | None, w_v: float) -> None:
        step = self.diversify.panel.value()
        step = step.replace(w_i=step.w_i if w_i is None else w_i, w_v=w_v)
        self.diversify.setValue(step)
        self._on_step_changed(step)

    def _on_window_opened(self) -> None:
        self._look()
        self._expect()

    def _on_switched(self, view: View, on: bool) -> None:
        source, on = self._source(), view.switch.isChecked()  # perhaps refused meanwhile
        if view is not self.views["split"]:
            self.compare.stop()  # what it has put away may be what is switched
        if not on:
            view.put_away()
            self._look()
        elif source is not None and self._measurement.has_range:
            self._show(view, source)
            self.compare.raise_divider()
        self._throttle.throttle()  # for those that show something else now

    def _on_deleted(self, view: View) -> None:
        """Switched off, unless it went because the viewer was emptied."""
        if view.stays:
            self._deleted.append(view)
            self._forgetting.start()
            if self.source_panel.picker.source() is None:
                self._keep_switched_on()

    def _forget_deleted(self) -> None:
        self._deleted.clear()

    def _keep_switched_on(self) -> None:
        """The viewer was emptied: what was live is so for the next image, too."""
        for view in self._deleted:
            with signals_blocked(view.switch):
                view.switch.setChecked(True)
        self._deleted.clear()

    def _on_cancelled(self) -> None:
        for task in self._tasks:
            task.cancel()

    # ---- what is said ----

    def _on_drawn(self) -> None:
        if self.sender() is self._last_view().live:  # the numbers are of no other
            self._look()

    def _look(self) -> None:
        """Give the numbers of the last live layer, as it is in view."""
        view, source = self._last_view(), self._source()
        live = view.live
        seen = live.in_view() if source is not None and view.is_of(source) else None
        if seen is None or source is None or live.layer is None:
            in_sight = live.layer is not None and live.layer.visible
            self.readout.clear(why_not_shown(live.layer, self._viewer) if in_sight else "")
            self.windows.clear()
            self._expect()
            return
        array, index = seen
        if live.layer.ndim != array.ndim:
            return  # the layer is just being given another image
        assert isinstance(array, LazyVolume)
        name = name_of_view(live.layer.axis_labels, index, array.shape)
        self.readout.look(array, index, name)
        self.windows.look(array, index, live.layer, name)

    def _expect(self) -> None:
        """Tell the plots which weights are set, and what is to be expected of any."""
        measured, step = self._measurement.result, self.diversify.panel.value()
        self.windows.expect(None if measured is None else measured.psnr, step.w_i, step.w_v)

    def _on_ready(self) -> None:
        if not any(task.running for task in self._tasks):
            self.status.rest()

    def _on_failed(self, error: Exception) -> None:
        self._announce = True
        self._on_ready()
        source = self.source_panel.picker.source()
        name = f"“{source.name}”: " if source is not None else ""
        self.status.say(f"{name}{error}.")

    def _on_snapshot(self, values: npt.NDArray[Any], keywords: dict[str, Any]) -> None:
        layers = self._viewer.layers
        with self.source_panel.picker.undisturbed():
            active = layers.selection.active
            layer = self._viewer.add_image(values, **keywords)
            layers.selection.active = active
        self._on_ready()
        self.status.say(f"Snapshot kept as layer “{layer.name}”.")

    def _say_what_is_shown(self) -> None:
        source, view = self._source(), self._last_view()
        if source is None:
            self.status.say(_NO_IMAGE)
        elif not any(view.switch.isChecked() for view in self.views.values()):
            self.status.say(f"Nothing is live. Tick live in a step to see “{source.name}” changed.")
        elif view.is_of(source):
            self.status.say(f"{showing(source, view.live.level)} {how_made(source)}".strip())
        else:
            self.status.say("")

    # ---- shown and hidden ----

    def _start(self, first: bool) -> None:
        self._take_over(first)
        self.compare.connect_viewer()
        self._units = self._viewer.dims.units
        self._viewer.dims.events.units.connect(self._on_units)
        self.source_panel.picker.connect_viewer()

    def _stop(self) -> None:
        picker = self.source_panel.picker
        self._settled.stop()
        self._to_add.clear()
        self.compare.disconnect_viewer()
        leave(self._viewer, self, self.state(), picker.source(), picker.pinned())
        set_preference("dock", "open_sections", ", ".join(sorted(self.steps.openSections())))
        self.windows.close()
        for task in self._tasks:
            if not isinstance(task, LiveLayer):  # which finishes what is in view
                task.cancel()
        for view in self.views.values():
            view.live.release()
        self.samples.release()
        picker.disconnect_viewer()
        self._viewer.dims.events.units.disconnect(self._on_units)
        self._leave_source()

    def _take_over(self, first: bool) -> None:
        """Find live layers left by this dock or an earlier one, and go on with them."""
        found = {
            name: find(self._viewer.layers, view.live.role) for name, view in self.views.items()
        }
        before = left(self._viewer, self)
        if first:
            self._restore(before, [la for kind in self.sections if (la := found[kind]) is not None])
        gone = self.source_panel.picker.lost() or (
            before is not None and before.image not in self._viewer.layers
        )  # the viewer was emptied meanwhile, and the layers not deleted for their own sake
        for name, view in self.views.items():
            layer = found[name]
            with signals_blocked(view.switch):
                if first and layer is not None and name != "split":
                    left_on = before is not None and name in before.state.live
                    view.switch.setChecked(left_on or layer.visible or waits(layer))
                elif first and before is not None and gone and view.stays:
                    view.switch.setChecked(name in before.state.live)
                elif layer is None and not (first and name == "diversify") and not gone:
                    view.switch.setChecked(False)
            if layer is not None:
                view.live.adopt(layer, paused=not view.switch.isChecked())
        try:
            self.samples.take_over()
        except ValueError as error:
            self.status.say(f"{error}.")

    def _restore(self, before: Left | None, layers: list[napari.layers.Image]) -> None:
        """Take the settings of an earlier dock, or else those that its layers tell."""
        for layer in layers:
            self._read_back(layer)
        if before is None:
            likes = preference("dock", "open_sections", "diversify")
            self.steps.setOpenSections({name.strip() for name in likes.split(",")})
            return
        self.restore(before.state)
        if before.pinned and before.image in self._viewer.layers:
            self.source_panel.picker.pin(before.image)

    def _read_back(self, layer: napari.layers.Image) -> None:
        entry = entry_of(layer)
        try:
            recipe = Recipe.from_json(json.dumps(entry["recipe"]))
            self.setValue(recipe, entry["sample"])
        except (KeyError, ValueError) as error:
            self.status.say(f"The settings of “{layer.name}” could not be read: {error}.")
