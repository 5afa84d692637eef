"""What our docks have in common: they work while they are shown, and keep settings in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakSet

from napari.components import ViewerModel
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QFileDialog, QWidget

from .canvas import Canvas
from .parts import button, soon
from .proxy import behind
from .singletons import keep_alive
from .status import StatusLine
from .tabs import dock_of, join, mark, whereabouts

#: All docks there are. Of each kind, one is at work in a viewer: two would drive the same layers.
_DOCKS: WeakSet[Dock] = WeakSet()
D = TypeVar("D", bound="Dock")


def find_dock(viewer: ViewerModel, kind: type[D]) -> D | None:
    """The dock of this kind in a viewer: the one at work, else any; None if there is none."""
    there = [
        dock
        for dock in list(_DOCKS)
        if type(dock) is kind and isalive(dock) and behind(dock._viewer) is behind(viewer)
    ]
    at_work = (dock for dock in there if dock._connected)
    return next(at_work, next(iter(there), None))


class Dock(QWidget):
    """Content of a dock of ours.

    A subclass has a value, and says how it starts, how it stops and how its
    settings become a file.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    settings : str
        What its settings are called: of the buttons, the file and the sentences.
    parent : QWidget, optional
    """

    def __init__(self, viewer: ViewerModel, settings: str, parent: QWidget | None) -> None:
        keep_alive()
        super().__init__(parent)
        mark(self)
        self._viewer = viewer
        self._settings = settings
        self._connected = False
        self._waiting = False  # for another dock of its kind
        self._was_shown = False
        self._canvas = Canvas(viewer, self)
        self._joining = soon(self, self._join_tabs)
        self.status = StatusLine()
        self.save_button = button(f"Save {settings}…", "Write all settings to a file (JSON).")
        self.load_button = button(f"Load {settings}…", "Read all settings from such a file.")
        self.save_button.clicked.connect(self._ask_where_to_save)
        self.load_button.clicked.connect(self._ask_what_to_load)
        _DOCKS.add(self)

    # ---- what a subclass says ----

    def setValue(self, value: Any) -> None:
        """Show these settings."""
        raise NotImplementedError

    def _write(self, path: str | Path) -> None:
        """Write the settings to a file, in the place of any that is there."""
        raise NotImplementedError

    def _read(self, path: str | Path) -> Any:
        """The settings in a file, or OSError or ValueError with a sentence."""
        raise NotImplementedError

    def _start(self, first: bool) -> None:
        """Begin, or take up again what was left when the dock was hidden."""
        raise NotImplementedError

    def _stop(self) -> None:
        """Stop all live work; layers stay as they are."""
        raise NotImplementedError

    # ---- settings in a file ----

    def save(self, path: str | Path) -> None:
        """Write the settings to a file; the caller has asked before replacing one."""
        try:
            self._write(path)
        except OSError as error:
            self.status.say(f"{self._settings.capitalize()} not saved: {error}.")
        else:
            self.status.say(f"{self._settings.capitalize()} saved to {path}.")

    def load(self, path: str | Path) -> None:
        """Read settings from a file; if they cannot be, say why and change nothing."""
        try:
            self.setValue(self._read(path))
        except (OSError, ValueError) as error:
            self.status.say(f"{self._settings.capitalize()} not loaded: {error}.")
        else:
            self.status.say(f"{self._settings.capitalize()} loaded from {path}.")

    def _ask_where_to_save(self) -> None:
        name = self._settings
        path, _ = QFileDialog.getSaveFileName(
            self, f"Save {name}", f"{name}.json", f"{name.capitalize()} (*.json)"
        )
        if path:
            self.save(path)

    def _ask_what_to_load(self) -> None:
        name = self._settings
        path, _ = QFileDialog.getOpenFileName(
            self, f"Load {name}", "", f"{name.capitalize()} (*.json)"
        )
        if path:
            self.load(path)

    # ---- shown and hidden ----

    def raise_dock(self) -> None:
        """Put this dock in front of others in its place."""
        place = dock_of(self)
        for widget in (self,) if place is None else (place,):
            widget.show()
            widget.raise_()

    def showEvent(self, event: QShowEvent) -> None:
        """Start, or go on."""
        super().showEvent(event)
        if self._connected:
            return
        if not self._was_shown:
            self._joining.start()
        other = self._at_work()
        if other is None:
            self._begin()
        else:
            self._wait_for(other)

    def _begin(self) -> None:
        first, self._was_shown = not self._was_shown, True
        self._connected = True
        self._canvas.connect_viewer()
        self._start(first)

    def _join_tabs(self) -> None:
        join(self)
        other = self._at_work() if self._waiting else None
        if other is not None:
            self._wait_for(other)  # which is in another place than before

    # ---- one at a time ----

    def _siblings(self) -> list[Dock]:
        """Docks of this kind in the same viewer."""
        return [
            dock
            for dock in list(_DOCKS)
            if dock is not self
            and type(dock) is type(self)
            and isalive(dock)
            and behind(dock._viewer) is behind(self._viewer)
        ]

    def _at_work(self) -> Dock | None:
        return next((dock for dock in self._siblings() if dock._connected), None)

    def _wait_for(self, other: Dock) -> None:
        """Do nothing, and say so, until the other dock is hidden or closed."""
        self._set_waiting(True)
        self.status.say(
            f"Another of these docks is at work in this viewer: {whereabouts(other, self)}. This "
            "one takes over, with its settings, when that one is hidden or closed."
        )

    def _take_turn(self) -> None:
        """Begin, if this dock has waited and no other is at work."""
        if self._waiting and self.isVisible() and self._at_work() is None:
            self._set_waiting(False)
            self.status.say("")
            self._begin()

    def _set_waiting(self, waiting: bool) -> None:
        self._waiting = waiting
        for child in self.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly):
            if child is not self.status:
                child.setEnabled(not waiting)

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop all live work; layers stay as they are."""
        super().hideEvent(event)
        if not event.spontaneous():
            self._end()

    def event(self, event: QEvent) -> bool:
        """Stop before being destroyed, which hides a dock too late to be told of it."""
        if event.type() == QEvent.Type.DeferredDelete:
            self._end()
        return bool(super().event(event))

    def _end(self) -> None:
        if self._waiting:
            self._set_waiting(False)
        if self._connected:
            self._connected = False
            self._canvas.disconnect_viewer()
            self._stop()
            self.status.rest()
            for dock in self._siblings():
                dock._take_turn()
