"""Small parts of dialogs, each with its meaning as a tooltip."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QWidget
from superqt import QFlowLayout

from ... import sentences


def tip(name: str, meaning: str) -> str:
    """A tooltip that wraps."""
    return f"<p><b>{name}</b><br>{meaning}</p>"


def sentence(error: Exception) -> str:
    """What an error says, as a sentence that begins with a capital letter."""
    text = sentences.sentence(error)
    return f"{text[0].upper()}{text[1:]}"


def combo(name: str, meaning: str) -> QComboBox:
    """An empty list to choose from."""
    box = QComboBox()
    box.setToolTip(tip(name, meaning))
    return box


def button(name: str, meaning: str, *, checkable: bool = False) -> QPushButton:
    """A button that Enter does not press."""
    push = QPushButton(name)
    push.setToolTip(tip(name.rstrip("…"), meaning))
    push.setAutoDefault(False)
    push.setCheckable(checkable)
    return push


def soon(owner: QObject, call: Callable[[], object]) -> QTimer:
    """A timer that, once started, calls after current events, if its owner still exists.

    ``QTimer.singleShot`` would call a method of a widget that has been deleted meanwhile.
    """
    timer = QTimer(owner)
    timer.setSingleShot(True)
    timer.setInterval(0)
    timer.timeout.connect(call)
    return timer


def flow(spacing: int = 4) -> QFlowLayout:
    """A layout for short things side by side that wraps where there is no more room."""
    layout = QFlowLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setHorizontalSpacing(spacing)
    layout.setVerticalSpacing(spacing)
    return layout


def row(*widgets: QWidget) -> QWidget:
    """Widgets side by side, inputs as wide as there is room."""
    line = QWidget()
    layout = QHBoxLayout(line)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget, stretch=0 if isinstance(widget, (QLabel, QPushButton)) else 1)
    return line


def evenly(*widgets: QWidget) -> QWidget:
    """Widgets side by side, all of one width."""
    line = row(*widgets)
    layout = line.layout()
    assert isinstance(layout, QHBoxLayout)
    for n in range(layout.count()):
        layout.setStretch(n, 1)
    return line


def fill(box: QComboBox, texts: Sequence[str], chosen: str | None, none: str = "") -> None:
    """Refill a list, keeping what was chosen if it is still there; otherwise choose the last.

    Where the list begins with ``none``, nothing is chosen in place of it.
    """
    box.blockSignals(True)
    box.clear()
    box.addItems(list(texts))
    if chosen is not None and chosen in texts:
        box.setCurrentIndex(list(texts).index(chosen))
    elif chosen is None and texts and texts[0] != none:
        box.setCurrentIndex(len(texts) - 1)
    box.blockSignals(False)
