"""Docks of ours share one place as tabs: above each other neither has room for its sliders."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

_NAME = "napari-diversify-dock"
_SIDES = {
    Qt.DockWidgetArea.LeftDockWidgetArea: "on the left",
    Qt.DockWidgetArea.RightDockWidgetArea: "on the right",
    Qt.DockWidgetArea.TopDockWidgetArea: "at the top",
    Qt.DockWidgetArea.BottomDockWidgetArea: "at the bottom",
}


def mark(widget: QWidget) -> None:
    """Say that a widget is the content of a dock of ours."""
    widget.setObjectName(_NAME)


def join(widget: QWidget) -> None:
    """Put the dock of a widget in front of another of ours in the same window, if there is one."""
    mine = dock_of(widget)
    window = mine.window() if mine is not None else None
    if mine is None or not isinstance(window, QMainWindow) or mine.isFloating():
        return
    for other in window.findChildren(QDockWidget):
        ours = other is not mine and other.findChild(QWidget, _NAME) is not None
        if ours and other.isVisible() and not other.isFloating():
            window.tabifyDockWidget(other, mine)
            mine.show()
            mine.raise_()
            return


def whereabouts(widget: QWidget, seen_from: QWidget) -> str:
    """Where a dock is, in words: its title, and its place in the window."""
    dock, mine = dock_of(widget), dock_of(seen_from)
    if dock is None:
        return f"in a window of its own, “{widget.window().windowTitle() or 'without a title'}”"
    window, place = dock.window(), "in a window of its own"
    if isinstance(window, QMainWindow) and not dock.isFloating():
        place = _SIDES.get(window.dockWidgetArea(dock), "in the window")
        if mine is not None and mine in window.tabifiedDockWidgets(dock):
            place = "in the tab beside this one"
    return f"“{dock.windowTitle()}”, {place}"


def dock_of(widget: QWidget) -> QDockWidget | None:
    """The dock whose content a widget is, or is part of; None without one."""
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QDockWidget):
        parent = parent.parentWidget()
    return parent
