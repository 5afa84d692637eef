"""The dock widget "Diversify": choose an image, move sliders, watch it change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import napari.layers
import numpy.typing as npt
from napari.components import ViewerModel
from qtpy.QtCore import QTimer
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible
from superqt.utils import QSignalThrottler, signals_blocked

from .. import __version__
from ..recipe import Diversify, LazyLocalStd, LazyVolume, Recipe
from ..recipe.cache import Cache
from ..recipe.lazy_array import LazyArray
from ..recipe.measure import Measured
from .diversify_panel import DiversifyPanel
from .layers import (
    METADATA_KEY,
    levels_of,
    role_of,
    spacing_in_micrometres,
    waits,
    why_unusable,
)
from .measurement import Measurement
from .preview import LiveLayer
from .snapshot import Snapshot
from .source_panel import SourcePanel
from .status import StatusLine

DIVERSIFIED, SIGMA = "diversified", "σ map"

_FRAME_MS = 16
_SETTLED_MS = 250
_NO_IMAGE = "Open an image, or choose File > Open Sample > Diversify > Synthetic nuclei (3D)."


class Explorer(QWidget):
    """Interactive diversification of the active image layer.

    The state is one frozen :class:`Recipe` and a sample number. Panels edit
    it; after every change, at most once a frame, the live layers get it.
    """

    # image, range, axes, seed, sample
    # v Diversify   [x] live
    #     w_i, w_v, PSNR, window, stride   [show σ map]
    # message, progress [cancel]
    # [Snapshot] [Save recipe] [Load recipe]

    def __init__(self, napari_viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = napari_viewer
        self._recipe = Recipe(steps=(Diversify(w_v=2.0),))
        self._sample = 0
        self._connected = False
        self._first_shown = True
        self._announce = False  # say what is shown, as soon as it is
        self._cache = Cache()

        self.source_panel = SourcePanel(napari_viewer)
        self.panel = DiversifyPanel(self._recipe.steps[0])
        self.live = QCheckBox("live")
        self.live.setChecked(True)
        self.live.setToolTip(
            "<p><b>live</b><br>Show the diversified image in a layer of its own that follows the "
            "sliders. Off hides the layer and computes nothing.</p>"
        )
        self.show_sigma = QCheckBox("show σ map")
        self.show_sigma.setToolTip(
            "<p><b>show σ map</b><br>Show the local standard deviation σ, in grey levels of the "
            "image, in a layer of its own.</p>"
        )
        self.status = StatusLine()
        self.status.say(_NO_IMAGE)
        self.snapshot_button = QPushButton("Snapshot")
        self.snapshot_button.setToolTip(
            "<p><b>Snapshot</b><br>Compute the whole diversified image and keep it as an ordinary "
            "layer that no slider changes.</p>"
        )
        self.save_button = QPushButton("Save recipe…")
        self.save_button.setToolTip("Write all settings to a file (JSON).")
        self.load_button = QPushButton("Load recipe…")
        self.load_button.setToolTip("Read all settings from a file written by Save recipe.")
        self._lay_out()

        self.diversified = LiveLayer(napari_viewer, DIVERSIFIED, parent=self)
        self.sigma = LiveLayer(napari_viewer, SIGMA, linked=False, parent=self)
        self._measurement = Measurement(self)
        self._snapshot = Snapshot(self)
        self._tasks = (self._measurement, self.diversified, self.sigma, self._snapshot)
        self._throttle = QSignalThrottler(parent=self)
        self._throttle.setTimeout(_FRAME_MS)
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLED_MS)
        self._wire()
        self.setValue(self._recipe)

    def _lay_out(self) -> None:
        content = QWidget()
        inside = QVBoxLayout(content)
        inside.setContentsMargins(0, 0, 0, 0)
        switches = QHBoxLayout()
        switches.addWidget(self.live)
        switches.addWidget(self.show_sigma)
        switches.addStretch()
        inside.addLayout(switches)
        inside.addWidget(self.panel)
        self.section = QCollapsible("Diversify")
        self.section.setDuration(0)
        self.section.addWidget(content)
        self.section.expand(animate=False)
        buttons = QHBoxLayout()
        for button in (self.snapshot_button, self.save_button, self.load_button):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addWidget(self.source_panel)
        layout.addWidget(self.section)
        layout.addStretch()
        layout.addWidget(self.status)
        layout.addLayout(buttons)

    def _wire(self) -> None:
        self.source_panel.sourceChanged.connect(self._on_source_changed)
        self.source_panel.valueChanged.connect(self._on_setup_changed)
        self.source_panel.sampleChanged.connect(self._on_sample_changed)
        self.source_panel.autoRequested.connect(self._measure)
        self.source_panel.refused.connect(self.status.say)
        self.panel.valueChanged.connect(self._on_step_changed)
        self.panel.refused.connect(self.status.say)
        self.live.toggled.connect(self._on_live_toggled)
        self.show_sigma.toggled.connect(self._on_sigma_toggled)
        self._throttle.triggered.connect(self._apply)
        self._settled.timeout.connect(self._measure)
        self._measurement.progressed.connect(self.status.show_progress)
        self._measurement.finished.connect(self._on_measured)
        self._measurement.failed.connect(self._on_failed)
        self._measurement.stopped.connect(self._on_ready)
        for layer, switch in ((self.diversified, self.live), (self.sigma, self.show_sigma)):
            layer.removed.connect(lambda switch=switch: switch.setChecked(False))
            layer.progressed.connect(self.status.show_progress)
            layer.ready.connect(self._on_ready)
            layer.failed.connect(self._on_failed)
        self.diversified.level_changed.connect(self._say_what_is_shown)
        self.diversified.source_edited.connect(self._settled.start)
        self._snapshot.progressed.connect(self.status.show_progress)
        self._snapshot.finished.connect(self._on_snapshot)
        self._snapshot.failed.connect(self._on_failed)
        self.status.cancelled.connect(self._on_cancelled)
        self.snapshot_button.clicked.connect(self.take_snapshot)
        self.save_button.clicked.connect(self._ask_where_to_save)
        self.load_button.clicked.connect(self._ask_what_to_load)

    # ---- public ----

    def value(self) -> Recipe:
        """The recipe shown."""
        return self._recipe

    def setValue(self, recipe: Recipe, sample: int | None = None) -> None:
        """Show a recipe.

        Raises
        ------
        ValueError
            If it has other steps than one Diversify, which the widget could not show.
        """
        if len(recipe.steps) != 1:
            raise ValueError(
                f"this widget shows recipes with one Diversify step; this one has "
                f"{len(recipe.steps)} steps"
            )
        if sample is not None:
            self._sample = sample
            self.source_panel.setSample(sample)
        if recipe.spatial_ndim is None or self._source_ndim() == 2:
            recipe = recipe.replace(spatial_ndim=self.source_panel.value().spatial_ndim)
        self.source_panel.auto.setChecked(recipe.intensity_range is None)
        self._recipe = recipe
        self.source_panel.setValue(recipe)
        if recipe.spatial_ndim is not None:
            self.source_panel.keepAxes()
        self.panel.setValue(recipe.steps[0])
        self._measurement.forget()
        if self._connected:
            self._measure()

    def sample(self) -> int:
        """The sample number shown."""
        return self._sample

    def save_recipe(self, path: str | Path) -> None:
        """Write the recipe to a file; the caller has asked before replacing one."""
        try:
            self._recipe.save(path, overwrite=True)
        except OSError as error:
            self.status.say(f"The recipe could not be saved: {error}.")
        else:
            self.status.say(f"Recipe saved to {path}.")

    def load_recipe(self, path: str | Path) -> None:
        """Read a recipe from a file; if it cannot be, say why and change nothing."""
        try:
            self.setValue(Recipe.load(path))
        except (OSError, ValueError) as error:
            self.status.say(f"The recipe was not loaded: {error}.")
        else:
            self.status.say(f"Recipe loaded from {path}.")

    def take_snapshot(self) -> None:
        """Compute the whole diversified image and add it as an ordinary layer."""
        source = self._source()
        if source is None or self._measurement.result is None:
            self.status.say("There is no diversified image to take a snapshot of yet.")
            return
        self._snapshot.take(source, self._volumes(source)[0], self._metadata())

    # ---- the source ----

    def _source(self) -> napari.layers.Image | None:
        """The image worked on, if it can be."""
        source = self.source_panel.picker.source()
        return source if source is not None and why_unusable(source) is None else None

    def _source_ndim(self) -> int:
        source = self.source_panel.picker.source()
        return 0 if source is None else int(source.ndim)

    def _on_source_changed(self, source: napari.layers.Image | None) -> None:
        self._measurement.forget()
        self.panel.setPsnrModel(None, "")
        problem = _NO_IMAGE if source is None else why_unusable(source)
        self._announce = True
        if problem is not None:
            self.status.say(problem)
            return
        self._recipe = self.source_panel.value().replace(steps=self._recipe.steps)
        self._measure()

    def _measure(self) -> None:
        """Measure range and PSNR of the source in a thread; the live layers follow."""
        source = self._source()
        if source is not None and self._connected:
            given = None if self.source_panel.auto.isChecked() else self._recipe.intensity_range
            ndim = self.source_panel.spatialNdim()
            self._measurement.start(source, self._recipe.steps[0], ndim, given)

    def _on_measured(self, measured: Measured) -> None:
        if self.source_panel.auto.isChecked() or self._recipe.intensity_range is None:
            self._recipe = self._recipe.replace(intensity_range=(measured.low, measured.high))
        self.source_panel.setValue(self._recipe)
        self.panel.setPsnrModel(measured.psnr, self._measurement.note())
        self._show_layers()

    # ---- the live layers ----

    def _volumes(self, source: napari.layers.Image) -> list[LazyVolume]:
        ndim = self.source_panel.spatialNdim()
        spacing = spacing_in_micrometres(source, ndim)
        levels = levels_of(source)
        volumes = []
        for level in levels:
            scaled = None
            if spacing is not None:
                factors = [
                    a / b for a, b in zip(levels[0].shape[-ndim:], level.shape[-ndim:], strict=True)
                ]
                scaled = [s * f for s, f in zip(spacing, factors, strict=True)]
            volumes.append(LazyVolume(level, self._recipe, scaled, self._sample, cache=self._cache))
        return volumes

    def _metadata(self) -> dict[str, Any]:
        """What a generated layer carries, enough to make it again."""
        return {
            "recipe": json.loads(self._recipe.to_json()),
            "sample": self._sample,
            "version": __version__,
        }

    def _show_layers(self) -> None:
        source = self._source()
        if source is None or self._recipe.intensity_range is None:
            return
        self.panel.setSpatialNdim(self.source_panel.spatialNdim())
        self._show_diversified(source)
        self._show_sigma(source)
        if self._announce:
            self._announce = False
            self._say_what_is_shown()

    def _show_diversified(self, source: napari.layers.Image) -> None:
        if self.live.isChecked():
            self._cache.clear()
            self.diversified.show(source, self._volumes(source), self._metadata())

    def _show_sigma(self, source: napari.layers.Image) -> None:
        if not self.show_sigma.isChecked():
            return
        step, ndim = self._recipe.steps[0], self.source_panel.spatialNdim()
        arrays = [LazyLocalStd(a, step.window, step.stride, ndim) for a in levels_of(source)]
        metadata = {"window": list(step.window), "stride": list(step.stride), "spatial_ndim": ndim}
        low, high = self._recipe.intensity_range or (0.0, 1.0)
        looks = {"colormap": "magma", "contrast_limits": (0.0, (high - low) / 4), "gamma": 1.0}
        self.sigma.show(source, arrays, metadata, **looks)

    def _apply(self) -> None:
        """Give the newest recipe to the live layers."""
        recipe, sample = self._recipe, self._sample

        def change(volume: LazyArray) -> None:
            assert isinstance(volume, LazyVolume)
            volume.recipe = recipe
            volume.sample = sample

        waiting = self._measurement.running and self._measurement.result is None
        if waiting or not self._connected:
            return  # the layer will get it when the image has been measured
        if self._source() is not None and self._measurement.result is None:
            self._measure()  # it was cancelled before
        else:
            self.diversified.change(change, self._metadata())

    def _apply_windows(self) -> None:
        step = self._recipe.steps[0]

        def change(array: LazyArray) -> None:
            assert isinstance(array, LazyLocalStd)
            array.set_windows(step.window, step.stride)

        self.sigma.change(change, {"window": list(step.window), "stride": list(step.stride)})

    # ---- what the user does ----

    def _on_step_changed(self, step: Diversify) -> None:
        old = self._recipe.steps[0]
        self._recipe = self._recipe.replace(steps=(step,))
        self.source_panel.setValue(self._recipe)
        if (step.window, step.stride) != (old.window, old.stride):
            self._apply_windows()
            self._settled.start()
        self._throttle.throttle()

    def _on_setup_changed(self, recipe: Recipe) -> None:
        old, self._recipe = self._recipe, recipe
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

    def _on_live_toggled(self, on: bool) -> None:
        source = self._source()
        if not on:
            self.diversified.pause()
        elif source is not None and self._measurement.result is not None:
            self._show_diversified(source)

    def _on_sigma_toggled(self, on: bool) -> None:
        source = self._source()
        if not on:
            self.sigma.pause()
        elif source is not None and self._measurement.result is not None:
            self._show_sigma(source)

    def _on_cancelled(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _ask_where_to_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save recipe", "recipe.json", "Recipe (*.json)")
        if path:
            self.save_recipe(path)

    def _ask_what_to_load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Load recipe", "", "Recipe (*.json)")
        if path:
            self.load_recipe(path)

    # ---- what is said ----

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
        source = self._source()
        if source is None or self.diversified.layer is None:
            self.status.say("")
            return
        text = f"Showing “{source.name}” in full resolution."
        if source.multiscale:
            levels = levels_of(source)
            level = self.diversified.level
            factor = round(levels[0].shape[-1] / levels[level].shape[-1])
            if factor > 1:
                text = (
                    f"Preview of “{source.name}” at 1/{factor}: σ and noise are those of this "
                    "level. Zoom in for full resolution."
                )
        self.status.say(text)

    # ---- shown and hidden ----

    def showEvent(self, event: QShowEvent) -> None:
        """Start, or take up again what was left when the dock was hidden."""
        super().showEvent(event)
        if not self._connected:
            self._take_over()
            self._connected = True
            self.source_panel.picker.connect_viewer()

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop all live work; layers stay as they are."""
        super().hideEvent(event)
        if self._connected and not event.spontaneous():
            self._connected = False
            self._settled.stop()
            self._measurement.cancel()
            self._snapshot.cancel()
            self.diversified.release()
            self.sigma.release()
            self.source_panel.picker.disconnect_viewer()
            self.status.rest()

    def _take_over(self) -> None:
        """Find live layers left by this dock or an earlier one, and go on with them."""
        for live, switch in ((self.diversified, self.live), (self.sigma, self.show_sigma)):
            layer = next((la for la in self._viewer.layers if role_of(la) == live.role), None)
            if self._first_shown and layer is not None:
                with signals_blocked(switch):
                    switch.setChecked(layer.visible or waits(layer))
            elif layer is None and not (self._first_shown and live is self.diversified):
                with signals_blocked(switch):
                    switch.setChecked(False)
            if layer is not None:
                live.adopt(layer, paused=not switch.isChecked())
        if self._first_shown and self.diversified.layer is not None:
            self._read_back(self.diversified.layer)
        self._first_shown = False

    def _read_back(self, layer: napari.layers.Image) -> None:
        entry = layer.metadata[METADATA_KEY]
        try:
            recipe = Recipe.from_json(json.dumps(entry["recipe"]))
            self.setValue(recipe, entry["sample"])
        except (KeyError, ValueError) as error:
            self.status.say(f"The settings of “{layer.name}” could not be read: {error}.")
