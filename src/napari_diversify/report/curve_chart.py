"""The curves of one image of a study: means, their two bands, and where they fail and cross."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..robustness.curves import Drawn, Point, Result
from ..robustness.study import Study
from ..robustness.words import title_of
from .charts import ticks
from .drawing import Drawing

#: Told apart by everybody (Okabe and Ito), and on light and dark grounds.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#9a7d0a", "#56b4e9")
_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM, _PLOT = 360, 34, 10, 34, 34, 190
_LINE = 15  # of the legend


def curve_chart(study: Study, result: Result) -> Drawing:
    """Scores against the axis of a study, from good images on the left to bad ones.

    A dashed line is the score of the image as it is; a ring is a level at which segmentations
    failed. Above the frame stands w_v, or the PSNR where the axis is another one.
    """
    height = _TOP + _PLOT + _BOTTOM + _LINE * len(result.curves)
    chart = Drawing(_WIDTH, height, _in_words(study, result))
    frame = _Frame(study)
    frame.draw(chart, study, result)
    for curve in result.curves:
        _draw_curve(chart, frame, study, curve)
    for n, curve in enumerate(result.curves):
        y = _TOP + _PLOT + _BOTTOM + _LINE * n + 10
        chart.line([(_LEFT, y - 4), (_LEFT + 22, y - 4)], _colour(curve), 2)
        chart.text((_LEFT + 28, y), curve.name if len(curve.name) < 50 else f"{curve.name[:48]}…")
    return chart


class _Frame:
    """Where scores and levels lie."""

    def __init__(self, study: Study) -> None:
        self._first, self._last = study.levels[0], study.levels[-1]

    def x(self, level: float) -> float:
        share = (level - self._first) / (self._last - self._first)
        return _LEFT + 8 + share * (_WIDTH - _LEFT - _RIGHT - 16)

    def y(self, score: float) -> float:
        return _TOP + (1 - min(max(score, 0), 1)) * _PLOT

    def draw(self, chart: Drawing, study: Study, result: Result) -> None:
        """Frame, numbers and names."""
        right, bottom = _WIDTH - _RIGHT, _TOP + _PLOT
        chart.line([(_LEFT, _TOP), (_LEFT, bottom), (right, bottom), (right, _TOP), (_LEFT, _TOP)])
        for score in (0, 0.25, 0.5, 0.75, 1):
            chart.text((_LEFT - 4, self.y(score) + 4), f"{score:g}", "end")
        low, high = sorted((self._first, self._last))
        for tick in (t for t in ticks([low, high]) if low <= t <= high):
            chart.line([(self.x(tick), bottom), (self.x(tick), bottom + 4)])
            chart.text((self.x(tick), bottom + 15), f"{tick:g}", "middle")
        name, unit = study.axis
        label = f"{name} [{unit}]" if unit else name
        chart.text(((_LEFT + right) / 2, bottom + 29), label, "middle")
        chart.text((2, 12), title_of(result))
        self._second_axis(chart, study, result)

    def _second_axis(self, chart: Drawing, study: Study, result: Result) -> None:
        """What else the levels are: w_v of a PSNR, the PSNR of anything else."""
        points = [p for curve in result.curves[:1] for p in curve.points if p.level]
        of_psnr = bool(study.psnr)
        told = [(p.level, p.weight if of_psnr else p.psnr) for p in points]
        known = [(self.x(study.levels[lv - 1]), v) for lv, v in told if math.isfinite(v)]
        if not known:
            return
        chart.text((_WIDTH - _RIGHT, 12), "top: w_v" if of_psnr else "top: PSNR in dB", "end")
        free = -math.inf
        for x, value in known:
            if x - free >= 26:  # else they run into each other
                chart.line([(x, _TOP), (x, _TOP - 4)])
                chart.text((x, _TOP - 7), f"{value:.2g}" if of_psnr else f"{value:.0f}", "middle")
                free = x


def _draw_curve(chart: Drawing, frame: _Frame, study: Study, curve: Drawn) -> None:
    colour = _colour(curve)
    points = [point for point in curve.points if point.level]
    xs = [frame.x(study.levels[point.level - 1]) for point in points]
    _band(chart, frame, xs, [p.objects for p in points], colour, 0.15)
    _band(chart, frame, xs, [_known(p) for p in points], colour, 0.35)
    for clean in (point for point in curve.points if point.level == 0):
        y = frame.y(clean.mean)
        chart.line([(_LEFT, y), (_WIDTH - _RIGHT, y)], colour, 1, dashed=True)
    if len(points) > 1:
        chart.line(list(zip(xs, [frame.y(p.mean) for p in points], strict=True)), colour, 2)
    for x, point in zip(xs, points, strict=True):
        chart.disc((x, frame.y(point.mean)), colour, 3, filled=not point.failed)
    at = curve.holds_to.at
    if math.isfinite(at):  # a tick on the axis
        x = frame.x(at)
        chart.line([(x, _TOP + _PLOT), (x, _TOP + _PLOT - 10)], colour, 3)


def _band(
    chart: Drawing,
    frame: _Frame,
    xs: Sequence[float],
    ends: Sequence[tuple[float, float]],
    colour: str,
    opacity: float,
) -> None:
    if len(xs) < 2:
        return
    upper = [(x, frame.y(high)) for x, (_, high) in zip(xs, ends, strict=True)]
    lower = [(x, frame.y(low)) for x, (low, _) in zip(xs, ends, strict=True)]
    chart.area(upper + lower[::-1], colour, opacity)


def _known(point: Point) -> tuple[float, float]:
    """The interval of the draws; without one, nothing is known: no band."""
    return (point.mean, point.mean) if math.isnan(point.draws[0]) else point.draws


def _colour(curve: Drawn) -> str:
    return COLOURS[curve.number % len(COLOURS)]


def _in_words(study: Study, result: Result) -> str:
    curves = "; ".join(
        f"{curve.name}: "
        + ", ".join(
            f"{point.mean:.2f} at {study.levels[point.level - 1]:g}"
            for point in curve.points
            if point.level
        )
        for curve in result.curves
    )
    return f"{title_of(result)} against {' in '.join(filter(None, study.axis))}. {curves}"
