"""Widgets that offer layers of the viewer, and compute something of them in a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from napari.components import ViewerModel
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QWidget

from ..qt.background import Background
from ..qt.forms import leave_wheel
from ..qt.parts import combo, fill


def layer_box(title: str, what: str, characters: int = 8) -> QComboBox:
    """A list for layers, which may be narrower than their names."""
    box = combo(title, what)
    box.setSizeAdjustPolicy(box.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(characters)
    leave_wheel(box)
    return box


def rows_of(widget: QWidget) -> QFormLayout:
    """A layout for rows of a form that stands in another one."""
    layout = QFormLayout(widget)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return layout


class LayerWork(QWidget):
    """What such widgets have in common: the lists, the thread, and what is said of both.

    Parameters
    ----------
    viewer : ViewerModel
    """

    progressed = Signal(int, int)
    refused = Signal(str)
    stopped = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self._background = Background(self)
        self._background.progressed.connect(self.progressed)
        self._background.finished.connect(self._on_found)
        self._background.failed.connect(self._on_failed)
        self._background.stopped.connect(self.stopped)

    @property
    def running(self) -> bool:
        """Whether something is being computed."""
        return self._background.running

    def cancel(self) -> None:
        """Stop; nothing will come of it."""
        self._background.cancel()

    def connect_viewer(self) -> None:
        """Follow the layers of the viewer from now on."""
        for emitter in self._emitters():
            emitter.connect(self._on_layers)
        self._list()

    def disconnect_viewer(self) -> None:
        """Leave the viewer alone."""
        for emitter in self._emitters():
            emitter.disconnect(self._on_layers)

    # ---- for those that are made of it ----

    def _list(self) -> None:
        """List the layers that there are."""
        raise NotImplementedError

    def _on_found(self, found: Any) -> None:
        """Use what has been computed."""
        raise NotImplementedError

    def _on_failed(self, error: Exception) -> None:
        """Say why nothing has been."""
        raise NotImplementedError

    def _names(self, fits: Callable[[Any], bool]) -> list[str]:
        """Names of the layers that fit."""
        return [layer.name for layer in self._viewer.layers if fits(layer)]

    def _offer(self, box: QComboBox, names: Sequence[str], none: str) -> None:
        """List layers that one has to be chosen of; ``none`` where there are none."""
        chosen = box.currentText() if box.count() else None
        fill(box, list(names) or [none], None if chosen == none else chosen)
        box.setEnabled(bool(names))

    def _layer(self, box: QComboBox) -> Any:
        """The layer chosen in a list, or None."""
        return next((la for la in self._viewer.layers if la.name == box.currentText()), None)

    # ---- private ----

    def _emitters(self) -> tuple[Any, ...]:
        events = self._viewer.layers.events
        return events.inserted, events.removed, events.reordered, events.renamed

    def _on_layers(self) -> None:
        self._list()
