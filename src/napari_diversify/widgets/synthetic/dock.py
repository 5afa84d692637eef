"""The dock widget "Synthetic nuclei": move sliders, watch a specimen change, keep it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QApplication,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import QSignalThrottler, signals_blocked

from ...recipe.provenance import KEY, Provenance, of_voxels
from ...synthetic.plan import Plan
from ...synthetic.specimen import Specimen
from ..live.warming import warm_up_specimens
from ..qt.background import Background
from ..qt.dock import Dock
from ..qt.parts import button, sentence, tip
from ..qt.switch import switch
from ..qt.words import Words
from .computed import limits_of, place_of, whole_of
from .fit import FitRow, Fitted
from .panel import SyntheticPanel
from .preview import LiveSpecimen

_FRAME_MS = 16


class SyntheticDock(Dock):
    """Synthetic nuclei or membranes, live in two layers while their parameters change.

    The state is one plan: parameters, shape and voxel size. The panel edits it,
    the preview shows it, buttons keep it.
    """

    # kind, shape, voxel size, seed
    # v Nuclei ...  > Microscope ...
    # fit to [labels v] [Fit]
    # with image [no image v]
    # [x] live preview                139 nuclei
    # message, progress [Cancel]
    # [Keep as layers] [Copy as command]
    # [Save parameters…] [Load parameters…]

    def __init__(self, napari_viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(napari_viewer, "parameters", parent)
        warm_up_specimens()
        self._complaint: tuple[str, Plan | None] = "", None  # and of what
        self._kind = ""  # that the contrast of the preview was fitted to
        self.panel = SyntheticPanel()
        self.fit = FitRow(napari_viewer)
        self.live = switch(
            "live preview",
            "Show the specimen in two layers, image and labels, that follow the sliders. Only what "
            "is in view is computed. Off hides the layers and computes nothing.",
        )
        self.live.setChecked(True)
        self.count = QLabel()
        self.count.setToolTip("<p>How many objects lie in the field, those cut by it included.</p>")
        self.note = Words()
        self.note.hide()
        self.keep_button = button(
            "Keep as layers",
            "Compute all voxels and add them as ordinary layers, image and labels, that no slider "
            "changes. The image can be diversified, and both can be saved.",
        )
        self.copy_button = button(
            "Copy as command",
            "Copy the <code>napari-diversify phantom</code> line that writes the same image and "
            "labels to files; add <code>-n 8</code> and a folder for more of them.",
        )
        self.load_button.setToolTip(
            tip(
                "Load parameters",
                "Read all settings from a file written by Save parameters or by "
                "<code>napari-diversify phantom</code>.",
            )
        )
        self.preview = LiveSpecimen(napari_viewer, self)
        self._keeping = Background(self)
        self._throttle = QSignalThrottler(parent=self)
        self._throttle.setTimeout(_FRAME_MS)
        self._lay_out()
        self._wire()

    def _lay_out(self) -> None:
        live = QHBoxLayout()
        live.addWidget(self.live)
        live.addStretch()
        live.addWidget(self.count)
        buttons = QGridLayout()
        for n, push in enumerate(
            (self.keep_button, self.copy_button, self.save_button, self.load_button)
        ):
            buttons.addWidget(push, n // 2, n % 2)
        layout = QVBoxLayout(self)
        layout.addWidget(self.panel, stretch=1)
        # else napari adds an empty stretch of its own below everything
        self.panel.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        layout.addWidget(self.fit)
        layout.addLayout(live)
        layout.addWidget(self.note)
        layout.addWidget(self.status)
        layout.addLayout(buttons)
        self.status.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def _wire(self) -> None:
        self.panel.valueChanged.connect(self._throttle.throttle)
        self.panel.refused.connect(self.status.say)
        self._throttle.triggered.connect(self._apply)
        self.live.toggled.connect(self._on_live)
        self.fit.button.clicked.connect(self.fit_to_labels)
        self.fit.progressed.connect(self.status.show_progress)
        self.fit.fitted.connect(self._on_fitted)
        self.fit.refused.connect(self.status.say)
        self.fit.stopped.connect(self._rest)
        self.preview.progressed.connect(self.status.show_progress)
        self.preview.drawn.connect(self._on_drawn)
        self.preview.failed.connect(self._on_failed)
        self.preview.ready.connect(self._rest)
        self.preview.removed.connect(self._on_removed)
        self._keeping.progressed.connect(self.status.show_progress)
        self._keeping.finished.connect(self._on_computed)
        self._keeping.failed.connect(self._on_failed)
        self._keeping.stopped.connect(self._rest)
        self.status.cancelled.connect(self._on_cancelled)
        self.keep_button.clicked.connect(self.keep)
        self.copy_button.clicked.connect(self.copy_command)

    # ---- public ----

    def value(self) -> Plan:
        """Parameters, shape and voxel size."""
        return self.panel.value()

    def setValue(self, plan: Plan) -> None:
        """Show a plan, its contrast fitted anew.

        Raises
        ------
        ValueError
            If its field is larger than can be shown; then nothing is changed.
        """
        self.panel.setValue(plan)
        self.fit.cancel()
        self._kind = ""
        self._apply()

    def fit_to_labels(self) -> None:
        """Set the parameters so that objects are like those of the chosen labels layer."""
        self.fit.fit(self.value().model.kind)

    def keep(self) -> None:
        """Compute all voxels and add them as ordinary layers."""
        plan = self.value()
        self.status.show_progress(0, 0)
        self._keeping.start(lambda: whole_of(plan))

    def copy_command(self) -> None:
        """Copy the command line that makes the same files."""
        QApplication.clipboard().setText(self.value().command())
        self.status.say("Copied: paste the command into a terminal.")

    def _write(self, path: str | Path) -> None:
        self.value().save(path)

    def _read(self, path: str | Path) -> Plan:
        return Plan.load(path)

    # ---- the preview ----

    def _apply(self) -> None:
        """Have the newest plan shown, if somebody is looking."""
        if self._complaint[1] != self.value():
            self._forget_complaint()
        if self._connected and self.live.isChecked():
            plan = self.value()
            other, self._kind = _looks(plan) != self._kind, _looks(plan)
            self.preview.show(plan, new_limits=other)

    def _on_live(self, on: bool) -> None:
        if on:
            self._forget_complaint()
            self._apply()
        else:
            self.preview.release(hide=True)
            self.count.clear()
            self.note.hide()
            self._rest()

    def _on_removed(self) -> None:
        self.live.setChecked(False)
        self._complain(
            "The preview is off, as a layer of it was deleted. Tick live preview for new ones."
        )

    def _on_drawn(self, specimen: Specimen) -> None:
        self.count.setText(self.value().counted(specimen))
        self.note.setText(specimen.note)
        self.note.setVisible(bool(specimen.note))

    # ---- what the user does ----

    def _on_fitted(self, fitted: Fitted) -> None:
        plan = self.value()
        if fitted.kind != plan.model.kind:
            self.status.say(f"The fit was for {fitted.kind}, and {plan.model.kind} are shown now.")
            return
        try:
            self.setValue(fitted.applied_to(plan))
        except ValueError as error:
            self._on_failed(error)
        else:
            self.status.say(fitted.said)

    def _on_computed(self, kept: tuple[Plan, Any, Any, Any, int]) -> None:
        plan, image, labels, source, objects = kept
        entry = Provenance.of_specimen(plan.record()).entry()
        metadata, of_labels = ({KEY: {**entry, **of_voxels(array)}} for array in (image, labels))
        of_found = of_labels if source is None else {}  # which the plan does not replay
        name = f"synthetic {plan.model.kind} {plan.model.seed}"
        place = place_of(plan)
        layer = self._viewer.add_image(
            image, name=name, contrast_limits=limits_of(image), metadata=metadata, **place
        )
        masks = self._viewer.add_labels(
            labels, name=f"{layer.name} labels", visible=False, metadata=of_found, **place
        )
        kept_layers = [masks, layer]
        if source is not None:
            name = f"{layer.name} source labels"
            more = {"metadata": of_labels, "visible": False, **place}
            kept_layers.insert(0, self._viewer.add_labels(source, name=name, **more))
        layers = self._viewer.layers
        for kept_layer in kept_layers:  # below the preview, which would be seen no more
            layers.move(layers.index(kept_layer), 0)
        layers.selection.active = layer
        self.status.say(
            f"Kept as layers “{layer.name}” and “{layer.name} labels”, {objects:,} objects."
        )

    def _on_cancelled(self) -> None:
        for task in (self.preview, self.fit, self._keeping):
            task.cancel()
        self._complaint = self.status.message.text(), self.value()

    def _on_failed(self, error: Exception) -> None:
        self._complain(sentence(error))

    def _complain(self, text: str) -> None:
        """Say what will be of no interest after the next change."""
        self._complaint = text, self.value()
        self.status.say(text)

    def _forget_complaint(self) -> None:
        if self.status.message.text() == self._complaint[0]:
            self.status.say("")

    def _rest(self) -> None:
        if not any(task.running for task in (self.preview, self.fit, self._keeping)):
            self.status.rest()

    # ---- shown and hidden ----

    def _start(self, first: bool) -> None:
        self.fit.connect_viewer()
        if first:
            self._read_back()
        self._apply()

    def _stop(self) -> None:
        self.fit.cancel()
        self._keeping.cancel()
        self.preview.release()
        self.fit.disconnect_viewer()

    def _read_back(self) -> None:
        """Go on with the preview that an earlier dock left."""
        try:
            plan = self.preview.left_behind()
        except (KeyError, ValueError) as error:
            self.status.say(f"The settings of the preview could not be read: {error}.")
            return
        if plan is not None:
            self._kind = _looks(plan)
            with signals_blocked(self.panel):
                self.panel.setValue(plan)


def _looks(plan: Plan) -> str:
    """A word for what has grey levels of its own: a kind of specimen, and what renders it."""
    return f"{plan.model.kind} {plan.renderer and plan.renderer.model}"
