"""The Low-pass panel: cutoff, shape and taper, with the cutoff in physical units beside it."""

from __future__ import annotations

from typing import cast

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from ...core.spectral.cutoff import physical_cutoff
from ...recipe.steps.lowpass import LowPass
from ..qt.forms import ModelForm
from ..qt.words import Words


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
        self.note = Words()
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
        step = self.value()
        unit = "cycles/voxel" if self._spacing is None else "cycles/µm"
        n = 3 if step.volume else 2
        sizes = (1.0,) * n if self._spacing is None else self._spacing[-n:]
        along = dict(zip("zyx"[-len(sizes) :], physical_cutoff(step.cutoff, sizes), strict=True))
        by_axes: dict[str, list[str]] = {}
        for axis, frequency in along.items():
            by_axes.setdefault(f"{frequency:.3g}", []).append(axis)
        said = ", ".join(f"{value} along {' and '.join(a)}" for value, a in by_axes.items())
        if len(by_axes) == 1:
            said = next(iter(by_axes))
        self.note.setText(f"{step.cutoff:.2f} Nyquist = {said} {unit}")
