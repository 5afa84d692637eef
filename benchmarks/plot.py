"""Plots of benchmarks as SVG, without a plotting library: bars and curves on log axes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_WIDTH, _MARGIN = 860, 16
_NAMES, _VALUES = 350, 170  # room for names left of bars, for values right of them
_ROW, _HEAD = 20, 40
_OURS, _OTHERS, _LIMIT = "#0b6e99", "#b9c0c7", "#d8a545"
_COLOURS = ("#0b6e99", "#c2410c", "#4d7c0f", "#7c3aed", "#a16207", "#be185d")
_PANEL = 250  # height of a panel of curves


def bars(tables: Sequence[Mapping[str, Any]]) -> str:
    """A panel of horizontal bars per table; ours and the limits of the machine stand out."""
    out, y = list[str](), _MARGIN
    for table in tables:
        values = sorted(table["values"].items(), key=lambda item: item[1])
        out.append(_text(_MARGIN, y + 16, table["title"], bold=True))
        low = 10 ** math.floor(math.log10(values[0][1]))
        decades = math.log10(values[-1][1] / low) or 1
        room = _WIDTH - _NAMES - _VALUES
        for n, (name, value) in enumerate(values):
            top = y + _HEAD - 12 + n * _ROW
            length = max(1, math.log10(value / low) / decades * room)
            own = name.startswith("ours")
            colour = _OURS if own else _LIMIT if name.startswith("limit") else _OTHERS
            times = value / table["values"][table["ours"]]
            out.append(_text(_NAMES - 8, top + 13, name, end=True, bold=own))
            out.append(
                f'<rect x="{_NAMES}" y="{top}" width="{length:.1f}" height="15" fill="{colour}"/>'
            )
            words = f"{_three(value)} {table['unit']}" + ("" if own else f" ({_three(times)} x)")
            out.append(_text(_NAMES + length + 6, top + 13, words))
        y += _HEAD + len(values) * _ROW
    return _drawing(out, y, "Bars on a logarithmic axis; in brackets, how many times ours it takes")


def curves(panels: Sequence[Mapping[str, Any]]) -> str:
    """A panel per set of curves, two beside each other, both axes logarithmic."""
    out, width = list[str](), (_WIDTH - 3 * _MARGIN) // 2
    for n, panel in enumerate(panels):
        x, y = _MARGIN + n % 2 * (width + _MARGIN), _MARGIN + n // 2 * (_PANEL + _legend(panels))
        out += _curves(panel, x, y, width)
    rows = -(-len(panels) // 2)
    return _drawing(out, _MARGIN + rows * (_PANEL + _legend(panels)), "Both axes are logarithmic")


def _legend(panels: Sequence[Mapping[str, Any]]) -> int:
    return 30 + 16 * max(len(panel["lines"]) for panel in panels)


def _curves(panel: Mapping[str, Any], x: int, y: int, width: int) -> list[str]:
    points = [point for line in panel["lines"].values() for point in line]
    left, right, top, bottom = x + 52, x + width - 8, y + 30, y + _PANEL - 34
    (x0, x1), (y0, y1) = (_decades([p[axis] for p in points]) for axis in (0, 1))

    def at(a: float, b: float) -> tuple[float, float]:
        return (
            left + (math.log10(a) - x0) / (x1 - x0) * (right - left),
            bottom - (math.log10(b) - y0) / (y1 - y0) * (bottom - top),
        )

    out = [_text(x, y + 14, f"{panel['title']}, {panel['unit']}", bold=True)]
    for power in range(x0, x1 + 1):
        u = at(10**power, 10**y0)[0]
        out.append(f'<path d="M{u:.1f} {top}V{bottom}" stroke="#e5e7eb"/>')
        out.append(_text(u, bottom + 15, _power(power), middle=True))
    for power in range(y0, y1 + 1):
        v = at(10**x0, 10**power)[1]
        out.append(f'<path d="M{left} {v:.1f}H{right}" stroke="#e5e7eb"/>')
        out.append(_text(left - 5, v + 4, _power(power), end=True))
    out.append(_text((left + right) / 2, bottom + 31, panel["x"], middle=True))
    for n, (name, line) in enumerate(panel["lines"].items()):
        colour, places = _COLOURS[n % len(_COLOURS)], [at(*point) for point in line]
        path = "L".join(f"{u:.1f} {v:.1f}" for u, v in places)
        out.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{u:.1f}" cy="{v:.1f}" r="3" fill="{colour}"/>' for u, v in places]
        row = y + _PANEL + 10 + 16 * n
        out.append(f'<path d="M{left} {row}h16" stroke="{colour}" stroke-width="3"/>')
        out.append(_text(left + 22, row + 4, name))
    return out


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """Powers of ten around all values."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _power(power: int) -> str:
    value = 10.0**power
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g} {letter}"
    return f"{value:g}"


def _three(value: float) -> str:
    """Three digits, never as a power of ten."""
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def _text(
    x: float, y: float, words: str, *, bold: bool = False, end: bool = False, middle: bool = False
) -> str:
    anchor = "end" if end else "middle" if middle else "start"
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight}>{escape(words)}</text>'


def _drawing(parts: Sequence[str], height: int, foot: str) -> str:
    height += 24
    body = "\n".join([*parts, _text(_MARGIN, height - 8, foot)])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" font-family="sans-serif" font-size="12" '
        f'fill="#1f2937">\n<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>\n{body}\n'
        "</svg>\n"
    )
