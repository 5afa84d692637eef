"""The plot of expected PSNR and contrast against the weight of the noise."""

from __future__ import annotations

from math import floor, isfinite, nan, sqrt
from typing import Any

import numpy as np
from qtpy.QtCore import QPointF, Qt

from ...analysis.by_noise import ByNoise, by_noise, contrast_kept, said_half
from ...core.diversification.psnr_model import W_V_MAX
from ..qt.driver import Work
from .facts import Expected
from .numbers import Numbers
from .plot import Plot, known

_TOP_DB = 50.0  # of the PSNR axis
_W_V_TICKS = (0, 0.5, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
_PERCENT_PER_DB = 2.5  # the axis of contrast kept shares its lines with that of PSNR
_GRASP_PX = 8  # how near to the diamond a click means it


class _NoiseNumbers(Numbers[Expected, ByNoise]):
    """What to expect at each weight of the noise; the same whichever is set."""

    def hold(self, of: Expected, now: Expected) -> bool:
        return of.same_curves(now)

    def compute(self, fact: Expected, wanted: frozenset[str], before: ByNoise | None) -> Work:
        return by_noise(fact.model, fact.w_i)


class NoisePlot(Plot):
    """Expected PSNR and contrast kept against the weight of the noise; a click sets it."""

    name = "noise"
    numbers = _NoiseNumbers(Expected)

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
        self._drawn: ByNoise | None = None
        self.plot.scene().sigMouseClicked.connect(self._on_clicked)
        self.marker.sigDragged.connect(self._on_dragged)
        self.plot.setCursor(Qt.CursorShape.CrossCursor)

    def draw(self, numbers: ByNoise, of: Expected) -> None:
        """Draw the curves; the point comes from :meth:`mark`."""
        self._drawn = numbers
        psnr = np.where(numbers.psnr <= 2 * _TOP_DB, numbers.psnr, np.nan)
        at = np.sqrt(numbers.w_v)
        self.psnr.setData(*known(at, psnr))
        self.kept.setData(*known(at, numbers.kept / _PERCENT_PER_DB))
        half = [sqrt(numbers.half)] if isfinite(numbers.half) else []
        self.at_half.setData(half, [50 / _PERCENT_PER_DB] * len(half))

    def place(self, fact: Expected) -> float:
        """Where the point is."""
        return fact.w_v

    def mark(self, fact: Expected) -> None:
        """Show where the sliders are."""
        w_i, w_v = fact.w_i, fact.w_v
        psnr, kept = fact.model.expected(w_i, w_v), contrast_kept(fact.model, w_i, w_v)
        at = sqrt(w_v)
        if not self.marker.moving:  # else the hand is there before
            self.marker.setValue(at)
        self.at_psnr.setData(*known([at], [psnr if psnr <= _TOP_DB else nan]))
        self.at_kept.setData(*known([at], [kept / _PERCENT_PER_DB]))
        note = f"w_v {w_v:.2f}: PSNR {psnr:.2f} dB".replace("inf", "∞")
        if isfinite(kept):
            note += f", contrast kept {kept:.1f} %"
        if self._drawn is not None:
            note += f". {said_half(self._drawn)}"
        legend = [("result", "—", "PSNR"), ("kept", "—", "contrast kept")]
        self.reveal(legend, f"at w_i {w_i:.2f}", note)

    def _on_clicked(self, event: Any) -> None:
        box = self.plot.getViewBox()
        where: QPointF = event.scenePos()
        inside = box.sceneBoundingRect().contains(where)
        if not (inside and self.has_curves and event.button() == Qt.MouseButton.LeftButton):
            return
        root = box.mapSceneToView(where).x()
        half = self._drawn.half if self._drawn is not None else nan
        if isfinite(half) and abs(root - sqrt(half)) < _GRASP_PX * box.viewPixelSize()[0]:
            # the diamond is meant: as the box shows it, and on the side of more contrast
            self.picked.emit("w_v", floor(100 * half) / 100)
        else:
            self._pick(root)

    def _on_dragged(self, line: Any) -> None:
        self._pick(line.value())

    def _pick(self, root: float) -> None:
        self.picked.emit("w_v", min(max(float(root), 0.0) ** 2, W_V_MAX))
