"""The Contrast panel: depth and tissue, and the button that measures the scattering length."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from ...analysis.measure import BUDGET
from ...core.contrast.calibration import ContrastDecay, fit_contrast_decay
from ...recipe.steps.contrast import DegradeContrast
from ..qt.background import Background
from ..qt.driver import Work
from ..qt.forms import ModelForm
from ..qt.words import Words


class ContrastPanel(QWidget):
    """Shows and edits a :class:`DegradeContrast` step."""

    # extra depth --o-- [40.00] ... (one row per parameter)
    # [Calibrate]
    # (what was found, or that lengths are in voxels)
    valueChanged = Signal(object)
    refused = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.form = ModelForm(DegradeContrast())
        self.calibrate = QPushButton("Calibrate")
        self.calibrate.setToolTip(
            "<p><b>Calibrate</b><br>Measure how contrast falls with depth in this stack, and set "
            "the scattering length to what that tells.</p>"
        )
        self.calibrate.setEnabled(False)
        self.note = Words()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        layout.addWidget(self.calibrate)
        layout.addWidget(self.note)
        self.background = Background(self)
        self.background.finished.connect(self._on_fitted)
        self.background.failed.connect(self._on_failed)
        self.calibrate.clicked.connect(self._on_calibrate)
        self.form.valueChanged.connect(self.valueChanged)
        self.form.refused.connect(self.refused)
        self._stack: Any = None
        self._spacing_z = 1.0
        self._unit = "µm"

    def value(self) -> DegradeContrast:
        """The step shown."""
        return cast(DegradeContrast, self.form.value())

    def setValue(self, step: DegradeContrast) -> None:
        """Show a step."""
        self.form.setValue(step)

    def setImage(self, array: Any, spatial_ndim: int, spacing: tuple[float, ...] | None) -> None:
        """Say which image the step works on, with its voxel size in micrometres."""
        self.background.cancel()
        self._stack = array if spatial_ndim == 3 else None
        self._spacing_z = spacing[0] if spacing is not None else 1.0
        self._unit = "µm" if spacing is not None else "voxels"
        self.calibrate.setEnabled(self._stack is not None)
        self.note.setText(
            ""
            if spacing is not None
            else "The image has no unit of length: all lengths here count in voxels. "
            "Set the layer's scale and units to use micrometres."
        )

    def forgetImage(self) -> None:
        """There is no image to work on."""
        self.background.cancel()
        self._stack = None
        self.calibrate.setEnabled(False)
        self.note.setText("")

    def _on_calibrate(self) -> None:
        stack, step, spacing_z = self._stack, self.value(), self._spacing_z

        def fit() -> Work:
            yield 0, 1
            return fit_contrast_decay(
                _readable(stack), spacing_z, collected=step.collected, upwards=step.upwards
            )

        self.note.setText("Measuring contrast against depth…")
        self.background.start(fit)

    def _on_fitted(self, decay: ContrastDecay) -> None:
        self.note.setText(
            f"Contrast falls to 1/e over {decay.length:.3g} {self._unit}; the scattering length is "
            f"set to {decay.scattering_length:.3g} {self._unit}."
        )
        try:
            step = self.value().replace(scattering_length=decay.scattering_length)
        except ValueError as error:
            self.refused.emit(str(error))
            return
        self.setValue(step)
        self.valueChanged.emit(step)

    def _on_failed(self, error: Exception) -> None:
        self.note.setText(f"Not calibrated: {error}.")


def _readable(array: Any) -> Any:
    """The first volume of an image, with fewer rows and columns if it is big."""
    lead = (0,) * (len(array.shape) - 3)
    pixels = int(np.prod(array.shape[-3:], dtype=np.int64))
    step = int(np.ceil(np.sqrt(pixels / BUDGET))) if pixels > BUDGET else 1
    return np.asarray(array[(*lead, slice(None), slice(None, None, step), slice(None, None, step))])
