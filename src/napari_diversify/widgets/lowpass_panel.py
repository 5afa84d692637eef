"""The Low-pass panel: cutoff, shape and taper, with the cutoff in physical units beside it."""

from __future__ import annotations

from typing import cast

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from ..recipe.steps import LowPass
from .forms import ModelForm


class LowPassPanel(QWidget):
    """Shows and edits a :class:`LowPass` step."""

    # cutoff --o-- [0.50]
    # shape [radial v]
    # taper --o-- [0.00]
    # 0.50 Nyquist = 0.96 cycles/um along y, 0.96 along x
    valueChanged = Signal(object)
    refused = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.form = ModelForm(LowPass())
        self.note = QLabel()
        self.note.setWordWrap(True)
        self._spacing: tuple[float, ...] | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        layout.addWidget(self.note)
        self.form.valueChanged.connect(self._on_changed)
        self.form.refused.connect(self.refused)
        self._show_frequency()

    def value(self) -> LowPass:
        """The step shown."""
        return cast(LowPass, self.form.value())

    def setValue(self, step: LowPass) -> None:
        """Show a step."""
        self.form.setValue(step)
        self._show_frequency()

    def setSpacing(self, spacing: tuple[float, ...] | None) -> None:
        """Say the voxel size in micrometres, None if it has no unit of length."""
        self._spacing = spacing
        self._show_frequency()

    def _on_changed(self, step: LowPass) -> None:
        self._show_frequency()
        self.valueChanged.emit(step)

    def _show_frequency(self) -> None:
        cutoff = self.value().cutoff
        size_y, size_x = (1.0, 1.0) if self._spacing is None else self._spacing[-2:]
        unit = "cycles/voxel" if self._spacing is None else "cycles/µm"
        y, x = cutoff / (2 * size_y), cutoff / (2 * size_x)
        along = f"{x:.3g} {unit}" if y == x else f"{y:.3g} along y, {x:.3g} along x, {unit}"
        self.note.setText(f"{cutoff:.2f} Nyquist = {along}")
