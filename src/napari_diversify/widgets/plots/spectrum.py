"""The plot of the power of the plane in view at each spatial frequency."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qtpy.QtCore import Qt

from ...analysis.plane import SIDE, OfPlane, cutoffs
from .facts import View
from .plane import PlanePlot
from .plot import SOURCE_AND_RESULT

_LOWEST = 1e-8  # of the highest power; what is below is drawn there


class SpectrumPlot(PlanePlot):
    """Radial power spectrum of source and result, with the cutoff of the low-pass."""

    name = "spectrum"

    def __init__(self) -> None:
        super().__init__(
            "Power spectrum",
            "Mean power of the plane in view at each spatial frequency, whatever its direction, "
            "in the image and in the result: white noise is flat, blur and low-pass fall. The "
            "dashed line is the cutoff of the low-pass, along each axis where they differ. Power "
            "below 10⁻⁸ of the highest is drawn at that level.",
            "spatial frequency (cycles/µm)",
            "power (grey levels²)",
        )
        self.axes["left"].setLogMode(True)
        self.source, self.result = self.curve("source"), self.curve("result")
        self.cutoffs: list[Any] = []

    def has(self, numbers: OfPlane) -> bool:
        """Whether the spectrum was wanted then."""
        return numbers.spectrum is not None

    def draw(self, numbers: OfPlane, of: View) -> None:
        """Draw the spectra, and a line at each cutoff."""
        spectrum = numbers.spectrum
        assert spectrum is not None
        if isinstance(spectrum, str):
            self.say(spectrum)
            return
        self._draw_cutoffs(cutoffs(of.array, numbers.plane))
        floor = max(float(np.nanmax(spectrum.source)), float(np.nanmax(spectrum.result))) * _LOWEST
        for curve, power in ((self.source, spectrum.source), (self.result, spectrum.result)):
            curve.setData(spectrum.frequency, np.log10(np.maximum(power, floor)))
        unit = "cycles/pixel" if numbers.pixel_size is None else "cycles/µm"
        self.label(bottom=f"spatial frequency ({unit})")
        cut = " and ".join(f"{line.value():.3g}" for line in self.cutoffs)
        cutoff = [("text", "┆", f"cutoff {cut} {unit}")] if cut else []
        rows, columns = (min(n, SIDE) for n in numbers.plane.shape)
        note = ""
        if (rows, columns) != numbers.plane.shape:
            note = f"Of the {rows} × {columns} pixels in the middle of the plane."
        self.reveal([*SOURCE_AND_RESULT, *cutoff], self.what(numbers, of), note)

    def _draw_cutoffs(self, frequencies: Sequence[float]) -> None:
        while len(self.cutoffs) > len(frequencies):
            self.remove(self.cutoffs.pop())
        while len(self.cutoffs) < len(frequencies):
            self.cutoffs.append(self.line("text", style=Qt.PenStyle.DashLine, alpha=200))
            self._paint(*self._pens[-1])
        for line, frequency in zip(self.cutoffs, frequencies, strict=True):
            line.setValue(frequency)
