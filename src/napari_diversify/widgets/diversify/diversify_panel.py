"""The Diversify panel: weights, window and stride, and PSNR as a second handle on w_v."""

from __future__ import annotations

import math
from typing import cast

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QFormLayout, QLabel, QVBoxLayout, QWidget

from ...core.diversification.psnr_model import W_V_MAX, PsnrModel
from ...recipe.steps.diversify import Diversify
from ..qt.forms import AxesControl, ModelForm, NumberControl
from ..qt.words import Words

#: Highest PSNR on the slider; beyond it noise is below 0.1 % of the range.
_PSNR_MAX = 60.0
#: Decibels between the ends of the slider below which there is nothing to move.
_LEAST = 1e-6
_PSNR_TOOLTIP = (
    "<p><b>PSNR</b><br>Expected peak signal-to-noise ratio of the diversified image against the "
    "original, over all voxels, background included; the peak is the width of the intensity "
    "range. Move it to set w_v; moving w_i or w_v moves it.</p><p>Unit: decibel (dB).</p>"
)


class DiversifyPanel(QWidget):
    """Shows and edits a :class:`Diversify` step."""

    # w_i  ---o---- [1.00]
    # w_v  -----o-- [2.40]
    # window  z [5] y [5] x [5]
    # stride  z [1] y [1] x [1]
    # PSNR (dB) --o-- [21.30]
    # (what the PSNR was measured on)
    valueChanged = Signal(object)
    refused = Signal(str)

    def __init__(self, step: Diversify | None = None) -> None:
        super().__init__()
        self._psnr_model: PsnrModel | None = None
        self._said, self._why_fixed = "", ""  # on what it was measured, and why it cannot be moved
        self.form = ModelForm(step or Diversify())
        self.psnr = NumberControl((0.0, _PSNR_MAX), (0.0, _PSNR_MAX))
        self.psnr.setToolTip(_PSNR_TOOLTIP)
        label = QLabel("PSNR (dB)")
        label.setToolTip(_PSNR_TOOLTIP)
        self.note = Words()
        self.note.setEnabled(False)  # small print
        form_layout = cast(QFormLayout, self.form.layout())
        form_layout.insertRow(2, label, self.psnr)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        layout.addWidget(self.note)
        self.form.valueChanged.connect(self._on_form_changed)
        self.form.refused.connect(self.refused)
        self.psnr.valueChanged.connect(self._on_psnr_changed)
        # what is reachable costs some milliseconds: after the picture, not before it
        self._range_timer = QTimer(self)
        self._range_timer.setSingleShot(True)
        self._range_timer.setInterval(60)
        self._range_timer.timeout.connect(self._show_reachable)
        self.setPsnrModel(None, "")

    def value(self) -> Diversify:
        """The step shown."""
        return cast(Diversify, self.form.value())

    def setValue(self, step: Diversify) -> None:
        """Show a step."""
        self.form.setValue(step)
        self._show_psnr()
        self._range_timer.start()

    def setSpatialNdim(self, n: int) -> None:
        """Grey out z where only planes are filtered."""
        for name in ("window", "stride"):
            cast(AxesControl, self.form.controls[name]).setAxisEnabled(0, n == 3)

    def setPsnrModel(self, model: PsnrModel | None, note: str) -> None:
        """Give the measured image its PSNR, with a note on what was measured."""
        self._psnr_model, self._said = model, note
        self._show_reachable()

    def setNote(self, note: str) -> None:
        """Say on what the PSNR was measured."""
        self._said = note
        self._write_note()

    def _write_note(self) -> None:
        note = " ".join(filter(None, (self._why_fixed, self._said)))
        self.note.setText(note)
        self.note.setVisible(bool(note))

    def _on_form_changed(self, step: Diversify) -> None:
        self._show_psnr()
        self._range_timer.start()
        self.valueChanged.emit(step)

    def _on_psnr_changed(self, target: float) -> None:
        """Set w_v so that the target is met, as far as it can be."""
        if self._psnr_model is None:
            return
        step = self.value()
        low, high = self._psnr_model.reachable(step.w_i)
        if not min(high, _PSNR_MAX) - low > _LEAST:
            self._show_reachable()  # which says why
            return
        if target >= min(high, _PSNR_MAX) and math.isinf(high):
            w_v = 0.0
        else:
            # a whisker inside, so that the ends of the slider are reachable too
            w_v = self._psnr_model.solve(min(max(target, low + 1e-9), high - 1e-9), step.w_i)
        step = step.replace(w_v=min(w_v, W_V_MAX))
        self.form.setValue(step)
        if not math.isclose(target, min(max(target, low), high)):
            self._show_psnr()
        self.valueChanged.emit(step)

    def _show_psnr(self) -> None:
        if self._psnr_model is not None:
            step = self.value()
            self.psnr.setValue(min(self._psnr_model.expected(step.w_i, step.w_v), _PSNR_MAX))

    def _show_reachable(self) -> None:
        model, self._why_fixed = self._psnr_model, ""
        if model is not None:
            low, high = model.reachable(self.value().w_i)
            highest = min(high, _PSNR_MAX)
            if highest - low > _LEAST:
                self.psnr.setBounds((math.floor(low * 100) / 100, highest))
                self.psnr.setHandyRange(low, max(highest, low + 0.01))
            else:
                self._why_fixed = _why_fixed(model, low)
            self._show_psnr()
        self.psnr.setEnabled(model is not None and not self._why_fixed)
        self._write_note()


def _why_fixed(model: PsnrModel, psnr: float) -> str:
    """Why the slider of the PSNR cannot be moved."""
    if not model.sigma.any():
        return (
            "σ is 0 everywhere, as in an image of one value or with a window of one voxel: w_v "
            "changes nothing."
        )
    if not math.isfinite(psnr):  # nothing changes: all is clipped to one value
        return "The image lies outside the intensity range: choose another."
    if psnr >= _PSNR_MAX:
        return f"Even the strongest noise leaves a PSNR above {_PSNR_MAX:g} dB in this range."
    return "With this w_i no w_v changes the PSNR."
