"""The plot of how many pixels of the plane in view have which intensity."""

from __future__ import annotations

import numpy as np

from ...analysis.plane import OfPlane
from .facts import View
from .plane import PlanePlot
from .plot import SOURCE_AND_RESULT

_LOG_NOTHING = -0.3  # an empty bin, just below one pixel


class HistogramPlot(PlanePlot):
    """Pixels per bin of intensity, source and result, on a logarithmic axis."""

    name = "histogram"

    def __init__(self) -> None:
        super().__init__(
            "Histogram",
            "How many pixels of the plane in view have which intensity, in the image and in the "
            "result, counted in the same bins; the axis of counts is logarithmic. A spike at an "
            "end of the range is what was clipped there.",
            "intensity (grey levels)",
            "pixels per bin",
        )
        self.axes["left"].setLogMode(True)
        self.source = self.curve("source", smooth=False, width=1, fill=50)
        self.result = self.curve("result", smooth=False, width=1)
        for curve in (self.source, self.result):
            curve.opts["stepMode"] = "center"
        self.source.opts["fillLevel"] = _LOG_NOTHING
        self.plot.setLimits(yMin=_LOG_NOTHING)

    def has(self, numbers: OfPlane) -> bool:
        """Whether the histogram was wanted then."""
        return numbers.histogram is not None

    def draw(self, numbers: OfPlane, of: View) -> None:
        """Draw the counts."""
        histogram = numbers.histogram
        assert histogram is not None
        for curve, counts in ((self.source, histogram.source), (self.result, histogram.result)):
            curve.setData(histogram.edges, np.log10(np.maximum(counts, 10**_LOG_NOTHING)))
        self.reveal(SOURCE_AND_RESULT, self.what(numbers, of))
