"""The plot of the contrast of objects in each plane of the volume in view."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import Qt

from ...analysis.by_depth import ByDepth, by_depth
from ..qt.driver import Work
from .facts import View
from .numbers import Numbers
from .plot import SOURCE_AND_RESULT, Plot, known


class _VolumeNumbers(Numbers[View, ByDepth]):
    """Contrast of each plane; the same whichever of them is in view."""

    def hold(self, of: View, now: View) -> bool:
        return of.same_volume(now)

    def compute(self, fact: View, wanted: frozenset[str], before: ByDepth | None) -> Work:
        return by_depth(fact.array, fact.index)


class DepthPlot(Plot):
    """Object contrast of each plane of the volume, with the exponential fitted to it."""

    name = "depth"
    numbers = _VolumeNumbers(View, patient=True)

    def __init__(self) -> None:
        super().__init__(
            "Contrast against depth",
            "(F − B) / B of each plane: F is the mean intensity of the objects, B that of the "
            "rest, both above the low end of the range. The objects are what is above Otsu’s "
            "threshold in the image itself; planes with hardly any are left out. 0 is no "
            "contrast, 1 twice the light; noise alone does not raise it. Dashed: the exponential "
            "that fits, where it falls.",
            "depth (µm)",
            "contrast of objects",
        )
        self.source, self.result = self.curve("source"), self.curve("result")
        dashed = {"style": Qt.PenStyle.DashLine, "width": 1}
        self.fits = self.curve("source", **dashed), self.curve("result", **dashed)

    def draw(self, numbers: ByDepth, of: View) -> None:
        """Draw the contrast of the planes, and over which depth it falls."""
        order = np.argsort(numbers.depth)
        depth = numbers.depth[order]
        lengths = []
        for curve, fit, values, decay, name in (
            (self.source, self.fits[0], numbers.source, numbers.source_fit, "source"),
            (self.result, self.fits[1], numbers.result, numbers.result_fit, "result"),
        ):
            curve.setData(*known(depth, values[order]))
            if decay is None:
                fit.setData([], [])
            else:
                fit.setData(depth, decay.c0 * np.exp(-depth / decay.length))
                lengths.append(f"{name} {decay.length:.3g} {numbers.unit}")
        finite = np.concatenate([numbers.source, numbers.result])
        finite = finite[np.isfinite(finite)]
        self.plot.setYRange(min(0.0, finite.min()), 1.12 * max(finite.max(), 0.01), padding=0)
        self.label(bottom=f"depth ({numbers.unit})")
        self.reveal(SOURCE_AND_RESULT, "of the volume", _note(numbers, lengths))

    def untrue(self, of: View, now: View) -> tuple[str, ...]:
        """Keep the source in full while the volume is the same."""
        return ("result",) if of.same_source(now) else ("source", "result")

    def tell_progress(self, done: int, pieces: int) -> None:
        """Say how many planes have been measured."""
        if self.has_curves:
            self.note.setText(f"Measuring: plane {done} of {pieces}…")
        else:
            self.say(f"Measuring contrast: plane {done} of {pieces}…")


def _note(numbers: ByDepth, lengths: list[str]) -> str:
    before, after = numbers.source_whole, numbers.result_whole
    note = f"All planes: {before:.3f} → {after:.3f}"
    if before > 0:
        note += f" ({100 * after / before:.0f} % kept)"
    if lengths:
        note += f". Falls to 1/e over: {', '.join(lengths)}"
    if numbers.planes < numbers.of:
        note += f". {numbers.planes} of {numbers.of} planes were looked at"
    return note + "."
