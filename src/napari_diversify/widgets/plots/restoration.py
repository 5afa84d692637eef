"""The plot of what iterations do: contrast rises, and detail falls."""

from __future__ import annotations

import numpy as np
from qtpy.QtCore import Qt

from ...analysis.by_iteration import (
    LEAST_RETENTION,
    ByIteration,
    iterations_in,
    of_view,
    restored_again,
)
from ..qt.driver import Work
from .facts import View
from .numbers import Numbers
from .plot import Plot, known


class _Iterated(Numbers[View, ByIteration]):
    """Contrast and detail of the plane in view, whichever number of iterations is set."""

    def hold(self, of: View, now: View) -> bool:
        same = of.index == now.index and of.same_source(now)
        return same and restored_again(of.array.recipe) == restored_again(now.array.recipe)

    def compute(self, fact: View, wanted: frozenset[str], before: ByIteration | None) -> Work:
        return of_view(fact.array, fact.index)


class RestorationPlot(Plot):
    """Contrast and detail retention of the plane in view against the number of iterations."""

    name = "restoration"
    numbers = _Iterated(View, patient=True)
    at_first = False

    def __init__(self) -> None:
        super().__init__(
            "Restoration",
            "What iterations do to the plane in view, up to the last step that has some. Contrast "
            "(left): standard deviation over mean, above the low end of the range. Detail kept "
            "(right): correlation of fine detail, about 7 pixels in size, with the image before "
            "the step; 1 is all of it. Below the dotted line, 0.9, the result shows too much that "
            "the image does not. The vertical line is the number of iterations set.",
            "iterations k",
            "RMS contrast",
        )
        item = self.plot.getPlotItem()
        item.showAxis("right")
        self.axes["right"] = item.getAxis("right")
        self.axes["right"].enableAutoSIPrefix(False)
        self.axes["right"].setWidth(52)
        self._labels["right"] = "detail kept"
        self.axes["bottom"].setStyle(hideOverlappingLabels=False)
        item.setMouseEnabled(x=False, y=False)
        item.hideButtons()
        self.contrast, self.retention = self.curve("result"), self.curve("kept")
        self.least = self.line("kept", angle=0, style=Qt.PenStyle.DotLine, width=1, alpha=170)
        self.marker = self.line("text", alpha=200)
        self._drawn: ByIteration | None = None

    def draw(self, numbers: ByIteration, of: View) -> None:
        """Draw both curves: the scale of the right axis is that of the left, times a number."""
        self._drawn = numbers
        finite = numbers.contrast[np.isfinite(numbers.contrast)]
        top = 1.1 * max(float(finite.max()) if finite.size else 1.0, 1e-6)
        k = numbers.iterations.astype(float)
        self.contrast.setData(*known(k, numbers.contrast))
        self.retention.setData(*known(k, top * numbers.retention))
        self.axes["right"].setScale(1 / top)
        self.least.setValue(LEAST_RETENTION * top)
        self.plot.setRange(xRange=(k[0], k[-1]), yRange=(0, 1.02 * top), padding=0.02)

    def place(self, fact: View) -> int | None:
        """Which number of iterations is set."""
        return iterations_in(fact.array.recipe)

    def mark(self, fact: View) -> None:
        """Show where the slider is."""
        k = iterations_in(fact.array.recipe)
        if self._drawn is None or k is None:
            return
        self.marker.setValue(k)
        contrast, retention = self._drawn.at(k)
        note = f"k = {k}: contrast {contrast:.3f}, detail kept {retention:.3f}"
        if retention < LEAST_RETENTION:
            note += f". That is below {LEAST_RETENTION}: fewer iterations show what is there"
        legend = [("result", "—", "contrast"), ("kept", "—", "detail kept")]
        self.reveal(legend, fact.name, note + ".")

    def tell_progress(self, done: int, pieces: int) -> None:
        """Say how many have been computed."""
        if not self.has_curves:
            self.say(f"Restoring the plane in view: {done} of {pieces}…")
