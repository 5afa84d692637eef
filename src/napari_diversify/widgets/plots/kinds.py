"""Four kinds of plots, drawn from numbers: histogram, spectrum, contrast by depth, noise."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, isfinite, nan, sqrt
from typing import Any

import numpy as np
from qtpy.QtCore import QPointF, Qt, Signal

from ...analysis.by_depth import ByDepth
from ...analysis.by_noise import ByNoise, contrast_kept, said_half
from ...analysis.plane import Histogram, Spectrum
from ...core.diversification.psnr_model import W_V_MAX, PsnrModel
from .plot import Plot

_LOWEST = 1e-8  # of the highest power; what is below is drawn there
_LOG_NOTHING = -0.3  # an empty bin, just below one pixel
_TOP_DB = 50.0  # of the PSNR axis
_W_V_TICKS = (0, 0.5, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
_PERCENT_PER_DB = 2.5  # the axis of contrast kept shares its lines with that of PSNR
_BOTH = [("source", "—", "source"), ("result", "—", "result")]
_GRASP_PX = 8  # how near to the diamond a click means it


class HistogramPlot(Plot):
    """Pixels per bin of intensity, source and result, on a logarithmic axis."""

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

    def draw(self, found: Histogram, of: str) -> None:
        """Draw what was counted."""
        for curve, counts in ((self.source, found.source), (self.result, found.result)):
            curve.setData(found.edges, np.log10(np.maximum(counts, 10**_LOG_NOTHING)))
        self.reveal(_BOTH, of)


class SpectrumPlot(Plot):
    """Radial power spectrum of source and result, with the cutoff of the low-pass."""

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

    def draw(self, found: Spectrum, of: str, unit: str, note: str) -> None:
        """Draw the spectra; the cutoff comes from :meth:`setCutoffs`."""
        floor = max(float(np.nanmax(found.source)), float(np.nanmax(found.result))) * _LOWEST
        for curve, power in ((self.source, found.source), (self.result, found.result)):
            curve.setData(found.frequency, np.log10(np.maximum(power, floor)))
        self.label(bottom=f"spatial frequency ({unit})")
        cut = " and ".join(f"{line.value():.3g}" for line in self.cutoffs)
        legend = [*_BOTH, ("text", "┆", f"cutoff {cut} {unit}")] if cut else _BOTH
        self.reveal(legend, of, note)

    def setCutoffs(self, frequencies: Sequence[float]) -> None:
        """Put a line at each of these frequencies, in the unit of the axis."""
        while len(self.cutoffs) > len(frequencies):
            self.remove(self.cutoffs.pop())
        while len(self.cutoffs) < len(frequencies):
            self.cutoffs.append(self.line("text", style=Qt.PenStyle.DashLine, alpha=200))
            self._paint(*self._pens[-1])
        for line, frequency in zip(self.cutoffs, frequencies, strict=True):
            line.setValue(frequency)


class DepthPlot(Plot):
    """Object contrast of each plane of the volume, with the exponential fitted to it."""

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

    def draw(self, found: ByDepth) -> None:
        """Draw the contrast of the planes, and what falls by how much."""
        order = np.argsort(found.depth)
        depth = found.depth[order]
        falls = []
        for curve, fit, values, decay, name in (
            (self.source, self.fits[0], found.source, found.source_fit, "source"),
            (self.result, self.fits[1], found.result, found.result_fit, "result"),
        ):
            curve.setData(*_known(depth, values[order]))
            if decay is None:
                fit.setData([], [])
            else:
                fit.setData(depth, decay.c0 * np.exp(-depth / decay.length))
                falls.append(f"{name} {decay.length:.3g} {found.unit}")
        finite = np.concatenate([found.source, found.result])
        finite = finite[np.isfinite(finite)]
        self.plot.setYRange(min(0.0, finite.min()), 1.12 * max(finite.max(), 0.01), padding=0)
        self.label(bottom=f"depth ({found.unit})")
        self.reveal(_BOTH, "of the volume", self._said(found, falls))

    @staticmethod
    def _said(found: ByDepth, falls: list[str]) -> str:
        before, after = found.source_whole, found.result_whole
        said = f"All planes: {before:.3f} → {after:.3f}"
        if before > 0:
            said += f" ({100 * after / before:.0f} % kept)"
        if falls:
            said += f". Falls to 1/e over: {', '.join(falls)}"
        if found.planes < found.of:
            said += f". {found.planes} of {found.of} planes were looked at"
        return said + "."


class NoisePlot(Plot):
    """Expected PSNR and contrast kept against the weight of the noise; a click sets it."""

    weightPicked = Signal(float)

    def __init__(self) -> None:
        super().__init__(
            "PSNR and contrast against w_v",
            "What to expect of the whole image at each weight of the noise w_v, for the w_i that "
            "is set: PSNR in decibel (left), and the contrast between objects and background in "
            "percent of that of the image (right). The dotted line is half of the contrast. Click "
            "in the plot, or drag the vertical line, to set w_v.",
            "w_v (weight of the noise)",
            "PSNR (dB)",
        )
        item = self.plot.getPlotItem()
        item.showAxis("right")
        self.axes["right"] = right = item.getAxis("right")
        right.enableAutoSIPrefix(False)
        right.setScale(_PERCENT_PER_DB)
        right.setWidth(52)
        right.setTickSpacing(25, 25)
        self._labels["right"] = "contrast kept (%)"
        item.setMouseEnabled(x=False, y=False)
        item.hideButtons()
        self.plot.setRange(xRange=(0, sqrt(W_V_MAX)), yRange=(0, _TOP_DB), padding=0.02)
        # the root of w_v: the slider has most of the room, and the rest is in sight
        self.axes["bottom"].setStyle(hideOverlappingLabels=False)
        self.axes["bottom"].setTicks([[(sqrt(w_v), f"{w_v:g}") for w_v in _W_V_TICKS]])
        self.psnr, self.kept = self.curve("result"), self.curve("kept")
        half = self.line("kept", angle=0, style=Qt.PenStyle.DotLine, width=1, alpha=170)
        half.setValue(50 / _PERCENT_PER_DB)
        self.marker = self.line("text", movable=True, alpha=200)
        self.at_psnr = self.curve("result", dots=True)
        self.at_kept = self.curve("kept", dots=True)
        self.at_half = self.curve("kept", dots=True)
        for dots, symbol in ((self.at_psnr, "o"), (self.at_kept, "o"), (self.at_half, "d")):
            dots.opts.update(symbol=symbol, symbolSize=9)
        self._found: ByNoise | None = None
        self.plot.scene().sigMouseClicked.connect(self._on_clicked)
        self.marker.sigDragged.connect(self._on_dragged)
        self.plot.setCursor(Qt.CursorShape.CrossCursor)

    def draw(self, found: ByNoise) -> None:
        """Draw the curves; the point comes from :meth:`point`."""
        self._found = found
        psnr = np.where(found.psnr <= 2 * _TOP_DB, found.psnr, np.nan)
        at = np.sqrt(found.w_v)
        self.psnr.setData(*_known(at, psnr))
        self.kept.setData(*_known(at, found.kept / _PERCENT_PER_DB))
        half = [sqrt(found.half)] if isfinite(found.half) else []
        self.at_half.setData(half, [50 / _PERCENT_PER_DB] * len(half))

    def point(self, model: PsnrModel, w_i: float, w_v: float) -> None:
        """Show where the sliders are."""
        psnr, kept = model.expected(w_i, w_v), contrast_kept(model, w_i, w_v)
        at = sqrt(w_v)
        if not self.marker.moving:  # else the hand is there before
            self.marker.setValue(at)
        self.at_psnr.setData(*_known([at], [psnr if psnr <= _TOP_DB else nan]))
        self.at_kept.setData(*_known([at], [kept / _PERCENT_PER_DB]))
        said = f"w_v {w_v:.2f}: PSNR {psnr:.2f} dB".replace("inf", "∞")
        if isfinite(kept):
            said += f", contrast kept {kept:.1f} %"
        if self._found is not None:
            said += f". {said_half(self._found)}"
        legend = [("result", "—", "PSNR"), ("kept", "—", "contrast kept")]
        self.reveal(legend, f"at w_i {w_i:.2f}", said)

    def _on_clicked(self, event: Any) -> None:
        box = self.plot.getViewBox()
        where: QPointF = event.scenePos()
        inside = box.sceneBoundingRect().contains(where)
        if not (inside and self.has_curves and event.button() == Qt.MouseButton.LeftButton):
            return
        root = box.mapSceneToView(where).x()
        half = self._found.half if self._found is not None else nan
        if isfinite(half) and abs(root - sqrt(half)) < _GRASP_PX * box.viewPixelSize()[0]:
            # the diamond is meant: as the box shows it, and on the side of more contrast
            self.weightPicked.emit(floor(100 * half) / 100)
        else:
            self._pick(root)

    def _on_dragged(self, line: Any) -> None:
        self._pick(line.value())

    def _pick(self, root: float) -> None:
        self.weightPicked.emit(min(max(float(root), 0.0) ** 2, W_V_MAX))


def _known(x: Any, y: Any) -> tuple[Any, Any]:
    """A curve, or nothing if no value of it is known: pyqtgraph warns of the bounds of nothing."""
    return (x, y) if np.isfinite(y).any() else ([], [])
