"""The Diversify panel: weights, window and stride, and PSNR as a second handle on w_v."""

from __future__ import annotations

import math
from typing import Any, cast

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QFormLayout, QLabel

from ...core.diversification.psnr_model import W_V_MAX, PsnrModel
from ...recipe.steps.diversify import Diversify
from ..qt.forms import AxesControl, NumberControl
from .panel import ImageFacts, StepPanel

#: Highest PSNR on the slider; beyond it noise is below 0.1 % of the range.
_PSNR_MAX = 60.0
#: Decibels between the ends of the slider below which there is nothing to move.
_LEAST = 1e-6
_PSNR_TOOLTIP = (
    "<p><b>PSNR</b><br>Expected peak signal-to-noise ratio of the diversified image against the "
    "original, over all voxels, background included; the peak is the width of the intensity "
    "range. Move it to set w_v; moving w_i or w_v moves it.</p><p>Unit: decibel (dB).</p>"
)


class DiversifyPanel(StepPanel):
    """Shows and edits a :class:`Diversify` step."""

    # w_i  ---o---- [1.00]
    # w_v  -----o-- [2.40]
    # PSNR (dB) --o-- [21.30]
    # window  z [5] y [5] x [5]
    # stride  z [1] y [1] x [1]
    # (what the PSNR was measured on)

    def __init__(self, step: Diversify) -> None:
        super().__init__(step)
        self._facts: ImageFacts | None = None
        self._why_fixed = ""  # why the PSNR cannot be moved
        self.psnr = NumberControl((0.0, _PSNR_MAX), (0.0, _PSNR_MAX))
        self.psnr.setToolTip(_PSNR_TOOLTIP)
        label = QLabel("PSNR (dB)")
        label.setToolTip(_PSNR_TOOLTIP)
        self.note.setEnabled(False)  # small print
        cast(QFormLayout, self.form.layout()).insertRow(2, label, self.psnr)
        self.psnr.valueChanged.connect(self._on_psnr_changed)
        # what is reachable costs some milliseconds: after the picture, not before it
        self._range_timer = QTimer(self)
        self._range_timer.setSingleShot(True)
        self._range_timer.setInterval(60)
        self._range_timer.timeout.connect(self._show_reachable)
        self._show_reachable()

    def setValue(self, step: Any) -> None:
        """Show a step."""
        super().setValue(step)
        self._show_psnr()
        self._range_timer.start()

    def setFacts(self, facts: ImageFacts | None) -> None:
        """Say how many axes are filtered, and what PSNR is to be expected."""
        self._facts = facts
        if facts is not None:
            for name in ("window", "stride"):  # z counts for volumes only
                control = cast(AxesControl, self.form.controls[name])
                control.setAxisEnabled(0, facts.spatial_ndim == 3)
        self._show_reachable()

    @property
    def _psnr_model(self) -> PsnrModel | None:
        """What is expected of the image, if it has been measured in these windows."""
        return None if self._facts is None else self._facts.psnr.get(self.value().windows)

    def _write_note(self) -> None:
        parts = [self._why_fixed]
        if self._facts is not None and self._psnr_model is not None:
            parts.append(self._facts.note)
            if not self._facts.alone:
                parts.append(
                    "PSNR is that of these weights on the image itself, not at the end of the "
                    "chain."
                )
        note = " ".join(filter(None, parts))
        self.note.setText(note)
        self.note.setVisible(bool(note))

    def _on_form_changed(self, step: Any) -> None:
        self._show_psnr()
        self._range_timer.start()
        self.valueChanged.emit(step)

    def _on_psnr_changed(self, target: float) -> None:
        """Set w_v so that the target is met, as far as it can be."""
        model, step = self._psnr_model, self.value()
        if model is None:
            return
        low, high = model.reachable(step.w_i)
        if not min(high, _PSNR_MAX) - low > _LEAST:
            self._show_reachable()  # which says why
            return
        if target >= min(high, _PSNR_MAX) and math.isinf(high):
            w_v = 0.0
        else:
            # a whisker inside, so that the ends of the slider are reachable too
            w_v = model.solve(min(max(target, low + 1e-9), high - 1e-9), step.w_i)
        step = step.replace(w_v=min(w_v, W_V_MAX))
        self.form.setValue(step)
        if not math.isclose(target, min(max(target, low), high)):
            self._show_psnr()
        self.valueChanged.emit(step)

    def _show_psnr(self) -> None:
        model, step = self._psnr_model, self.value()
        if model is None:
            self.psnr.setEnabled(False)  # not measured in these windows
        else:
            self.psnr.setValue(min(model.expected(step.w_i, step.w_v), _PSNR_MAX))

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
