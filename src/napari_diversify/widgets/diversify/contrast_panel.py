"""The panel of steps that know the tissue: a button measures the scattering length."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from qtpy.QtWidgets import QPushButton, QVBoxLayout

from ...analysis.measure import BUDGET
from ...core.contrast.calibration import ContrastDecay, fit_contrast_decay
from ...recipe.steps.tissue import TissueStep
from ..qt.background import Background
from ..qt.driver import Work
from .panel import ImageFacts, StepPanel


class ContrastPanel(StepPanel):
    """Shows and edits a :class:`TissueStep`."""

    # depth --o-- [40.00] ... (one row per parameter)
    # [Calibrate]
    # (what was found, or that lengths are in voxels)

    def __init__(self, step: TissueStep) -> None:
        super().__init__(step)
        self.calibrate = QPushButton("Calibrate")
        self.calibrate.setToolTip(
            "<p><b>Calibrate</b><br>Measure how contrast falls with depth in this stack, and set "
            "the scattering length in every step to what that tells.</p>"
        )
        self.calibrate.setEnabled(False)
        cast(QVBoxLayout, self.layout()).insertWidget(1, self.calibrate)
        self._background = Background(self)
        self._background.progressed.connect(self.progressed)
        self._background.finished.connect(self._on_fitted)
        self._background.failed.connect(self._on_failed)
        self._background.stopped.connect(self.rested)
        self.calibrate.clicked.connect(self._on_calibrate)
        self._stack: Any = None
        self._image: object = None  # that it belongs to
        self._spacing: tuple[float, ...] | None = None

    def setFacts(self, facts: ImageFacts | None) -> None:
        """Say which image the step works on, and the size of its voxels."""
        super().setFacts(facts)
        stack = None if facts is None or facts.spatial_ndim != 3 else facts.array
        spacing = None if facts is None else facts.spacing
        image = None if facts is None else (id(facts.array), facts.edition, facts.spatial_ndim)
        if image == self._image and spacing == self._spacing:
            return  # what was measured of it is true
        self._background.cancel()
        self._stack, self._spacing, self._image = stack, spacing, image
        self.calibrate.setEnabled(stack is not None)
        self.note.setText(
            ""
            if facts is None or spacing is not None
            else "The image has no unit of length: all lengths here count in voxels. "
            "Set the layer's scale and units to use micrometres."
        )

    @property
    def running(self) -> bool:
        """Whether the contrast is being measured."""
        return self._background.running

    def cancel(self) -> None:
        """Stop measuring."""
        self._background.cancel()

    def _on_calibrate(self) -> None:
        stack, step = self._stack, self.value()
        spacing_z = 1.0 if self._spacing is None else self._spacing[0]

        def fit() -> Work:
            yield 0, 1
            return fit_contrast_decay(
                _readable(stack), spacing_z, collected=step.collected, upwards=step.upwards
            )

        self.note.setText("Measuring contrast against depth…")
        self._background.start(fit)

    def _on_fitted(self, decay: ContrastDecay) -> None:
        self.rested.emit()
        unit = "voxels" if self._spacing is None else "µm"
        self.note.setText(
            f"Contrast falls to 1/e over {decay.length:.3g} {unit}; the scattering length is "
            f"set to {decay.scattering_length:.3g} {unit}."
        )
        try:
            step = self.value().replace(scattering_length=decay.scattering_length)
        except ValueError as error:
            self.refused.emit(str(error))
            return
        # the length was found for this share of collected light
        self.measured.emit({n: getattr(step, n) for n in ("scattering_length", "collected")})

    def _on_failed(self, error: Exception) -> None:
        self.rested.emit()
        self.note.setText(f"Not calibrated: {error}.")


def _readable(array: Any) -> Any:
    """The first volume of an image, with fewer rows and columns if it is big."""
    lead = (0,) * (len(array.shape) - 3)
    pixels = int(np.prod(array.shape[-3:], dtype=np.int64))
    step = int(np.ceil(np.sqrt(pixels / BUDGET))) if pixels > BUDGET else 1
    return np.asarray(array[(*lead, slice(None), slice(None, None, step), slice(None, None, step))])
