"""The image layers to train on, each with a check."""

from __future__ import annotations

from typing import Any

from napari.components import ViewerModel
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtWidgets import QListWidget, QListWidgetItem

from ..live.layers import why_unusable
from ..live.ours import can_be_source
from ..qt.parts import tip
from ..qt.proxy import behind

_ROWS = 4  # in sight


class LayerList(QListWidget):
    """Image layers of the viewer; the active one, or the topmost, is checked at first.

    Parameters
    ----------
    viewer : ViewerModel
    """

    chosenChanged = Signal()
    listed = Signal()  # there are other layers

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self._viewer = viewer
        self.setToolTip(
            tip(
                "images",
                "Which image layers to train on. A layer that shows a file is read from it while "
                "the network is trained; any other is copied to the folder of the training first. "
                "Live layers of Diversify are not listed: take a snapshot to train on one.",
            )
        )
        self.itemChanged.connect(self._on_item_changed)

    def sizeHint(self) -> QSize:
        """So high that some rows are in sight."""
        row = max(self.sizeHintForRow(0), self.fontMetrics().lineSpacing() + 6)
        return QSize(100, _ROWS * row + 2 * self.frameWidth())

    def minimumSizeHint(self) -> QSize:
        """As high as it would like to be: it stands in a column that scrolls."""
        return self.sizeHint()

    def chosen(self) -> list[Any]:
        """The layers that are checked, top to bottom of the list."""
        items = (self.item(n) for n in range(self.count()))
        return [
            item.data(Qt.ItemDataRole.UserRole)
            for item in items
            if item is not None and item.checkState() == Qt.CheckState.Checked
        ]

    def names(self) -> list[str]:
        """Names of the layers that can be used."""
        items = (self.item(n) for n in range(self.count()))
        usable = Qt.ItemFlag.ItemIsEnabled
        return [item.text() for item in items if item is not None and item.flags() & usable]

    def named(self, name: str) -> Any:
        """The layer of this name that can be used, or None."""
        there = self.findItems(name, Qt.MatchFlag.MatchExactly) if name in self.names() else []
        return there[0].data(Qt.ItemDataRole.UserRole) if there else None

    def connect_viewer(self) -> None:
        """Follow the layers of the viewer from now on."""
        for emitter in self._emitters():
            emitter.connect(self._list)
        self._list()

    def disconnect_viewer(self) -> None:
        """Leave the viewer alone."""
        for emitter in self._emitters():
            emitter.disconnect(self._list)

    def _emitters(self) -> tuple[Any, ...]:
        events = self._viewer.layers.events
        return events.inserted, events.removed, events.reordered, events.renamed

    def _list(self, event: Any = None) -> None:
        before = self.chosen()
        first, active = not self.count(), behind(self._viewer.layers.selection.active)
        images = [behind(la) for la in reversed(self._viewer.layers) if can_be_source(la)]
        if active not in images and images:
            active = images[0]  # labels, say, were opened last
        self.blockSignals(True)
        self.clear()
        for layer in images:
            item = QListWidgetItem(layer.name)
            problem = why_unusable(layer)
            item.setData(Qt.ItemDataRole.UserRole, layer)
            on = layer in before or (first and layer is active)
            if problem:
                item.setFlags(Qt.ItemFlag.NoItemFlags)
                item.setToolTip(f"<p>{problem}</p>")
            else:
                flags = Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled
                item.setFlags(flags)
                state = Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
                item.setCheckState(state)
            self.addItem(item)
        self.blockSignals(False)
        self.listed.emit()
        if self.chosen() != before:
            self.chosenChanged.emit()

    def _on_item_changed(self) -> None:
        self.chosenChanged.emit()
