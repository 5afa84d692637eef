"""Plots as inline SVG: a histogram, a scatter plot, and lines; each has its numbers in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from statistics import median

import numpy as np
import numpy.typing as npt

from .rows import finite, number_of

_WIDTH, _HEIGHT = 320, 110
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 8, 8, 34  # margins of plots with two axes
_TALL = 220
_POINTS = 3000
_BINS, _SHARED = 24, 16  # at most; where two histograms share an axis


def short(value: float) -> str:
    """A number in four digits.

    Examples
    --------
    >>> short(0.123456), short(12), short(1234567)
    ('0.1235', '12', '1.235e+06')
    """
    return f"{value:.4g}"


def histogram(
    name: str,
    values: Sequence[float],
    unit: str = "",
    ends: tuple[float, float] | None = None,
) -> str:
    """How often values occur, with median and ends. Empty if none is finite.

    The axis runs from the least to the greatest value, or between the ``ends``
    that it shares with another plot.
    """
    known = finite(values)
    if not known:
        return ""
    middle = median(known)
    suffix = f" {unit}" if unit else ""
    caption = f"median {short(middle)}{suffix}, {short(min(known))} to {short(max(known))}{suffix}"
    if len(set(known)) == 1:
        caption = f"{short(middle)}{suffix} in all files"
    if len(known) < len(values):
        caption += f"; {number_of(len(values) - len(known), 'file')} without a finite number"
    head = f"<figcaption><b>{escape(name)}</b> {escape(caption)}</figcaption>"
    low, high = (min(known), max(known)) if ends is None else ends
    if low == high:
        return f'<figure class="plot">{head}</figure>'
    counts, edges = np.histogram(known, _bins(known) if ends is None else _SHARED, (low, high))
    most, step = int(counts.max()), _WIDTH / len(counts)
    bars = "".join(
        f'<rect class="bar" x="{n * step + 0.5:.1f}" y="{_HEIGHT * (1 - c / most):.1f}" '
        f'width="{step - 1:.1f}" height="{_HEIGHT * c / most:.1f}">'
        f"<title>{short(a)} to {short(b)}: {number_of(int(c), 'file')}</title></rect>"
        for n, (c, a, b) in enumerate(zip(counts, edges, edges[1:], strict=False))
        if c
    )
    x = (middle - low) / (high - low) * _WIDTH
    return (
        f'<figure class="plot">{head}'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + 2}" role="img" '
        f'aria-label="{escape(f"Histogram of {name}: {caption}; most files in a bar: {most}")}">'
        f'{bars}<path class="median" d="M{x:.1f} 0V{_HEIGHT}"/>'
        f'<path class="frame" d="M0 {_HEIGHT + 0.5}H{_WIDTH}"/></svg>'
        f'<div class="ends" aria-hidden="true"><span>{short(low)}</span>'
        f"<span>tallest: {most:,}</span><span>{short(high)}</span></div></figure>"
    )


def scatter(
    title: str,
    labels: tuple[str, str],
    points: Sequence[tuple[float, float, bool]],
) -> str:
    """Points (x, y, marked): marked ones are crosses. Empty if fewer than two are finite."""
    known = [p for p in points if math.isfinite(p[0]) and math.isfinite(p[1])]
    if len(known) < 2:
        return ""
    plain = [p for p in known if not p[2]]
    if len(plain) > _POINTS:
        plain = plain[:: -(-len(plain) // _POINTS)]
    marked = [p for p in known if p[2]][:_POINTS]
    axes = _Axes([p[0] for p in known], [p[1] for p in known])
    dots = "".join(f"M{axes.at(x, y)}h0" for x, y, _ in plain)
    crosses = "".join(f"M{axes.at(x, y)}m-2.5-2.5l5 5m0-5l-5 5" for x, y, _ in marked)
    shown = len(plain) + len(marked)
    words = f"{title} of {number_of(len(known), 'file')}"
    words += f", {shown:,} of them drawn" if shown < len(known) else ""
    legend = "dots: nothing stands out; crosses: flagged above"
    return (
        f'<figure class="plot wide"><figcaption><b>{escape(title)}</b> {legend}</figcaption>'
        f"{axes.opened(words + ', ' + axes.in_words(labels))}"
        f'<path class="dots" d="{dots}"/><path class="crosses" d="{crosses}"/>'
        f"{axes.drawn(labels)}</svg></figure>"
    )


def lines(
    title: str,
    labels: tuple[str, str],
    x: npt.NDArray[np.float64],
    generated: npt.NDArray[np.float64],
    real: npt.NDArray[np.float64],
) -> str:
    """Two curves over the same x: generated in full, real dashed."""
    curves = [(generated, "generated"), (real, "real")]
    axes = _Axes(x.tolist(), [v for y, _ in curves for v in y.tolist()])
    drawn = ""
    for y, name in curves:
        places = [axes.at(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True) if _both(a, b)]
        drawn += f'<path class="{name}" d="M{"L".join(places)}"/>' if places else ""
    legend = "full line: generated; dashed: real"
    return (
        f'<figure class="plot wide"><figcaption><b>{escape(title)}</b> {legend}</figcaption>'
        f"{axes.opened(f'{title}, generated and real, ' + axes.in_words(labels))}"
        f"{drawn}{axes.drawn(labels)}</svg></figure>"
    )


def _both(a: float, b: float) -> bool:
    return math.isfinite(a) and math.isfinite(b)


def _bins(values: Sequence[float]) -> int:
    return int(min(_BINS, max(5, 2 * math.ceil(math.sqrt(len(values))))))


class _Axes:
    """Where numbers lie on a plot with two axes, and how these are drawn."""

    def __init__(self, x: Sequence[float], y: Sequence[float]) -> None:
        self._x, self._y = (ticks(finite(values)) for values in (x, y))

    def at(self, x: float, y: float) -> str:
        """A point in the coordinates of the drawing."""
        (x0, *_, x1), (y0, *_, y1) = self._x, self._y
        u = _LEFT + (x - x0) / (x1 - x0) * (_WIDTH - _LEFT - _RIGHT)
        v = _TALL - _BOTTOM - (y - y0) / (y1 - y0) * (_TALL - _TOP - _BOTTOM)
        return f"{u:.1f} {v:.1f}"

    def in_words(self, labels: tuple[str, str]) -> str:
        """The axes in words."""
        (x0, *_, x1), (y0, *_, y1) = self._x, self._y
        return (
            f"{labels[0]} from {short(x0)} to {short(x1)}, "
            f"{labels[1]} from {short(y0)} to {short(y1)}"
        )

    def opened(self, words: str) -> str:
        """The opening tag of the drawing."""
        return f'<svg viewBox="0 0 {_WIDTH} {_TALL}" role="img" aria-label="{escape(words)}">'

    def drawn(self, labels: tuple[str, str]) -> str:
        """Frame, numbers and names."""
        out = [f'<path class="frame" d="M{_LEFT} {_TOP}V{_TALL - _BOTTOM}H{_WIDTH - _RIGHT}"/>']
        for n, value in enumerate(self._x):
            u, anchor = self.at(value, self._y[0]).split()[0], "middle"
            anchor = "end" if n == len(self._x) - 1 else anchor
            out.append(
                f'<text x="{u}" y="{_TALL - _BOTTOM + 15}" text-anchor="{anchor}">'
                f"{short(value)}</text>"
            )
        for value in self._y:
            v = float(self.at(self._x[0], value).split()[1])
            out.append(
                f'<text x="{_LEFT - 4}" y="{v + 4:.1f}" text-anchor="end">{short(value)}</text>'
            )
        out.append(
            f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_TALL - 5}" text-anchor="middle">'
            f"{escape(labels[0])}</text>"
            f'<text x="{_LEFT + 5}" y="{_TOP + 9}">{escape(labels[1])}</text>'
        )
        return "".join(out)


def ticks(values: Sequence[float]) -> list[float]:
    """Three to seven round numbers, with all values between the first and the last."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if not high - low > 1e-9 * max(abs(low), abs(high)):
        low, high = low - 0.5, high + 0.5
    power = 10 ** math.floor(math.log10((high - low) / 5))
    step = next(f * power for f in (1, 2, 5, 10) if (high - low) / (f * power) <= 5)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(n * step, 12) for n in range(first, last + 1)]
