"""All plots, in the order in which the window shows them."""

from __future__ import annotations

from collections.abc import Callable

from .depth import DepthPlot
from .histogram import HistogramPlot
from .noise import NoisePlot
from .plot import Plot
from .restoration import RestorationPlot
from .spectrum import SpectrumPlot

PLOTS: tuple[Callable[[], Plot], ...] = (
    HistogramPlot,
    SpectrumPlot,
    DepthPlot,
    NoisePlot,
    RestorationPlot,
)
