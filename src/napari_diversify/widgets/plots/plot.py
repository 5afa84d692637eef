"""What a plot is: what it depends on, how it draws, and its axes, curves and words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyqtgraph as pg
from napari.utils.theme import get_theme
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QStackedLayout, QVBoxLayout, QWidget

from .numbers import Numbers

#: A legend of those two.
SOURCE_AND_RESULT = (("source", "—", "source"), ("result", "—", "result"))

_FAINT = 120  # of 255: a curve that is no longer, or not yet, true
_PADDING_PX = 12


# ---- colours ----


@dataclass(frozen=True)
class Colours:
    """Colours of the plots under one theme; curves after Okabe and Ito, safe for colour-blind."""

    background: tuple[int, int, int]
    text: tuple[int, int, int]
    source: tuple[int, int, int]
    result: tuple[int, int, int]
    kept: tuple[int, int, int]


def colours_of(theme: str) -> Colours:
    """The colours that go with a theme of napari."""
    found = get_theme(theme)
    ground, text = (color.as_rgb_tuple()[:3] for color in (found.background, found.text))
    if found.type == "light":
        return Colours(ground, text, (0, 114, 178), (213, 94, 0), (0, 130, 95))
    return Colours(ground, text, (86, 180, 233), (230, 159, 0), (64, 205, 160))


# ---- one plot ----


class _Words(QLabel):
    """Text that always takes so many lines: no plot moves when the text grows."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._lines = lines
        self.setWordWrap(True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def hasHeightForWidth(self) -> bool:
        return False

    def sizeHint(self) -> QSize:
        # asked for anew whenever the theme brings another font
        return QSize(0, self._lines * self.fontMetrics().lineSpacing() + _PADDING_PX)


class Plot(QWidget):
    """One plot under its title and legend, over a line of numbers; or a sentence instead.

    A plot is a class in a file of its own, and a line in :mod:`.registry`. It says which
    numbers it draws, and how; when they are computed and drawn is up to the window.

    Parameters
    ----------
    title, tooltip : str
    x, y : str
        What the axes show, with their units.

    Attributes
    ----------
    name : str
        The word beside its switch.
    numbers : Numbers
        What it draws.
    at_first : bool
        Whether it is shown before the user has chosen: not if it is of use to few chains.
    """

    # Title       plane z 31             — source  — result
    # |
    # |   curves, or a sentence
    # |________
    # (a line of numbers)

    name: ClassVar[str]
    numbers: Numbers[Any, Any]
    at_first: ClassVar[bool] = True
    picked = Signal(str, float)  # a parameter of a step, and the value clicked for it

    def __init__(self, title: str, tooltip: str, x: str, y: str) -> None:
        super().__init__()
        self.setToolTip(f"<p><b>{title}</b><br>{tooltip}</p>")
        self._title, self._of = title, ""
        self._legend: list[tuple[str, str, str]] = []  # role, line, text
        self._pens: list[tuple[Any, str, dict[str, Any]]] = []  # curve, role, how
        self._faint: set[str] = set()
        self._colours = colours_of("dark")
        self.heading, self.legend = QLabel(), QLabel()
        self.note, self.sentence = _Words(2), _Words(1)
        self.sentence.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.note.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.plot = pg.PlotWidget(enableMenu=False)
        self.plot.setMinimumSize(220, 120)
        item = self.plot.getPlotItem()
        # a menu that nobody opens, and nobody else would take along when this goes
        item.ctrlMenu.setParent(self, item.ctrlMenu.windowFlags())
        item.getAxis("left").setWidth(58)  # plots above each other begin at one line
        item.layout.setContentsMargins(1, 1, 1, 6)  # the label reaches below its axis
        for name in ("left", "bottom"):
            item.getAxis(name).enableAutoSIPrefix(False)
        self.axes = {"bottom": item.getAxis("bottom"), "left": item.getAxis("left")}
        self._labels = {"bottom": x, "left": y}
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.sentence.setMargin(24)
        head = QHBoxLayout()
        head.addWidget(self.heading, stretch=1)
        head.addWidget(self.legend)
        self._pages = QStackedLayout()
        self._pages.addWidget(self.sentence)
        self._pages.addWidget(self.plot)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(2)
        layout.addLayout(head)
        layout.addLayout(self._pages, stretch=1)
        layout.addWidget(self.note)

    # ---- what each plot says of itself ----

    def draw(self, numbers: Any, of: Any) -> None:
        """Draw new numbers, of this fact, and :meth:`reveal` them; or :meth:`say` why not."""
        raise NotImplementedError

    def has(self, numbers: Any) -> bool:
        """Whether the numbers hold its part: of those shared, what is hidden is left out."""
        return True

    def untrue(self, of: Any, now: Any) -> tuple[str, ...]:
        """Roles to draw faintly while numbers of one fact stand for another."""
        return tuple({role for _, role, _ in self._pens} - {"text"})

    def place(self, fact: Any) -> object:
        """What of a fact is drawn without new numbers, by :meth:`mark`."""
        return None

    def mark(self, fact: Any) -> None:
        """Draw where a fact is on the curves."""

    def tell_progress(self, done: int, pieces: int) -> None:
        """Say how far its numbers are."""

    # ---- what it shows ----

    def curve(self, role: str, *, smooth: bool = True, **how: Any) -> Any:
        """Add a curve in the colour of ``role``; ``how`` goes to its pen."""
        curve = self.plot.plot(antialias=smooth, connect="finite")
        self._pens.append((curve, role, how))
        return curve

    def line(self, role: str, **how: Any) -> Any:
        """Add a straight line across the plot in the colour of ``role``."""
        keywords = {name: how.pop(name) for name in ("angle", "movable") if name in how}
        line = pg.InfiniteLine(**keywords)
        self.plot.addItem(line, ignoreBounds=True)
        self._pens.append((line, role, how))
        return line

    def remove(self, item: Any) -> None:
        """Take a curve or line away again."""
        self._pens = [entry for entry in self._pens if entry[0] is not item]
        self.plot.removeItem(item)

    def say(self, sentence: str) -> None:
        """Show a sentence in place of the curves."""
        self._of = ""
        self._write_heading()
        self.sentence.setText(sentence)
        self._pages.setCurrentWidget(self.sentence)
        self._show_text(self.note, "")
        self._write_legend([])

    def reveal(self, legend: Sequence[tuple[str, str, str]], of: str = "", note: str = "") -> None:
        """Show the curves, with a legend of (role, line, text)."""
        self._of = of
        self._write_heading()
        self._write_legend(list(legend))
        self._show_text(self.note, note)
        self._pages.setCurrentWidget(self.plot)

    @property
    def has_curves(self) -> bool:
        """Whether curves are shown, not a sentence."""
        return self._pages.currentWidget() is self.plot

    def label(self, **texts: str) -> None:
        """Say what an axis shows; only what changes costs anything."""
        for name, text in texts.items():
            if self._labels.get(name) != text:
                self._labels[name] = text
                self._write_label(name)

    def setFaint(self, *roles: str) -> None:
        """Draw the curves of these roles faintly, as they are not true now; the others fully."""
        if set(roles) != self._faint:
            changed, self._faint = self._faint ^ set(roles), set(roles)
            for entry in self._pens:
                if entry[1] in changed:
                    self._paint(*entry)

    @property
    def faint(self) -> frozenset[str]:
        """Roles of the curves that are not true now."""
        return frozenset(self._faint)

    # ---- how it looks ----

    def setColours(self, colours: Colours) -> None:
        """Use the colours of a theme."""
        self._colours = colours
        self.plot.setBackground(colours.background)
        for name, axis in self.axes.items():
            axis.setPen(pg.mkPen((*colours.text, 120)))
            axis.setTextPen(pg.mkPen(colours.text))
            self._write_label(name)
        for entry in self._pens:
            self._paint(*entry)
        self._write_heading()
        self._write_legend(self._legend)

    def pen(self, role: str, **how: Any) -> Any:
        """The pen of a role."""
        alpha = _FAINT if role in self._faint else how.pop("alpha", 255)
        how.pop("alpha", None)
        return pg.mkPen((*getattr(self._colours, role), alpha), **{"width": 1.5, **how})

    def _paint(self, item: Any, role: str, how: dict[str, Any]) -> None:
        how = dict(how)
        fill, dots = how.pop("fill", None), how.pop("dots", False)
        color = getattr(self._colours, role)
        pen = self.pen(role, **how)
        if isinstance(item, pg.InfiniteLine):
            item.setPen(pen)
            item.setHoverPen(pg.mkPen(color, width=3))
            return
        if dots:
            alpha = _FAINT if role in self._faint else 255
            item.setPen(None)
            item.setSymbolPen(None)
            item.setSymbolBrush((*color, alpha))
        else:
            item.setPen(pen)
        if fill is not None:
            item.setFillBrush((*color, fill // 2 if role in self._faint else fill))

    def _write_heading(self) -> None:
        self._show_text(self.heading, f"<b>{self._title}</b>&nbsp; {self._of}")

    def _write_legend(self, legend: list[tuple[str, str, str]]) -> None:
        self._legend = legend
        spans = [
            f'<span style="color: {QColor(*getattr(self._colours, role)).name()}">'
            f"<b>{line}</b>&nbsp;{text}</span>"
            for role, line, text in legend
        ]
        self._show_text(self.legend, "&nbsp;&nbsp; ".join(spans))

    def _write_label(self, name: str) -> None:
        self.axes[name].setLabel(
            self._labels[name], color=QColor(*self._colours.text).name(), **{"font-size": "9pt"}
        )

    @staticmethod
    def _show_text(label: QLabel, text: str) -> None:
        if label.text() != text:
            label.setText(text)


def known(x: Any, y: Any) -> tuple[Any, Any]:
    """A curve, or nothing if no value of it is known: pyqtgraph warns of the bounds of nothing."""
    return (x, y) if np.isfinite(y).any() else ([], [])
