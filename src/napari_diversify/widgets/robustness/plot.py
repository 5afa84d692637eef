"""Scores against levels: dots as they come, curves with their two bands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from operator import is_
from typing import Any

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor

from ...report.curve_chart import COLOURS
from ...robustness.curves import Drawn, Point, Result
from ...robustness.rows import Row
from ...robustness.study import Study
from ...robustness.words import level_in_words, title_of
from ..plots.plot import Colours, Plot

#: The colours of the page, and lighter ones of the same names for a dark ground.
_ON_DARK = ("#56b4e9", "#ff8c42", "#2fcf9f", "#e79bc6", "#f0e442", "#a8d8ff")
_CLEAN = -0.12  # where the image as it is stands; the levels lie from 0 to 1
_LONGEST = 30  # name in the legend
_APART = 0.007  # of the dots of two curves, which would hide each other


class CurvesPlot(Plot):
    """A curve for each segmenter; a click on a dot asks for what is behind it."""

    name = "curves"
    clicked = Signal(object)  # a Row

    def __init__(self) -> None:
        super().__init__(
            "Robustness",
            "Scores of all samples. A dot is one draw; the line is the mean of the draws. Dark "
            "band: 95 % interval over other noise; light band: over other objects of the same "
            "kind. Dashed: the image as it is. Click a dot to see its sample, its segmentation and "
            "what is wrong with it.",
            "level",
            "score",
        )
        self._light = False
        self._study: Study | None = None
        self.rows: Sequence[Row] = ()
        self._result: Result | None = None
        self._drawn: list[Any] = []  # lines and bands
        self._chosen: Row | None = None
        self.legend.setWordWrap(True)
        self.heading.hide()  # the window has the same title
        item = self.plot.getPlotItem()
        item.showAxis("top")
        self.axes["top"] = top = item.getAxis("top")
        self._labels["top"] = "w_v"
        for axis in (top, self.axes["bottom"]):
            axis.enableAutoSIPrefix(False)
            axis.setStyle(hideOverlappingLabels=True)
        item.setMouseEnabled(x=False, y=False)
        item.hideButtons()
        item.layout.setContentsMargins(1, 1, 8, 6)
        self.plot.setRange(xRange=(_CLEAN, 1), yRange=(0, 1), padding=0.04)
        self.dots = pg.ScatterPlotItem(
            size=9, hoverable=True, hoverSize=13, tip=lambda x, y, data: self.words_of(data)
        )
        self.ring = pg.ScatterPlotItem(size=18, brush=None)
        for scatter, height in ((self.ring, 15), (self.dots, 20)):
            scatter.setZValue(height)
            self.plot.addItem(scatter, ignoreBounds=True)
        self.dots.sigClicked.connect(self._on_clicked)
        self.say("Press Run: dots appear as samples are scored.")

    # ---- what it shows ----

    def setStudy(self, study: Study) -> None:
        """Begin with no dot."""
        self._study, self.rows, self._result, self._chosen = study, (), None, None
        name, unit = study.axis
        at = [(self._x(study, 0), "as it is")]
        at += [(self._x(study, n + 1), f"{level:.4g}") for n, level in enumerate(study.levels)]
        self.axes["bottom"].setTicks([at])
        self.label(bottom=f"{name} ({unit})" if unit else name, left="score")
        self._redraw()
        self._draw_dots()

    def setRows(self, study: Study, rows: Sequence[Row]) -> None:
        """Show a dot for each row; ``study`` says which score."""
        new = rows[len(self.rows) :]
        same = study == self._study and all(map(is_, self.rows, rows))
        self._study, self.rows = study, rows
        if not same or not self.has_curves:
            self._draw_dots()
        elif new:
            self.dots.addPoints(self._spots(new))

    def setResult(self, result: Result) -> None:
        """Draw the curves."""
        self._result = result
        self.label(left=title_of(result))
        self._redraw()

    def choose(self, row: Row | None) -> None:
        """Mark the dot of a row."""
        self._chosen = row
        self._draw_ring()

    def words_of(self, row: Row) -> str:
        """A row in words."""
        assert self._study is not None
        value = _score(self._study, row)
        name = self._study.curves[row.dot.curve].name
        text = f"{name}, {level_in_words(self._study, row.dot.level)}, draw {row.dot.draw + 1}: "
        return text + (f"failed, {row.failed}" if row.failed else f"{value:.3f}")

    def place_of(self, row: Row) -> tuple[float, float]:
        """Where the dot of a row is, in coordinates of the plot."""
        assert self._study is not None
        curves = len(self._study.curves)
        aside = (row.dot.curve - (curves - 1) / 2) * _APART
        return self._x(self._study, row.dot.level) + aside, _score(self._study, row)

    # ---- how ----

    def setColours(self, colours: Colours) -> None:
        """Use the colours of a theme."""
        self._light = sum(colours.background) > sum(colours.text)
        super().setColours(colours)
        self._redraw()
        self._draw_dots()

    def colour(self, number: int) -> QColor:
        """The colour of a curve."""
        colours = COLOURS if self._light else _ON_DARK
        return QColor(colours[number % len(colours)])

    def _x(self, study: Study, level: int) -> float:
        return self._on_axis(study, study.levels[level - 1]) if level else _CLEAN

    @staticmethod
    def _on_axis(study: Study, value: float) -> float:
        first, last = study.levels[0], study.levels[-1]
        return (value - first) / (last - first)

    def _redraw(self) -> None:
        for item in self._drawn:
            self.plot.removeItem(item)
        self._drawn = []
        study, result = self._study, self._result
        if study is not None and result is not None:
            for curve in result.curves:
                self._draw_curve(study, curve)
            self._draw_crossings(study, result)
            self._draw_top(study, result)
        self._write_legend([])

    def _draw_curve(self, study: Study, curve: Drawn) -> None:
        colour = self.colour(curve.number)
        points = [point for point in curve.points if point.level]
        x = np.array([self._x(study, point.level) for point in points])
        for ends, alpha in (
            ([p.objects for p in points], 45),
            ([_of_draws(p) for p in points], 90),
        ):
            if len(points) > 1:
                self._band(x, np.array(ends), colour, alpha)
        for clean in (point for point in curve.points if point.level == 0):
            pen = pg.mkPen(colour, width=1, style=Qt.PenStyle.DashLine)
            self._add(pg.InfiniteLine(clean.mean, angle=0, pen=pen), 1)
        if len(points) > 1:
            means = [point.mean for point in points]
            self._add(pg.PlotCurveItem(x, means, pen=pg.mkPen(colour, width=2), antialias=True), 5)
        at = curve.holds_to.at
        if math.isfinite(at):
            where = self._on_axis(study, at)
            tick = pg.PlotCurveItem([where, where], [0, 0.06], pen=pg.mkPen(colour, width=4))
            self._add(tick, 6)

    def _band(self, x: Any, ends: Any, colour: QColor, alpha: int) -> None:
        edges = [pg.PlotCurveItem(x, ends[:, side]) for side in (0, 1)]
        ground = QColor(colour)
        ground.setAlpha(alpha)
        self._add(pg.FillBetweenItem(*edges, brush=ground), -10)

    def _draw_crossings(self, study: Study, result: Result) -> None:
        at = []
        for pair in result.versus:
            of_pair = next(c for c in result.curves if c.name == pair.first)
            points = [p for p in of_pair.points if p.level]
            x = [self._x(study, p.level) for p in points]
            for place in pair.crossings:
                where = self._on_axis(study, place.at)
                at.append((where, float(np.interp(where, x, [p.mean for p in points]))))
        if at:
            pen = pg.mkPen(self._colours.text, width=1.5)
            self._add(pg.ScatterPlotItem(pos=at, symbol="d", size=13, pen=pen, brush=None), 7)

    def _draw_top(self, study: Study, result: Result) -> None:
        """What else the levels are: w_v of a PSNR, the PSNR of anything else."""
        of_psnr = bool(study.psnr)
        told: dict[float, str] = {}
        for curve in result.curves[:1]:
            for point in curve.points:
                value = point.weight if of_psnr else point.psnr
                if point.level and math.isfinite(value):
                    told[self._x(study, point.level)] = (
                        f"{value:.2g}" if of_psnr else f"{value:.0f}"
                    )
        self.axes["top"].setTicks([list(told.items())])
        self.label(top="w_v" if of_psnr else "PSNR (dB)")

    def _draw_dots(self) -> None:
        if self._study is None or not self.rows:
            self.dots.setData([], [])
            self._draw_ring()
            return
        self.dots.setData(self._spots(self.rows))
        self._draw_ring()
        if not self.has_curves:
            self.reveal([], note=_NOTE)
            self._write_legend([])

    def _spots(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        assert self._study is not None
        edge, hollow = pg.mkPen(self._colours.background), pg.mkBrush(None)
        colours = [self.colour(curve.number) for curve in self._study.curves]
        brushes = [pg.mkBrush(colour) for colour in colours]
        pens = [pg.mkPen(colour, width=2) for colour in colours]
        return [
            {
                "pos": self.place_of(row),
                "data": row,
                "brush": hollow if row.failed else brushes[row.dot.curve],
                "pen": pens[row.dot.curve] if row.failed else edge,
            }
            for row in rows
        ]

    def _draw_ring(self) -> None:
        there = [] if self._chosen is None or self._study is None else [self._chosen]
        pen = pg.mkPen(self._colours.text, width=2)
        self.ring.setData([{"pos": self.place_of(row), "pen": pen} for row in there])

    def _add(self, item: Any, height: int) -> None:
        item.setZValue(height)
        self.plot.addItem(item, ignoreBounds=True)
        self._drawn.append(item)

    def _write_legend(self, legend: Any) -> None:
        """The names of the curves."""
        spans = []
        for curve in () if self._study is None else self._study.curves:
            name = curve.name if len(curve.name) <= _LONGEST else f"…{curve.name[-_LONGEST:]}"
            style = f'style="color: {self.colour(curve.number).name()}"'
            spans.append(f"<span {style}><b>—</b>&nbsp;{_in_one(name)}</span>")
        self._show_text(self.legend, " &nbsp; ".join(spans))

    def _on_clicked(self, scatter: Any, spots: Any, event: Any = None) -> None:
        if len(spots):
            self.clicked.emit(spots[0].data())


_NOTE = (
    "Line: mean of the draws. Dark band: other noise; light band: other objects. Dashed: the image "
    "as it is. Bar on the axis: 90 % of that score are left. Diamond: curves cross. Ring: failed."
)


def _in_one(name: str) -> str:
    """A name that is not parted by the end of a line."""
    return escape(name).replace(" ", "&nbsp;").replace("-", "\u2011")


def _score(study: Study, row: Row) -> float:
    return float(row.scores["pq" if row.against_itself else study.score])


def _of_draws(point: Point) -> tuple[float, float]:
    """The interval of the draws; without one, nothing is known: no band."""
    return (point.mean, point.mean) if math.isnan(point.draws[0]) else point.draws
